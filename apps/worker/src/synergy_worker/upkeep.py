"""Metrics of what keeps the data safe, from the records of it: backups, drills, copies elsewhere."""

from __future__ import annotations

import math

from prometheus_client import Gauge

from synergy_platform.ids import made_at
from synergy_platform.runtime import Runtime

_FAILED = Gauge("synergy_maintenance_failed", "1: it failed the last time", ["task"])
_AGE = Gauge("synergy_maintenance_age_seconds", "How long ago it was last done well", ["task"])

_LAST = """
    SELECT task, (array_agg(outcome ORDER BY finished_at DESC, id DESC))[1] AS outcome,
           max(finished_at) FILTER (WHERE outcome <> 'failed') AS done_at
    FROM maintenance_records WHERE task = ANY($1) GROUP BY task
"""
_FIRST_SCHEDULE = "SELECT id FROM schedules ORDER BY id LIMIT 1"


async def measure_upkeep(runtime: Runtime) -> None:
    """Set the gauges to what the database says now. What was never done is as old as the instance."""
    db, now = runtime.database.reader(), runtime.clock.now()
    first = await db.value(_FIRST_SCHEDULE)
    began = now if first is None else made_at(first)
    settings = runtime.settings
    # what an instance has to have from its first day on; of what it has turned off nobody needs to hear
    expected = {
        "backup": settings.backup_time != "off", "drill": settings.drill_time != "off",
        "offsite_copy": bool(settings.backup_s3_bucket),
    }  # fmt: skip
    last = {row["task"]: row for row in await db.rows(_LAST, list(expected))}
    for task, is_expected in expected.items():
        _FAILED.labels(task).set(is_expected and task in last and last[task]["outcome"] == "failed")
        if is_expected:
            since = (last[task]["done_at"] if task in last else None) or began
            _AGE.labels(task).set((now - since).total_seconds())
        else:
            _AGE.labels(task).set(math.nan)
