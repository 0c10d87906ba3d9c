"""The scheduler process."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from synergy_platform.heartbeats import seen_within


async def put_back(work, minutes):
    """As if no scheduler had run for some time."""
    due = work.runtime.clock.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes)
    await work.connection.execute("UPDATE schedules SET next_run_at = $1 WHERE name <> 'later.thing'", due)


async def test_schedule_three_schedulers_fire_each_slot_once(work, start):
    began = work.runtime.clock.now()
    schedulers = [start("scheduler") for _ in range(3)]
    await work.until(lambda: all(scheduler.lines("scheduler.started") for scheduler in schedulers))
    await work.until(lambda: _scheduled(work))
    for _ in range(3):
        await put_back(work, 20)
        await work.until(lambda: _caught_up(work))
        slots = await _slots(work)
        assert len(slots) == len(set(slots))
        assert len(slots) >= 21
        await work.connection.execute("DELETE FROM jobs")  # done: the key alone would keep them from coming twice

    fired = [line["synergy.slot"] for scheduler in schedulers for line in scheduler.lines("schedule.fired")]
    # the same twenty were put back three times; none was fired by two. One whose minute came meanwhile
    # has fired by itself too
    assert all(fired.count(slot) <= 3 + (datetime.fromisoformat(slot) > began) for slot in fired)
    assert len(fired) <= 3 * 21 + 2


async def test_schedule_killed_scheduler_the_other_goes_on(work, start):
    doomed, other = start("scheduler"), start("scheduler")
    await work.until(lambda: doomed.lines("scheduler.started") and other.lines("scheduler.started"))
    await work.until(lambda: _scheduled(work))
    doomed.kill()

    await put_back(work, 3)

    await work.until(lambda: _caught_up(work), 10)
    assert len(await _slots(work)) == len(set(await _slots(work))) >= 4


async def test_schedule_slot_becomes_a_job_that_a_worker_does(work, start, workers):
    await workers()
    scheduler = start("scheduler")
    await work.until(lambda: _scheduled(work))
    await put_back(work, 0)

    await work.until(lambda: _effects(work, 1))
    assert await seen_within(work.runtime.database.reader(), "scheduler", 6)
    assert await scheduler.end() == 0
    assert not await seen_within(work.runtime.database.reader(), "scheduler", 60)
    assert {line["service.name"] for line in scheduler.lines()} == {"synergy-scheduler"}


async def test_schedule_database_lost_for_a_moment_is_waited_for(work, start):
    scheduler = start("scheduler")
    await work.until(lambda: _scheduled(work))
    await work.connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'synergy-scheduler%'"
    )

    await put_back(work, 2)

    await work.until(lambda: _caught_up(work), 10)
    assert scheduler.poll() is None


async def test_schedule_of_a_job_of_another_release_is_left_alone_and_told_once(work, start):
    scheduler = start("scheduler")
    await work.until(lambda: _scheduled(work))
    await work.connection.execute(
        "INSERT INTO schedules (id, name, job, interval_seconds, timezone, missed, is_paused, next_run_at)"
        " VALUES (gen_random_uuid(), 'later.thing', 'later.thing', 60, 'UTC', 'skip', false, now() - interval '1 hour')"
    )
    await work.until(lambda: scheduler.lines("schedule.unknown_job"))
    await put_back(work, 2)
    await work.until(lambda: _caught_up(work), 10)
    await asyncio.sleep(2.5)
    assert [line["synergy.schedule"] for line in scheduler.lines("schedule.unknown_job")] == ["later.thing"]
    assert not scheduler.lines("schedule.not_fired")
    assert not await work.connection.fetchval("SELECT count(*) FROM jobs WHERE name = 'later.thing'")


async def _scheduled(work):
    return await work.connection.fetchval("SELECT count(*) FROM schedules WHERE name <> 'later.thing'") == 1


async def _caught_up(work):
    return await work.connection.fetchval("SELECT count(*) FROM schedules WHERE next_run_at > now()") >= 1


async def _slots(work):
    return [row["slot"] for row in await work.connection.fetch("SELECT payload->>'slot' AS slot FROM jobs")]


async def _effects(work, count):
    return len(await work.effects()) >= count
