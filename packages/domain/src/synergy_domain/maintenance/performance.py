"""The monthly look at the database's performance: from its own statistics, which cost nothing to read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from synergy_domain.maintenance.contracts import RecordView
from synergy_domain.maintenance.finding import Finding, Look, conclude, counted, iso, readable

log = structlog.stdlib.get_logger(__name__)

STATEMENTS = 10
TABLES = 15
INDEXES = 20
WORDS = 200
# below that much from memory, of enough blocks to count
LEAST_HITS = 0.9
MANY_BLOCKS = 1_000_000
# rows that vacuum should have taken away
MOST_DEAD = 0.2
MANY_DEAD = 10_000
# a table that is read from end to end, again and again
MANY_ROWS_A_SCAN = 10_000
MANY_SCANS = 1000
LARGE_INDEX = 8 * 1024 * 1024
# a statement that takes so much longer than the last time, and long enough for somebody to notice
SLOWER = 2.0
NOTICED_MS = 100.0

_CACHE = """
    SELECT blks_hit, blks_read, temp_bytes, deadlocks, stats_reset,
           pg_database_size(current_database())::bigint AS bytes
    FROM pg_stat_database WHERE datname = current_database()
"""
_TABLES = """
    SELECT relname AS name, n_live_tup AS rows, n_dead_tup AS dead, seq_scan AS scans,
           coalesce(seq_tup_read, 0) AS read,
           greatest(last_vacuum, last_autovacuum) AS vacuumed, greatest(last_analyze, last_autoanalyze) AS analyzed,
           pg_total_relation_size(relid)::bigint AS bytes
    FROM pg_stat_user_tables ORDER BY n_dead_tup DESC, bytes DESC LIMIT 200
"""
_UNUSED = """
    SELECT s.indexrelname AS name, s.relname AS table, pg_relation_size(s.indexrelid)::bigint AS bytes
    FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid)
    WHERE s.idx_scan = 0 AND NOT i.indisunique AND pg_relation_size(s.indexrelid) >= $1 ORDER BY 3 DESC LIMIT $2
"""
_INVALID = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid LIMIT 20"
_HAS_STATEMENTS = """
    SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_statements'
"""
# only what reads and writes rows: its values are parameters here, while those of ALTER ROLE … PASSWORD are not
_STATEMENTS = """
    SELECT queryid::text AS id, left(regexp_replace(query, '\\s+', ' ', 'g'), $1) AS query, calls,
           round(mean_exec_time::numeric, 1)::float8 AS mean_ms, round(max_exec_time::numeric, 1)::float8 AS max_ms,
           round(total_exec_time::numeric)::bigint AS total_ms
    FROM {schema}.pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query ~* '^\\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\\M'
    ORDER BY total_exec_time DESC LIMIT $2
"""


async def performance(look: Look) -> Finding:
    """What was read from memory, rows that nobody took away, indexes, slow statements; against the last record.

    Statements are there where the operator has turned `pg_stat_statements` on.
    """
    cache = dict(await look.db.row(_CACHE) or {})
    cache["stats_reset"] = iso(cache["stats_reset"])
    tables = await look.db.rows(_TABLES)
    statements = await _statements(look)
    detail: dict[str, Any] = {
        **cache, "hit_ratio": _hit_ratio(cache, look.last), "growth": _growth(cache, look),
        "tables": [_dated(row) for row in tables[:TABLES]],
        "scanned_tables": [row["name"] for row in tables if _is_scanned(row)],
        "unused_indexes": [dict(row) for row in await look.db.rows(_UNUSED, LARGE_INDEX, INDEXES)],
        "invalid_indexes": [row["name"] for row in await look.db.rows(_INVALID)],
        "statements": statements,
    }  # fmt: skip
    troubles: list[str] = []
    ratio = detail["hit_ratio"]
    if ratio is not None and ratio < LEAST_HITS:
        troubles.append(f"Only {ratio:.0%} was read from memory: shared_buffers or memory is too small.")
    bloated = [r["name"] for r in tables if r["dead"] >= MANY_DEAD and r["dead"] > MOST_DEAD * (r["rows"] + r["dead"])]
    if bloated:
        troubles.append(f"Rows that vacuum should have taken away: {', '.join(bloated)}.")
    if detail["invalid_indexes"]:
        troubles.append(f"Indexes that are not used since their making failed: {', '.join(detail['invalid_indexes'])}.")
    if slower := _slower(statements or [], look.last):
        troubles.append(f"{counted(slower, 'statement takes', 'statements take')} twice as long as in the last record.")
    told = "slow statements are not counted here" if statements is None else f"{len(statements)} statements told"
    return conclude(
        detail, troubles,
        f"{'Too little was read to say how much came from memory' if ratio is None else f'{ratio:.1%} was read from memory'};"  # noqa: E501 - one sentence
        f" the database has {readable(cache['bytes'])};"
        f" {counted(len(detail['unused_indexes']), 'large index', 'large indexes')} without use; {told}.",
    )  # fmt: skip


async def _statements(look: Look) -> list[dict[str, Any]] | None:
    """The statements that took longest in all; None where they are not counted."""
    schema = await look.db.value(_HAS_STATEMENTS)
    if schema is None:
        return None
    # outside of the transaction, which an error would end: the extension may be there without its library
    apart = look.runtime.database.reader()
    try:
        return [dict(row) for row in await apart.rows(_STATEMENTS.format(schema=schema), WORDS, STATEMENTS)]
    except asyncpg.PostgresError as error:
        log.warning("maintenance.statements_not_read", error=str(error))
        return None


def _hit_ratio(cache: dict[str, Any], last: RecordView | None) -> float | None:
    """Since the last record, unless the statistics began anew meanwhile; None for too little to say."""
    hit, read = cache["blks_hit"], cache["blks_read"]
    if last is not None and last.detail.get("stats_reset") == cache["stats_reset"]:
        earlier_hit, earlier_read = last.detail["blks_hit"], last.detail["blks_read"]
        # a server that crashed counts from nothing again
        if earlier_hit <= hit and earlier_read <= read:
            hit, read = hit - earlier_hit, read - earlier_read
    return round(hit / (hit + read), 4) if hit + read >= MANY_BLOCKS else None


def _growth(cache: dict[str, Any], look: Look) -> dict[str, Any] | None:
    if look.last is None:
        return None
    days = max((look.now - look.last.finished_at) / timedelta(days=1), 0.01)
    return {
        "since": look.last.finished_at.isoformat(),
        "bytes_a_day": round((cache["bytes"] - look.last.detail["bytes"]) / days),
    }


def _is_scanned(row: Any) -> bool:  # noqa: ANN401 - a record of asyncpg
    return row["scans"] >= MANY_SCANS and row["read"] / row["scans"] >= MANY_ROWS_A_SCAN


def _dated(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a record of asyncpg
    dates = {name: iso(row[name]) for name in ("vacuumed", "analyzed")}
    return {**row, **dates}


def _slower(statements: list[dict[str, Any]], last: RecordView | None) -> int:
    """How many of the statements took much longer since the last record than they did until then."""
    told: list[dict[str, Any]] = (last.detail.get("statements") if last else None) or []
    before = {each["id"]: each for each in told}
    return sum(each["id"] in before and _is_slower(each, before[each["id"]]) for each in statements)


def _is_slower(now: dict[str, Any], before: dict[str, Any]) -> bool:
    calls = now["calls"] - before["calls"]
    if calls <= 0:  # none, or its statistics began anew
        return False
    mean = (now["total_ms"] - before["total_ms"]) / calls
    return mean >= NOTICED_MS and mean > SLOWER * before["mean_ms"]
