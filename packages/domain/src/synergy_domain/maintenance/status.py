"""How the lists of maintenance stand."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from synergy_domain.common import Actor
from synergy_domain.maintenance import policy
from synergy_domain.maintenance.contracts import MaintenanceState, MaintenanceTaskView, RecordView
from synergy_domain.maintenance.lists import TASKS, MaintenanceTask
from synergy_domain.maintenance.records import latest_records
from synergy_platform.database import Reader
from synergy_platform.ids import made_at

# the schedule that came with these lists: its id tells since when anything can be due
_SINCE = "SELECT id FROM schedules WHERE name = 'weekly.disk_space'"


async def maintenance_status(db: Reader, now: datetime) -> list[MaintenanceTaskView]:
    """Each task of the lists, in their order, with its last record and when the next one is due."""
    last, done = await latest_records(db), await latest_records(db, succeeded=True)
    schedule: UUID | None = await db.value(_SINCE)
    # before the first scheduler ran there is nothing that could be late
    since = now if schedule is None else made_at(schedule)
    return [_view(task, last.get(task.name), done.get(task.name), since, now) for task in TASKS]


async def read_status(db: Reader, actor: Actor, now: datetime) -> list[MaintenanceTaskView]:
    """The same for an administrator; raises AdminsOnly."""
    policy.require_admin(actor)
    return await maintenance_status(db, now)


def _view(
    task: MaintenanceTask, last: RecordView | None, done: RecordView | None, since: datetime, now: datetime
) -> MaintenanceTaskView:
    is_wanted = last is not None or not task.optional
    due_at = (since if done is None else done.finished_at) + task.length if is_wanted else None
    overdue_at = None if due_at is None else due_at + task.grace
    return MaintenanceTaskView(
        task=task.name, period=task.period, title=task.title, how=task.how, command=task.command, help=task.help,
        checks=list(task.checks), state=_state(last, overdue_at, now), last=last,
        last_ok_at=None if done is None else done.finished_at, due_at=due_at, overdue_at=overdue_at,
    )  # fmt: skip


def _state(last: RecordView | None, overdue_at: datetime | None, now: datetime) -> MaintenanceState:
    if overdue_at is None:
        return "not_applicable"
    if now > overdue_at:
        return "overdue"
    if last is None:
        return "never"
    return "ok" if last.outcome == "ok" else "attention"
