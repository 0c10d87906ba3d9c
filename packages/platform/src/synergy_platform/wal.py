"""Metrics of the database's log (WAL): whether it is archived, and what replication slots hold back of it.

PostgreSQL tells both to every role. Where it does not archive, there is no age of what was archived: NaN.
"""

from __future__ import annotations

import math

from prometheus_client import Gauge

from synergy_platform.runtime import Runtime

_FAILING = Gauge("synergy_wal_archive_failing", "1: the last file of the database's log could not be archived")
_AGE = Gauge("synergy_wal_archive_age_seconds", "How long ago a file of the database's log was archived")
_RETAINED = Gauge("synergy_wal_retained_bytes", "What a replication slot keeps of the database's log", ["slot"])
_ACTIVE = Gauge("synergy_replication_slot_active", "1: somebody reads from the slot, 0: nobody does", ["slot"])

# after a start, what was archived before it says nothing yet
_ARCHIVER = """
    SELECT current_setting('archive_mode') <> 'off' AS archives,
           coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS failing,
           extract(epoch FROM now() - greatest(last_archived_time, pg_postmaster_start_time()))::float8 AS age
    FROM pg_stat_archiver
"""
_SLOTS = """
    SELECT slot_name, active, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8 AS retained
    FROM pg_replication_slots WHERE NOT temporary
"""

_told_slots: set[str] = set()


async def measure_wal(runtime: Runtime) -> None:
    """Set the gauges to what the database says now."""
    db = runtime.database.reader()
    for row in await db.rows(_ARCHIVER):
        _FAILING.set(row["archives"] and row["failing"])
        _AGE.set(row["age"] if row["archives"] else math.nan)
    slots = await db.rows(_SLOTS)
    for row in slots:
        _RETAINED.labels(row["slot_name"]).set(row["retained"])
        _ACTIVE.labels(row["slot_name"]).set(row["active"])
    now = {row["slot_name"] for row in slots}
    for gone in _told_slots - now:
        _RETAINED.remove(gone)
        _ACTIVE.remove(gone)
    _told_slots.clear()
    _told_slots.update(now)
