"""The scheduler: Taskiq's loop over schedules that stand in PostgreSQL.

A due slot becomes a row of `jobs`, in the transaction that moves its schedule on; no message is sent from here. So
any number of schedulers may run.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
import uvloop
from taskiq import ScheduledTask, ScheduleSource, TaskiqScheduler
from taskiq.cli.scheduler.run import SchedulerLoop

from synergy_platform.heartbeats import keep_beating
from synergy_platform.jobs import Registry
from synergy_platform.runtime import Runtime
from synergy_platform.schedules import DueSchedule, ScheduleDefinition, due_schedules, ensure_schedules, fire
from synergy_platform.settings import Settings
from synergy_worker.jobqueue import make_broker

# slots are read this much ahead, so that they fire on their second
AHEAD = timedelta(seconds=2)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class PostgresSchedules(ScheduleSource):
    """The schedules that are due, each as a task for the moment of its slot."""

    def __init__(self, runtime: Runtime, registry: Registry, definitions: tuple[ScheduleDefinition, ...]) -> None:
        self._runtime = runtime
        self._registry = registry
        self._missing = definitions
        self._unknown: set[str] = set()
        self._away = False

    async def get_schedules(self) -> list[ScheduledTask]:
        """What is due; nothing while the database is away."""
        try:
            if self._missing:
                async with self._runtime.database.unit_of_work() as uow:
                    await ensure_schedules(uow, self._missing)
                self._missing = ()
            due = await due_schedules(self._runtime.database.reader(), self._runtime.clock.now() + AHEAD)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next second may do better
            if not self._away:
                log.warning("scheduler.database_away", error=repr(error))
            self._away = True
            return []
        if self._away:
            log.info("scheduler.database_back")
        self._away = False
        self._tell_of_unknown(due)
        return [
            # each time a new id: Taskiq sends one id only once, and a slot that failed must come again
            ScheduledTask(task_name=schedule.name, labels={}, args=[schedule.id], kwargs={}, time=schedule.slot)
            for schedule in due
            if schedule.job in self._registry
        ]

    def _tell_of_unknown(self, due: list[DueSchedule]) -> None:
        """Once each: after a rollback, the schedules of the newer release stay for when that comes again."""
        for schedule in due:
            if schedule.job not in self._registry and schedule.name not in self._unknown:
                self._unknown.add(schedule.name)
                log.warning("schedule.unknown_job", schedule=schedule.name, job=schedule.job)


class SlotScheduler(TaskiqScheduler):
    """Fires into the database where Taskiq's would send a message."""

    def __init__(self, runtime: Runtime, registry: Registry, source: ScheduleSource) -> None:
        super().__init__(make_broker(runtime.settings), [source])
        self._runtime = runtime
        self._registry = registry

    async def on_ready(self, source: ScheduleSource, task: ScheduledTask) -> None:
        """Fire the slot, unless another scheduler did."""
        schedule_id: UUID = task.args[0]
        try:
            with self._runtime.tracing.span(f"schedule {task.task_name}", "producer", None) as span:
                async with self._runtime.database.unit_of_work() as uow:
                    jobs = await fire(uow, self._registry, schedule_id)
                if span is not None:
                    span.set("synergy.jobs", jobs)
        except Exception:  # the schedule still names the slot, so it comes again
            log.exception("schedule.not_fired", schedule=task.task_name)


async def _run(settings: Settings, registry: Registry, definitions: tuple[ScheduleDefinition, ...]) -> None:
    runtime = Runtime(settings, application="synergy-scheduler")
    await runtime.open()
    scheduler = SlotScheduler(runtime, registry, PostgresSchedules(runtime, registry, definitions))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    log.info("scheduler.started")
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(keep_beating(runtime, "scheduler")),
        # a negative interval: also when the clock was set back, schedules are read again each second
        asyncio.create_task(SchedulerLoop(scheduler).run(update_interval=timedelta(days=-1))),
        asyncio.create_task(ended.wait()),
    ]
    try:
        finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await runtime.close()
        log.info("scheduler.stopped")


def serve(settings: Settings, registry: Registry, definitions: tuple[ScheduleDefinition, ...]) -> None:
    """Fire schedules in this process until SIGTERM or SIGINT."""
    # it announces what `schedule.fired` says, and calls a database that takes a second a wrong setting
    logging.getLogger("taskiq.cli.scheduler.run").setLevel(logging.ERROR)
    uvloop.run(_run(settings, registry, definitions))
