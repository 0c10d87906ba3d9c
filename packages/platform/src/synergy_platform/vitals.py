"""What each process tells of itself: whether the database answers it, and how its connections are used.

Gauges of several processes of a server are added up, or the worst is told.
"""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge

from synergy_platform.runtime import Runtime

INTERVAL_SECONDS = 5.0
ANSWER_SECONDS = 3.0

_CONNECTIONS = Gauge(
    "synergy_db_connections", "Connections to the database in use, and how many wait for one", ["pool", "state"],
    multiprocess_mode="livesum",
)  # fmt: skip
_SIZE = Gauge("synergy_db_pool_size", "Connections that there may be", ["pool"], multiprocess_mode="livesum")
_REFUSED = Gauge("synergy_db_refused", "1: a process gets no answer of the database", multiprocess_mode="livemax")


async def look(runtime: Runtime) -> None:
    """Set the gauges to what is true now."""
    readers, writers = runtime.database.pools
    for use in (readers, writers):
        _SIZE.labels(use.name).set(use.size)
        _CONNECTIONS.labels(use.name, "in_use").set(use.in_use)
        _CONNECTIONS.labels(use.name, "waiting").set(use.waiting)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await runtime.database.reader().value("SELECT 1")
    except Exception as error:  # noqa: BLE001 - whatever it is, the database does not answer
        # where all connections are in use, a wait for one says nothing of the database
        _REFUSED.set(not (isinstance(error, TimeoutError) and readers.in_use == readers.size))
    else:
        _REFUSED.set(0)


async def keep_looking(runtime: Runtime, *, interval: float = INTERVAL_SECONDS) -> None:
    """Look until cancelled."""
    while True:
        await look(runtime)
        await asyncio.sleep(interval)
