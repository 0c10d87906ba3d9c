"""The worker process: what it does, and what it loses when it is killed (nothing)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from synergy_platform.heartbeats import seen_within
from synergy_worker.main import main


async def test_work_jobs_enqueued_before_the_first_worker_are_all_done(work, workers):
    await work.enqueue("test.write", 5000)
    started = await workers(2)

    await work.until(work.is_done, 90)

    assert sorted(map(int, await work.effects())) == list(range(5000))
    await work.until(lambda: _empty(work))
    assert sum(len(worker.lines("job.done")) for worker in started) == 5000


async def test_work_worker_killed_in_the_middle_every_effect_happens_once_within_fifteen_seconds(work, workers):
    await workers(2)
    doomed = (await workers(1))[0]
    await work.enqueue("test.write", 500, seconds=0.02)
    await work.until(lambda: _count_at_least(work, 100))

    doomed.kill()
    killed = time.monotonic()
    await work.until(work.is_done, 25)

    assert sorted(map(int, await work.effects())) == list(range(500))
    # the other two soon have nothing left to do: what the dead one held is reclaimed while the queue is idle
    assert time.monotonic() - killed < 15
    await work.until(lambda: _empty(work))


async def test_work_child_killed_the_parent_starts_another_and_nothing_is_lost(work, workers):
    [worker] = await workers()
    await work.enqueue("test.write", 100, seconds=0.05)
    await work.until(lambda: _count_at_least(work, 10))

    os.kill(worker.children()[0], signal.SIGKILL)
    await work.until(work.is_done, 25)

    assert sorted(map(int, await work.effects())) == list(range(100))
    assert worker.lines("worker.died")


async def test_work_parent_killed_the_child_ends_too(workers):
    [worker] = await workers()
    [child] = worker.children()

    os.kill(worker.pid, signal.SIGKILL)

    deadline = time.monotonic() + 2
    while _lives(child):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_work_redis_emptied_with_open_jobs_all_finish(work, workers):
    await workers()
    await work.enqueue("test.write", 1000)
    await work.until(lambda: _count_at_least(work, 20))

    await work.redis.flushall()
    emptied = time.monotonic()
    await work.until(work.is_done, 40)

    assert sorted(map(int, await work.effects())) == list(range(1000))
    assert time.monotonic() - emptied < 30


async def test_work_one_message_delivered_many_times_the_effect_happens_once(work, workers):
    await workers(2)
    await work.enqueue("test.write", 30, seconds=0.2)

    async def copy_messages() -> bool:
        entries = await work.redis.xrange("synergy:jobs:fast")
        for _, fields in entries:
            for _ in range(3):
                await work.redis.xadd("synergy:jobs:fast", fields)
        return len(entries) > 0

    await work.until(copy_messages)
    await work.until(work.is_done)
    await work.until(lambda: _empty(work))

    assert sorted(map(int, await work.effects())) == list(range(30))


async def test_work_job_longer_than_the_reclaim_time_runs_once(work, workers):
    processes = await workers(2)
    started = time.monotonic()
    await work.enqueue("test.write", 1, seconds=10.5)

    await work.until(work.is_done)

    assert time.monotonic() - started >= 10.5
    assert await work.effects() == ["0"]
    assert not any(process.lines("broker.messages_reclaimed") for process in processes)


async def test_work_message_that_is_malformed_or_unknown_is_a_dead_letter(work, workers):
    [worker] = await workers()
    unknown = b'{"task_id": "1", "task_name": "nobody_knows", "labels": {}, "args": [], "kwargs": {}}'
    wrong_id = b'{"task_id": "1", "task_name": "run_job", "labels": {}, "args": ["../x", null], "kwargs": {}}'
    for fields in ({b"data": b"\xff not json"}, {b"other": b"field"}, {b"data": unknown}, {b"data": wrong_id}):
        await work.redis.xadd("synergy:jobs:fast", fields)
    await work.enqueue("test.write")

    await work.until(lambda: len(worker.lines("broker.message_rejected")) == 3)
    await work.until(lambda: worker.lines("job.malformed"))
    await work.until(lambda: _count_at_least(work, 1))
    await work.until(lambda: _empty(work))
    assert await work.effects() == ["0"]

    async def all_are_buried():
        return await work.connection.fetchval("SELECT count(*) FROM jobs WHERE state = 'dead'") == 4

    await work.until(all_are_buried)
    rows = await work.connection.fetch("SELECT state, error, payload ->> 'message' AS message FROM jobs ORDER BY error")
    assert [row["state"] for row in rows] == ["dead"] * 4
    assert [row["error"].partition(":")[0] for row in rows] == [
        "a message whose job has no id", "malformed", "malformed", "unknown task nobody_knows",
    ]  # fmt: skip
    assert rows[3]["message"] == unknown.decode()


async def test_work_long_job_shows_progress_and_leaves_short_ones_their_place(work, workers):
    await workers()
    await work.enqueue("test.progress", 6, queue="bulk", steps=4, seconds=0.3)
    await work.until(lambda: _count_at_least(work, 1))
    await work.enqueue("test.write", 20)

    await work.until(lambda: _count_at_least(work, 22), 3)
    assert not await work.is_done()  # the long ones go on, one after the other

    await work.until(work.is_done)
    finished = [name for name in await work.effects() if "step" not in name]
    assert sorted(finished) == sorted([*map(str, range(6)), *map(str, range(20))])


async def test_end_job_under_way_is_finished_and_nothing_new_begun(work, workers):
    [worker] = await workers()
    await work.enqueue("test.write", 40, seconds=0.5)
    await work.until(lambda: _running(work))

    status = await worker.end()

    assert status == 0
    done = len(await work.effects())
    assert 1 <= done <= 12  # those that had begun; four at a time, one or two rounds
    assert await work.connection.fetchval("SELECT count(*) FROM jobs WHERE attempts > 0") == 0
    await workers()
    await work.until(work.is_done)
    assert sorted(map(int, await work.effects())) == list(range(40))


async def test_end_job_that_takes_too_long_goes_back_and_is_done_elsewhere(work, workers):
    [worker] = await workers(TEST_DRAIN_SECONDS="1")
    await work.enqueue("test.write", 1, seconds=4)
    await work.until(lambda: _running(work))

    told = time.monotonic()
    assert await worker.end() == 0
    assert time.monotonic() - told < 4
    assert worker.lines("job.handed_back")
    assert await work.effects() == []

    await workers()
    await work.until(work.is_done, 10)
    assert await work.effects() == ["0"]


async def test_end_idle_worker_ends_at_once_and_says_goodbye(work, workers):
    [worker] = await workers()
    await work.until(lambda: seen_within(work.runtime.database.reader(), "worker", 5))

    told = time.monotonic()
    assert await worker.end() == 0

    assert time.monotonic() - told < 5
    assert not await seen_within(work.runtime.database.reader(), "worker", 60)


async def test_work_process_that_did_its_share_is_replaced_without_loss_or_delay(work, workers):
    [worker] = await workers(TEST_TASKS_PER_PROCESS="50")
    await work.enqueue("test.write", 220)

    await work.until(work.is_done, 15)

    assert sorted(map(int, await work.effects())) == list(range(220))
    assert len(worker.lines("worker.renewed")) >= 4
    assert not worker.lines("worker.died")


async def test_work_redis_away_is_waited_for(work, start):
    worker = start("worker", TASKIQ_BROKER_URL="redis://127.0.0.1:1/0")  # nothing listens there
    await work.enqueue("test.write")

    await work.until(lambda: worker.lines("broker.away") and worker.lines("relay.queue_away"))
    assert worker.poll() is None
    assert await work.connection.fetchval("SELECT count(*) FROM jobs WHERE published_at IS NULL") == 1
    assert await worker.end() == 0


async def test_work_database_lost_for_a_moment_jobs_go_on_afterwards(work, workers):
    [worker] = await workers()
    await work.enqueue("test.write", 50, seconds=0.1)
    await work.until(lambda: _count_at_least(work, 5))

    await work.connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'synergy-worker%'"
    )
    await work.connection.execute("UPDATE jobs SET run_at = now() WHERE attempts > 0")

    async def hurry() -> bool:
        await work.connection.execute("UPDATE jobs SET run_at = now() WHERE run_at > now()")
        return await work.is_done()

    await work.until(hurry)
    assert sorted(map(int, await work.effects())) == list(range(50))
    assert worker.lines("relay.interrupted")
    assert not worker.lines("worker.died")


async def test_work_request_id_follows_into_the_job_and_its_log_line(work, workers):
    [worker] = await workers()
    async with work.runtime.database.unit_of_work() as uow:
        uow._request_id = "request-7"
        uow.enqueue("test.write", {"name": "a"})

    await work.until(work.is_done)

    assert await work.connection.fetchval("SELECT request_id FROM effects") == "request-7"
    await work.until(lambda: worker.lines("job.done"))
    [line] = worker.lines("job.done")
    assert (line["request.id"], line["synergy.job"], line["synergy.attempt"]) == ("request-7", "test.write", 1)


def test_start_settings_cannot_be_used_exits_78_and_names_each_fault(capsys):
    environ = {"DB_PORT": "none", "WEB_WORKERS": "0", "SYNERGY_LOG_LEVEL": "loud"}

    assert main(["worker"], environ) == 78

    told = capsys.readouterr().err
    assert all(name in told for name in environ)


def test_start_without_secret_key_exits_78(capsys):
    assert main(["scheduler"], {}) == 78

    assert "SECRET_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["wroker"], ["worker", "scheduler"]])
def test_start_wrong_arguments_says_how_to_call(capsys, arguments):
    assert main(arguments, {}) == 64

    assert "worker|scheduler" in capsys.readouterr().err


async def _empty(work) -> bool:
    return await work.messages() == 0


async def _running(work) -> bool:
    """Whether a worker holds a job: its row is locked."""
    total = await work.connection.fetchval("SELECT count(*) FROM jobs WHERE published_at IS NOT NULL")
    free = len(await work.connection.fetch("SELECT id FROM jobs WHERE published_at IS NOT NULL FOR UPDATE SKIP LOCKED"))
    return total > free


async def _count_at_least(work, count: int) -> bool:
    return len(await work.effects()) >= count


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False
