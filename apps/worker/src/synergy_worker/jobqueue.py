"""Jobs on their way through Redis: a message for each, in the stream of its queue."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from uuid import UUID

from taskiq.message import TaskiqMessage

from synergy_platform.ids import parse_id
from synergy_platform.outbox import DueJob
from synergy_platform.settings import Settings
from synergy_worker.broker import BROKER_AWAY, StreamBroker

RUN_JOB = "run_job"
RUN_IO_JOB = "run_io_job"
IO_CONCURRENCY = 32
GROUP = "workers"
_STREAMS = {"fast": "synergy:jobs:fast", "bulk": "synergy:jobs:bulk", "io": "synergy:jobs:io"}


class QueueAway(Exception):
    """Redis cannot be reached, or refuses; its cause says why."""


def make_broker(settings: Settings) -> StreamBroker:
    """The broker of all processes.

    A worker process holds one long job in four, so that short ones always find a place; of the short ones it fetches
    as many ahead as it runs. Those that wait for other servers have places of their own.
    """
    limits = {
        _STREAMS["fast"]: 2 * settings.worker_concurrency,
        _STREAMS["bulk"]: max(1, settings.worker_concurrency // 4),
        _STREAMS["io"]: IO_CONCURRENCY,
    }
    return StreamBroker(settings.broker_url, limits, group=GROUP)


class JobQueue:
    """What the relay needs of the broker; each method raises `QueueAway`."""

    def __init__(self, broker: StreamBroker) -> None:
        self._broker = broker

    @staticmethod
    def stream(queue: str) -> str:
        """The stream of a queue."""
        return _STREAMS[queue]

    @staticmethod
    def queue(stream: str) -> str:
        """The queue of a stream."""
        return next(queue for queue, name in _STREAMS.items() if name == stream)

    async def publish(self, queue: str, jobs: Iterable[DueJob]) -> None:
        """Send a message for each job, in this order."""
        task = RUN_IO_JOB if queue == "io" else RUN_JOB
        messages = [
            self._broker.formatter.dumps(
                TaskiqMessage(
                    task_id=str(job.id), task_name=task, labels={"queue_name": _STREAMS[queue]},
                    args=[str(job.id), job.request_id], kwargs={},
                )
            )
            for job in jobs
        ]  # fmt: skip
        with _away():
            await self._broker.send(messages)

    async def depth(self, queue: str) -> int:
        """How many messages are there, those being worked on included."""
        with _away():
            return (await self._broker.depths())[_STREAMS[queue]]

    async def present(self, queue: str) -> set[UUID]:
        """The jobs that have a message there."""
        with _away():
            ids = await self._broker.task_ids(_STREAMS[queue])
        return {job_id for job_id in map(parse_id, ids) if job_id is not None}


@contextlib.contextmanager
def _away() -> Generator[None]:
    try:
        yield
    except BROKER_AWAY as error:
        raise QueueAway from error
