"""A worker or scheduler process with jobs of the tests.

It is the product's own entry point; only the handlers and schedules are others. Effects are rows of a table without a
unique key, so that an effect that happened twice shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from synergy_platform.database import UnitOfWork
from synergy_platform.jobs import Finish, IoHandler, JobHandler, Registry
from synergy_platform.runtime import Runtime
from synergy_platform.schedules import ScheduleDefinition
from synergy_worker import receiver
from synergy_worker.main import main

_EFFECT = "INSERT INTO effects (name, request_id, at, pid) VALUES ($1, $2, $3, $4) RETURNING id"


async def _effect(uow: UnitOfWork, name: str) -> None:
    request_id = structlog.contextvars.get_contextvars().get("request.id")
    await uow.value(_EFFECT, name, request_id, uow.now, os.getpid())


async def write(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    await _effect(uow, str(payload.get("event_id") or payload.get("slot") or payload["name"]))
    await asyncio.sleep(payload.get("seconds", 0))


async def nothing(_runtime: Runtime, _uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Measures the machinery alone."""


async def progress(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Tells in transactions of their own how far it is."""
    for step in range(payload["steps"]):
        async with runtime.database.unit_of_work() as own:
            await _effect(own, f"{payload['name']} step {step}")
        await asyncio.sleep(payload.get("seconds", 0))
    await _effect(uow, payload["name"])


async def fail(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    await _effect(uow, payload["name"])
    raise ValueError("on purpose")


async def block(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Lets nothing else in its process run."""
    await _effect(uow, payload["name"])
    time.sleep(payload["seconds"])  # noqa: ASYNC251 - it blocks on purpose


async def ignore(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Does not end when it is told to."""
    await _effect(uow, payload["name"])
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(payload["seconds"])


async def crash(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Takes its process with it."""
    await _effect(uow, payload["name"])
    os.kill(os.getpid(), signal.SIGSEGV)


async def send(_runtime: Runtime, payload: dict[str, Any], _attempt: int) -> Finish:
    """Waits for a server that takes its time."""
    await asyncio.sleep(payload.get("seconds", 0))

    async def finish(uow: UnitOfWork) -> timedelta | None:
        await _effect(uow, payload["name"])
        return None

    return finish


REGISTRY = Registry(
    (
        JobHandler(name="test.block", function=block),
        JobHandler(name="test.ignore", function=ignore, soft_timeout=0.5),
        JobHandler(name="test.crash", function=crash),
        IoHandler(name="test.send", function=send),
        JobHandler(name="test.write", function=write),
        JobHandler(name="test.nothing", function=nothing),
        JobHandler(name="test.on_event", function=write, events=frozenset({"thing.changed"})),
        JobHandler(name="test.progress", function=progress, queue="bulk"),
        JobHandler(name="test.fail", function=fail),
    )
)
SCHEDULES = (ScheduleDefinition(name="test.minutely", job="test.write", cron="* * * * *"),)


def run(role: str, environ: dict[str, str], log: str) -> None:
    """Be a worker or scheduler in this process, which writes to the file `log`."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environ)
    sys.exit(start([role], os.environ))


def start(arguments: list[str], environ: Mapping[str, str]) -> int:
    """The product's `main`, with these jobs."""
    receiver.DRAIN_SECONDS = float(environ.get("TEST_DRAIN_SECONDS", receiver.DRAIN_SECONDS))
    hard_limit = float(environ.get("TEST_HARD_LIMIT", "600"))
    tasks = int(environ.get("TEST_TASKS_PER_PROCESS", "1000"))
    return main(
        arguments,
        environ,
        registry=REGISTRY,
        schedules=SCHEDULES,
        command=(sys.executable, __file__),
        tasks_per_process=tasks,
        hard_limit=hard_limit,
    )


if __name__ == "__main__":
    sys.exit(start(sys.argv[1:], os.environ))
