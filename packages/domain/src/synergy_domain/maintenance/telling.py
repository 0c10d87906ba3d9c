"""Whoever runs the installation is told of a backup, a drill or a copy that failed."""

from __future__ import annotations

from typing import Any

from synergy_domain.maintenance.contracts import RecordInput
from synergy_domain.notifications import Draft, deliver
from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime

TELL_OF_FAILURE = "maintenance.tell_of_failure"
_TITLES = {
    "backup": "The backup failed",
    "drill": "The drill of the backup failed",
    "offsite_copy": "The copy of the backups elsewhere failed",
}
_ADMINS = "SELECT id FROM users WHERE role = 'admin' AND is_active AND deleted_at IS NULL ORDER BY id"


def have_told(uow: UnitOfWork, record: RecordInput) -> None:
    """Tell of it after the commit, if it is a failure that admins are told of."""
    if record.outcome == "failed" and record.task in _TITLES:
        payload = {"task": record.task, "summary": record.summary, "at": record.finished_at.isoformat()}
        uow.enqueue(TELL_OF_FAILURE, payload)


async def tell_of_failure(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: a notification for each admin; what fails again and again on a day (UTC) reaches them once."""
    task, day = payload["task"], payload["at"][:10]
    drafts = [
        Draft(
            recipient_id=row["id"], type="backup_failed", title=_TITLES[task], message=payload["summary"],
            action_url="/admin/backups", data={"task": task}, source_key=f"maintenance:{task}:{day}",
        )
        for row in await uow.rows(_ADMINS)
    ]  # fmt: skip
    await deliver(runtime, uow, drafts, project_id=None, actor_id=None)
