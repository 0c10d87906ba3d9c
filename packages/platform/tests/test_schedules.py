"""Schedules: slots at the right moment, each fired once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from synergy_platform.clock import SetClock
from synergy_platform.jobs import JobHandler, Registry
from synergy_platform.runtime import Runtime
from synergy_platform.schedules import ScheduleDefinition, due_schedules, ensure_schedules, fire, next_slot

START = datetime(2026, 5, 4, 9, 59, 30, tzinfo=UTC)
TEN = datetime(2026, 5, 4, 10, tzinfo=UTC)


async def nothing(_runtime, _uow, _payload):
    """A schedule only needs its name and queue."""


REGISTRY = Registry((JobHandler(name="report", function=nothing, queue="bulk"),))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
async def timed(own_settings):
    """A runtime whose clock the test sets."""
    runtime = Runtime(own_settings, application="synergy-test", clock=SetClock(START))
    await runtime.open()
    yield runtime
    await runtime.close()


async def define(runtime, **fields):
    definition = ScheduleDefinition(**{"name": "hourly", "job": "report", "cron": "0 * * * *", **fields})
    async with runtime.database.unit_of_work() as uow:
        await ensure_schedules(uow, (definition,))
    return definition


async def fire_due(runtime):
    """What a scheduler does each second; returns how many jobs it added."""
    added = 0
    for schedule in await due_schedules(runtime.database.reader(), runtime.clock.now()):
        async with runtime.database.unit_of_work() as uow:
            added += await fire(uow, REGISTRY, schedule.id)
    return added


async def slots(runtime):
    rows = await runtime.database.reader().rows("SELECT payload->>'slot' AS slot FROM jobs ORDER BY id")
    return [row["slot"] for row in rows]


async def schedule(runtime):
    return await runtime.database.reader().row("SELECT * FROM schedules")


async def test_fire_adds_the_job_of_the_slot_and_moves_on(timed):
    await define(timed)
    assert await fire_due(timed) == 0

    timed.clock.advance(timedelta(seconds=30))
    assert await fire_due(timed) == 1
    assert await fire_due(timed) == 0

    job = await timed.database.reader().row("SELECT name, queue, dedup_key FROM jobs")
    assert tuple(job.values()) == ("report", "bulk", "schedule:hourly:2026-05-04T10:00:00+00:00")
    row = await schedule(timed)
    assert (row["last_run_at"], row["next_run_at"]) == (TEN, TEN + timedelta(hours=1))


async def test_fire_many_schedulers_at_a_time_one_job_for_each_slot(timed):
    await define(timed)
    schedule_id = (await schedule(timed))["id"]
    for _ in range(5):
        timed.clock.advance(timedelta(hours=1))

        async def one() -> int:
            async with timed.database.unit_of_work() as uow:
                return await fire(uow, REGISTRY, schedule_id)

        assert sum(await asyncio.gather(*(one() for _ in range(6)))) == 1
    assert len(await slots(timed)) == len(set(await slots(timed))) == 5


@pytest.mark.parametrize(
    ("cron", "begin", "expected"),
    [
        # three days around each change in Berlin
        pytest.param("30 2 * * *", "2026-03-28 00:00",
                     ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"], id="daily-spring"),
        pytest.param("30 2 * * *", "2026-10-24 00:00",
                     ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"], id="daily-autumn"),
        pytest.param("0 * * * *", "2026-03-28 00:00", 72, id="hourly-spring"),
        pytest.param("0 * * * *", "2026-10-24 00:00", 72, id="hourly-autumn"),
    ],
)  # fmt: skip
async def test_fire_three_schedulers_of_which_some_die_no_slot_of_a_clock_change_is_doubled_or_missed(
    timed, cron, begin, expected
):
    timed.clock.advance(utc(begin) - timedelta(seconds=1) - timed.clock.now())
    await define(timed, cron=cron, timezone="Europe/Berlin")
    schedule_id = (await schedule(timed))["id"]
    chance = random.Random(cron + begin)

    async def one(*, dies: bool) -> None:
        with contextlib.suppress(ConnectionAbortedError):
            async with timed.database.unit_of_work() as uow:
                await fire(uow, REGISTRY, schedule_id)
                if dies:
                    raise ConnectionAbortedError  # killed before its commit

    for _ in range(72 * 4):
        timed.clock.advance(timedelta(minutes=15))
        jump = timedelta(seconds=chance.choice([0, 0, 90, -90]))
        timed.clock.advance(jump)
        await asyncio.gather(*(one(dies=chance.random() < 0.3) for _ in range(3)))
        timed.clock.advance(-jump)
    await one(dies=False)

    found = sorted(datetime.fromisoformat(slot) for slot in await slots(timed))
    if isinstance(expected, list):
        assert found == [utc(text) for text in expected]
    else:
        assert found[:expected] == [utc(begin) + timedelta(hours=hour) for hour in range(expected)]


async def test_fire_by_interval_keeps_its_rhythm_and_catches_up(timed):
    await define(timed, name="often", cron=None, interval=timedelta(seconds=40))
    timed.clock.advance(timedelta(seconds=41))
    assert await fire_due(timed) == 1
    timed.clock.advance(timedelta(seconds=150))
    assert await fire_due(timed) == 3

    found = [datetime.fromisoformat(slot) for slot in await slots(timed)]
    assert found == [START + timedelta(seconds=40 * number) for number in range(1, 5)]


async def test_fire_after_a_pause_catch_up_runs_every_missed_slot(timed):
    await define(timed, missed="catch_up")
    timed.clock.advance(timedelta(hours=3, minutes=10))

    assert await fire_due(timed) == 4

    assert [slot[11:16] for slot in await slots(timed)] == ["10:00", "11:00", "12:00", "13:00"]
    assert (await schedule(timed))["next_run_at"] == TEN + timedelta(hours=4)


async def test_fire_after_a_long_pause_catch_up_goes_on_in_the_next_transaction(timed):
    await define(timed, cron="* * * * *", missed="catch_up")
    timed.clock.advance(timedelta(minutes=700))

    assert [await fire_due(timed) for _ in range(3)] == [500, 200, 0]
    assert len(set(await slots(timed))) == 700


async def test_fire_after_a_pause_skip_runs_only_a_slot_that_is_hardly_late(timed):
    await define(timed, missed="skip")
    timed.clock.advance(timedelta(hours=3, minutes=10))
    assert await fire_due(timed) == 0
    assert (await schedule(timed))["last_run_at"] is None

    timed.clock.advance(timedelta(hours=2, minutes=-9))  # 15:01, with 14:00 missed too
    assert await fire_due(timed) == 1
    assert [slot[11:16] for slot in await slots(timed)] == ["15:00"]


async def test_fire_clock_set_back_after_a_slot_does_not_fire_it_again(timed):
    await define(timed)
    timed.clock.advance(timedelta(seconds=40))
    assert await fire_due(timed) == 1
    timed.clock.advance(timedelta(seconds=-90))

    fired = []
    for _ in range(200):
        timed.clock.advance(timedelta(seconds=1))
        fired.append(await fire_due(timed))
    assert sum(fired) == 0


async def test_fire_paused_schedule_stays_silent(timed):
    await define(timed)
    await timed.database.reader().value("UPDATE schedules SET is_paused = true RETURNING id")
    timed.clock.advance(timedelta(hours=2))

    assert await fire_due(timed) == 0


async def test_fire_that_fails_leaves_the_slot_due(timed):
    await define(timed)
    timed.clock.advance(timedelta(minutes=1))
    schedule_id = (await schedule(timed))["id"]

    async def fire_and_fail():
        async with timed.database.unit_of_work() as uow:
            assert await fire(uow, REGISTRY, schedule_id) == 1
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fire_and_fail()

    assert await fire_due(timed) == 1


async def test_ensure_schedules_second_time_keeps_what_is_there(timed):
    await define(timed)
    await timed.database.reader().value("UPDATE schedules SET cron = '5 * * * *' RETURNING id")
    await define(timed, cron="30 * * * *")

    assert (await schedule(timed))["cron"] == "5 * * * *"


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # Berlin, 29 March 2026: 02:00 becomes 03:00 (01:00 UTC); 25 October: 03:00 becomes 02:00 (01:00 UTC)
        pytest.param("30 2 * * *", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"], id="skipped-hour"),
        pytest.param("30 2 * * *", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"], id="doubled-once"),
        pytest.param(
            "0 * * * *", "2026-03-28 23:30",
            ["2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"], id="hourly-spring",
        ),
        pytest.param(
            "0 * * * *", "2026-10-24 23:30",
            ["2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 03:00"], id="hourly-autumn",
        ),
        pytest.param("0 9 * * 1", "2026-03-27 12:00", ["2026-03-30 07:00", "2026-04-06 07:00"], id="weekly"),
        pytest.param("45 2 * * *", "2026-10-25 01:15", ["2026-10-26 01:45"], id="asked-within-the-doubled-hour"),
    ],
)  # fmt: skip
def test_next_slot_in_berlin_is_right_across_both_changes(cron, after, expected):
    moment, found = utc(after), []
    for _ in expected:
        moment = next_slot(cron, "Europe/Berlin", moment)
        found.append(moment)

    assert found == [utc(text) for text in expected]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("cron", ["0 * * * *", "30 2 * * *", "10 0 * * *", "0 9 1 * *"])
def test_next_slot_through_a_year_only_goes_forward(zone, cron):
    moment, end = utc("2026-01-01 00:00"), utc("2027-01-01 00:00")
    count = 0
    while moment < end:
        following = next_slot(cron, zone, moment)
        assert following > moment
        moment, count = following, count + 1
    per_year = {"0 * * * *": 8760, "30 2 * * *": 365, "10 0 * * *": 365, "0 9 1 * *": 12}
    assert abs(count - per_year[cron]) <= 3


def test_next_slot_unknown_zone_or_cron_is_refused():
    with pytest.raises(Exception, match="Mars"):
        next_slot("0 * * * *", "Mars/Base", START)
    with pytest.raises(Exception, match="Bad minute"):
        next_slot("99 * * * *", "UTC", START)
