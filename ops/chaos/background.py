"""The product's worker or scheduler, with a few jobs more: poison, and a schedule whose slots can be counted.

Its clock can be set off from outside: it reads the offset from the file that CHAOS_CLOCK names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from synergy_platform import runtime as runtime_module
from synergy_platform.clock import SystemClock
from synergy_platform.database import UnitOfWork
from synergy_platform.jobs import JobHandler, Registry
from synergy_platform.runtime import Runtime
from synergy_platform.schedules import ScheduleDefinition
from synergy_worker import handlers
from synergy_worker.main import main

HARD_LIMIT_SECONDS = 8.0
SLOT = timedelta(seconds=10)


class OffsetClock(SystemClock):
    """The system's clock, off by what the file says."""

    def now(self) -> datetime:
        """The time, set off."""
        offset = 0.0
        with contextlib.suppress(OSError, ValueError):
            offset = float(Path(os.environ["CHAOS_CLOCK"]).read_text())
        return super().now() + timedelta(seconds=offset)


async def tick(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """A row for the slot; the table has no unique key, so that a doubled slot shows."""
    slot = datetime.fromisoformat(payload["slot"])
    await uow.value("INSERT INTO chaos_slots (slot, at) VALUES ($1, $2) RETURNING slot", slot, uow.now)


async def crash(_runtime: Runtime, _uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Takes its process with it."""
    os.kill(os.getpid(), signal.SIGSEGV)


async def block(_runtime: Runtime, _uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Lets nothing else in its process run."""
    time.sleep(3600)  # noqa: ASYNC251 - it blocks on purpose


async def hang(_runtime: Runtime, _uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Does not end when it is told to."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


REGISTRY = Registry(
    (
        *handlers.make_registry(),
        JobHandler(name="chaos.tick", function=tick),
        JobHandler(name="chaos.crash", function=crash),
        JobHandler(name="chaos.block", function=block),
        JobHandler(name="chaos.hang", function=hang, soft_timeout=2),
    )
)
SCHEDULES = (*handlers.SCHEDULES, ScheduleDefinition(name="chaos.tick", job="chaos.tick", interval=SLOT))

if __name__ == "__main__":
    runtime_module.SystemClock = OffsetClock
    sys.exit(
        main(
            sys.argv[1:],
            os.environ,
            registry=REGISTRY,
            schedules=SCHEDULES,
            command=(sys.executable, __file__),
            hard_limit=HARD_LIMIT_SECONDS,
        )
    )
