"""Metrics of the background work, as Prometheus reads them from an internal port.

Counters are of the process, gauges of the database: every worker tells the same of those, so ask for their maximum.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog
from prometheus_client import REGISTRY, Gauge, start_http_server

from synergy_platform.jobs import background_state
from synergy_platform.machine import Machine
from synergy_platform.mail.outbox import mails_waiting
from synergy_platform.runtime import Runtime
from synergy_platform.vitals import INTERVAL_SECONDS, look

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_QUEUE_JOBS = Gauge("synergy_queue_jobs", "Jobs of a queue: due, delayed, published, dead", ["queue", "state"])
_QUEUE_OLDEST = Gauge("synergy_queue_oldest_seconds", "How long the oldest due job waits", ["queue"])
_OUTBOX_EVENTS = Gauge("synergy_outbox_events", "Events that are not numbered yet")
_OUTBOX_LAG = Gauge("synergy_outbox_lag_seconds", "How long the oldest event waits for its number")
_SCHEDULE_LATE = Gauge("synergy_schedule_late_seconds", "How much the latest schedule is late")
_MAILS = Gauge("synergy_mails_waiting", "Mails that are queued")
_MAILS_OLDEST = Gauge("synergy_mails_oldest_seconds", "How long the oldest queued mail waits")
_PROCESSES = Gauge("synergy_processes", "Background processes that were alive in the last 15 s", ["role"])

_LATE = """
    SELECT coalesce(max(extract(epoch FROM $1 - next_run_at)), 0)::float8 FROM schedules
    WHERE NOT is_paused AND next_run_at < $1
"""
_ALIVE_SECONDS = 15.0
_ROLES = ("worker", "scheduler")

Measure: TypeAlias = Callable[[Runtime], Awaitable[None]]


async def measure(runtime: Runtime) -> None:
    """Set the gauges to what the database says now."""
    db, now = runtime.database.reader(), runtime.clock.now()
    state = await background_state(db, now)
    for queue in state.queues:
        figures = {"due": queue.due, "delayed": queue.delayed, "published": queue.published, "dead": queue.dead}
        for name, figure in figures.items():
            _QUEUE_JOBS.labels(queue.name, name).set(figure)
        _QUEUE_OLDEST.labels(queue.name).set(queue.oldest_seconds)
    _OUTBOX_EVENTS.set(state.outbox.events)
    _OUTBOX_LAG.set(state.outbox.oldest_seconds)
    _SCHEDULE_LATE.set(await db.value(_LATE, now))
    mails, oldest = await mails_waiting(db, now)
    _MAILS.set(mails)
    _MAILS_OLDEST.set(oldest)
    for role in _ROLES:
        alive = [each for each in state.processes if each.role == role and each.silent_seconds < _ALIVE_SECONDS]
        _PROCESSES.labels(role).set(len(alive))


async def keep_measuring(runtime: Runtime, *measures: Measure, interval: float = INTERVAL_SECONDS) -> None:
    """Serve metrics on `SYNERGY_METRICS_PORT`, measured each `interval` seconds, until cancelled; with 0 do nothing."""
    port = runtime.settings.metrics_port
    if not port:
        return
    try:
        server, thread = start_http_server(port)
    except OSError as error:
        # work goes on without metrics; a missing target is what the watching side has an alert for
        log.error("metrics.not_served", port=port, error=str(error))  # noqa: TRY400 - the address says all
        return
    failing: set[Measure] = set()
    machine = Machine(runtime.settings.media_path)
    REGISTRY.register(machine)
    try:
        while True:
            await look(runtime)
            for each in measures:  # one that fails keeps no other from being told
                try:
                    await each(runtime)
                    failing.discard(each)
                except Exception as error:  # noqa: BLE001 - whatever it is, the next look may work
                    if each not in failing:
                        log.warning("metrics.not_measured", measure=repr(each), error=repr(error))
                    failing.add(each)
            await asyncio.sleep(interval)
    finally:
        REGISTRY.unregister(machine)
        server.shutdown()
        server.server_close()
        thread.join()
