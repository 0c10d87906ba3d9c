"""Schedules: jobs that are due again and again. A slot is one moment at which a schedule is due.

Any number of schedulers may run: a slot is fired by the one that gets the row's lock while the row still names it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog
from cronsim import CronSim

from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.ids import new_id
from synergy_platform.jobs import Registry

# a slot this late counts as missed; shorter, and a restart or a corrected clock would lose one
MISSED_AFTER = timedelta(minutes=5)
# slots fired in one transaction; the rest of a long list follows in the next
MOST_SLOTS = 500

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_INSERT = """
    INSERT INTO schedules (id, name, job, cron, interval_seconds, timezone, missed, is_paused, next_run_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, false, $8) ON CONFLICT (name) DO NOTHING
    RETURNING name
"""
_DUE = """
    SELECT id, name, job, coalesce(run_now_at, next_run_at) AS slot FROM schedules
    WHERE (NOT is_paused AND next_run_at <= $1) OR run_now_at IS NOT NULL ORDER BY slot
"""
_LOCK = """
    SELECT name, job, cron, interval_seconds, timezone, missed, is_paused, run_now_at, next_run_at FROM schedules
    WHERE id = $1 AND ((NOT is_paused AND next_run_at <= $2) OR run_now_at IS NOT NULL) FOR UPDATE SKIP LOCKED
"""
_MOVE_ON = """
    UPDATE schedules SET next_run_at = $2, last_run_at = coalesce($3, last_run_at), run_now_at = NULL
    WHERE id = $1 RETURNING id
"""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When a schedule is due: by `cron` or each `interval` (whole seconds), one of the two.

    `cron` has five fields, read in `timezone`: a time that a spring change skips is due right after it, one that an
    autumn change repeats is due once (hourly ones each hour).
    """

    cron: str | None = None
    interval: timedelta | None = None
    timezone: str = "UTC"

    def following(self, slot: datetime) -> datetime:
        """The slot after this one."""
        return self.after(slot, slot)

    def after(self, slot: datetime, moment: datetime) -> datetime:
        """The first slot later than `moment`; `slot` is any slot before it."""
        if self.interval is None:
            return next_slot(self.cron or "", self.timezone, moment)
        return slot + self.interval * ((moment - slot) // self.interval + 1)


class ScheduleDefinition(Timing, frozen=True, kw_only=True):
    """A schedule that the product brings.

    `missed` says what happens to slots that passed while no scheduler ran: `catch_up` fires each, `skip` only the last
    one, and that only within five minutes.
    """

    name: str
    job: str
    missed: Literal["catch_up", "skip"] = "catch_up"


class DueSchedule(msgspec.Struct, frozen=True):
    """A schedule with a slot to fire."""

    id: UUID
    name: str
    job: str
    slot: datetime


def next_slot(cron: str, timezone: str, after: datetime) -> datetime:
    """The first slot later than `after`, in UTC.

    Raises `CronSimError` for an expression that cannot be read and `ZoneInfoNotFoundError` for an unknown zone.
    """
    for moment in CronSim(cron, after.astimezone(ZoneInfo(timezone))):
        slot = moment.astimezone(UTC)
        # in the hour that an autumn change repeats, the local time alone may name a moment that is over
        if slot > after:
            return slot
    raise ValueError(f"{cron!r} is never due")


async def ensure_schedules(uow: UnitOfWork, definitions: tuple[ScheduleDefinition, ...]) -> None:
    """Add those that are not there yet; what an admin changed stays."""
    for definition in definitions:
        first = definition.following(uow.now)
        added = await uow.value(
            _INSERT, new_id(), definition.name, definition.job, definition.cron,
            int(definition.interval.total_seconds()) if definition.interval else None, definition.timezone,
            definition.missed, first,
        )  # fmt: skip
        if added:
            log.info("schedule.added", schedule=definition.name, next_run_at=first.isoformat())


async def due_schedules(reader: Reader, by: datetime) -> list[DueSchedule]:
    """The schedules that have a slot until `by`, the longest due first, and those that somebody wants now."""
    return [DueSchedule(row["id"], row["name"], row["job"], row["slot"]) for row in await reader.rows(_DUE, by)]


async def fire(uow: UnitOfWork, registry: Registry, schedule_id: UUID) -> int:
    """Add a job for each slot that is due and move the schedule on; returns how many.

    Nothing happens when another scheduler has the schedule in hand, or has fired it already.
    """
    row = await uow.row(_LOCK, schedule_id, uow.now)
    if row is None:
        return 0
    interval = row["interval_seconds"]
    timing = Timing(
        cron=row["cron"], interval=timedelta(seconds=interval) if interval else None, timezone=row["timezone"]
    )
    slot, slots, skips = row["next_run_at"], list[datetime](), row["missed"] == "skip"
    if skips and uow.now - slot > MISSED_AFTER:
        log.warning("schedule.slots_skipped", schedule=row["name"], since=slot.isoformat())
        slot = timing.after(slot, uow.now - MISSED_AFTER)
    while slot <= uow.now and len(slots) < MOST_SLOTS and not row["is_paused"]:
        slots.append(slot)
        slot = timing.following(slot)
    following, slots = slot, slots[-1:] if skips else slots
    queue = registry.get(row["job"]).queue
    if row["run_now_at"] is not None:
        slots.append(row["run_now_at"])
    for slot in slots:
        uow.enqueue(
            row["job"], {"schedule": row["name"], "slot": slot.isoformat()}, queue=queue,
            dedup_key=f"schedule:{row['name']}:{slot.isoformat()}",
        )  # fmt: skip
        log.info("schedule.fired", schedule=row["name"], slot=slot.isoformat(),
                 late_ms=round((uow.now - slot).total_seconds() * 1000))  # fmt: skip
    await uow.value(_MOVE_ON, schedule_id, following, uow.now if slots else None)
    return len(slots)
