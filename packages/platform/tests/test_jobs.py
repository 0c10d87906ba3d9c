"""One job: done exactly once, tried again, given up, in its order."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
import structlog

from synergy_platform.ids import new_id
from synergy_platform.jobs import (
    MAX_ATTEMPTS,
    RETRY_CAP_SECONDS,
    JobHandler,
    Registry,
    UnknownJob,
    retry_delay,
    run_job,
)
from synergy_platform.runtime import Runtime

NOTE = "INSERT INTO process_heartbeats (process, role, seen_at) VALUES ($1, 'test', now()) RETURNING process"
NOTES = "SELECT process FROM process_heartbeats ORDER BY seen_at"


async def note(_runtime, uow, payload):
    """Leaves a row: any table does that takes the same text only once."""
    await uow.value(NOTE, payload["name"])


async def note_and_fail(runtime, uow, payload):
    await note(runtime, uow, payload)
    raise ValueError("on purpose")


async def note_and_hang(runtime, uow, payload):
    await note(runtime, uow, payload)
    await asyncio.sleep(60)


async def note_request(_runtime, uow, _payload):
    await uow.value(NOTE, str(structlog.contextvars.get_contextvars().get("request.id")))


REGISTRY = Registry(
    (
        JobHandler(name="note", function=note),
        JobHandler(name="fail", function=note_and_fail),
        JobHandler(name="hang", function=note_and_hang, soft_timeout=0.2),
        JobHandler(name="request", function=note_request),
    )
)


async def enqueue(runtime, job_name="note", **payload):
    async with runtime.database.unit_of_work() as uow:
        return uow.enqueue(job_name, payload)


async def stored(runtime, job_id):
    return await runtime.database.reader().row("SELECT * FROM jobs WHERE id = $1", job_id)


async def notes(runtime):
    return [row["process"] for row in await runtime.database.reader().rows(NOTES)]


async def test_run_job_does_it_and_removes_the_row(own_runtime):
    job_id = await enqueue(own_runtime, name="a")

    assert await run_job(own_runtime, REGISTRY, job_id) == "done"

    assert await notes(own_runtime) == ["a"]
    assert await stored(own_runtime, job_id) is None
    assert await run_job(own_runtime, REGISTRY, job_id) == "not_mine"


async def test_run_job_several_at_a_time_only_one_does_it(own_runtime):
    job_id = await enqueue(own_runtime, name="a")

    outcomes = await asyncio.gather(*(run_job(own_runtime, REGISTRY, job_id) for _ in range(8)))

    assert sorted(outcomes) == ["done", *["not_mine"] * 7]
    assert await notes(own_runtime) == ["a"]


async def test_run_job_that_fails_leaves_no_effect_and_is_due_later(own_runtime):
    job_id = await enqueue(own_runtime, "fail", name="a")

    assert await run_job(own_runtime, REGISTRY, job_id) == "failed"

    row = await stored(own_runtime, job_id)
    assert (row["state"], row["attempts"], row["error"]) == ("waiting", 1, "ValueError: on purpose")
    assert row["published_at"] is None
    assert row["run_at"] > row["created_at"]
    assert await notes(own_runtime) == []


async def test_run_job_that_fails_five_times_is_dead_and_stays(own_runtime):
    job_id = await enqueue(own_runtime, "fail", name="a")

    outcomes = [await run_job(own_runtime, REGISTRY, job_id) for _ in range(MAX_ATTEMPTS + 1)]

    assert outcomes == ["failed"] * 4 + ["dead", "not_mine"]
    row = await stored(own_runtime, job_id)
    assert (row["state"], row["attempts"]) == ("dead", MAX_ATTEMPTS)
    assert await notes(own_runtime) == []


async def test_run_job_of_no_handler_waits_for_a_process_that_has_one(own_runtime):
    job_id = await enqueue(own_runtime, "gone", name="a")

    assert await run_job(own_runtime, REGISTRY, job_id) == "failed"

    assert "no handler is named gone" in (await stored(own_runtime, job_id))["error"]
    newer = Registry((*REGISTRY, JobHandler(name="gone", function=note)))
    assert await run_job(own_runtime, newer, job_id) == "done"
    never = await enqueue(own_runtime, "gone")
    assert [await run_job(own_runtime, REGISTRY, never) for _ in range(MAX_ATTEMPTS)][-1] == "dead"


async def test_run_job_over_its_soft_limit_is_cancelled_and_counted_as_failure(own_runtime):
    job_id = await enqueue(own_runtime, "hang", name="a")

    assert await run_job(own_runtime, REGISTRY, job_id) == "failed"

    assert (await stored(own_runtime, job_id))["error"].startswith("TimeoutError")
    assert await notes(own_runtime) == []


async def test_run_job_cancelled_goes_back_as_it_was(own_runtime):
    job_id = await enqueue(own_runtime, "hang", name="a")
    registry = Registry((JobHandler(name="hang", function=note_and_hang),))
    await own_runtime.database.reader().value("UPDATE jobs SET published_at = now() RETURNING id")

    task = asyncio.create_task(run_job(own_runtime, registry, job_id))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    row = await stored(own_runtime, job_id)
    assert (row["state"], row["attempts"], row["published_at"]) == ("waiting", 0, None)
    assert await notes(own_runtime) == []


async def test_run_job_binds_the_request_id_and_what_it_emits_has_it(own_runtime):
    job_id = await enqueue(own_runtime, "request")

    await run_job(own_runtime, REGISTRY, job_id, "request-9")

    assert await notes(own_runtime) == ["request-9"]
    assert "request.id" not in structlog.contextvars.get_contextvars()


async def in_lane(runtime, *numbers, object_id=None):
    """Jobs as the relay makes them for the events of one object."""
    object_id = object_id or new_id()
    async with runtime.database.unit_of_work() as uow:
        return [
            uow.enqueue("note", {"name": str(number)}, dedup_key=f"event:note:{object_id}:{number:019d}")
            for number in numbers
        ]


async def test_run_job_with_an_earlier_one_of_its_object_waits_for_it(own_runtime):
    first, second = await in_lane(own_runtime, 9, 10)
    [other] = await in_lane(own_runtime, 11)

    assert await run_job(own_runtime, REGISTRY, second) == "too_early"
    assert await run_job(own_runtime, REGISTRY, other) == "done"
    row = await stored(own_runtime, second)
    assert (row["attempts"], row["published_at"]) == (0, None)
    assert await run_job(own_runtime, REGISTRY, first) == "done"
    assert await run_job(own_runtime, REGISTRY, second) == "done"
    assert await notes(own_runtime) == ["11", "9", "10"]


async def test_run_job_behind_a_dead_one_goes_on(own_runtime):
    first, second = await in_lane(own_runtime, 1, 2)
    await own_runtime.database.reader().value("UPDATE jobs SET state = 'dead' WHERE id = $1 RETURNING id", first)

    assert await run_job(own_runtime, REGISTRY, second) == "done"


async def test_run_job_while_an_earlier_one_of_its_object_runs_waits_for_it(own_runtime):
    first, second = await in_lane(own_runtime, 1, 2)
    slow = Registry((JobHandler(name="note", function=note_and_hang),))

    running = asyncio.create_task(run_job(own_runtime, slow, first))
    await asyncio.sleep(0.3)
    assert await run_job(own_runtime, REGISTRY, second) == "too_early"
    running.cancel()
    await asyncio.wait({running})


async def test_run_job_with_a_key_of_its_own_waits_for_nobody(own_runtime):
    async with own_runtime.database.unit_of_work() as uow:
        first, second = (uow.enqueue("note", {"name": name}, dedup_key=f"mine:{name}") for name in "ab")

    assert await run_job(own_runtime, REGISTRY, second) == "done"
    assert await run_job(own_runtime, REGISTRY, first) == "done"


async def test_enqueue_while_a_job_of_the_same_key_is_being_done_adds_another_after_it(own_runtime):
    async def again(_runtime, _uow, _payload):
        async def enqueue_again():
            async with own_runtime.database.unit_of_work() as other:
                other.enqueue("note", {"name": "second"}, dedup_key="one")

        tasks.append(asyncio.create_task(enqueue_again()))
        await asyncio.sleep(0.2)

    tasks: list[asyncio.Task[None]] = []
    async with own_runtime.database.unit_of_work() as uow:
        job_id = uow.enqueue("again", dedup_key="one")
    await run_job(own_runtime, Registry((JobHandler(name="again", function=again),)), job_id)
    await tasks[0]

    # what was asked for while it ran may have come too late for it
    [row] = await own_runtime.database.reader().rows("SELECT name FROM jobs")
    assert row["name"] == "note"


async def test_run_job_without_a_database_says_so(own_runtime):
    nowhere = Runtime(
        msgspec.structs.replace(own_runtime.settings, db_host="127.0.0.1", db_port=1), application="synergy-test"
    )

    with pytest.raises(OSError, match="Connect"):
        await run_job(nowhere, REGISTRY, new_id())
    await nowhere.close()


def test_retry_delay_grows_and_any_moment_up_to_the_limit_is_likely():
    for attempt, limit in ((1, 10), (2, 40), (3, 160), (4, 640), (5, RETRY_CAP_SECONDS)):
        delays = [retry_delay(attempt).total_seconds() for _ in range(300)]
        assert all(0 <= delay <= limit for delay in delays)
        assert min(delays) < limit / 4
        assert max(delays) > limit * 3 / 4


def test_registry_two_handlers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two handlers are named note"):
        Registry((*REGISTRY, JobHandler(name="note", function=note)))


def test_registry_subscribers_of_a_quiet_event_are_those_that_want_it():
    loud = JobHandler(name="loud", function=note, events=frozenset({"thing.made"}), skips_quiet=True)
    all_of_it = JobHandler(name="all", function=note, events=frozenset({"thing.made", "thing.changed"}))
    registry = Registry((loud, all_of_it))

    assert registry.subscribers("thing.made", quiet=False) == [loud, all_of_it]
    assert registry.subscribers("thing.made", quiet=True) == [all_of_it]
    assert registry.subscribers("other", quiet=False) == []
    with pytest.raises(UnknownJob):
        registry.get("nobody")
