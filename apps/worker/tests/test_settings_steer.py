"""Settings that steer the worker."""

from __future__ import annotations

from datetime import timedelta

import pytest


@pytest.mark.parametrize(("concurrency", "begun_together"), [("1", 1), ("3", 3)])
async def test_worker_does_as_many_jobs_at_a_time_as_the_setting_says(work, start, concurrency, begun_together):
    await work.enqueue("test.write", 3, seconds=1)
    start("worker", SYNERGY_WORKER_CONCURRENCY=concurrency)
    await work.until(work.is_done)
    begun = [row["at"] for row in await work.connection.fetch("SELECT at FROM effects ORDER BY at")]
    assert sum(at - begun[0] < timedelta(seconds=0.95) for at in begun) == begun_together
