"""Health, outside authentication: alive, ready, and how each part is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

import msgspec
from litestar import Response, Router, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from synergy_api.documentation import errors
from synergy_domain.schema import SUPPORTED_REVISIONS, Schema, current_schema
from synergy_platform import heartbeats
from synergy_platform.errors import Unavailable
from synergy_platform.runtime import Runtime
from synergy_platform.version import VERSION

CHECK_SECONDS = 1.0
CACHE_SECONDS = 1.0


class AliveView(msgspec.Struct, kw_only=True):
    """The process answers."""

    status: Literal["alive"]


class ReadyView(msgspec.Struct, kw_only=True):
    """The process may take traffic; `schema` is the database's revision."""

    status: Literal["ready"]
    schema: str


class HealthView(msgspec.Struct, kw_only=True):
    """The system. Each service is `ok` or a word for what is wrong."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: datetime
    version: str
    services: dict[str, str]


class HealthChecks:
    """The checks, each bounded to a second and remembered for one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._redis: list[Redis] = [
            Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
                url,
                socket_timeout=CHECK_SECONDS,
                socket_connect_timeout=CHECK_SECONDS,
                # a connection that was closed while idle; else it would take that for Redis being away
                retry=Retry(NoBackoff(), 1),
            )
            for url in (runtime.settings.redis_url, runtime.settings.broker_url)
        ]
        self._known: tuple[float, HealthView] | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        for client in self._redis:
            await client.aclose()

    async def schema(self) -> Schema:
        """The database's schema; raises when it cannot be reached in a second."""
        return await asyncio.wait_for(current_schema(self._runtime.database.reader()), CHECK_SECONDS)

    async def health(self) -> HealthView:
        """How everything is."""
        async with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < CACHE_SECONDS:
                return self._known[1]
            names = ("database", "redis", "worker", "scheduler")
            checks = (self._database(), self._ping(), self._alive("worker"), self._alive("scheduler"))
            results: dict[str, str] = dict(zip(names, await asyncio.gather(*checks), strict=True))
            status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
            if results["database"] != "ok":
                status = "unhealthy"
            elif any(result != "ok" for result in results.values()):
                status = "degraded"
            view = HealthView(status=status, timestamp=self._runtime.clock.now(), version=VERSION, services=results)
            self._known = (time.monotonic(), view)
            return view

    async def _database(self) -> str:
        return await _bounded(self._select)

    async def _ping(self) -> str:
        return await _bounded(self._ping_all)

    async def _alive(self, role: str) -> str:
        return await _bounded(lambda: self._seen(role))

    async def _select(self) -> str:
        await self._runtime.database.reader().value("SELECT 1")
        return "ok"

    async def _ping_all(self) -> str:
        for client in self._redis:
            await client.ping()  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
        return "ok"

    async def _seen(self, role: str) -> str:
        seen = await heartbeats.seen_within(self._runtime.database.reader(), role, heartbeats.SILENT_AFTER_SECONDS)
        return "ok" if seen else "silent"


async def _bounded(check: Callable[[], Awaitable[str]]) -> str:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return "timeout"
    except Exception:  # noqa: BLE001 - a health check reports whatever is wrong, it never fails itself
        return "down"


@get("/api/health/live", tags=["health"], security=[{}], sync_to_thread=False)
def get_liveness() -> AliveView:
    """Whether the process answers; it touches nothing else."""
    return AliveView(status="alive")


@get("/api/health/ready", tags=["health"], security=[{}], responses=errors(is_limited=False))
async def get_readiness(state: State) -> ReadyView:
    """Whether the process may take traffic: the database is there, its schema fits, and it is not going down."""
    if state.hub.draining:
        raise Unavailable("This process is going down.", retry_after=1)
    try:
        schema: Schema = await state.health.schema()
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is: not ready
        raise Unavailable(f"The database cannot be reached: {type(error).__name__}.", retry_after=1) from None
    if schema.revision is None or not schema.fits:
        known = ", ".join(SUPPORTED_REVISIONS)
        raise Unavailable(f"The schema is at {schema.revision or 'nothing'}, this version runs on {known}: migrate.")
    return ReadyView(status="ready", schema=schema.revision)


@get(
    "/api/auth/health",
    tags=["health"],
    security=[{}],
    responses={503: ResponseSpec(data_container=HealthView, description="Unhealthy", generate_examples=False)},
)
async def get_health(state: State) -> Response[HealthView]:
    """How the system and each of its services is; 503 when it is unhealthy."""
    view: HealthView = await state.health.health()
    return Response(view, status_code=503 if view.status == "unhealthy" else 200)


router = Router("", route_handlers=[get_liveness, get_readiness, get_health])
