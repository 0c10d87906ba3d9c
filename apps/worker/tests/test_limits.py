"""What does not end, and what takes its process with it: dead letters, and nothing else suffers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest

from synergy_platform.ids import new_id
from synergy_worker.alone import JobsApart
from synergy_worker.running import RunningJobs


async def _dead(work) -> list:
    return await work.connection.fetch(
        "SELECT name, error, attempts, history::text AS h FROM jobs WHERE state = 'dead'"
    )


@pytest.mark.parametrize("name", ["test.block", "test.ignore"])
async def test_work_job_over_the_hard_limit_is_a_dead_letter_and_its_neighbours_run_to_their_end(work, workers, name):
    [worker] = await workers(TEST_HARD_LIMIT="3")
    first = worker.children()
    await work.enqueue("test.write", 2, seconds=2.5)
    await asyncio.sleep(0.3)
    await work.enqueue(name, seconds=60)
    await work.enqueue("test.write", 20)

    await work.until(lambda: _dead(work), 20)
    await work.until(lambda: worker.lines("worker.replaced"))

    async def only_the_dead_one_is_left():
        return await work.connection.fetchval("SELECT count(*) FROM jobs") == 1

    await work.until(only_the_dead_one_is_left, 25)
    [row] = await _dead(work)
    assert (row["name"], row["attempts"]) == (name, 1)
    assert "HardLimitExceeded" in row["error"]
    # each of the others once, those that were interrupted too, and nothing of the killed one
    assert sorted(await work.effects()) == sorted(["0", "1", *map(str, range(20))])
    assert worker.children() != first
    assert await work.connection.fetchval("SELECT count(*) FROM jobs WHERE attempts > 0 AND state = 'waiting'") == 0


async def test_work_job_that_crashes_its_process_does_so_once_and_then_alone(work, workers):
    [worker] = await workers()
    await work.enqueue("test.write", 30, seconds=0.3)
    await work.enqueue("test.crash")

    async def is_dead():
        # the pauses between the tries are the product's; here they are cut short
        await work.connection.execute("UPDATE jobs SET run_at = now() WHERE name = 'test.crash' AND state = 'waiting'")
        return await _dead(work)

    await work.until(is_dead, 90)
    [row] = await _dead(work)
    assert (row["name"], row["attempts"]) == ("test.crash", 5)
    assert row["h"].count("WorkerDied") == 5
    assert row["h"].count("did this alone") == 4
    assert len(worker.lines("worker.died")) == 1

    async def the_others_are_done():
        await work.connection.execute("UPDATE jobs SET run_at = now() WHERE state = 'waiting'")
        return await work.connection.fetchval("SELECT count(*) FROM jobs WHERE state = 'waiting'") == 0

    await work.until(the_others_are_done, 60)
    assert sorted(map(int, await work.effects())) == list(range(30))


async def _is_writing(work) -> bool:
    """Whether a `test.write` is under way."""
    return await work.connection.fetchval(
        """SELECT count(*) > 0 FROM pg_stat_activity
           WHERE state = 'idle in transaction' AND query LIKE 'INSERT INTO effects%' AND datname = current_database()"""
    )


async def _make_suspects(work) -> None:
    """As if a process had died in which all of these jobs ran."""
    told = '[{"attempt": 1, "at": "2026-01-01T00:00:00Z", "error": "WorkerDied: the worker died", "duration_ms": 1.0}]'
    await work.connection.execute("UPDATE jobs SET attempts = 1, history = $1::jsonb", told)


async def test_work_suspects_run_one_by_one_in_processes_of_their_own(work, workers):
    await work.enqueue("test.write", 2)
    await work.enqueue("test.send", queue="io")
    await work.enqueue("test.fail")
    await _make_suspects(work)
    [worker] = await workers()

    async def only_the_failing_one_is_left():
        return await work.connection.fetchval("SELECT count(*) FROM jobs") == 1

    await work.until(only_the_failing_one_is_left, 40)
    pids = [row["pid"] for row in await work.connection.fetch("SELECT pid FROM effects")]
    assert len(pids) == len(set(pids)) == 3
    assert not set(worker.children()) & set(pids)

    async def errors():
        return await work.connection.fetchval("SELECT history->1->>'error' FROM jobs")

    await work.until(errors)
    assert await errors() == "ValueError: on purpose"
    assert not worker.lines("worker.died")


async def test_work_suspect_that_does_not_end_is_killed_and_blamed(work, workers):
    await work.enqueue("test.block", seconds=60)
    await _make_suspects(work)
    [worker] = await workers(TEST_HARD_LIMIT="4")

    await work.until(lambda: _dead(work), 30)
    [row] = await _dead(work)
    assert "HardLimitExceeded" in row["error"]
    assert not worker.lines("worker.replaced")


async def test_end_suspect_that_takes_too_long_goes_back_unblamed(work, workers):
    await work.enqueue("test.write", seconds=60)
    await _make_suspects(work)
    [ending] = await workers(TEST_DRAIN_SECONDS="0.5")
    await work.until(lambda: _is_writing(work))
    assert await ending.end() == 0
    assert ending.lines("job.handed_back")
    assert await work.connection.fetchval("SELECT attempts FROM jobs") == 1
    assert await work.effects() == []


async def test_end_by_ctrl_c_a_suspect_goes_back_unblamed(work, workers):
    await work.enqueue("test.write", seconds=60)
    await _make_suspects(work)
    [ending] = await workers(TEST_DRAIN_SECONDS="0.5")
    await work.until(lambda: _is_writing(work))
    os.killpg(ending.pid, signal.SIGINT)  # a terminal sends it to all of them
    await work.until(lambda: ending.poll() is not None)
    assert await work.connection.fetchval("SELECT attempts FROM jobs") == 1
    assert await work.effects() == []


@pytest.mark.parametrize(
    ("number", "is_blamed"), [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGSEGV, True)]
)
async def test_run_apart_process_ended_by_a_signal_blames_the_job_only_if_nobody_sent_it(number, is_blamed):
    code = f"import os, signal; signal.signal({number:d}, signal.SIG_DFL); os.kill(os.getpid(), {number:d})"
    apart = JobsApart((sys.executable, "-c", code), os.environ, 10)

    assert (await apart.run(new_id(), None, is_io=False) is not None) == is_blamed


async def test_blocker_is_the_job_whose_code_ran_for_so_long_without_a_pause():
    running, job_id = RunningJobs(2), new_id()
    running.begin(new_id())
    slot, found = running.begin(job_id), []

    async def work():
        for _ in range(3):
            found.append(running.blocker(0.1))
            time.sleep(0.06)  # noqa: ASYNC251 - it blocks on purpose
        await asyncio.sleep(0)
        found.append(running.blocker(0.1))

    await running.follow(slot, work())

    assert [blocker and blocker.id for blocker in found] == [None, None, job_id, None]
    assert running.blocker(0.1) is None


async def test_work_io_jobs_run_many_at_a_time_and_leave_the_others_their_places(work, workers):
    await workers()
    await work.enqueue("test.send", 32, queue="io", seconds=3)
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await work.enqueue("test.write", 20)

    await work.until(lambda: _effects_at_least(work, 20))
    assert time.monotonic() - began < 2.5
    await work.until(work.is_done)
    # one after the other they would have taken 96 s
    assert time.monotonic() - began < 15
    assert len(await work.effects()) == 52


async def test_work_io_job_of_a_killed_worker_is_done_by_another_within_fifteen_seconds(work, workers):
    [doomed] = await workers()
    await work.enqueue("test.send", 5, queue="io", seconds=4)

    async def leased():
        return await work.connection.fetchval("SELECT count(*) FROM jobs WHERE owner IS NOT NULL") == 5

    await work.until(leased)
    await workers()
    doomed.kill()
    killed = time.monotonic()
    await work.until(work.is_done, 25)

    assert time.monotonic() - killed < 15 + 4
    assert sorted(await work.effects()) == ["0", "1", "2", "3", "4"]


async def test_end_io_job_that_takes_too_long_goes_back(work, workers):
    [ending] = await workers(TEST_DRAIN_SECONDS="0.5")
    await work.enqueue("test.send", queue="io", seconds=30)

    async def owners():
        return await work.connection.fetchval("SELECT count(*) FROM jobs WHERE owner IS NOT NULL")

    await work.until(owners)
    os.kill(ending.pid, signal.SIGTERM)
    await work.until(lambda: ending.poll() is not None)

    assert ending.poll() == 0
    assert await owners() == 0
    assert await work.connection.fetchval("SELECT attempts FROM jobs") == 0


async def _effects_at_least(work, count):
    return len(await work.effects()) >= count
