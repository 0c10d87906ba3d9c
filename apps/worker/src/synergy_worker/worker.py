"""The worker: Taskiq runs jobs, and beside it go the relay and the heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, cast

import structlog
from taskiq import TaskiqEvents, TaskiqState
from taskiq.acks import AcknowledgeType
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import start_listen

from synergy_platform.heartbeats import keep_beating
from synergy_platform.ids import parse_id
from synergy_platform.jobs import Registry, run_job
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_worker.broker import StreamBroker
from synergy_worker.jobqueue import RUN_JOB, JobQueue, make_broker
from synergy_worker.relay import Relay

TASKS_PER_PROCESS = 1000

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Worker:
    """What lives in a worker process from its start to its end."""

    def __init__(self, settings: Settings, registry: Registry, broker: StreamBroker) -> None:
        self._registry = registry
        self._broker = broker
        # a job holds its unit of work until it has ended
        self._runtime = Runtime(settings, application="synergy-worker", writers=settings.worker_concurrency)
        self._beside: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[Any]] = set()

    async def start(self, state: TaskiqState) -> None:
        """Open the runtime; begin to relay and to beat."""
        state.worker = self
        await self._runtime.open()
        self._go(Relay(self._runtime, self._registry, JobQueue(self._broker)).run())
        self._go(keep_beating(self._runtime, "worker"))
        log.info("worker.started")

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        self._beside.append(asyncio.create_task(work))

    async def stop(self, _state: TaskiqState) -> None:
        """End what goes beside the jobs, and close the runtime."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._runtime.close()
        log.info("worker.stopped")

    async def run(self, job_id: str, request_id: str | None) -> None:
        """Do this job; what the one Taskiq task does."""
        wanted = parse_id(job_id)
        if wanted is None:
            log.error("job.malformed", job_id=job_id)
            return
        task = asyncio.create_task(run_job(self._runtime, self._registry, wanted, request_id))
        self._running.add(task)
        try:
            await task
        except asyncio.CancelledError:  # `cancel` did it: the job went back
            return
        except Exception as error:  # noqa: BLE001 - the database is away; the row waits, the relay publishes it again
            log.warning("job.not_reached", job_id=job_id, error=repr(error))
        finally:
            self._running.discard(task)

    async def cancel(self) -> None:
        """Cancel the jobs that run; they go back as they were."""
        for task in self._running:
            task.cancel()

    def holds_long_job(self) -> bool:
        """Whether this process has something of the bulk queue in hand."""
        return self._broker.holds(JobQueue.stream("bulk"))


def serve(settings: Settings, registry: Registry, *, tasks_per_process: int = TASKS_PER_PROCESS) -> None:
    """Run jobs in this process until SIGTERM, or until it has done its share."""
    broker = make_broker(settings)
    worker = Worker(settings, registry, broker)
    broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, worker.start)
    broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, worker.stop)

    async def run(job_id: str, request_id: str | None) -> None:  # Taskiq renames what it registers: no bound method
        await worker.run(job_id, request_id)

    broker.register_task(run, task_name=RUN_JOB)
    arguments = WorkerArgs(
        broker=cast("Any", broker),  # it takes a broker as well as the path of one, but does not say so
        modules=[],
        configure_logging=False,
        no_parse=True,
        receiver="synergy_worker.receiver:JobReceiver",
        max_async_tasks=settings.worker_concurrency,
        max_tasks_per_child=tasks_per_process,
        # the job's transaction is what counts; there is no result to save
        ack_type=AcknowledgeType.WHEN_EXECUTED,
        hardkill_count=20,  # a terminal and a supervisor may both send the signal, and more than once
        shutdown_timeout=5,
    )
    with contextlib.suppress(KeyboardInterrupt):
        start_listen(arguments)
