"""The daily cleanup."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from synergy_domain import identity, projects, transfer, webhooks, work
from synergy_domain.identity import delete_old_throttles, mfa, oidc
from synergy_domain.maintenance import retention
from synergy_domain.maintenance.finding import Finding, counted
from synergy_domain.maintenance.records import record_finding
from synergy_domain.notifications import delete_old
from synergy_platform.database import UnitOfWork
from synergy_platform.idempotency import delete_old_answers
from synergy_platform.ids import first_id_at
from synergy_platform.mail.outbox import delete_old_mails
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

CLEANUP = "maintenance.clean_up"
SWEEP_FILES = "maintenance.sweep_files"


_NAMED_FILES = (
    (transfer.FILES_AREA, transfer.named_files),
    (work.FILES_AREA, work.named_files),
    (identity.AVATARS_AREA, identity.named_avatars),
)


async def clean_up(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job, daily: `clean`, recorded."""
    record_finding(runtime, uow, "cleanup", await clean(runtime, uow), done_by="worker")


async def clean(runtime: Runtime, uow: UnitOfWork) -> Finding:
    """Delete what is older than the product keeps it. The keys of purged projects stay taken."""
    counts: dict[str, int] = {
        **await identity.delete_expired(uow),
        "external_sign_ins": await oidc.delete_expired_sign_ins(uow),
        "mfa_challenges": await mfa.delete_expired(uow),
        "login_throttles": await delete_old_throttles(uow),
        "idempotency_keys": await delete_old_answers(uow),
        "notifications": await delete_old(
            uow,
            read_before=uow.now - retention.READ_NOTIFICATIONS,
            unlisted_before=uow.now - retention.UNLISTED_NOTIFICATIONS,
        ),
        "mails": await delete_old_mails(uow, uow.now - retention.MAILS),
        "webhook_deliveries": await webhooks.delete_old_deliveries(uow, uow.now - retention.DELIVERIES),
        "invitations": await projects.delete_old_invitations(uow, uow.now - retention.INVITATIONS),
    }
    renewed = await webhooks.renew_secrets(runtime, uow) + await mfa.renew_secrets(runtime, uow)
    trash = uow.now - retention.TRASH
    await uow.value(
        "INSERT INTO retired_project_keys (key) SELECT key FROM projects WHERE deleted_at < $1 ON CONFLICT DO NOTHING",
        trash,
    )
    for table in retention.TRASHED:
        counts[table] = await _delete(uow, table, "deleted_at < $1", trash)
    # by the id, which tells when it was recorded: an imported event happened long before
    counts["events"] = await _delete(
        uow, "events", "seq IS NOT NULL AND id < $1", first_id_at(uow.now - retention.LEDGER)
    )
    for rule in retention.PLAIN:
        counts[rule.table] = await _delete(uow, rule.table, rule.condition, uow.now - rule.kept)
    # once this is committed: the rows whose files go must be gone for good
    uow.enqueue(SWEEP_FILES, queue="bulk")
    log.info("maintenance.cleaned_up", **counts, renewed_secrets=renewed)
    return _finding(counts, "row")


async def sweep_files(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job: delete stored files that no row names, such as those of purged tasks.

    A young one may be on its way: the row that names it comes after it.
    """
    before = uow.now - retention.ORPHANED_FILES
    counts = {
        area: await runtime.storage.sweep(area, partial(named, runtime.database.reader()), older_than=before)
        for area, named in _NAMED_FILES
    }
    record_finding(runtime, uow, "file_sweep", _finding(counts, "orphaned file"), done_by="worker")
    log.info("maintenance.swept_files", **counts)


async def _delete(uow: UnitOfWork, table: str, condition: str, bound: datetime | UUID) -> int:
    return await uow.value(
        f"WITH gone AS (DELETE FROM {table} WHERE {condition} RETURNING 1) SELECT count(*) FROM gone",  # noqa: S608 - constants
        bound,
    )


def _finding(counts: dict[str, int], what: str) -> Finding:
    return Finding(outcome="ok", summary=f"Deleted {counted(sum(counts.values()), what)}.", detail=counts)
