"""The stream broker, without a worker around it."""

from __future__ import annotations

import asyncio
import time

import pytest
from redis.asyncio import Redis
from taskiq.message import TaskiqMessage

from synergy_worker import broker as broker_module
from synergy_worker.broker import StreamBroker

LIMITS = {"test:short": 4, "test:long": 1}


async def some_task(_text: str) -> None:
    """Only its name matters."""


class Bench:
    """Brokers on one Redis, and what they were handed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis = Redis.from_url(url)
        self.brokers: list[StreamBroker] = []

    async def broker(self) -> StreamBroker:
        broker = StreamBroker(self.url, LIMITS, group="workers")
        broker.is_worker_process = True
        broker.register_task(some_task, task_name="some_task")
        await broker.startup()
        self.brokers.append(broker)
        return broker

    async def send(self, *texts: str, stream: str = "test:short") -> None:
        sender = StreamBroker(self.url, LIMITS, group="workers")
        messages = [
            TaskiqMessage(task_id=text, task_name="some_task", labels={"queue_name": stream}, args=[text], kwargs={})
            for text in texts
        ]
        await sender.send([sender.formatter.dumps(message) for message in messages])
        await sender.shutdown()

    async def take(self, broker: StreamBroker, count: int, seconds: float = 5) -> list:
        """The next messages of a broker that goes on listening."""
        if not hasattr(broker, "stream"):
            broker.stream = broker.listen()
        async with asyncio.timeout(seconds):
            messages = [await anext(broker.stream) for _ in range(count)]
        for text in self.texts(broker, messages):
            broker.begin(text)
        return messages

    def texts(self, broker: StreamBroker, messages: list) -> list[str]:
        return [broker.formatter.loads(message.data).args[0] for message in messages]

    async def pending(self, stream: str = "test:short") -> int:
        return (await self.redis.xpending(stream, "workers"))["pending"]


@pytest.fixture
async def bench(base_settings):
    bench = Bench(base_settings.broker_url)
    await bench.redis.flushall()  # a server that the tests of this process started for themselves
    yield bench
    for broker in bench.brokers:
        if hasattr(broker, "stream"):
            await broker.stream.aclose()
        await broker.shutdown()
    await bench.redis.aclose()


@pytest.fixture
def quick(monkeypatch):
    """Lost after half a second."""
    monkeypatch.setattr(broker_module, "LOST_AFTER_MS", 500)
    monkeypatch.setattr(broker_module, "CLAIM_SECONDS", 0.1)
    monkeypatch.setattr(broker_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(broker_module, "BLOCK_MS", 100)


async def until(true, seconds=5):
    deadline = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_listen_messages_sent_before_the_first_worker_arrive_in_order(bench):
    await bench.send("a", "b", "c")
    broker = await bench.broker()

    taken = await bench.take(broker, 3)

    assert bench.texts(broker, taken) == ["a", "b", "c"]


async def test_ack_takes_the_message_out_of_stream_and_group(bench):
    await bench.send("a", "b")
    broker = await bench.broker()
    taken = await bench.take(broker, 2)
    assert (await bench.redis.xlen("test:short"), await bench.pending()) == (2, 2)

    for message in taken:
        await message.ack()

    async def gone():
        return (await bench.redis.xlen("test:short"), await bench.pending()) == (0, 0)

    await until(gone)


async def test_listen_holds_no_more_than_the_limit_of_each_stream(bench):
    await bench.send(*map(str, range(10)))
    await bench.send(*map(str, range(10)), stream="test:long")
    broker = await bench.broker()

    taken = await bench.take(broker, 5)

    assert (await bench.pending(), await bench.pending("test:long")) == (4, 1)
    with pytest.raises(TimeoutError):
        await bench.take(broker, 1, 0.3)
    broker.stream = broker.listen()
    await taken[0].ack()
    assert len(await bench.take(broker, 1)) == 1


async def test_listen_messages_of_a_dead_worker_are_taken_over_while_the_queue_is_idle(bench, quick):
    await bench.send("a", "b")
    dead, living = await bench.broker(), await bench.broker()
    await bench.take(dead, 2)
    dead._upkeep.cancel()  # it renews nothing any more

    taken = await bench.take(living, 2)

    assert sorted(bench.texts(living, taken)) == ["a", "b"]
    assert await bench.pending() == 2  # each is held by one


async def test_listen_message_under_way_for_long_is_not_taken_over(bench, quick):
    await bench.send("a")
    busy, idle = await bench.broker(), await bench.broker()
    await bench.take(busy, 1)

    with pytest.raises(TimeoutError):
        await bench.take(idle, 1, 2)


async def test_listen_fetched_and_never_begun_is_taken_over(bench, quick):
    await bench.send("a", "b", "c")
    busy, idle = await bench.broker(), await bench.broker()
    await bench.take(busy, 1)  # it has room for one, and fetched all three

    assert bench.texts(idle, await bench.take(idle, 2)) == ["b", "c"]


async def test_listen_ended_gives_back_what_was_not_begun_at_once(bench):
    await bench.send("a", "b", "c")
    ending = await bench.broker()
    await bench.take(ending, 1)
    await ending.stream.aclose()
    other = await bench.broker()

    assert sorted(bench.texts(other, await bench.take(other, 2, 3))) == ["b", "c"]


async def test_shutdown_leaves_no_consumer_behind(bench):
    broker = await bench.broker()
    await bench.send("a")
    [message] = await bench.take(broker, 1)
    await message.ack()
    await broker.stream.aclose()

    await broker.shutdown()

    assert await bench.redis.xinfo_consumers("test:short", "workers") == []
    assert await bench.redis.xlen("test:short") == 0


async def test_upkeep_consumers_of_dead_workers_are_removed_but_none_that_holds_something(bench, quick, monkeypatch):
    monkeypatch.setattr(broker_module, "DEAD_CONSUMER_MS", 300)
    monkeypatch.setattr(broker_module, "TIDY_SECONDS", 0.1)
    broker = await bench.broker()
    await bench.send("a")
    await bench.take(broker, 1)
    await broker.stream.aclose()  # else it would fetch the next one too
    await bench.redis.xgroup_createconsumer("test:short", "workers", "long gone")
    await bench.send("b")
    await bench.redis.xreadgroup("workers", "died with work", {"test:short": ">"}, count=1)
    await bench.redis.xclaim("test:short", "workers", "died with work", 0, ["0-1"])

    async def names():
        return {row["name"].decode() for row in await bench.redis.xinfo_consumers("test:short", "workers")}

    async def tidy():
        return "long gone" not in await names()

    await until(tidy)
    assert {"died with work", broker.consumer_name} <= await names()


@pytest.mark.parametrize(
    "fields",
    [
        {b"data": b"\xff\xfe"},
        {b"data": b"{}"},
        {b"data": b"[1, 2]"},
        {b"data": b""},
        {b"something": b"else"},
        {b"data": b'{"task_id": "1", "task_name": "unheard_of", "labels": {}, "args": [], "kwargs": {}}'},
    ],
)
async def test_listen_malformed_or_unknown_message_is_removed_and_the_next_one_arrives(bench, fields):
    broker = await bench.broker()
    await bench.redis.xadd("test:short", fields)
    await bench.send("good")

    assert bench.texts(broker, await bench.take(broker, 1)) == ["good"]

    async def only_the_good_one():
        return await bench.redis.xlen("test:short") == 1

    await until(only_the_good_one)


async def test_listen_as_many_messages_kept_as_it_may_hold_it_goes_on_with_the_next(bench, quick):
    broker = await bench.broker()

    async def cannot_keep_it(_stream, _data, _fault):
        raise ConnectionError("the database is away")

    broker.on_reject = cannot_keep_it
    for _ in range(LIMITS["test:short"]):
        await bench.redis.xadd("test:short", {b"data": b"{}"})
    await bench.send("good")

    assert bench.texts(broker, await bench.take(broker, 1)) == ["good"]


async def test_listen_redis_emptied_the_group_is_made_again(bench):
    broker = await bench.broker()
    await bench.send("a")
    [message] = await bench.take(broker, 1)
    await bench.redis.flushall()
    await message.ack()

    await bench.send("b", "c")

    assert bench.texts(broker, await bench.take(broker, 2)) == ["b", "c"]


async def test_listen_group_destroyed_what_was_under_way_comes_again(bench):
    broker = await bench.broker()
    await bench.send("a")
    await bench.take(broker, 1)
    await bench.redis.xgroup_destroy("test:short", "workers")

    assert bench.texts(broker, await bench.take(broker, 1)) == ["a"]


async def test_listen_connection_cut_it_connects_again(bench):
    broker = await bench.broker()
    waiting = asyncio.create_task(bench.take(broker, 1, 10))
    await asyncio.sleep(0.3)
    for client in await bench.redis.client_list():
        if client["cmd"].startswith("xreadgroup"):
            await bench.redis.client_kill_filter(_id=client["id"])

    await bench.send("a")

    assert bench.texts(broker, await waiting) == ["a"]


async def test_task_ids_names_what_waits_or_is_under_way(bench, monkeypatch):
    monkeypatch.setattr(broker_module, "PAGE", 2)
    broker = await bench.broker()
    await bench.send("a", "b", "c", "d", "e")
    taken = await bench.take(broker, 2)
    await taken[0].ack()

    async def without_the_done_one():
        return await broker.task_ids("test:short") == {"b", "c", "d", "e"}

    await until(without_the_done_one)
    assert await broker.depths() == {"test:short": 4, "test:long": 0}
