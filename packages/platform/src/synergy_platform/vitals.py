"""What each process tells of itself: whether its servers answer it, and how its connections are used.

Gauges of several processes of a server are added up, or the worst is told.
"""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from synergy_platform.runtime import Runtime

INTERVAL_SECONDS = 5.0
ANSWER_SECONDS = 3.0

_CONNECTIONS = Gauge(
    "synergy_db_connections", "Connections to the database in use, and how many wait for one", ["pool", "state"],
    multiprocess_mode="livesum",
)  # fmt: skip
_SIZE = Gauge("synergy_db_pool_size", "Connections that there may be", ["pool"], multiprocess_mode="livesum")
_REFUSED = Gauge("synergy_db_refused", "1: a process gets no answer of the database", multiprocess_mode="livemax")
_REDIS_REFUSED = Gauge(
    "synergy_redis_refused", "1: a process gets no answer of this Redis server", ["server"], multiprocess_mode="livemax"
)


async def look(runtime: Runtime) -> None:
    """Set the gauges to what is true now."""
    readers, writers = runtime.database.pools
    for use in (readers, writers):
        _SIZE.labels(use.name).set(use.size)
        _CONNECTIONS.labels(use.name, "in_use").set(use.in_use)
        _CONNECTIONS.labels(use.name, "waiting").set(use.waiting)
    settings = runtime.settings
    await asyncio.gather(
        _ask_database(runtime), _ask_redis("cache", settings.redis_url), _ask_redis("broker", settings.broker_url)
    )


async def _ask_database(runtime: Runtime) -> None:
    readers, _ = runtime.database.pools
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await runtime.database.reader().value("SELECT 1")
    except Exception as error:  # noqa: BLE001 - whatever it is, the database does not answer
        # where all connections are in use, a wait for one says nothing of the database
        _REFUSED.set(not (isinstance(error, TimeoutError) and readers.in_use == readers.size))
    else:
        _REFUSED.set(0)


async def _ask_redis(server: str, url: str) -> None:
    # a connection of its own each time: one that was kept would first tell of its own end
    client = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
        url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )
    try:
        await client.ping()  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
    except (RedisError, OSError):
        _REDIS_REFUSED.labels(server).set(1)
    else:
        _REDIS_REFUSED.labels(server).set(0)
    finally:
        await client.aclose()


async def keep_looking(runtime: Runtime, *, interval: float = INTERVAL_SECONDS) -> None:
    """Look until cancelled."""
    while True:
        await look(runtime)
        await asyncio.sleep(interval)
