"""Worker and scheduler processes of a test, on a database of its own."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_testing.canaries import watch_log

sys.path.insert(0, str(Path(__file__).parent))
import work_for_tests

# it imports everything once; a process of a test is then there within milliseconds
_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["__main__", "work_for_tests", "synergy_worker.handlers", "synergy_worker.worker"])

EFFECTS = """
    CREATE TABLE effects (
      id bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL, request_id text,
      at timestamptz NOT NULL, pid int NOT NULL
    )
"""


class Process:
    """A worker or scheduler that a test started, in a session of its own; `poll` gives its exit status."""

    def __init__(self, pid: int, poll: Callable[[], int | None], log: Path) -> None:
        self.pid = pid
        self.poll = poll
        self.log = log

    def children(self) -> list[int]:
        """The processes that it started and that live."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def lines(self, message: str | None = None) -> list[dict[str, Any]]:
        """What it logged, or what of it has this message; each line has to be JSON."""
        whole_lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
        found = [json.loads(line) for line in whole_lines if line.endswith("\n")]  # it may be writing the last one
        return [line for line in found if message in {None, line["message"]}]

    def kill(self) -> None:
        """kill -9 of all of it."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)

    async def end(self, seconds: float = 30) -> int | None:
        """SIGTERM; its exit status."""
        os.kill(self.pid, signal.SIGTERM)
        await until(lambda: self.poll() is not None, seconds)
        return self.poll()


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something to become true, or fail; `true` may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        result = true()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        await asyncio.sleep(0.05)


class Work:
    """The database of a test, and what its processes did there."""

    def __init__(self, runtime: Runtime, connection: asyncpg.Connection, redis: Redis) -> None:
        self.runtime = runtime
        self.connection = connection
        self.redis = redis
        self.until = until

    async def enqueue(self, name: str, count: int = 1, *, queue: str = "fast", **payload: object) -> None:
        """Add jobs in one commit; they are named by their number."""
        async with self.runtime.database.unit_of_work() as uow:
            for number in range(count):
                uow.enqueue(name, {"name": str(number), **payload}, queue=queue)

    async def effects(self) -> list[str]:
        """The names of the effects that are committed, in their order."""
        return [row["name"] for row in await self.connection.fetch("SELECT name FROM effects ORDER BY id")]

    async def is_done(self) -> bool:
        """Whether no job is left."""
        return await self.connection.fetchval("SELECT count(*) FROM jobs") == 0

    async def messages(self) -> int:
        """How many messages are in Redis."""
        return await self.redis.xlen("synergy:jobs:fast") + await self.redis.xlen("synergy:jobs:bulk")


@pytest.fixture
async def work(own_runtime: Runtime) -> AsyncIterator[Work]:
    """A database and an empty broker for the test alone."""
    redis = Redis.from_url(own_runtime.settings.broker_url)
    await redis.flushall()  # a server that the tests of this process started for themselves
    connection = await own_runtime.database.connect_directly()
    await connection.execute(EFFECTS)
    yield Work(own_runtime, connection, redis)
    await connection.close()
    await redis.aclose()


@pytest.fixture
def start(own_settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a worker or scheduler with jobs of the tests, `start("worker")`, or the product's, `start.product(…)`."""
    started: list[Process] = []
    environ = {
        **{name: value for name, value in os.environ.items() if name.startswith(("PATH", "PYTHON", "COVERAGE"))},
        "SECRET_KEY": own_settings.secret_keys[0],
        "SYNERGY_HOME": own_settings.home,
        "DB_NAME": own_settings.db_name,
        "DB_USER": own_settings.db_user,
        "DB_PASSWORD": own_settings.db_password,
        "DB_HOST": own_settings.db_host,
        "DB_PORT": str(own_settings.db_port),
        "REDIS_URL": own_settings.redis_url,
        "TASKIQ_BROKER_URL": own_settings.broker_url,
        "SYNERGY_LOG_FORMAT": "json",
    }

    def start_one(role: str, **more: str) -> Process:
        log = tmp_path / f"{role}-{len(started)}.log"
        watch_log(log)
        process = _FORKSERVER.Process(target=work_for_tests.run, args=(role, {**environ, **more}, str(log)))
        process.start()
        started.append(Process(process.pid, lambda: process.exitcode, log))
        return started[-1]

    def start_product(role: str, **more: str) -> Process:
        log = tmp_path / f"{role}-{len(started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "synergy_worker", role], env={**environ, **more}, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        started.append(Process(popen.pid, popen.poll, log))
        return started[-1]

    start_one.product = start_product
    yield start_one
    for process in started:
        process.kill()
    for process in started:
        while process.poll() is None:
            time.sleep(0.01)


@pytest.fixture
def workers(start: Callable[..., Process]) -> Callable[..., Awaitable[list[Process]]]:
    """Start workers and wait until they listen."""

    async def start_all(count: int = 1, **more: str) -> list[Process]:
        processes = [start("worker", **more) for _ in range(count)]
        await until(lambda: all(process.lines("worker.started") for process in processes))
        return processes

    return start_all
