"""The daily cleanup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog

from synergy_domain import transfer
from synergy_domain.identity import delete_expired_sessions
from synergy_domain.notifications import delete_old_read
from synergy_platform.database import UnitOfWork
from synergy_platform.ids import first_id_at
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

CLEANUP = "maintenance.clean_up"
READ_NOTIFICATIONS = timedelta(days=90)
TRASH = timedelta(days=30)
LEDGER = timedelta(days=400)
SECURITY_EVENTS = timedelta(days=400)
ORPHANED_FILES = timedelta(days=1)


async def clean_up(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job, daily: delete what is older than the product keeps it. The keys of purged projects stay taken."""
    counts: dict[str, int] = {
        "sessions": await delete_expired_sessions(uow),
        "notifications": await delete_old_read(uow, uow.now - READ_NOTIFICATIONS),
    }
    trash = uow.now - TRASH
    await uow.value(
        "INSERT INTO retired_project_keys (key) SELECT key FROM projects WHERE deleted_at < $1 ON CONFLICT DO NOTHING",
        trash,
    )
    for table in ("comments", "tasks", "projects"):
        counts[table] = await uow.value(
            f"WITH gone AS (DELETE FROM {table} WHERE deleted_at < $1 RETURNING 1) SELECT count(*) FROM gone",  # noqa: S608 - constants
            trash,
        )
    # by the id, which tells when it was recorded: an imported event happened long before
    counts["events"] = await uow.value(
        "WITH gone AS (DELETE FROM events WHERE seq IS NOT NULL AND id < $1 RETURNING 1) SELECT count(*) FROM gone",
        first_id_at(uow.now - LEDGER),
    )
    counts["security_events"] = await uow.value(
        "WITH gone AS (DELETE FROM security_events WHERE created_at < $1 RETURNING 1) SELECT count(*) FROM gone",
        uow.now - SECURITY_EVENTS,
    )
    rows = await uow.rows("SELECT file_key FROM imports WHERE file_key IS NOT NULL")
    # a crash between storing a file and the commit that names it leaves one behind
    counts["files"] = await runtime.storage.sweep(
        transfer.FILES_AREA, {row["file_key"] for row in rows}, older_than=uow.now - ORPHANED_FILES
    )
    log.info("maintenance.cleaned_up", **counts)
