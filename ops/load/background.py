"""How fast background work goes: `hatch run load:python ops/load/background.py`.

On servers and two worker processes of its own. A job here is the whole of it: its row in PostgreSQL, the relay, the
message through Redis, the claim and the removal of the row in one transaction. A task is the message alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
from figures import Row, at_least, at_most, table
from servers import environment_of, processes, servers
from taskiq import TaskiqEvents
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import start_listen
from taskiq.message import TaskiqMessage

from synergy_platform.database import UnitOfWork
from synergy_platform.events import Event
from synergy_platform.ids import new_id
from synergy_platform.jobs import JobHandler, Registry
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_worker.broker import StreamBroker
from synergy_worker.main import main as work

WORKERS = 2
TASKS = 10_000
JOBS = 5_000
EVENTS = 3_000
STARTS = 200
_STREAM = "synergy:load:tasks"
_STARTED = "INSERT INTO load_starts (number, seconds) VALUES ($1, $2) RETURNING number"


class ThingChanged(Event, frozen=True, kw_only=True):
    """Something to subscribe to."""

    TYPE: ClassVar[str] = "thing.changed"
    OBJECT: ClassVar[str] = "thing"


async def nothing(_runtime: Runtime, _uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Measures the machinery alone."""


async def note_start(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """How long after the commit it began; one machine, one clock."""
    await uow.value(_STARTED, payload["number"], time.time() - payload["committed"])


REGISTRY = Registry(
    (
        JobHandler(name="load.nothing", function=nothing),
        JobHandler(name="load.start", function=note_start),
        JobHandler(name="load.event", function=nothing, events=frozenset({"thing.changed"})),
    )
)


def _be_bare_worker(url: str) -> None:
    """A process that takes messages which ask for nothing."""
    broker = StreamBroker(url, {_STREAM: 32}, group="load")

    async def nothing_at_all() -> None:
        """Done."""

    broker.register_task(nothing_at_all, task_name="nothing")
    broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, lambda _state: print("ready", flush=True))
    start_listen(
        WorkerArgs(broker=broker, modules=[], configure_logging=False, no_parse=True, max_async_tasks=32)  # pyright: ignore[reportArgumentType] - it takes a broker too
    )


async def _tasks(url: str) -> float:
    """Messages a second from broker to done, two processes of which each takes 32 at a time."""
    broker = StreamBroker(url, {_STREAM: 32}, group="load")
    messages = [
        broker.formatter.dumps(
            TaskiqMessage(task_id=str(number), task_name="nothing", labels={"queue_name": _STREAM}, args=[], kwargs={})
        )
        for number in range(TASKS)
    ]
    began = time.perf_counter()
    await broker.send(messages)
    while (await broker.depths())[_STREAM]:  # noqa: ASYNC110 - Redis tells nobody
        await asyncio.sleep(0.02)
    seconds = time.perf_counter() - began
    await broker.shutdown()
    return TASKS / seconds


async def _until_none(connection: asyncpg.Connection[asyncpg.Record], query: str) -> None:
    while await connection.fetchval(query):  # noqa: ASYNC110 - the workers tell nobody either
        await asyncio.sleep(0.02)


async def _jobs(runtime: Runtime, connection: asyncpg.Connection[asyncpg.Record]) -> float:
    async with runtime.database.unit_of_work() as uow:
        for _ in range(JOBS):
            uow.enqueue("load.nothing")
    began = time.perf_counter()
    await _until_none(connection, "SELECT count(*) FROM jobs")
    return JOBS / (time.perf_counter() - began)


async def _events(runtime: Runtime, connection: asyncpg.Connection[asyncpg.Record]) -> float:
    async with runtime.database.unit_of_work() as uow:
        for _ in range(EVENTS):
            uow.emit(ThingChanged(object_id=new_id()), by=None)
    began = time.perf_counter()
    await _until_none(
        connection, "SELECT (SELECT count(*) FROM events WHERE seq IS NULL) + (SELECT count(*) FROM jobs)"
    )
    return EVENTS / (time.perf_counter() - began)


async def _starts(runtime: Runtime, connection: asyncpg.Connection[asyncpg.Record]) -> list[float]:
    """From the commit of a job to its first step, in milliseconds, one job at a time."""
    for number in range(STARTS):
        async with runtime.database.unit_of_work() as uow:
            uow.enqueue("load.start", {"number": number, "committed": time.time()})
        await asyncio.sleep(0.02)
    await _until_none(connection, "SELECT count(*) FROM jobs")
    rows = await connection.fetch("SELECT seconds FROM load_starts")
    return sorted(row["seconds"] * 1000 for row in rows)


@contextlib.contextmanager
def _workers(settings: Settings, words: list[str], log: Path, sign: str) -> Iterator[None]:
    """This program as so many workers; each writes `sign` into its log once it is ready."""
    commands = [[sys.executable, __file__, *words]] * WORKERS
    with processes(commands, environment_of(settings), log, lambda: log.read_text().count(sign) >= WORKERS):
        yield


async def _measure(settings: Settings, folder: Path) -> list[Row]:
    with _workers(settings, ["bare", settings.broker_url], folder / "bare.log", "ready"):
        rows = [at_least("no-op tasks from broker to done", await _tasks(settings.broker_url), 1500, "/s")]
    runtime = Runtime(settings, application="synergy-load")
    await runtime.open()
    connection = await runtime.database.connect_directly()
    await connection.execute("CREATE TABLE load_starts (number int NOT NULL, seconds float8 NOT NULL)")
    with _workers(settings, ["worker"], folder / "workers.log", "worker.started"):
        await _jobs(runtime, connection)  # the first ones also fill caches and plans
        jobs = await _jobs(runtime, connection)
        rows.append(Row("no-op jobs from their rows to done", f"{jobs:,.0f}/s", value=jobs))
        rows.append(at_least("events through the outbox to a handler", await _events(runtime, connection), 500, "/s"))
        starts = await _starts(runtime, connection)
        rows.append(at_most("commit of a job to its first step, p50", statistics.median(starts), 15, " ms"))
    await connection.close()
    await runtime.close()
    return rows


def measure() -> list[Row]:
    """All of it, on servers of its own."""
    with tempfile.TemporaryDirectory(prefix="synergy-load-") as temporary:
        folder = Path(temporary)
        with servers(folder, "load") as settings:
            return asyncio.run(_measure(settings, folder))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bare", url]:
            _be_bare_worker(url)
        case ["worker"]:
            sys.exit(work(["worker"], os.environ, registry=REGISTRY, schedules=(), tasks_per_process=10**9))
        case _:
            print(table(measure()))
