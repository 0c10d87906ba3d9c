"""Backups: taken, proven, and their keys kept elsewhere; by the records that they leave in the database."""

from __future__ import annotations

from typing import Any

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, fault, ok, warning

# daily, and two hours in which it may take place
LATE_SECONDS = 26 * 3600.0


def taken(facts: Facts) -> Finding:
    """The last one that came to its end."""
    return _daily(
        facts, "backup", "backup was taken", "See why in its lines in the log, mend that, and run `synergy backup`."
    )


def proven(facts: Facts) -> Finding:
    """The last drill."""
    return _daily(
        facts, "drill", "backup was restored and compared",
        "See why in its lines in the log, take another backup, and run `synergy drill`.",
    )  # fmt: skip


def escrowed(facts: Facts) -> Finding:
    """Whether the keys of today were written to a file."""
    hint: str | None = facts.sql("backups")["escrow"]
    fix = "Run `synergy escrow FILE`, and keep the file where neither this machine nor the backups are."
    if hint is None:
        return warning("The keys of the backups were never written down: with this machine, they are gone.", fix)
    if hint != facts.settings.keys_hint:
        return warning("SECRET_KEY or the backup key has changed since the keys were written down.", fix)
    return ok("The keys were written to a file.")


def _daily(facts: Facts, task: str, what: str, fix: str) -> Finding:
    told: dict[str, Any] = facts.sql("backups")
    last: dict[str, str] | None = told["last"].get(task)
    age: float | None = told["age"].get(task)
    if last is not None and last["outcome"] == "failed":
        return fault(f"The last {task} failed: {last['summary']}", fix)
    if age is None:
        if told["system"] <= LATE_SECONDS:
            return ok(f"No {what} yet: the system is of today, and its first night comes.")
        return fault(f"No {what} yet.", fix)
    if age > LATE_SECONDS:
        return fault(f"The last time that a {what} is {age / 3600:.0f} h ago.", fix)
    if last is not None and last["outcome"] == "attention":
        return warning(last["summary"], fix)
    return ok(f"A {what} {age / 3600:.1f} h ago.")
