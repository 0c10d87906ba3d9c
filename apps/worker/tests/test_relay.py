"""The relay: one is active, and what it leaves behind when it dies is taken up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta

import pytest

from synergy_platform.events import Event
from synergy_platform.ids import new_id
from synergy_platform.jobs import JobHandler, Registry
from synergy_platform.outbox import mark_published, number_events
from synergy_worker import relay as relay_module
from synergy_worker.jobqueue import JobQueue, QueueAway, make_broker
from synergy_worker.relay import Relay


class ThingChanged(Event):
    TYPE = "thing.changed"
    OBJECT = "thing"

    step: int


async def nothing(_runtime, _uow, _payload):
    """Nobody does jobs here."""


REGISTRY = Registry((JobHandler(name="test.on_event", function=nothing, events=frozenset({"thing.changed"})),))


@pytest.fixture
async def queue(work):
    broker = make_broker(work.runtime.settings)
    yield JobQueue(broker)
    await broker.shutdown()


@contextlib.asynccontextmanager
async def relaying(work, queue, count=1):
    tasks = [asyncio.create_task(Relay(work.runtime, REGISTRY, queue).run()) for _ in range(count)]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def emit(work, *steps, object_id=None):
    async with work.runtime.database.unit_of_work() as uow:
        for step in steps:
            uow.emit(ThingChanged(object_id=object_id or new_id(), step=step), by=None)


async def numbers(work):
    return [row["seq"] for row in await work.connection.fetch("SELECT seq FROM events ORDER BY seq")]


async def test_relay_events_are_numbered_and_published_soon_after_the_commit(work, queue):
    async with relaying(work, queue):
        await emit(work, 0)
        await work.until(lambda: _depth(queue, 1))  # it is elected and listens
        started = time.perf_counter()
        await emit(work, 1, 2)
        await work.until(lambda: _depth(queue, 3))
        took = time.perf_counter() - started

    assert await numbers(work) == [1, 2, 3]
    assert took < 0.9  # woken, not by the poll


async def test_relay_while_two_run_one_is_elected_and_the_other_takes_over(work, queue):
    async with relaying(work, queue, 2):
        await emit(work, 1)
        await work.until(lambda: _depth(queue, 1))
        assert await _elected(work) == 1

        await work.connection.fetch(
            """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        )
        await emit(work, 2)
        await work.until(lambda: _depth(queue, 2))
        assert await _elected(work) == 1

    assert await numbers(work) == [1, 2]


async def test_relay_killed_between_numbering_and_publishing_loses_nothing(work, queue):
    await emit(work, *range(5))
    await number_events(work.connection, REGISTRY, work.runtime.clock.now())

    async with relaying(work, queue):
        await work.until(lambda: _depth(queue, 5))


async def test_relay_killed_between_marking_and_sending_loses_nothing(work, queue):
    await emit(work, *range(5))
    await number_events(work.connection, REGISTRY, work.runtime.clock.now())
    assert len(await mark_published(work.connection, "fast", work.runtime.clock.now())) == 5

    async with relaying(work, queue):
        await work.until(lambda: _depth(queue, 5), 3)


async def test_relay_publishes_in_the_order_of_the_ledger(work, queue):
    await emit(work, *range(700))

    async with relaying(work, queue):
        await work.until(lambda: _depth(queue, 700))

    sent = [fields[b"task"].decode() for _, fields in await work.redis.xrange("synergy:jobs:fast")]
    in_order = await work.connection.fetch(
        "SELECT j.id FROM jobs j JOIN events e ON e.id = (j.payload->>'event_id')::uuid ORDER BY e.seq"
    )
    assert sent == [str(row["id"]) for row in in_order]


async def test_relay_message_that_got_lost_is_sent_again(work, queue, monkeypatch):
    monkeypatch.setattr(relay_module, "LOST_AFTER", timedelta(seconds=0.5))
    monkeypatch.setattr(relay_module, "SWEEP_SECONDS", 0.2)
    await work.enqueue("test.write", 3)
    async with relaying(work, queue):
        await work.until(lambda: _depth(queue, 3))
        [(gone, _), *_rest] = await work.redis.xrange("synergy:jobs:fast")
        await work.redis.xdel("synergy:jobs:fast", gone)

        await work.until(lambda: _depth(queue, 3))
        await asyncio.sleep(1)  # those that are there are not sent twice
        assert await queue.depth("fast") == 3


async def test_relay_while_redis_is_away_numbers_events_and_publishes_afterwards(work, queue):
    class Breakable(JobQueue):
        broken = True

        async def depth(self, name):
            if self.broken:
                raise QueueAway from ConnectionError("pulled")
            return await super().depth(name)

    breakable = Breakable(queue._broker)
    async with relaying(work, breakable):
        await emit(work, 1, 2)
        await work.until(lambda: _numbered(work, 2))
        assert await work.messages() == 0

        breakable.broken = False
        await work.until(lambda: _depth(queue, 2), 10)


async def test_relay_sending_fails_the_jobs_are_not_marked(work, queue):
    class Full(JobQueue):
        fails = 1

        async def publish(self, name, jobs):
            if self.fails:
                self.fails -= 1
                raise QueueAway from ConnectionError("OOM command not allowed")
            await super().publish(name, jobs)

    await work.enqueue("test.write", 3)
    async with relaying(work, Full(queue._broker)):
        await work.until(lambda: _depth(queue, 3), 3)


async def test_relay_more_jobs_than_the_queue_may_hold_wait_in_the_database(work, queue, monkeypatch):
    monkeypatch.setattr(relay_module, "DEEPEST_QUEUE", 10)
    await work.enqueue("test.write", 25)
    await work.enqueue("test.progress", 1, queue="bulk", steps=1)
    async with relaying(work, queue):
        await work.until(lambda: _depth(queue, 10))
        await asyncio.sleep(1.2)
        assert await queue.depth("fast") == 10
        assert await queue.depth("bulk") == 1

        await work.redis.xtrim("synergy:jobs:fast", maxlen=4, approximate=False)  # six were done
        await work.until(lambda: _depth(queue, 10), 3)


async def test_relay_job_with_a_delay_is_published_when_it_is_due(work, queue):
    async with work.runtime.database.unit_of_work() as uow:
        uow.enqueue("test.write", {"name": "later"}, delay=timedelta(seconds=1.5))
    async with relaying(work, queue):
        await asyncio.sleep(0.7)
        assert await queue.depth("fast") == 0
        await work.until(lambda: _depth(queue, 1), 5)


async def _depth(queue, count):
    return await queue.depth("fast") == count


async def _numbered(work, count):
    return await numbers(work) == list(range(1, count + 1))


async def _elected(work):
    return await work.connection.fetchval(
        """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    )
