"""What processes tell Prometheus."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from synergy_platform.clock import SystemClock
from synergy_platform.database import Database
from synergy_platform.embedded.process import free_port
from synergy_platform.errors import Unavailable
from synergy_platform.ids import new_id
from synergy_platform.machine import Machine, memory_of
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.metrics import measure
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.version import VERSION
from synergy_platform.vitals import look


def told(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, name
    return value


@pytest.fixture
async def small(own_settings):
    """A process that may have one connection for readers and one for a unit of work."""
    runtime = Runtime(
        msgspec.structs.replace(own_settings, db_pool_size=2),
        application="synergy-test",
        hasher=PasswordHasher(memory_kib=64),
    )
    await runtime.open()
    yield runtime
    await runtime.close()


async def sleep_in_database(runtime: Runtime, seconds: float | str) -> None:
    await runtime.database.reader().value(f"SELECT pg_sleep({seconds})")


async def write_slowly(runtime: Runtime, seconds: float | str) -> None:
    async with runtime.database.unit_of_work() as uow:
        await uow.value(f"SELECT pg_sleep({seconds})")


@pytest.mark.parametrize(("pool", "work"), [("readers", sleep_in_database), ("writers", write_slowly)])
async def test_connections_in_use_and_the_wait_for_them_are_counted(small, pool, work):
    waits, seconds = (told(f"synergy_db_{name}_total", pool=pool) for name in ("waits", "wait_seconds"))
    await work(small, 0)
    assert told("synergy_db_waits_total", pool=pool) == waits, "nobody had to wait"
    tasks = [asyncio.create_task(work(small, 0.4)) for _ in range(3)]
    await asyncio.sleep(0.2)
    use = next(use for use in small.database.pools if use.name == pool)
    assert (use.size, use.in_use, use.waiting) == (1, 1, 2)
    await asyncio.gather(*tasks)
    assert (use.in_use, use.waiting) == (0, 0)
    assert told("synergy_db_waits_total", pool=pool) == waits + 2
    assert told("synergy_db_wait_seconds_total", pool=pool) == pytest.approx(seconds + 0.4 + 0.8, abs=0.3)


@pytest.mark.parametrize(("pool", "work"), [("readers", sleep_in_database), ("writers", write_slowly)])
async def test_who_is_stopped_while_waiting_or_fails_is_not_counted_as_using_a_connection(small, pool, work):
    use = next(use for use in small.database.pools if use.name == pool)
    tasks = [asyncio.create_task(work(small, 0.4)) for _ in range(3)]
    await asyncio.sleep(0.1)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await work(small, "1/0")
    assert (use.in_use, use.waiting) == (0, 0)
    await work(small, 0)


async def test_database_that_does_not_answer_is_told_and_one_that_is_busy_is_not(small, own_settings):
    nowhere = msgspec.structs.replace(own_settings, db_port=free_port())
    away = Runtime(nowhere, application="x", hasher=PasswordHasher(memory_kib=64))
    await away.open()
    await look(away)
    assert told("synergy_db_refused") == 1
    await away.close()
    await look(small)
    assert told("synergy_db_refused") == 0
    tasks = [asyncio.create_task(sleep_in_database(small, 4)) for _ in range(2)]
    await asyncio.sleep(0.1)
    await look(small)
    assert told("synergy_db_refused") == 0
    assert told("synergy_db_connections", pool="readers", state="in_use") == 1
    assert told("synergy_db_connections", pool="readers", state="waiting") == 1
    assert told("synergy_db_pool_size", pool="readers") == 1
    await asyncio.gather(*tasks)


async def test_waiting_mails_are_told_with_the_age_of_the_oldest(own_runtime):
    await measure(own_runtime)
    assert (told("synergy_mails_waiting"), told("synergy_mails_oldest_seconds")) == (0, 0)
    now = own_runtime.clock.now()
    async with own_runtime.database.unit_of_work() as uow:
        mails = [Mail(to="a@example.org", subject="x", text="x", kind="test", written_at=now) for _ in range(2)]
        await queue_mail(own_runtime, uow, *mails)
        earlier = now - timedelta(hours=1)
        await uow.value("UPDATE mails SET created_at = $2 WHERE id = $1 RETURNING 1", mails[0].id, earlier)
    await measure(own_runtime)
    assert told("synergy_mails_waiting") == 2
    assert told("synergy_mails_oldest_seconds") == pytest.approx(3600, abs=10)


async def test_callers_for_password_hashes_are_told_and_who_is_refused():
    hasher = PasswordHasher(memory_kib=64, queue_size=2)
    waiting, refused = told("synergy_hash_queue"), told("synergy_hash_refused_total")
    async with hasher.place(), hasher.place():
        assert told("synergy_hash_queue") == waiting + 2
        with pytest.raises(Unavailable):
            await hasher.hash("x")
    assert told("synergy_hash_queue") == waiting
    assert told("synergy_hash_refused_total") == refused + 1
    hasher.close()


def test_memory_is_that_of_the_container_without_what_the_kernel_can_take_back(tmp_path):
    container, machine = tmp_path / "container", tmp_path / "meminfo"
    container.mkdir()
    machine.write_text("MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\n")
    assert memory_of(container, machine) == (600 * 1024, 1000 * 1024)
    (container / "memory.max").write_text("2000\n")
    (container / "memory.current").write_text("1500\n")
    (container / "memory.stat").write_text("anon 700\ninactive_file 300\nactive_file 2\n")
    assert memory_of(container, machine) == (1200, 2000)
    (container / "memory.max").write_text("max\n")
    assert memory_of(container, machine) == (600 * 1024, 1000 * 1024)
    assert memory_of(tmp_path / "none", tmp_path / "none") is None


def test_version_and_disk_are_told_before_the_folder_of_files_is_there(tmp_path):
    registry = CollectorRegistry()
    registry.register(Machine(tmp_path / "not" / "there"))
    assert f'synergy_build_info{{version="{VERSION}"}} 1.0' in generate_latest(registry).decode()
    free, size = (registry.get_sample_value(f"synergy_disk_{name}_bytes") for name in ("free", "size"))
    assert 0 < free < size


async def test_a_pool_that_is_not_open_has_nobody_in_it(own_settings):
    database = Database(own_settings, SystemClock(), application=f"x-{new_id()}")
    with pytest.raises(RuntimeError):
        database.reader()
    assert [use.in_use for use in database.pools] == [0, 0]


async def test_redis_that_does_not_answer_is_told_by_its_name(small, own_settings):
    await look(small)
    assert (told("synergy_redis_refused", server="cache"), told("synergy_redis_refused", server="broker")) == (0, 0)
    nowhere = msgspec.structs.replace(own_settings, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    away = Runtime(nowhere, application="x", hasher=PasswordHasher(memory_kib=64))
    await away.open()
    await look(away)
    assert (told("synergy_redis_refused", server="cache"), told("synergy_redis_refused", server="broker")) == (0, 1)
    await away.close()
    await look(small)
    assert told("synergy_redis_refused", server="broker") == 0
