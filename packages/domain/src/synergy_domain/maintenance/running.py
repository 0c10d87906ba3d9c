"""Doing what the lists ask for, and recording it: checks by the system itself, and what a person signs off."""

from __future__ import annotations

from typing import Any

import structlog

from synergy_domain.maintenance import monthly, quarterly, weekly
from synergy_domain.maintenance.contracts import Outcome
from synergy_domain.maintenance.finding import Check, Finding, Look
from synergy_domain.maintenance.lists import BY_NAME, LOGS_REVIEWED
from synergy_domain.maintenance.log_review import LogReview
from synergy_domain.maintenance.performance import performance
from synergy_domain.maintenance.records import recent_records, record_finding
from synergy_domain.maintenance.service import clean
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import Conflict, InvalidInput, NotFound
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

CHECKS: dict[str, Check] = {
    "weekly.disk_space": weekly.disk_space,
    "weekly.backups_verified": weekly.backups_verified,
    "weekly.error_rates": weekly.error_rates,
    "monthly.security_events": monthly.security_events,
    "monthly.performance": performance,
    "monthly.old_data": monthly.old_data,
    "quarterly.audit": quarterly.audit,
}
EARLIER = 8


def job_name(task: str) -> str:
    """The job that does a check."""
    return f"maintenance.{task}"


async def run_check(runtime: Runtime, uow: UnitOfWork, task: str, *, done_by: str) -> Finding:
    """Do a check, or the cleanup, now and record it. Raises NotFound where it is not the system that does the task."""
    if task == "cleanup":
        finding = await clean(runtime, uow)
    elif check := CHECKS.get(task):
        earlier = await recent_records(uow, [task], limit=EARLIER)
        finding = await check(Look(runtime=runtime, db=uow, now=uow.now, earlier=earlier))
    else:
        raise NotFound(f"The system does not do {task} itself. {_how(task)}")
    record_finding(runtime, uow, task, finding, done_by=done_by)
    return finding


async def sign_off(runtime: Runtime, uow: UnitOfWork, task: str, *, outcome: Outcome, note: str, done_by: str) -> None:
    """Record what a person did or a program elsewhere found.

    Raises NotFound, Conflict for what the system looks at itself, and InvalidInput without a note.
    """
    if task not in BY_NAME:
        raise NotFound(f"There is no task {task}. They are: {', '.join(BY_NAME)}.")
    if BY_NAME[task].how == "job":
        raise Conflict(f"The system does this itself, and a word does not take its place: {BY_NAME[task].command}")
    if not note.strip():
        raise InvalidInput.at("/note", "say in a sentence what was done and what was found", "missing")
    record_finding(runtime, uow, task, Finding(outcome=outcome, summary=note.strip(), detail={}), done_by=done_by)


async def record_review(runtime: Runtime, uow: UnitOfWork, review: LogReview, *, done_by: str) -> Finding:
    """Record what a review of the logs found, against the last ones. Raises InvalidInput when it read none of ours."""
    if not review.lines:
        raise InvalidInput([], "There is no log line of SynergyOS in it: they are JSON objects, one a line.")
    finding = review.conclude(await recent_records(uow, [LOGS_REVIEWED], limit=EARLIER))
    record_finding(runtime, uow, LOGS_REVIEWED, finding, done_by=done_by)
    return finding


async def run_check_job(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any], *, task: str) -> None:
    """Job, by its schedule: do a check and record it."""
    finding = await run_check(runtime, uow, task, done_by="worker")
    log.info("maintenance.checked", task=task, outcome=finding.outcome, summary=finding.summary)


def _how(task: str) -> str:
    known = BY_NAME.get(task)
    return f"It is done by: {known.command}" if known else f"Tasks are: cleanup, {', '.join(CHECKS)}."
