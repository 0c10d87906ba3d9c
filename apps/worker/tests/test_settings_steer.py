"""Settings that steer the worker."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from synergy_platform.embedded.process import free_port


@pytest.mark.parametrize(("concurrency", "begun_together"), [("1", 1), ("3", 3)])
async def test_worker_does_as_many_jobs_at_a_time_as_the_setting_says(work, start, concurrency, begun_together):
    await work.enqueue("test.write", 3, seconds=1)
    start("worker", SYNERGY_WORKER_CONCURRENCY=concurrency)
    await work.until(work.is_done)
    begun = [row["at"] for row in await work.connection.fetch("SELECT at FROM effects ORDER BY at")]
    assert sum(at - begun[0] < timedelta(seconds=0.95) for at in begun) == begun_together


async def test_worker_tells_its_metrics_on_the_port_of_the_setting(work, workers):
    port = free_port()
    await workers(SYNERGY_METRICS_PORT=str(port))
    await work.enqueue("test.write", 3)
    await work.enqueue("test.fail")
    await work.enqueue("test.write", queue="bulk")
    await work.until(lambda: _told(port, 'synergy_jobs_total{job="test.write",outcome="done"}', 4))
    await work.until(lambda: _told(port, 'synergy_jobs_total{job="test.fail",outcome="failed"}', 1))
    await work.until(lambda: _told(port, 'synergy_job_seconds_count{job="test.write"}', 4))
    await work.until(lambda: _told(port, 'synergy_queue_jobs{queue="fast",state="delayed"}', 1))
    await work.until(lambda: _told(port, 'synergy_processes{role="worker"}', 1))
    assert await _told(port, "synergy_outbox_events", 0)
    assert await _told(port, "synergy_schedule_late_seconds", 0)


async def _told(port, name, value):
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
    return f"{name} {float(value)}" in lines
