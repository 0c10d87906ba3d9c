"""Rate limits that all processes share through Redis, and that each keeps for itself while Redis is away."""

from __future__ import annotations

import time

import msgspec
import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from synergy_platform.errors import TooManyRequests
from synergy_platform.settings import RateLimit

TIMEOUT_SECONDS = 0.5

log = structlog.stdlib.get_logger(__name__)


class LimitState(msgspec.Struct, frozen=True):
    """What is left of a limit; `reset_seconds` until it is whole again."""

    limit: int
    remaining: int
    reset_seconds: int


class RateLimiter:
    """Counts events by name and key in sliding windows."""

    def __init__(self, redis_url: str) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
            redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._shared = SlidingWindowCounterRateLimiter(
            RedisStorage(f"async+{redis_url}", implementation="redispy", connection_pool=self._pool)  # pyright: ignore[reportArgumentType]  # documented, typed otherwise
        )
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def hit(self, name: str, limit: RateLimit, *key: str) -> LimitState | None:
        """Count one event; TooManyRequests when the limit is used up. None when there is no limit."""
        if limit.count == 0:
            return None
        item = RateLimitItemPerSecond(limit.count, limit.seconds, namespace="synergy")
        try:
            return await self._hit(self._shared, item, name, *key)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("rate_limit.redis_away", error=str(error))
            return await self._hit(self._own, item, name, *key)

    async def clear(self, name: str, limit: RateLimit, *key: str) -> None:
        """Forget what was counted."""
        item = RateLimitItemPerSecond(max(1, limit.count), limit.seconds, namespace="synergy")
        for limiter in (self._shared, self._own):
            try:
                await limiter.clear(item, name, *key)
            except (RedisError, OSError, TimeoutError):
                continue

    async def _hit(
        self, limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: str, *key: str
    ) -> LimitState:
        allowed = await limiter.hit(item, name, *key)
        stats = await limiter.get_window_stats(item, name, *key)
        reset = max(1, round(stats.reset_time - time.time()))
        if not allowed:
            raise TooManyRequests(f"Too many attempts. Try again in {reset} seconds.", retry_after=reset)
        return LimitState(item.amount, stats.remaining, reset)
