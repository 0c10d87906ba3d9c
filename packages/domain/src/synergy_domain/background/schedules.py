"""Schedules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import msgspec
from cronsim import CronSimError
from msgspec import UNSET

from synergy_domain.background.contracts import ScheduleChange, ScheduleView
from synergy_domain.background.policy import require_admin
from synergy_domain.common import Actor, expect_version
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput, NotFound
from synergy_platform.schedules import Timing

_CRON_FIELDS = 5
_COLUMNS = """id, name, job, cron, interval_seconds, timezone, missed, is_paused, last_run_at, version,
              CASE WHEN NOT is_paused THEN next_run_at END AS next_run_at"""


async def list_schedules(db: Reader, actor: Actor) -> list[ScheduleView]:
    """All of them by name; raises AdminsOnly."""
    require_admin(actor)
    return [_to_view(row) for row in await db.rows(f"SELECT {_COLUMNS} FROM schedules ORDER BY name")]  # noqa: S608 - constants


async def get_schedule(db: Reader, actor: Actor, schedule_id: UUID) -> ScheduleView:
    """One of them; raises AdminsOnly and NotFound."""
    require_admin(actor)
    return _found(await db.row(f"SELECT {_COLUMNS} FROM schedules WHERE id = $1", schedule_id))  # noqa: S608 - constants


async def change_schedule(
    uow: UnitOfWork, actor: Actor, schedule_id: UUID, data: ScheduleChange, *, expected_version: int | None = None
) -> ScheduleView:
    """Change when it is due; it is next due by the new rule. Raises Forbidden, NotFound and InvalidInput."""
    require_admin(actor)
    row = await _locked(uow, schedule_id)
    await expect_version("schedule", row["version"], expected_version, lambda: get_schedule(uow, actor, schedule_id))
    if data.cron is not UNSET and data.interval_seconds is not UNSET:
        raise InvalidInput.at("/interval_seconds", "name either cron or interval_seconds, not both", "conflicting")
    values = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    if "cron" in values:
        values["interval_seconds"] = None
        if values["cron"] is not None:
            cron_fields: list[str] = values["cron"].split()
            if len(cron_fields) != _CRON_FIELDS:  # the parser takes a sixth, for seconds
                raise InvalidInput.at("/cron", "is no cron expression of five fields", "invalid_cron")
            values["cron"] = " ".join(cron_fields)
    if "interval_seconds" in values and values["interval_seconds"] is not None:
        values["cron"] = None
    wanted: dict[str, Any] = {**dict(row), **values}
    timing = _timing(wanted)
    following = timing.after(uow.now, uow.now)
    return _found(
        await uow.row(
            f"""UPDATE schedules SET cron = $2, interval_seconds = $3, timezone = $4, missed = $5, next_run_at = $6,
                version = version + 1 WHERE id = $1 RETURNING {_COLUMNS}""",  # noqa: S608 - constants
            schedule_id, wanted["cron"], wanted["interval_seconds"], wanted["timezone"], wanted["missed"], following,
        )
    )  # fmt: skip


async def pause_schedule(uow: UnitOfWork, actor: Actor, schedule_id: UUID) -> ScheduleView:
    """Let its slots pass; a second time changes nothing. Raises Forbidden and NotFound."""
    require_admin(actor)
    return _found(
        await uow.row(
            f"""UPDATE schedules SET is_paused = true, version = version + (NOT is_paused)::int WHERE id = $1
                RETURNING {_COLUMNS}""",  # noqa: S608 - constants
            schedule_id,
        )
    )


async def resume_schedule(uow: UnitOfWork, actor: Actor, schedule_id: UUID) -> ScheduleView:
    """Go on with the next slot; those that passed meanwhile were meant to. Raises Forbidden and NotFound."""
    require_admin(actor)
    row = await _locked(uow, schedule_id)
    if not row["is_paused"]:
        return await get_schedule(uow, actor, schedule_id)
    following = _timing(dict(row)).after(row["next_run_at"], max(uow.now, row["next_run_at"] - timedelta(seconds=1)))
    return _found(
        await uow.row(
            f"""UPDATE schedules SET is_paused = false, next_run_at = $2, version = version + 1 WHERE id = $1
                RETURNING {_COLUMNS}""",  # noqa: S608 - constants
            schedule_id, following,
        )
    )  # fmt: skip


async def run_schedule(uow: UnitOfWork, actor: Actor, schedule_id: UUID) -> ScheduleView:
    """Have a scheduler fire it within two seconds, also a paused one, and its slots as ever.

    Raises Forbidden and NotFound.
    """
    require_admin(actor)
    return _found(
        await uow.row(
            f"UPDATE schedules SET run_now_at = $2 WHERE id = $1 RETURNING {_COLUMNS}",  # noqa: S608 - constants
            schedule_id, uow.now,
        )
    )  # fmt: skip


async def _locked(uow: UnitOfWork, schedule_id: UUID) -> asyncpg.Record:
    row = await uow.row("SELECT * FROM schedules WHERE id = $1 FOR UPDATE", schedule_id)
    if row is None:
        raise _no_schedule()
    return row


def _timing(fields: dict[str, Any]) -> Timing:
    try:
        ZoneInfo(fields["timezone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fault = InputFault("/timezone", "unknown_timezone", "is not an IANA time zone such as Europe/Vienna")
        raise InvalidInput([fault]) from None
    seconds = fields["interval_seconds"]
    timing = Timing(
        cron=fields["cron"], interval=timedelta(seconds=seconds) if seconds else None, timezone=fields["timezone"]
    )
    try:
        timing.following(fields["next_run_at"])
    except (CronSimError, ValueError) as error:
        detail = f"is no cron expression of five fields that is ever due ({error})"
        raise InvalidInput([InputFault("/cron", "invalid_cron", detail)]) from None
    return timing


def _found(row: asyncpg.Record | None) -> ScheduleView:
    if row is None:
        raise _no_schedule()
    return _to_view(row)


def _no_schedule() -> NotFound:
    return NotFound("There is no such schedule.")


def _to_view(row: asyncpg.Record) -> ScheduleView:
    return ScheduleView(**row)
