"""Backups as administrators see them: how old the last good one is, and when a restore was last proven to work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from synergy_domain.common import Actor
from synergy_domain.maintenance import policy
from synergy_domain.maintenance.contracts import BackupRecord, BackupsView, RecordView, Standing
from synergy_domain.maintenance.records import recent_records
from synergy_platform.database import Reader
from synergy_platform.runtime import Runtime

BACKUPS = ("backup",)
PROOFS = ("drill", "restore")
COPIES = ("offsite_copy",)
# both are done each night; two hours for a slow one
OVERDUE_AFTER = timedelta(hours=26)
_SHOWN = 20


async def state_of_backups(runtime: Runtime, db: Reader, actor: Actor) -> BackupsView:
    """Raises AdminsOnly."""
    policy.require_admin(actor)
    now = runtime.clock.now()
    backups, proofs, copies = [await _recent(db, tasks) for tasks in (BACKUPS, PROOFS, COPIES)]
    return BackupsView(
        backup=await _standing(db, BACKUPS, backups, now),
        restore=await _standing(db, PROOFS, proofs, now),
        backups=backups,
        proofs=proofs,
        offsite_copies=copies,
    )


async def _recent(
    db: Reader, tasks: tuple[str, ...], *, limit: int = _SHOWN, succeeded: bool = False
) -> list[BackupRecord]:
    return [_told(record) for record in await recent_records(db, tasks, limit=limit, succeeded=succeeded)]


async def _standing(db: Reader, tasks: tuple[str, ...], recent: list[BackupRecord], now: datetime) -> Standing:
    good = next((record for record in recent if record.outcome != "failed"), None)
    if good is None and recent:
        good = next(iter(await _recent(db, tasks, limit=1, succeeded=True)), None)
    age = None if good is None else now - good.finished_at
    if recent and recent[0].outcome == "failed":
        state = "failed"
    elif age is None:
        state = "never"
    else:
        state = "overdue" if age > OVERDUE_AFTER else "ok"
    return Standing(
        state=state,
        last_good=good,
        age_seconds=None if age is None else max(0.0, age.total_seconds()),
        overdue_at=None if good is None else good.finished_at + OVERDUE_AFTER,
    )


def _told(record: RecordView) -> BackupRecord:
    """The record with what its detail says; what is missing there or of another type is null."""
    detail = record.detail

    def read(name: str, kind: Any) -> Any:  # noqa: ANN401 - a type, and a value of it
        try:
            return msgspec.convert(detail.get(name), kind)
        except msgspec.ValidationError:
            return None

    differences: list[Any] | None = read("differences", list[Any] | None)
    return BackupRecord(
        id=record.id, task=record.task, outcome=record.outcome, started_at=record.started_at,
        finished_at=record.finished_at, done_by=record.done_by, summary=record.summary,
        backup=read("backup", str | None) or read("id", str | None),
        kind=read("kind", str | None),
        target=read("target", str | None),
        wal_from=read("wal_from", str | None),
        encrypted=read("encrypted", bool | None),
        seconds=read("rto_seconds", float | None) or read("seconds", float | None),
        bytes=read("bytes", int | None),
        tables=read("tables", int | None),
        rows=read("rows", int | None),
        files=read("files", int | None),
        differences=None if differences is None else [_text(each) for each in differences],
    )  # fmt: skip


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
