"""What the API says of the system."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from synergy_api.routes.health import HealthChecks


async def test_redis_that_closed_an_idle_connection_is_well(settings, runtime):
    health = HealthChecks(runtime)
    assert (await health.health()).services["redis"] == "ok"
    for ours, url in zip(health._redis, (settings.redis_url, settings.broker_url), strict=True):
        async with Redis.from_url(url) as other:
            assert await other.client_kill_filter(_id=str(await ours.client_id())) == 1
    await asyncio.sleep(0.05)
    assert await health._ping() == "ok"
    await health.close()
