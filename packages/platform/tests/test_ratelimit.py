"""Limits: shared through Redis, kept by each process while that is away."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from synergy_platform import ratelimit
from synergy_platform.addresses import client_network
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.errors import TooManyRequests
from synergy_platform.ids import new_id
from synergy_platform.ratelimit import RateLimiter
from synergy_platform.settings import RateLimit


@pytest.fixture
async def limiters(settings):
    """Makes limiters, of as many processes."""
    made = []

    def make(url=settings.redis_url):
        made.append(RateLimiter(url))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


async def outcomes(limiter, limit, key, times):
    """How many of so many at the same time were allowed."""

    async def once():
        try:
            await limiter.hit("test", limit, key)
        except TooManyRequests:
            return False
        return True

    return sum(await asyncio.gather(*(once() for _ in range(times))))


async def test_limits_are_shared_and_cleared(limiters):
    one, two = limiters(), limiters()
    key, limit = new_id().hex, RateLimit(2, 3600)
    assert (await one.hit("test", limit, key)).remaining == 1
    assert (await two.hit("test", limit, key)).remaining == 0
    with pytest.raises(TooManyRequests) as caught:
        await one.hit("test", limit, key)
    assert int(caught.value.headers["Retry-After"]) >= 1
    assert await one.hit("test", RateLimit(0, 1), key) is None
    await two.clear("test", limit, key)
    assert (await one.hit("test", limit, key)).remaining == 1
    assert (await one.hit("other", limit, key)).remaining == 1


async def test_hit_by_many_at_once_lets_exactly_the_limit_through(limiters):
    one, two = limiters(), limiters()
    key, limit = new_id().hex, RateLimit(100, 3600)
    allowed = await asyncio.gather(*(outcomes(limiter, limit, key, 300) for limiter in (one, two)))
    assert sum(allowed) == 100
    assert (await one.hit("test", limit, key, cost=0)).remaining == 0


async def test_hit_that_only_looks_counts_nothing_and_never_raises(limiters):
    limiter, limit, key = limiters(), RateLimit(1, 3600), new_id().hex
    for _ in range(3):
        assert (await limiter.hit("test", limit, key, cost=0)).remaining == 1
    await limiter.hit("test", limit, key)
    assert (await limiter.hit("test", limit, key, cost=0)).remaining == 0


@pytest.mark.parametrize("redis", [True, False])
async def test_retry_after_is_when_there_is_room_again(limiters, redis):
    """In the next window only so much as the one before leaves: after the time that was said, and not before."""
    limiter = limiters() if redis else limiters("redis://127.0.0.1:1/0")
    key, limit = new_id().hex, RateLimit(4, 2)
    assert await outcomes(limiter, limit, key, 6) == 4
    told = []
    with pytest.raises(TooManyRequests) as caught:
        await limiter.hit("test", limit, key)
    told.append(int(caught.value.headers["Retry-After"]))
    await asyncio.sleep(told[0])
    assert (await limiter.hit("test", limit, key)).limit == limit
    assert told[0] <= 3
    # at no time more than the limit within one period
    allowed, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
        allowed += await outcomes(limiter, limit, key, 1)
        await asyncio.sleep(0.02)
    assert allowed <= 5


def windows():
    """Every way that two windows can stand for small numbers."""
    for limit in range(1, 5):
        for before in range(limit + 1):
            for count in range(limit + 1):
                for gone in range(0, 1000, 90):
                    yield limit, before, count, gone


def test_wait_ends_exactly_when_the_limit_has_room():
    for limit, before, count, gone in windows():
        hit = ratelimit._Hit("key", limit, 1000, 1)
        stands = ratelimit._Count(7, before, count, gone, allowed=False)
        wait = stands.wait(hit)

        def used_after(milliseconds, before=before, count=count, gone=gone):
            later = gone + milliseconds
            if later < 1000:
                return ratelimit._Count(7, before, count, later, allowed=False).used(1000)
            return ratelimit._Count(8, count, 0, later - 1000, allowed=False).used(1000)

        assert used_after(wait) < limit
        assert wait == 0 or used_after(wait - 2) >= limit


async def test_limits_go_on_in_the_process_when_redis_stops_and_are_shared_again_when_it_is_back(
    tmp_path, limiters, monkeypatch
):
    monkeypatch.setattr(ratelimit, "RETRY_SECONDS", 0.2)
    key, limit = new_id().hex, RateLimit(5, 3600)
    with capture_logs() as lines:
        with EmbeddedRedis(tmp_path / "cache", kind="cache") as redis:
            url = redis.url()
            one, two = limiters(url), limiters(url)
            assert [(await limiter.hit("test", limit, key)).remaining for limiter in (one, two)] == [4, 3]
        started = time.monotonic()
        assert (await one.hit("test", limit, new_id().hex)).remaining == 4
        # what was counted until then is not forgotten
        assert [(await two.hit("test", limit, key)).remaining for _ in range(3)] == [2, 1, 0]
        for _ in range(200):
            with pytest.raises(TooManyRequests):
                await two.hit("test", limit, key)
        assert time.monotonic() - started < 2
        with EmbeddedRedis(tmp_path / "cache", kind="cache", port=int(url.rpartition(":")[2].split("/")[0])) as redis:
            while one._returning or two._returning:
                await asyncio.sleep(0.05)
                await one.hit("test", limit, key, cost=0)
            other = new_id().hex
            assert [(await limiter.hit("test", limit, other)).remaining for limiter in (one, two)] == [4, 3]
    events = [line["event"] for line in lines]
    assert events.count("rate_limit.redis_away") == events.count("rate_limit.redis_back") == 2


async def test_redis_that_does_not_answer_is_waited_for_once(limiters):
    async def silent(reader, writer):
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    limiter = limiters(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    started = time.monotonic()
    assert await outcomes(limiter, RateLimit(50, 3600), "key", 60) == 50
    assert time.monotonic() - started < 3 * ratelimit.TIMEOUT_SECONDS
    started = time.monotonic()
    assert await outcomes(limiter, RateLimit(50, 3600), "other", 60) == 50
    assert time.monotonic() - started < ratelimit.TIMEOUT_SECONDS
    server.close()


async def test_process_remembers_a_bounded_number_of_keys(limiters, monkeypatch):
    monkeypatch.setattr(ratelimit, "MAX_REMEMBERED", 10)
    limiter = limiters("redis://127.0.0.1:1/0")
    for number in range(50):
        await limiter.hit("test", RateLimit(1, 3600), str(number))
    assert len(limiter._remembered) == 10
    with pytest.raises(TooManyRequests):
        await limiter.hit("test", RateLimit(1, 3600), "49")


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:3::1%eth0", "2001:db8:1:3::/64"),
        ("unknown", "unknown"),
        (None, ""),
    ],
)
def test_client_network_is_the_address_or_its_64_bits(client, network):
    assert client_network(client) == network
