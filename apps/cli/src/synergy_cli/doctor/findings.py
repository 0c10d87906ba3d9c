"""What a check finds, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from synergy_cli.doctor.facts import Facts

Status = Literal["ok", "warning", "fault", "unknown", "skipped"]
# files of ops/runbooks that a finding may name; none is ""
Runbook = Literal[
    "", "database-refused", "disk-low", "mails-stuck", "memory-high", "process-does-not-start", "responses-slow",
    "static-files-missing", "tasks-not-processed",
]  # fmt: skip

EXIT_OK, EXIT_FAULT, EXIT_BLIND = 0, 1, 2


@dataclass(frozen=True)
class Finding:
    """What is, or is wrong, in one sentence; what mends it in another; `runbook` names a file of ops/runbooks."""

    status: Status
    text: str
    fix: str = ""
    runbook: Runbook = ""


class NotSeen(Exception):
    """A check has nothing to look at; the text says why. Not a fault by itself: what is in the way is one."""


class NotUsed(Exception):
    """What the check looks at is not part of this system."""


@dataclass(frozen=True)
class Row:
    """A check that was made."""

    group: str
    name: str
    finding: Finding


def ok(text: str) -> Finding:
    """All is well."""
    return Finding("ok", text)


def warning(text: str, fix: str, runbook: Runbook = "") -> Finding:
    """It works, and will not for long, or not well."""
    return Finding("warning", text, fix, runbook)


def fault(text: str, fix: str, runbook: Runbook = "") -> Finding:
    """Something does not work, or nothing protects it."""
    return Finding("fault", text, fix, runbook)


def graded(value: float, warn: float, bad: float, text: str, fix: str, runbook: Runbook = "") -> Finding:
    """A fault from `bad` on, a warning from `warn` on."""
    if value >= bad:
        return fault(text, fix, runbook)
    return warning(text, fix, runbook) if value >= warn else ok(text)


@dataclass(frozen=True)
class Check:
    """One row of the table."""

    group: str
    name: str
    run: Callable[[Facts], Finding]


def look(table: Sequence[Check], facts: Facts) -> list[Row]:
    """Make every check; one that cannot be made says so and stops no other."""
    return [Row(check.group, check.name, _made(check, facts)) for check in table]


def _made(check: Check, facts: Facts) -> Finding:
    try:
        return check.run(facts)
    except NotUsed as reason:
        return Finding("skipped", f"Not part of this system: {reason}.")
    except NotSeen as reason:
        return Finding("skipped", f"Not looked at: {reason}.")
    except Exception as error:  # noqa: BLE001 - the other checks go on; what an error says may hold a secret
        return Finding("unknown", f"Could not look: {type(error).__name__}.")


def exit_status(rows: Sequence[Row]) -> int:
    """0 without a fault, 1 with one, 2 when something could not be looked at."""
    found = {row.finding.status for row in rows}
    if "fault" in found:
        return EXIT_FAULT
    return EXIT_BLIND if "unknown" in found else EXIT_OK


def as_json(rows: Sequence[Row]) -> str:
    """For scripts."""
    checks = [
        {
            "group": row.group, "name": row.name, "status": row.finding.status, "text": row.finding.text,
            "fix": row.finding.fix, "runbook": row.finding.runbook,
        }
        for row in rows
    ]  # fmt: skip
    return json.dumps({"status": exit_status(rows), "checks": checks}, indent=1)


_SIGNS: dict[Status, str] = {"ok": "ok", "warning": "WARN", "fault": "FAULT", "unknown": "?", "skipped": "-"}


def as_text(rows: Sequence[Row]) -> str:
    """For people: each check in its group, and for each that is not well, what mends it."""
    lines: list[str] = []
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", group]
        found = row.finding
        lines.append(f"  {_SIGNS[found.status]:<6} {row.name:<22} {found.text}")
        if found.fix:
            lines.append(f"  {'':<29} → {found.fix}")
        if found.runbook:
            lines.append(f"  {'':<29} → ops/runbooks/{found.runbook}.md")
    count = {status: sum(row.finding.status == status for row in rows) for status in _SIGNS}
    totals = f"{len(rows)} checks: {count['ok']} well, {count['fault']} faults, {count['warning']} warnings"
    lines += ["", f"{totals}, {count['unknown']} that could not look, {count['skipped']} not made."]
    return "\n".join(lines[1:])
