"""Metrics of what keeps the data safe, from the records of it: backups, drills, copies elsewhere."""

from __future__ import annotations

import math

from prometheus_client import Gauge

from synergy_domain.maintenance import latest_records
from synergy_platform.ids import made_at
from synergy_platform.runtime import Runtime

_FAILED = Gauge("synergy_maintenance_failed", "1: it failed the last time", ["task"])
_AGE = Gauge("synergy_maintenance_age_seconds", "How long ago it was last done well", ["task"])

_FIRST_SCHEDULE = "SELECT id FROM schedules ORDER BY id LIMIT 1"


async def measure_upkeep(runtime: Runtime) -> None:
    """Set the gauges to what the database says now. What was never done is as old as the instance."""
    db, now = runtime.database.reader(), runtime.clock.now()
    latest, done = await latest_records(db), await latest_records(db, succeeded=True)
    first = await db.value(_FIRST_SCHEDULE)
    began = now if first is None else made_at(first)
    settings = runtime.settings
    # what an instance has to have from its first day on; what it has turned off, or never tried, is unknown
    expected = {"backup": settings.backup_time != "off", "drill": settings.drill_time != "off", "offsite_copy": False}
    for task, is_expected in expected.items():
        _FAILED.labels(task).set(task in latest and latest[task].outcome == "failed")
        if task in done:
            since = done[task].finished_at
        elif is_expected or task in latest:
            since = began
        else:
            _AGE.labels(task).set(math.nan)
            continue
        _AGE.labels(task).set((now - since).total_seconds())
