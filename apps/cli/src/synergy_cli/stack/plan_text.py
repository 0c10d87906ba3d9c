"""What a plan says on a terminal. `schema` and `backup` are the JSON of `synergy upgrade --plan --json`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from synergy_cli.doctor.checks.backups import LATE_SECONDS

_MIB = 2**20


def schema_lines(schema: dict[str, Any], backup: dict[str, Any] | None) -> list[str]:
    """Revisions, migrations with their statements and locks, the last good backup, and what to be warned of."""
    lines = [f"Schema: {schema['before'] or 'nothing'} -> {schema['after']}, {_size(schema['database_bytes'])}."]
    for migration in schema["migrations"]:
        lines += ["", f"Migration {migration['revision']}: {migration['title']}"]
        for statement in migration["statements"]:
            lines += [f"    {line}".rstrip() for line in statement["sql"].splitlines()]
            lines += [f"      -- {text}" for text in _locks(statement, schema["sizes"])]
    if schema["migrations"]:
        lines += [
            "",
            "Each migration is a transaction and keeps its locks until it ends; it waits 1 s for each and tries again.",
        ]
    lines += ["", f"Backup: {backup_sentence(backup)}"]
    lines += [f"Warning: {text}" for text in schema["warnings"]]
    return lines


def _locks(statement: dict[str, Any], sizes: dict[str, Any]) -> list[str]:
    if statement["locks"] is None:
        return ["locks not measured"]
    found = [] if statement["in_transaction"] else ["outside of a transaction"]
    for lock in statement["locks"]:
        size = sizes.get(lock["table"])
        holds = f" ({size['rows']:,} rows, {_size(size['bytes'])})" if size else ""
        does = "".join(
            text
            for text, so in (
                (", all of it is written anew", lock["is_rewritten"]),
                (", all of it is read", lock["is_read_whole"] and not lock["is_rewritten"]),
            )
            if so
        )
        found.append(f"{lock['table']}{holds}: {lock['mode']}, blocks {lock['blocks']}{does}")
    return found


def backup_sentence(backup: dict[str, Any] | None) -> str:
    """When the last good one ended."""
    if backup is None:
        return "no good one is recorded."
    seconds = (datetime.now(UTC) - datetime.fromisoformat(backup["finished_at"])).total_seconds()
    old = "" if seconds <= LATE_SECONDS else " That is long ago: `just backup`."
    return f"the last good one ended {seconds / 3600:.0f} h ago ({backup['finished_at'][:16]}).{old}"


def _size(count: int) -> str:
    return f"{count / _MIB:,.0f} MiB" if count >= _MIB else f"{count / 1024:,.0f} KiB"
