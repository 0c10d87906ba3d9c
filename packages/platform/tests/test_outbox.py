"""The outbox: numbers without gaps, jobs for subscribers, publishing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from synergy_platform.database import LEDGER_CHANNEL, OUTBOX_CHANNEL, listening
from synergy_platform.events import Event
from synergy_platform.ids import new_id
from synergy_platform.jobs import JobHandler, Registry, run_job
from synergy_platform.outbox import mark_published, number_events, published_before, unmark


class ThingChanged(Event):
    TYPE = "thing.changed"
    OBJECT = "thing"

    step: int


async def nothing(_runtime, _uow, _payload):
    """The outbox only needs its name."""


REGISTRY = Registry(
    (
        JobHandler(name="first", function=nothing, events=frozenset({"thing.changed"})),
        JobHandler(
            name="second", function=nothing, events=frozenset({"thing.changed"}), queue="bulk", skips_quiet=True
        ),
    )
)
NOBODY = Registry(())


async def emit(runtime, *steps, object_id=None, quiet=False):
    async with runtime.database.unit_of_work() as uow:
        for step in steps:
            uow.emit(ThingChanged(object_id=object_id or new_id(), step=step), by=None, quiet=quiet)


async def ledger(runtime):
    return await runtime.database.reader().rows("SELECT seq, object_id, data->>'step' AS step FROM events ORDER BY seq")


async def test_number_events_two_relays_at_a_time_no_gap_and_none_twice(own_runtime):
    relays = [await own_runtime.database.connect_directly() for _ in range(2)]
    stop = asyncio.Event()

    async def relay(connection):
        while not stop.is_set() or await number_events(connection, REGISTRY, own_runtime.clock.now(), limit=7):
            await number_events(connection, REGISTRY, own_runtime.clock.now(), limit=7)

    tasks = [asyncio.create_task(relay(connection)) for connection in relays]
    things = [new_id() for _ in range(4)]

    async def write(thing):
        for step in range(40):
            await emit(own_runtime, step, object_id=thing)

    await asyncio.gather(*(write(thing) for thing in things))
    stop.set()
    await asyncio.gather(*tasks)

    rows = await ledger(own_runtime)
    assert [row["seq"] for row in rows] == list(range(1, 161))
    for thing in things:  # each object's in the order in which they happened
        assert [int(row["step"]) for row in rows if row["object_id"] == thing] == list(range(40))
    assert await own_runtime.database.reader().value("SELECT last_seq FROM ledger_head") == 160
    for name in ("first", "second"):
        count = "SELECT count(DISTINCT dedup_key) FROM jobs WHERE name = $1"
        assert await own_runtime.database.reader().value(count, name) == 160
    for connection in relays:
        await connection.close()


async def test_number_events_reader_never_sees_a_later_number_first(own_runtime):
    relay = await own_runtime.database.connect_directly()
    seen: list[int] = []
    done = asyncio.Event()

    async def read():
        while not done.is_set():
            numbers = await own_runtime.database.reader().rows(
                "SELECT seq FROM events WHERE seq > $1 ORDER BY seq", len(seen)
            )
            seen.extend(row["seq"] for row in numbers)

    reading = asyncio.create_task(read())
    for step in range(30):
        await emit(own_runtime, step, step)
        await number_events(relay, NOBODY, own_runtime.clock.now())
    await asyncio.sleep(0.1)
    done.set()
    await reading
    assert seen == list(range(1, 61))
    await relay.close()


async def test_number_events_uncommitted_one_does_not_hold_up_the_others(own_runtime):
    relay = await own_runtime.database.connect_directly()
    async with own_runtime.database.unit_of_work() as slow:
        slow.emit(ThingChanged(object_id=new_id(), step=1), by=None)
        await slow.write_outbox()
        slow._events.clear()
        await emit(own_runtime, 2)
        assert await number_events(relay, NOBODY, own_runtime.clock.now()) == 1
    assert await number_events(relay, NOBODY, own_runtime.clock.now()) == 1

    assert [row["step"] for row in await ledger(own_runtime)] == ["2", "1"]
    await relay.close()


async def test_number_events_jobs_name_the_event_and_carry_its_request_id(own_runtime):
    relay = await own_runtime.database.connect_directly()
    async with own_runtime.database.unit_of_work() as uow:
        uow._request_id = "request-3"
        uow.emit(ThingChanged(object_id=new_id(), step=1), by=None)
    await emit(own_runtime, 2, quiet=True)

    await number_events(relay, REGISTRY, own_runtime.clock.now())

    rows = await relay.fetch("SELECT name, queue, request_id, payload->>'event_id' AS event_id FROM jobs ORDER BY id")
    events = [row["id"] for row in await relay.fetch("SELECT id FROM events ORDER BY seq")]
    assert [(row["name"], row["queue"], row["request_id"], UUID(row["event_id"])) for row in rows] == [
        ("first", "fast", "request-3", events[0]),
        ("second", "bulk", "request-3", events[0]),
        ("first", "fast", None, events[1]),  # nobody is to be notified of the quiet one
    ]
    await relay.close()


async def test_number_events_listeners_are_told_the_last_number(own_runtime):
    relay = await own_runtime.database.connect_directly()
    listener = await own_runtime.database.connect_directly()
    told: list[str] = []
    async with listening(listener, LEDGER_CHANNEL, told.append):
        await emit(own_runtime, 1, 2, 3)
        await number_events(relay, NOBODY, own_runtime.clock.now())
        await number_events(relay, NOBODY, own_runtime.clock.now())  # nothing new, nobody is woken
        await asyncio.sleep(0.2)
    assert told == ["3"]
    await relay.close()
    await listener.close()


async def test_mark_published_takes_what_is_due_in_order_and_only_once(own_runtime):
    relay = await own_runtime.database.connect_directly()
    async with own_runtime.database.unit_of_work() as uow:
        ids = [uow.enqueue("first", {"n": n}) for n in range(5)]
        uow.enqueue("first", delay=timedelta(minutes=1))
        bulk = uow.enqueue("second", queue="bulk")
    now = own_runtime.clock.now()

    taken = await mark_published(relay, "fast", now, limit=3)
    rest = await mark_published(relay, "fast", now)

    assert [job.id for job in taken + rest] == ids
    assert await mark_published(relay, "fast", now) == []
    assert len(await mark_published(relay, "fast", now + timedelta(minutes=2))) == 1
    assert [job.id for job in await mark_published(relay, "bulk", now)] == [bulk]
    await relay.close()


async def test_unmark_job_that_is_being_done_is_left_alone(own_runtime):
    relay = await own_runtime.database.connect_directly()
    async with own_runtime.database.unit_of_work() as uow:
        ids = [uow.enqueue("first"), uow.enqueue("first")]
    now = own_runtime.clock.now()
    await mark_published(relay, "fast", now)
    assert await published_before(relay, "fast", now - timedelta(seconds=1)) == []
    assert sorted(await published_before(relay, "fast", now)) == sorted((job_id, now) for job_id in ids)

    async with own_runtime.database.unit_of_work() as doing:
        await doing.row("SELECT id FROM jobs WHERE id = $1 FOR UPDATE", ids[0])
        assert await unmark(relay, ids) == 1

    assert [job.id for job in await mark_published(relay, "fast", now)] == [ids[1]]
    await relay.close()


async def test_mark_published_of_one_object_only_the_next_that_is_not_done(own_runtime):
    relay = await own_runtime.database.connect_directly()
    thing = new_id()
    await emit(own_runtime, 1, 2, 3, object_id=thing)
    await emit(own_runtime, 1)
    await number_events(relay, REGISTRY, own_runtime.clock.now())
    told: list[str] = []
    done: list[int] = []

    async with listening(relay, OUTBOX_CHANNEL, told.append):
        while due := await mark_published(relay, "fast", own_runtime.clock.now()):
            done.append(len(due))
            for job in due:
                assert await run_job(own_runtime, REGISTRY, job.id) == "done"
        await asyncio.sleep(0.2)

    assert done == [2, 1, 1]  # the first of each object, then one by one
    assert len(told) == 2  # whoever does one tells that there is another
    await relay.close()


async def test_mark_published_behind_a_failed_event_waits_until_it_is_done_or_dead(own_runtime):
    relay = await own_runtime.database.connect_directly()
    await emit(own_runtime, 1, 2, object_id=new_id())
    await number_events(relay, REGISTRY, own_runtime.clock.now())
    [first] = await mark_published(relay, "fast", own_runtime.clock.now())
    await relay.execute(
        "UPDATE jobs SET published_at = NULL, run_at = now() + interval '1 hour' WHERE id = $1", first.id
    )

    assert await mark_published(relay, "fast", own_runtime.clock.now()) == []

    await relay.execute("UPDATE jobs SET state = 'dead' WHERE id = $1", first.id)
    assert len(await mark_published(relay, "fast", own_runtime.clock.now())) == 1
    await relay.close()


async def test_mark_published_of_thousands_does_not_compare_each_with_all(own_runtime):
    relay = await own_runtime.database.connect_directly()
    await emit(own_runtime, *range(4000))
    while await number_events(relay, REGISTRY, own_runtime.clock.now()):
        pass
    await relay.execute("SET statement_timeout = '3s'")  # each with all takes many times this, one by one a hundredth

    assert len(await mark_published(relay, "fast", own_runtime.clock.now())) == 500
    await relay.close()
