"""PostgreSQL."""

from __future__ import annotations

import time
from typing import Any

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, NotSeen, NotUsed, Runbook, fault, graded, ok, warning
from synergy_cli.stack.rollout import RESERVED_CONNECTIONS

_OLDEST_VERSION = 160000
_SLOW: Runbook = "responses-slow"


def reachable(facts: Facts) -> Finding:
    """It answers, and lets us in."""
    if trouble := facts.database_trouble:
        return fault(trouble.text, trouble.fix, trouble.runbook)
    if facts.database is None:
        raise NotSeen(facts.unseen)
    return ok("The database answers.")


def version(facts: Facts) -> Finding:
    """Tests run on 16."""
    number: int = facts.sql("version")
    if number < _OLDEST_VERSION:
        return fault(f"PostgreSQL is {number // 10000}, and 16 is needed.", "Move the data to PostgreSQL 16.")
    return ok(f"PostgreSQL {number // 10000}.{number % 10000}.")


def role(facts: Facts) -> Finding:
    """The application's role may use every table, and is no superuser."""
    closed: list[str] = facts.sql("closed_tables")
    rights: dict[str, bool] = facts.sql("role")
    if closed:
        return fault(
            f"The application's role may not use {len(closed)} tables, {closed[0]} among them.",
            "Run `synergy migrate` as the role that owns the tables, or grant what docker/db/10-roles.sh grants.",
        )
    if rights["superuser"]:
        return warning("The application signs in as a superuser.", "Give it a role of its own (docker/db/10-roles.sh).")
    return ok("The role may do what it needs to, and is no superuser.")


def schema(facts: Facts) -> Finding:
    """It fits this version."""
    supported: tuple[str, ...] = facts.sql("supported")
    told: dict[str, str | None] | None = facts.sql("schema")
    revision = told["revision"] if told else None
    remedy = "Run `synergy migrate` (compose: `just migrate`)."
    if revision is None:
        return fault("The database has no tables yet.", remedy, "process-does-not-start")
    if revision in supported:
        return ok(f"The schema is at {revision}.")
    oldest = ((told or {}).get("comment") or "").removeprefix("oldest code: ")
    if revision > supported[-1]:
        if oldest and oldest <= supported[-1]:
            return ok(f"The schema is at {revision}, newer than this version, which still runs on it.")
        remedy = "Run the version that migrated it, or restore a backup from before."
    return fault(
        f"The schema is at {revision}, and this version runs on {', '.join(supported)}.",
        remedy,
        "process-does-not-start",
    )


def encoding(facts: Facts) -> Finding:
    """Every script of the world."""
    found: str = facts.sql("encoding")
    if found != "UTF8":
        return fault(f"The database's encoding is {found}.", "Dump it, make it anew with ENCODING 'UTF8', and restore.")
    return ok("The encoding is UTF8.")


def checksums(facts: Facts) -> Finding:
    """A disk that changes a page is found out."""
    if facts.sql("settings")["data_checksums"] != "on":
        return warning(
            "Data checksums are off, so a disk that changes data is not noticed.",
            "Stop the database in a quiet hour and run `pg_checksums --enable`.",
        )
    return ok("Data checksums are on.")


def durable(facts: Facts) -> Finding:
    """What was answered is on the disk."""
    settings: dict[str, str] = facts.sql("settings")
    off = [name for name in ("fsync", "full_page_writes") if settings[name] != "on"]
    if off:
        return fault(
            f"{' and '.join(off)} of PostgreSQL: off, so a power failure destroys the database.",
            "Set it to on and start PostgreSQL again.",
        )
    return ok("Commits reach the disk.")


def autovacuum(facts: Facts) -> Finding:
    """Without it tables only grow."""
    if facts.sql("settings")["autovacuum"] != "on":
        return fault("Autovacuum is off, so tables only grow.", "Set autovacuum=on and reload PostgreSQL.", _SLOW)
    return ok("Autovacuum is on.")


def connections(facts: Facts) -> Finding:
    """Some must be left."""
    settings: dict[str, str] = facts.sql("settings")
    most = int(settings["max_connections"]) - int(settings["superuser_reserved_connections"])
    used: int = facts.sql("connections")
    return graded(
        used / max(1, most), 0.8, 0.95, f"{used} of {most} connections are in use.",
        "End what holds them (pg_stat_activity tells who), run fewer processes, or put PgBouncer between.",
        "database-refused",
    )  # fmt: skip


def pools(facts: Facts) -> Finding:
    """All processes together fit."""
    needed = facts.settings.connections
    if not needed:
        raise NotUsed("how many processes there are is not known here")
    most = int(facts.sql("settings")["max_connections"]) - RESERVED_CONNECTIONS
    text = f"All processes together may open {needed} connections, and the database gives {most}."
    remedy = "Lower WEB_WORKERS or SYNERGY_DB_POOL_SIZE, or put PgBouncer between."
    return fault(text, remedy, "database-refused") if needed > most else ok(text)


def long_transactions(facts: Facts) -> Finding:
    """They keep vacuum from its work and hold locks."""
    seconds: float = facts.sql("longest_transaction")
    return graded(
        seconds, 120, 900, f"The longest transaction is open for {seconds:.0f} s.",
        "Find it in pg_stat_activity (xact_start) and end it with pg_terminate_backend.", _SLOW,
    )  # fmt: skip


def lock_waits(facts: Facts) -> Finding:
    """Somebody waits for somebody."""
    waits: dict[str, Any] = facts.sql("lock_waits")
    return graded(
        waits["seconds"], 1, 1.5, f"{waits['count']} statements wait for a lock, the longest {waits['seconds']:.1f} s.",
        "Find who holds it with pg_blocking_pids(pid) and end that one with pg_terminate_backend.", _SLOW,
    )  # fmt: skip


def table_locks(facts: Facts) -> Finding:
    """Nobody reads a table that is locked for one alone; `table_locks` are those seen twice, a second apart."""
    locked: list[str] = facts.sql("table_locks")
    if locked:
        return fault(
            f"Nobody can read {', '.join(locked)}: somebody has locked it for a second or longer.",
            "Find who in pg_locks (AccessExclusiveLock); end it with pg_terminate_backend, unless it is a migration.",
            _SLOW,
        )
    return ok("No table is locked.")


def dead_rows(facts: Facts) -> Finding:
    """Deleted rows that take room."""
    worst = [
        each for each in facts.sql("dead_rows")
        if each["dead"] > 20_000 and each["dead"] > 0.5 * (each["dead"] + each["live"])
    ]  # fmt: skip
    if worst:
        return warning(
            f"{worst[0]['dead']} of the rows of {worst[0]['table']} are dead, more than live.",
            f"Run VACUUM ANALYZE {worst[0]['table']}; a transaction that is open for long keeps it from helping.",
            _SLOW,
        )
    return ok("Dead rows are cleared away.")


def transaction_age(facts: Facts) -> Finding:
    """PostgreSQL stops before its transaction numbers run out."""
    age: int = facts.sql("transaction_age")
    return graded(
        age, 600_000_000, 1_500_000_000, f"The oldest transaction number is {age / 1e6:.0f} million back.",
        "Run VACUUM FREEZE on the largest tables, and end what keeps old transactions open.",
    )  # fmt: skip


def broken_indexes(facts: Facts) -> Finding:
    """What a stopped CREATE INDEX CONCURRENTLY leaves behind."""
    broken: list[str] = facts.sql("broken_indexes")
    if broken:
        return warning(f"The index {broken[0]} is invalid.", f"Run REINDEX INDEX CONCURRENTLY {broken[0]}.", _SLOW)
    return ok("All indexes are valid.")


def size(facts: Facts) -> Finding:
    """Room for it to be vacuumed and to grow."""
    used: int = facts.sql("size")
    free: int | None = facts.sql("free")
    if free is None:
        raise NotUsed("the database's disk is elsewhere")
    text = f"The database takes {used / 2**20:.0f} MiB, and its disk has {free / 2**30:.1f} GiB free."
    return graded(
        used / max(1, free), 1, 4, text, "Make room on the disk, or move the database to a larger one.",
    )  # fmt: skip


def clock(facts: Facts) -> Finding:
    """Both write times into the same rows."""
    apart = abs(facts.sql("clock_difference"))
    return graded(
        apart, 2, 10, f"The database's clock and this one differ by {apart:.1f} s.",
        "Let both machines take the time from the same NTP server.",
    )  # fmt: skip


def clock_not_behind(facts: Facts) -> Finding:
    """A clock that was set back gives new rows old times."""
    ahead = facts.sql("newest_event") - time.time()
    return graded(
        ahead, 5, 60, f"The newest event is {max(0.0, ahead):.0f} s in the future.",
        "Correct this machine's clock: it was ahead when that was written, or it is behind now.",
    )  # fmt: skip


def session(facts: Facts) -> Finding:
    """A pooler between may drop what a process asks for when it connects."""
    got: dict[str, str] = facts.sql("session")
    wrong = [name for name, wanted in facts.sql("session_wanted").items() if got[name] != wanted]
    if wrong:
        return fault(
            f"{', '.join(wrong)} of a new connection: not what was asked for, so a slow statement is never ended.",
            "Have the pooler keep these for each client, or set them for the role with ALTER ROLE.", _SLOW,
        )  # fmt: skip
    return ok("Statements and locks have their time limits.")
