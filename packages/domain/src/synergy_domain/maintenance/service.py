"""The daily cleanup."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from synergy_domain import identity, projects, transfer, webhooks, work
from synergy_domain.identity import delete_old_throttles, mfa, oidc
from synergy_domain.notifications import delete_old
from synergy_platform.database import UnitOfWork
from synergy_platform.idempotency import delete_old_answers
from synergy_platform.ids import first_id_at
from synergy_platform.mail.outbox import delete_old_mails
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

CLEANUP = "maintenance.clean_up"
SWEEP_FILES = "maintenance.sweep_files"
READ_NOTIFICATIONS = timedelta(days=90)
# kept so that their causes do not tell a second time, or until a digest
UNLISTED_NOTIFICATIONS = timedelta(days=30)
MAILS = timedelta(days=30)
DELIVERIES = timedelta(days=30)
INVITATIONS = timedelta(days=30)
TRASH = timedelta(days=30)
LEDGER = timedelta(days=400)
SECURITY_EVENTS = timedelta(days=400)
RECORDS = timedelta(days=800)
# they only keep an administrator's reach from being recorded twice in an hour
ADMIN_ACCESSES = timedelta(days=1)
ORPHANED_FILES = timedelta(days=1)


_NAMED_FILES = (
    (transfer.FILES_AREA, transfer.named_files),
    (work.FILES_AREA, work.named_files),
    (identity.AVATARS_AREA, identity.named_avatars),
)


async def clean_up(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job, daily: delete what is older than the product keeps it. The keys of purged projects stay taken."""
    counts: dict[str, int] = {
        **await identity.delete_expired(uow),
        "external_sign_ins": await oidc.delete_expired_sign_ins(uow),
        "mfa_challenges": await mfa.delete_expired(uow),
        "login_throttles": await delete_old_throttles(uow),
        "idempotency_keys": await delete_old_answers(uow),
        "notifications": await delete_old(
            uow, read_before=uow.now - READ_NOTIFICATIONS, unlisted_before=uow.now - UNLISTED_NOTIFICATIONS
        ),
        "mails": await delete_old_mails(uow, uow.now - MAILS),
        "webhook_deliveries": await webhooks.delete_old_deliveries(uow, uow.now - DELIVERIES),
        "invitations": await projects.delete_old_invitations(uow, uow.now - INVITATIONS),
        "renewed_secrets": await webhooks.renew_secrets(runtime, uow) + await mfa.renew_secrets(runtime, uow),
    }
    trash = uow.now - TRASH
    await uow.value(
        "INSERT INTO retired_project_keys (key) SELECT key FROM projects WHERE deleted_at < $1 ON CONFLICT DO NOTHING",
        trash,
    )
    for table in ("attachments", "comments", "tasks", "webhooks", "projects"):
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
    counts["admin_accesses"] = await uow.value(
        "WITH gone AS (DELETE FROM admin_accesses WHERE hour < $1 RETURNING 1) SELECT count(*) FROM gone",
        uow.now - ADMIN_ACCESSES,
    )
    counts["maintenance_records"] = await uow.value(
        "WITH gone AS (DELETE FROM maintenance_records WHERE finished_at < $1 RETURNING 1) SELECT count(*) FROM gone",
        uow.now - RECORDS,
    )
    # once this is committed: the rows whose files go must be gone for good
    uow.enqueue(SWEEP_FILES, queue="bulk")
    log.info("maintenance.cleaned_up", **counts)


async def sweep_files(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job: delete stored files that no row names, such as those of purged tasks.

    A young one may be on its way: the row that names it comes after it.
    """
    before = uow.now - ORPHANED_FILES
    counts = {
        area: await runtime.storage.sweep(area, partial(named, runtime.database.reader()), older_than=before)
        for area, named in _NAMED_FILES
    }
    log.info("maintenance.swept_files", **counts)
