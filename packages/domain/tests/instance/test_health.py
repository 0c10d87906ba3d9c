"""Where the checks draw their lines, and that nothing makes them slow."""

from __future__ import annotations

import asyncio
import threading
import time

import msgspec
import pytest

from synergy_domain.common import Actor
from synergy_domain.instance import Inspection, health
from synergy_domain.schema import SUPPORTED_REVISIONS, Schema
from synergy_platform.heartbeats import RoleState
from synergy_platform.ids import new_id
from synergy_platform.jobs import BackgroundState
from synergy_testing.collectors import silent_server
from synergy_testing.fixtures import cheap_runtime

GB, MB = 1 << 30, 1 << 20
ADMIN = Actor(user_id=new_id(), username="root", role="admin")


def redis(used=0, most=256, policy="noeviction"):
    return {"redis_version": "8.0.2", "used_memory": used * MB, "maxmemory": most * MB, "maxmemory_policy": policy}


def work(*, events=0, lag=0.0, due=0, oldest=0.0, dead=0):
    queue = {"name": "fast", "due": due, "delayed": 0, "published": 0, "dead": dead, "oldest_seconds": oldest}
    told = {"queues": [queue], "outbox": {"events": events, "oldest_seconds": lag}, "processes": []}
    return {check.name: check for check in health.work_checks(msgspec.convert(told, BackgroundState))}


@pytest.mark.parametrize(
    ("check", "state", "value"),
    [
        (health.database_check(0.003), "ok", "answers in 3 ms"),
        (health.database_check(0.4), "warning", "answers in 400 ms"),
        (health.database_check(None), "fault", "does not answer"),
        (health.schema_check(Schema(SUPPORTED_REVISIONS[-1], "0001")), "ok", f"at {SUPPORTED_REVISIONS[-1]}"),
        (health.schema_check(Schema("9999", "0001")), "ok", "at 9999"),
        (health.schema_check(None), "fault", "not known"),
        (health.broker_check(redis(100)), "ok", "Redis 8.0.2, 100.0 of 256 MiB"),
        (health.broker_check(redis(200)), "warning", "Redis 8.0.2, 200.0 of 256 MiB"),
        (health.broker_check(redis(250)), "fault", "Redis 8.0.2, 250.0 of 256 MiB"),
        (health.broker_check(redis(1, policy="allkeys-lru")), "fault",
         "Redis 8.0.2, 1.0 of 256 MiB, may evict queued tasks"),
        (health.broker_check(redis(900, most=0)), "ok", "Redis 8.0.2, 900.0 MiB"),
        (health.broker_check(None), "fault", "does not answer"),
        (health.cache_check(redis(256, policy="allkeys-lru")), "ok", "Redis 8.0.2, 256.0 of 256 MiB"),
        (health.cache_check(redis(300, policy="allkeys-lru")), "warning", "Redis 8.0.2, 300.0 of 256 MiB"),
        (health.cache_check(redis(1)), "warning", "Redis 8.0.2, 1.0 of 256 MiB, evicts nothing"),
        (health.cache_check(None), "fault", "does not answer"),
        (health.role_check("worker", {"worker": RoleState(2, 1.2)}, "x"), "ok", "2 processes alive, seen 1 s ago"),
        (health.role_check("worker", {"worker": RoleState(0, 44)}, "x"), "fault", "silent for 44 s"),
        (health.role_check("worker", {"scheduler": RoleState(1, 1)}, "x"), "fault", "none was heard of"),
        (health.role_check("worker", None, "x"), "fault", "not known"),
        (health.files_check((100 * GB, 50 * GB)), "ok", "50.0 GiB free (50 %)"),
        (health.files_check((100 * GB, 5 * GB)), "warning", "5.0 GiB free (5 %)"),
        (health.files_check((100 * GB, 2 * GB)), "fault", "2.0 GiB free (2 %)"),
        (health.files_check((GB, GB // 4)), "fault", "0.2 GiB free (25 %)"),
        (health.files_check(None), "fault", "does not answer"),
    ],
)  # fmt: skip
def test_check_says_how_it_is_and_what_to_do_unless_it_is_well(check, state, value):
    assert (check.state, check.value) == (state, value)
    assert (check.advice is None) == (state == "ok")
    assert check.advice is None or (check.advice[0].isupper() and check.advice.endswith("."))


def test_schema_that_does_not_fit_says_which_way_to_go():
    assert "synergy migrate" in health.schema_check(Schema("0001", None)).advice
    assert "synergy migrate" in health.schema_check(Schema(None, None)).advice
    assert "later version" in health.schema_check(Schema("9999", "9998")).advice


@pytest.mark.parametrize(
    ("told", "name", "state"),
    [
        (work(), "outbox", "ok"),
        (work(events=3, lag=20.0), "outbox", "warning"),
        (work(events=3, lag=61.0), "outbox", "fault"),
        (work(due=3, oldest=100.0), "jobs", "ok"),
        (work(due=3, oldest=130.0), "jobs", "warning"),
        (work(due=3, oldest=700.0), "jobs", "fault"),
        (work(dead=1), "dead_letters", "warning"),
        (work(dead=100), "dead_letters", "fault"),
    ],
)
def test_background_work_is_graded_by_how_long_it_waits_and_what_was_given_up(told, name, state):
    assert {check.name for check in told.values() if check.state != "ok"} == ({name} if state != "ok" else set())
    assert told[name].state == state


@pytest.fixture
def silent_port():
    with silent_server() as port:
        yield port


@pytest.fixture
def hanging_disk(monkeypatch):
    """A disk that says nothing until the event is set."""
    answers = threading.Event()

    def disk_of(_folder):
        answers.wait(60)
        return 0, 0

    monkeypatch.setattr(health, "disk_of", disk_of)
    yield answers
    answers.set()


async def test_inspection_of_what_hangs_ends_in_time_and_tells_no_address(settings, silent_port, hanging_disk):
    password = "canary-of-the-health-page"
    hanging = msgspec.structs.replace(
        settings,
        db_host="127.0.0.1", db_port=silent_port, db_password=password,
        redis_url=f"redis://:{password}@127.0.0.1:{silent_port}/0",
        broker_url=f"redis://:{password}@127.0.0.1:{silent_port}/0",
    )  # fmt: skip
    runtime = cheap_runtime(hanging)
    await runtime.open()
    inspection = Inspection(runtime)
    begun = time.monotonic()
    told = await inspection.health(ADMIN)
    took = time.monotonic() - begun
    assert took < 2.5
    assert told.state == "fault"
    assert {check.name for check in told.checks if check.state == "ok"} == set()
    assert password not in msgspec.json.encode(told).decode()
    # a second look does not start a second thread at the disk that hangs
    waiting = inspection._measuring
    inspection._known = None
    await inspection.health(ADMIN)
    assert inspection._measuring is waiting
    hanging_disk.set()
    await waiting
    await inspection.close()
    await runtime.close()


async def test_inspection_remembers_for_a_second_and_looks_once_at_a_time(runtime, counter):
    inspection = Inspection(runtime)
    views = await asyncio.gather(*(inspection.health(ADMIN) for _ in range(5)))
    assert len({id(view) for view in views}) == 1
    assert len([statement for statement in counter.statements if statement == "SELECT 1"]) == 1
    await asyncio.sleep(health.CACHE_SECONDS)
    assert await inspection.health(ADMIN) is not views[0]
    await inspection.close()
