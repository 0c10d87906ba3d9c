"""The worker: Taskiq runs jobs, and beside it go the relay and the heartbeat."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast
from uuid import UUID

import structlog
from taskiq import TaskiqEvents, TaskiqState
from taskiq.acks import AcknowledgeType
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import start_listen

from synergy_platform.certificate import keep_looking_at_certificate
from synergy_platform.heartbeats import keep_beating
from synergy_platform.ids import parse_id
from synergy_platform.jobs import (
    HardLimitExceeded,
    Lease,
    Outcome,
    Registry,
    WorkerDied,
    bury_message,
    hand_back,
    record_victim,
    run_io_job,
    run_job,
)
from synergy_platform.metrics import keep_measuring, measure
from synergy_platform.reporting import start_reporting
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_platform.wal import measure_wal
from synergy_worker.alone import JobsApart
from synergy_worker.broker import StreamBroker
from synergy_worker.jobqueue import IO_CONCURRENCY, RUN_IO_JOB, RUN_JOB, JobQueue, make_broker
from synergy_worker.process import Victims
from synergy_worker.relay import Relay
from synergy_worker.running import RunningJob, RunningJobs
from synergy_worker.upkeep import measure_upkeep

# the row of a job stays locked or leased until the server has noticed that the one who did it is dead
VICTIM_SECONDS = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def make_running_jobs(settings: Settings) -> RunningJobs:
    """Room for all that one process runs at the same time."""
    return RunningJobs(settings.worker_concurrency + IO_CONCURRENCY)


class Worker:
    """What lives in a worker process from its start to its end."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        broker: StreamBroker,
        running: RunningJobs,
        victims: Victims,
        apart: JobsApart,
    ) -> None:
        self._registry = registry
        self._broker = broker
        self._running = running
        self._victims = victims
        self._apart = apart
        # a job holds its unit of work until it has ended
        self._runtime = Runtime(settings, application="synergy-worker", writers=settings.worker_concurrency)
        self._lease = Lease(self._runtime)
        self._beside: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[Outcome | None]] = set()
        # Taskiq starts all that was fetched; how much of it runs is decided here, by what it needs
        self._room = asyncio.Semaphore(settings.worker_concurrency)
        self._io_room = asyncio.Semaphore(IO_CONCURRENCY)
        self._draining = False

    async def start(self, state: TaskiqState) -> None:
        """Open the runtime; record what the process before this one left; begin to relay and to beat."""
        state.worker = self
        await self._runtime.open()
        self._broker.on_reject = self._bury
        await self._record_victims()
        self._go(Relay(self._runtime, self._registry, JobQueue(self._broker)).run())
        self._go(keep_beating(self._runtime, "worker"))
        self._go(keep_measuring(self._runtime, measure, measure_upkeep, measure_wal))
        self._go(keep_looking_at_certificate(self._runtime))
        log.info("worker.started")

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        self._beside.append(asyncio.create_task(work))

    async def stop(self, _state: TaskiqState) -> None:
        """End what goes beside the jobs, and close the runtime."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._lease.end()
        await self._runtime.close()
        log.info("worker.stopped")

    async def _record_victims(self) -> None:
        """Before anything else runs: else somebody could begin again what killed the process before this one."""
        # at the same time, so that one that has to be waited for does not hold up the others
        async with asyncio.TaskGroup() as group:
            for job in self._victims.killed:
                fault = HardLimitExceeded(f"did not end within {job.seconds:.0f} s, and was killed")
                group.create_task(self._record_victim(job, fault))
            for job in self._victims.died:
                fault = WorkerDied("the worker process died while it did this")
                group.create_task(self._record_victim(job, fault))

    async def _record_victim(self, job: RunningJob, error: Exception) -> None:
        give_up = time.monotonic() + VICTIM_SECONDS
        while True:
            try:
                await record_victim(self._runtime, job.id, error, job.seconds * 1000)
            except Exception as fault:  # noqa: BLE001 - the row is locked or the database away
                if time.monotonic() > give_up:
                    log.warning("job.victim_not_recorded", job_id=str(job.id), error=repr(fault))
                    return
                await asyncio.sleep(0.5)
            else:
                return

    async def _bury(self, stream: str, data: bytes, fault: str) -> None:
        await bury_message(self._runtime.database.reader(), self._runtime, JobQueue.queue(stream), data, fault)

    async def run(self, job_id: str, request_id: str | None) -> None:
        """Do this job; what the Taskiq task of the queues `fast` and `bulk` does."""

        async def work(wanted: UUID) -> Outcome:
            return await run_job(self._runtime, self._registry, wanted, request_id)

        await self._run(job_id, request_id, self._room, work)

    async def run_io(self, job_id: str, request_id: str | None) -> None:
        """Do this job; what the Taskiq task of the queue `io` does."""

        async def work(wanted: UUID) -> Outcome:
            owner = await self._lease.owner()
            return await run_io_job(self._runtime, self._registry, owner, wanted, request_id)

        await self._run(job_id, request_id, self._io_room, work)

    async def _run(
        self,
        job_id: str,
        request_id: str | None,
        room: asyncio.Semaphore,
        work: Callable[[UUID], Coroutine[Any, Any, Outcome]],
    ) -> None:
        wanted = parse_id(job_id)
        if wanted is None:
            log.error("job.malformed", job_id=job_id)
            await self._bury(JobQueue.stream("fast"), job_id.encode(), "a message whose job has no id")
            return
        async with room:
            if self._draining:
                await hand_back(self._runtime, wanted)
                return
            self._broker.begin(job_id)
            slot = self._running.begin(wanted)
            try:
                outcome = await self._until_cancelled(job_id, self._running.follow(slot, work(wanted)))
            finally:
                self._running.end(slot)
        if outcome == "alone":
            await self._until_cancelled(job_id, self._run_apart(wanted, request_id, is_io=room is self._io_room))

    async def _until_cancelled(self, job_id: str, work: Awaitable[Outcome | None]) -> Outcome | None:
        """What came of it; None when `cancel` ended it, and the job went back, or when the database is away."""
        task = asyncio.create_task(_awaited(work))
        self._tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the row waits, and the relay publishes it again
            log.warning("job.not_reached", job_id=job_id, error=repr(error))
            return None
        finally:
            self._tasks.discard(task)

    async def _run_apart(self, wanted: UUID, request_id: str | None, *, is_io: bool) -> None:
        async with self._apart.turn:
            if self._draining:
                await hand_back(self._runtime, wanted)
                return
            started = time.monotonic()
            fault = await self._apart.run(wanted, request_id, is_io=is_io)
        if fault is not None:
            await self._record_victim(RunningJob(wanted, time.monotonic() - started), fault)

    def drain(self) -> None:
        """Begin nothing more."""
        self._draining = True

    async def cancel(self) -> None:
        """Cancel the jobs that run; they go back as they were."""
        for task in self._tasks:
            task.cancel()

    def holds_long_job(self) -> bool:
        """Whether this process has something of the bulk queue in hand."""
        return self._broker.holds(JobQueue.stream("bulk"))


async def _awaited(work: Awaitable[Outcome | None]) -> Outcome | None:
    return await work


def serve(
    settings: Settings,
    registry: Registry,
    running: RunningJobs,
    victims: Victims,
    apart: JobsApart,
    *,
    tasks_per_process: int,
) -> None:
    """Run jobs in this process until SIGTERM, or until it has done its share."""
    # anew: what the parent has connected is not ours to send on
    start_reporting(settings, service="synergy-worker")
    broker = make_broker(settings)
    worker = Worker(settings, registry, broker, running, victims, apart)
    broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, worker.start)
    broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, worker.stop)

    async def run(job_id: str, request_id: str | None) -> None:  # Taskiq renames what it registers: no bound method
        await worker.run(job_id, request_id)

    async def run_io(job_id: str, request_id: str | None) -> None:
        await worker.run_io(job_id, request_id)

    broker.register_task(run, task_name=RUN_JOB)
    broker.register_task(run_io, task_name=RUN_IO_JOB)
    arguments = WorkerArgs(
        broker=cast("Any", broker),  # it takes a broker as well as the path of one, but does not say so
        modules=[],
        configure_logging=False,
        no_parse=True,
        receiver="synergy_worker.receiver:JobReceiver",
        max_async_tasks=broker.most_held,
        max_tasks_per_child=tasks_per_process,
        # the job's transaction is what counts; there is no result to save
        ack_type=AcknowledgeType.WHEN_EXECUTED,
        hardkill_count=20,  # a terminal and a supervisor may both send the signal, and more than once
        shutdown_timeout=5,
    )
    with contextlib.suppress(KeyboardInterrupt):
        start_listen(arguments)
