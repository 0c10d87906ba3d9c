"""Worker, scheduler and what they have to do; mails that wait."""

from __future__ import annotations

from typing import Any

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, NotUsed, Runbook, fault, graded, ok, warning

SILENT_SECONDS = 20  # as /api/auth/health
_RUNBOOK: Runbook = "tasks-not-processed"


def _heartbeat(facts: Facts, role: str, without: str) -> Finding:
    seconds: float | None = facts.sql("silent")[role]
    if seconds is None or seconds > SILENT_SECONDS:
        since = "no" if seconds is None else f"for {seconds:.0f} s no"
        return fault(
            f"There is {since} sign of life of a {role}, so {without}.",
            f"Look at its log, and start it: {facts.start}.", _RUNBOOK,
        )  # fmt: skip
    return ok(f"The {role} was alive {seconds:.0f} s ago.")


def worker(facts: Facts) -> Finding:
    """Any of them."""
    return _heartbeat(facts, "worker", "no mail, notification or webhook goes out")


def scheduler(facts: Facts) -> Finding:
    """Any of them."""
    return _heartbeat(facts, "scheduler", "nothing happens at its time")


def oldest_job(facts: Facts) -> Finding:
    """A job may take 600 s itself, and counts as waiting until it is done."""
    jobs: dict[str, Any] = facts.sql("jobs")
    seconds = max(0.0, jobs["oldest"])
    return graded(
        seconds, 120, 660, f"{jobs['due']} jobs are due, the oldest for {seconds:.0f} s.",
        "See that worker and broker run, then start more workers if it goes on growing.", _RUNBOOK,
    )  # fmt: skip


def dead_letters(facts: Facts) -> Finding:
    """Jobs that were given up."""
    dead: int = facts.sql("jobs")["dead"]
    return graded(
        dead, 1, 100, f"{dead} jobs were given up (dead letters).",
        "Read their errors under /api/v1/admin/jobs, mend the cause, and send them again or delete them.", _RUNBOOK,
    )  # fmt: skip


def outbox(facts: Facts) -> Finding:
    """Changes that nobody was told of."""
    seconds = max(0.0, facts.sql("outbox"))
    return graded(
        seconds, 15, 60, f"The oldest change that nobody was told of is {seconds:.0f} s old.",
        "See that a worker runs: its relay tells notifications, webhooks and open pages.", _RUNBOOK,
    )  # fmt: skip


def late_schedules(facts: Facts) -> Finding:
    """They are fired within a second or two."""
    seconds = max(0.0, facts.sql("late_schedule"))
    return graded(
        seconds, 30, 120, f"The latest schedule is {seconds:.0f} s late.",
        "See that a scheduler runs and reaches the database.", _RUNBOOK,
    )  # fmt: skip


def mail_way_out(facts: Facts) -> Finding:
    """The mail server, or the folder that stands in for it."""
    if facts.mail is None:
        raise NotUsed("mails are not sent from here")
    if isinstance(facts.mail, str):
        return ok(facts.mail)
    return fault(facts.mail.text, facts.mail.fix, facts.mail.runbook)


def old_mails(facts: Facts) -> Finding:
    """They are tried for three days."""
    seconds = max(0.0, facts.sql("mails")["oldest"])
    return graded(
        seconds, 900, 4 * 3600, f"The oldest queued mail waits for {seconds / 60:.0f} minutes.",
        "See that the worker runs and the mail server takes mails; the mail's last error is in the admin pages.",
        "mails-stuck",
    )  # fmt: skip


def lost_mails(facts: Facts) -> Finding:
    """Refused for good, or given up, since yesterday."""
    lost: int = facts.sql("mails")["lost"]
    if lost:
        return warning(
            f"{lost} mails of the last day were refused or given up.",
            "Read their errors in the admin pages; an address may be wrong, or the sender is not trusted.",
        )
    return ok("No mail of the last day was refused.")
