"""Jobs that wait for other servers: leased, recorded once, taken back when their owner is gone."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import asyncpg
import pytest

from synergy_platform.ids import new_id
from synergy_platform.jobs import (
    MAX_ATTEMPTS,
    HardLimitExceeded,
    IoHandler,
    JobHandler,
    Lease,
    Registry,
    StillInHand,
    WorkerDied,
    record_victim,
    run_io_job,
    run_job,
    take_back_lost,
)
from synergy_platform.outbox import mark_published, published_before

NOTE = "INSERT INTO process_heartbeats (process, role, seen_at) VALUES ($1, 'test', now()) RETURNING process"
NOTES = "SELECT process FROM process_heartbeats ORDER BY seen_at"


class Sending:
    """A handler whose server answers as the test says; it notes each outcome with a row."""

    def __init__(self, *again_after: float | None) -> None:
        self.again_after = list(again_after)
        self.attempts: list[int] = []
        self.reached = asyncio.Event()
        self.answer = asyncio.Event()

    async def __call__(self, _runtime, payload, attempt):
        self.attempts.append(attempt)
        self.reached.set()
        await self.answer.wait()
        seconds = self.again_after.pop(0) if self.again_after else None

        async def finish(uow):
            await uow.value(NOTE, f"{payload['name']} {attempt}")
            return None if seconds is None else timedelta(seconds=seconds)

        return finish


def registry_of(handler, **more):
    return Registry((IoHandler(name="send", function=handler, **more),))


async def enqueue(runtime, name="send", queue="io"):
    async with runtime.database.unit_of_work() as uow:
        return uow.enqueue(name, {"name": "a"}, queue=queue)


async def stored(runtime, job_id):
    return await runtime.database.reader().row("SELECT *, history::text AS told FROM jobs WHERE id = $1", job_id)


async def notes(runtime):
    return [row["process"] for row in await runtime.database.reader().rows(NOTES)]


@pytest.fixture
async def lease(own_runtime):
    lease = Lease(own_runtime)
    yield lease
    await lease.end()


@pytest.fixture
async def direct(own_runtime):
    connection = await own_runtime.database.connect_directly()
    yield connection
    await connection.close()


async def test_run_io_job_holds_no_transaction_while_it_waits_and_records_once(own_runtime, lease, direct):
    sending, job_id = Sending(), await enqueue(own_runtime)
    owner = await lease.owner()
    registry = registry_of(sending)

    running = asyncio.create_task(run_io_job(own_runtime, registry, owner, job_id))
    await sending.reached.wait()
    assert (await stored(own_runtime, job_id))["owner"] == owner
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()"
    assert await direct.fetchval(open_ones) == 0
    assert await run_io_job(own_runtime, registry, owner, job_id) == "not_mine"
    sending.answer.set()

    assert await running == "done"
    assert await notes(own_runtime) == ["a 1"]
    assert await stored(own_runtime, job_id) is None
    assert sending.attempts == [1]


async def test_run_io_job_that_asks_for_another_try_gets_it_after_its_time(own_runtime, lease, direct):
    sending, job_id = Sending(30, None), await enqueue(own_runtime)
    sending.answer.set()

    assert await run_io_job(own_runtime, registry_of(sending), await lease.owner(), job_id) == "again"

    row = await stored(own_runtime, job_id)
    assert (row["state"], row["attempts"], row["owner"], row["published_at"]) == ("waiting", 1, None, None)
    assert 29 < (row["run_at"] - own_runtime.clock.now()).total_seconds() < 31
    assert await mark_published(direct, "io", own_runtime.clock.now()) == []
    [due] = await mark_published(direct, "io", own_runtime.clock.now() + timedelta(seconds=31))
    assert await run_io_job(own_runtime, registry_of(sending), await lease.owner(), due.id) == "done"
    assert await notes(own_runtime) == ["a 1", "a 2"]


async def test_run_io_job_with_a_fault_of_ours_is_dead_after_five_tries_with_its_history(own_runtime, lease):
    async def fail(_runtime, _payload, _attempt):
        raise ValueError("on purpose")

    job_id = await enqueue(own_runtime)
    owner = await lease.owner()
    outcomes = [await run_io_job(own_runtime, registry_of(fail), owner, job_id) for _ in range(MAX_ATTEMPTS)]

    assert outcomes == ["failed"] * 4 + ["dead"]
    row = await stored(own_runtime, job_id)
    assert (row["state"], row["attempts"], row["owner"]) == ("dead", MAX_ATTEMPTS, None)
    assert row["told"].count("ValueError: on purpose") == MAX_ATTEMPTS
    assert row["died_at"] is not None


async def test_run_io_job_that_fails_after_many_asked_for_tries_is_not_dead_yet(own_runtime, lease):
    async def fail(_runtime, _payload, _attempt):
        raise ValueError("on purpose")

    job_id = await enqueue(own_runtime)
    await own_runtime.database.reader().value("UPDATE jobs SET attempts = 7 RETURNING id")

    assert await run_io_job(own_runtime, registry_of(fail), await lease.owner(), job_id) == "failed"
    assert (await stored(own_runtime, job_id))["attempts"] == 8


async def test_run_io_job_over_its_limit_counts_as_failure(own_runtime, lease):
    sending, job_id = Sending(), await enqueue(own_runtime)
    registry = registry_of(sending, soft_timeout=0.1)

    assert await run_io_job(own_runtime, registry, await lease.owner(), job_id) == "failed"

    assert (await stored(own_runtime, job_id))["error"].startswith("TimeoutError")


async def test_run_io_job_cancelled_goes_back_as_it_was(own_runtime, lease):
    sending, job_id = Sending(), await enqueue(own_runtime)
    running = asyncio.create_task(run_io_job(own_runtime, registry_of(sending), await lease.owner(), job_id))
    await sending.reached.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    row = await stored(own_runtime, job_id)
    assert (row["attempts"], row["owner"], row["published_at"]) == (0, None, None)


async def test_run_io_job_whose_failure_cannot_be_recorded_at_once_does_not_keep_its_lease(
    own_runtime, lease, monkeypatch
):
    """The lease outlives the outage when only the pooler was away: nobody would take the job back from it."""

    async def broken(runtime, _payload, _attempt):
        async def unreachable(*_args):
            raise ConnectionRefusedError

        # its reader is the one that records the failure; the next one reaches the database again
        reader = runtime.database.reader()
        reader.value = unreachable
        readers = [reader]
        make = runtime.database.reader
        monkeypatch.setattr(runtime.database, "reader", lambda: readers.pop() if readers else make())
        raise ValueError("of our own")

    job_id = await enqueue(own_runtime)

    assert await run_io_job(own_runtime, registry_of(broken), await lease.owner(), job_id) == "failed"

    row = await stored(own_runtime, job_id)
    assert (row["attempts"], row["owner"]) == (1, None)


async def test_run_io_job_while_others_hold_all_connections_sends_once_and_records_later(
    own_runtime, lease, monkeypatch
):
    sending = Sending()
    sending.answer.set()
    job_id = await enqueue(own_runtime)
    pool = own_runtime.database._engine.sync_engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.1)
    async with contextlib.AsyncExitStack() as others:
        for _ in range(pool.size()):
            uow = await others.enter_async_context(own_runtime.database.unit_of_work())
            await uow.value("SELECT 1")
        running = asyncio.create_task(run_io_job(own_runtime, registry_of(sending), await lease.owner(), job_id))
        await sending.reached.wait()
        await asyncio.sleep(0.3)

    assert await running == "done"
    assert sending.attempts == [1]


async def test_take_back_lost_frees_what_a_dead_owner_held_and_nothing_else(own_runtime, direct):
    living, dying = Lease(own_runtime), Lease(own_runtime)
    sending, jobs = Sending(), [await enqueue(own_runtime) for _ in range(2)]
    registry = registry_of(sending)
    running = [
        asyncio.create_task(run_io_job(own_runtime, registry, await owner.owner(), job_id))
        for owner, job_id in zip((living, dying), jobs, strict=True)
    ]
    while len(sending.attempts) < 2:  # noqa: ASYNC110 - the handler counts
        await asyncio.sleep(0.01)
    assert await take_back_lost(direct) == 0

    await dying.end()
    while await take_back_lost(direct) != 1:  # noqa: ASYNC110 - the server tells nobody that a session is gone
        await asyncio.sleep(0.01)

    assert [(await stored(own_runtime, job_id))["owner"] is None for job_id in jobs] == [False, True]
    sending.answer.set()
    # what the one without a lease sent may have been sent: it is done again, and only that counts
    assert await asyncio.gather(*running) == ["done", "not_mine"]
    assert await notes(own_runtime) == ["a 1"]
    await living.end()


async def test_lease_whose_connection_was_cut_is_renewed_under_another_number(own_runtime, lease, direct):
    first = await lease.owner()
    assert await lease.owner() == first

    await direct.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::int8::oid", first
    )
    await asyncio.sleep(0.2)

    assert await lease.owner() != first


async def test_sweep_leaves_alone_what_is_leased(own_runtime, lease, direct):
    job_id = await enqueue(own_runtime)
    await mark_published(direct, "io", own_runtime.clock.now())
    later = own_runtime.clock.now() + timedelta(minutes=1)
    assert [found for found, _ in await published_before(direct, "io", later)] == [job_id]

    owner = await lease.owner()
    await own_runtime.database.reader().value("UPDATE jobs SET owner = $1 RETURNING id", owner)

    assert await published_before(direct, "io", later) == []


async def test_run_job_in_the_wrong_queue_fails_or_is_left_alone(own_runtime, lease):
    async def nothing(_runtime, _uow, _payload):
        """Never reached."""

    registry = Registry((IoHandler(name="send", function=Sending()), JobHandler(name="note", function=nothing)))
    in_fast, in_io = await enqueue(own_runtime, queue="fast"), await enqueue(own_runtime, "note")

    assert await run_job(own_runtime, registry, in_io) == "not_mine"
    assert await run_job(own_runtime, registry, in_fast) == "failed"
    assert await run_io_job(own_runtime, registry, await lease.owner(), in_io) == "failed"


@pytest.mark.parametrize(("error", "outcome"), [(HardLimitExceeded("it"), "dead"), (WorkerDied("it"), "failed")])
async def test_record_victim_says_what_its_worker_died_of(own_runtime, error, outcome):
    job_id = await enqueue(own_runtime, queue="fast")

    assert await record_victim(own_runtime, job_id, error, 600_000) == outcome

    row = await stored(own_runtime, job_id)
    assert (row["attempts"], row["state"]) == (1, "dead" if outcome == "dead" else "waiting")
    assert str(error) in row["error"]
    if outcome == "failed":
        assert row["run_at"] <= own_runtime.clock.now()  # the first time, it need not wait for what another job did
    assert await record_victim(own_runtime, new_id(), error, 1) == "not_mine"


async def test_record_victim_that_somebody_else_has_in_hand_is_left_to_them(own_runtime, lease, direct):
    job_id, sending, dead = await enqueue(own_runtime), Sending(), Lease(own_runtime)
    await own_runtime.database.reader().value("UPDATE jobs SET owner = $1 RETURNING id", await dead.owner())
    await dead.end()
    while await take_back_lost(direct) != 1:  # noqa: ASYNC110 - the server tells nobody that a session is gone
        await asyncio.sleep(0.01)
    running = asyncio.create_task(run_io_job(own_runtime, registry_of(sending), await lease.owner(), job_id))
    await sending.reached.wait()

    with pytest.raises(StillInHand):
        await record_victim(own_runtime, job_id, WorkerDied("it"), 1)
    sending.answer.set()

    assert await running == "done"
    assert await notes(own_runtime) == ["a 1"]
    assert await record_victim(own_runtime, job_id, WorkerDied("it"), 1) == "not_mine"


async def test_record_victim_while_the_dead_ones_transaction_lasts_says_that_it_is_locked(own_runtime, direct):
    job_id = await enqueue(own_runtime, queue="fast")
    async with direct.transaction():
        await direct.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job_id)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await record_victim(own_runtime, job_id, WorkerDied("it"), 1)
