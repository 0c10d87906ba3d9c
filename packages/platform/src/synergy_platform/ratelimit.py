"""Rate limits that all processes share through Redis, and that each keeps for itself while Redis is away.

Counted is in windows of the clock, and the window before counts with the part of it that is not yet a whole period
ago. One script counts, so that no two processes let the same last event through; what a process wants to count while
an answer is on its way goes together in the next call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextvars import ContextVar
from math import ceil

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from synergy_platform.errors import TooManyRequests
from synergy_platform.settings import RateLimit

TIMEOUT_SECONDS = 0.5
# While Redis is away, nobody waits for it: it is asked again, in the background, this often.
RETRY_SECONDS = 2.0
# Keys that a process remembers, for the time that Redis is away; the oldest are forgotten first.
MAX_REMEMBERED = 10_000
_MAX_BATCH = 200

_COUNT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counts = {}
for index, hit in ipairs(cmsgpack.unpack(ARGV[1])) do
  local key, limit, period, cost = unpack(hit)
  local window, gone = math.floor(now / period), now % period
  local before, count = 0, 0
  local stored = redis.call('GET', key)
  if stored then
    local at, older, newer = string.match(stored, '^(%d+):(%d+):(%d+)$')
    if tonumber(at) == window then
      before, count = tonumber(older), tonumber(newer)
    elseif tonumber(at) == window - 1 then
      before = tonumber(newer)
    end
  end
  local allowed = math.floor(before * (period - gone) / period) + count + cost <= limit
  if allowed and cost > 0 then
    count = count + cost
    redis.call('SET', key, string.format('%d:%d:%d', window, before, count), 'PX', 2 * period - gone)
  end
  counts[index] = {window, before, count, gone, allowed}
end
return cmsgpack.pack(counts)
"""

log = structlog.stdlib.get_logger(__name__)


class LimitState(msgspec.Struct, frozen=True):
    """What is left of a limit; `reset_seconds` until there is more of it."""

    name: str
    limit: RateLimit
    remaining: int
    reset_seconds: int


# Where the limits that met a request are noted, the narrowest first: whoever answers it sets a list.
noted_limits: ContextVar[list[LimitState] | None] = ContextVar("noted_limits", default=None)


class _Hit(msgspec.Struct, array_like=True, frozen=True):
    """What is counted; the period in milliseconds. A cost of 0 looks only."""

    key: str
    limit: int
    period: int
    cost: int


class _Count(msgspec.Struct, array_like=True, frozen=True):
    """How a window stands: events in the one before and in this one, of which `gone` milliseconds are over."""

    window: int
    before: int
    count: int
    gone: int
    allowed: bool

    def used(self, period: int) -> int:
        """How much of the limit is used up now."""
        return self.before * (period - self.gone) // period + self.count

    def wait(self, hit: _Hit) -> int:
        """Milliseconds until there is room for one."""
        rest = hit.period - self.gone
        room = hit.limit - self.count
        if self.used(hit.period) < hit.limit:
            return 0
        if room > 0:  # in this window, once the one before counts for less
            return max(0, rest - room * hit.period // self.before + 1)
        return rest + hit.period - hit.limit * hit.period // self.count + 1


class RateLimiter:
    """Counts events by name and key."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
            redis_url, single_connection_client=True, socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # a connection that was closed while idle; else it would take that for Redis being away
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )  # fmt: skip
        self._script: AsyncScript = self._redis.register_script(_COUNT)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(list[_Count])
        self._waiting: list[tuple[_Hit, asyncio.Future[_Count | None]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._remembered: dict[str, _Count] = {}

    async def close(self) -> None:
        """Close the connection."""
        for task in (self._sending, self._returning):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._redis.aclose()

    async def hit(self, name: str, limit: RateLimit, *key: str, cost: int = 1) -> LimitState | None:
        """Count one event; TooManyRequests when the limit is used up. None when there is no limit.

        A cost of 0 only looks, and never raises.
        """
        if limit.count == 0:
            return None
        hit = _Hit(_key(name, limit, key), limit.count, limit.seconds * 1000, cost)
        count = await self._shared(hit) or self._own(hit)
        self._remember(hit.key, count)
        return self._judge(name, limit, hit, count)

    async def clear(self, name: str, limit: RateLimit, *key: str) -> None:
        """Forget what was counted."""
        whole = _key(name, limit, key)
        self._remembered.pop(whole, None)
        if self._returning is None:
            try:
                await self._redis.delete(whole)
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(error)

    def _judge(self, name: str, limit: RateLimit, hit: _Hit, count: _Count) -> LimitState:
        remaining = max(0, limit.count - count.used(hit.period))
        rest = hit.period - count.gone
        milliseconds = rest if remaining else max(rest, count.wait(hit))
        state = LimitState(name, limit, remaining, ceil(milliseconds / 1000))
        noted = noted_limits.get()
        if noted is not None:
            noted.append(state)
        if not count.allowed and hit.cost:
            wait = max(1, ceil(count.wait(hit) / 1000))
            raise TooManyRequests(f"Too many requests. Try again in {wait} seconds.", retry_after=wait)
        return state

    async def _shared(self, hit: _Hit) -> _Count | None:
        """Count in Redis; None while it is away."""
        if self._returning is not None:
            return None
        loop = asyncio.get_running_loop()
        counted: asyncio.Future[_Count | None] = loop.create_future()
        self._waiting.append((hit, counted))
        if self._sending is None:
            self._sending = loop.create_task(self._send(), name="rate limits")
        return await counted

    async def _send(self) -> None:
        """Until nobody waits: count for all that wait."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                counts = await self._ask([hit for hit, _ in batch])
                for (_, counted), count in zip(batch, counts, strict=True):
                    if not counted.done():  # its request may have been stopped
                        counted.set_result(count)
        finally:
            self._sending = None

    async def _ask(self, hits: list[_Hit]) -> Sequence[_Count | None]:
        if self._returning is None:
            try:
                return self._decoder.decode(await self._script(args=[self._encoder.encode(hits)]))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have to be told
                self._lost(error)
        return [None] * len(hits)

    def _lost(self, error: Exception) -> None:
        """Ask Redis no more until it has come back."""
        if self._returning is None:
            log.warning("rate_limit.redis_away", error=str(error))
            self._returning = asyncio.get_running_loop().create_task(self._await_return(), name="redis returns")

    async def _await_return(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._redis.ping()  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
            except (RedisError, OSError, TimeoutError):
                continue
            log.info("rate_limit.redis_back")
            self._returning = None
            return

    def _own(self, hit: _Hit) -> _Count:
        """The same count in this process, which goes on from the last that it heard of the others."""
        now = int(time.time() * 1000)
        window, gone = divmod(now, hit.period)
        before = count = 0
        known = self._remembered.get(hit.key)
        if known is not None:
            if known.window == window:
                before, count = known.before, known.count
            elif known.window == window - 1:
                before = known.count
        used = before * (hit.period - gone) // hit.period + count
        allowed = used + hit.cost <= hit.limit
        return _Count(window, before, count + hit.cost * allowed, gone, allowed)

    def _remember(self, key: str, count: _Count) -> None:
        self._remembered.pop(key, None)  # so that it counts as the newest
        self._remembered[key] = count
        if len(self._remembered) > MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]


def _key(name: str, limit: RateLimit, parts: Sequence[str]) -> str:
    # with the period: processes of another setting count other windows
    return "/".join(("limit", name, str(limit.seconds), *parts))
