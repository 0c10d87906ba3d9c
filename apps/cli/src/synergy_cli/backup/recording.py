"""What was done is told to the log and kept in the database, where the admin page, the doctor and alerts look."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from synergy_cli.backup.errors import BackupError
from synergy_cli.local import user_name
from synergy_domain.maintenance import Outcome, RecordInput, RecordView, add_record, recent_records
from synergy_platform.clock import SystemClock
from synergy_platform.database import DATABASE_ERRORS, Database
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger("synergy_cli.backup")


def record(
    settings: Settings,
    task: str,
    outcome: Outcome,
    started_at: datetime,
    summary: str,
    detail: Mapping[str, Any],
) -> bool:
    """Keep it in the database; False, and a line in the log, when that cannot be reached."""
    entry = RecordInput(
        task=task, outcome=outcome, started_at=started_at, finished_at=datetime.now(UTC), done_by=_who(),
        summary=summary, detail=dict(detail),
    )  # fmt: skip

    async def write() -> None:
        database = Database(settings, SystemClock(), application="synergy-backup")
        try:
            async with database.unit_of_work() as uow:
                add_record(uow, entry)
        finally:
            await database.close()

    try:
        asyncio.run(write())
    except DATABASE_ERRORS as error:
        log.warning("maintenance.not_recorded", task=task, reason=type(error).__name__)
        return False
    return True


def records(settings: Settings, tasks: tuple[str, ...], limit: int) -> list[RecordView]:
    """The last records of these tasks, the latest first; BackupError when the database cannot be reached."""

    async def read() -> list[RecordView]:
        database = Database(settings, SystemClock(), application="synergy-backup")
        await database.open()
        try:
            return await recent_records(database.reader(), tasks, limit=limit)
        finally:
            await database.close()

    try:
        return asyncio.run(read())
    except DATABASE_ERRORS as error:
        raise BackupError(f"The database cannot be asked ({error}). Is it running?") from None


def _who() -> str:
    return f"{user_name() or 'unknown'}@{socket.gethostname()}"[:100]
