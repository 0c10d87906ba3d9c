"""The relay: brings what was committed on its way.

One is active, elected by a lock that dies with its connection; the others stand by. It numbers events and publishes
jobs, woken by the commits themselves with a poll behind it. The two go on apart from each other: live streams need the
numbers, also while Redis is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import TypeAlias

import asyncpg
import structlog

from synergy_platform.database import DATABASE_ERRORS, OUTBOX_CHANNEL, listening
from synergy_platform.jobs import QUEUES, Registry, take_back_lost
from synergy_platform.outbox import BATCH, mark_published, number_events, published_before, unmark
from synergy_platform.runtime import Runtime
from synergy_worker.broker import stop_if_cancelled
from synergy_worker.jobqueue import JobQueue, QueueAway

POLL_SECONDS = 1.0
SWEEP_SECONDS = 5.0
# a job whose message is not in the queue for so long after publishing is published again
LOST_AFTER = timedelta(seconds=10)
# and after so long in any case: should Redis ever keep a message and never deliver it again
FORGOTTEN_AFTER = timedelta(minutes=30)
# jobs beyond this wait in PostgreSQL, so that Redis stays small and its loss is soon made good
DEEPEST_QUEUE = 5000
LONGEST_PAUSE_SECONDS = 5.0

# any number will do that nothing else in this database locks
_LOCK_KEY = 0x53594E45524759
_TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
# a relay whose machine vanished must not stay the elected one for hours
_SESSION = """
    SELECT set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
           set_config('tcp_keepalives_count', '3', false), set_config('statement_timeout', '15000', false),
           set_config('lock_timeout', '5000', false)
"""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_Direct: TypeAlias = "asyncpg.Connection[asyncpg.Record]"  # not subscriptable at run time


class Relay:
    """Numbers events and publishes jobs while it is the elected one."""

    def __init__(self, runtime: Runtime, registry: Registry, queue: JobQueue) -> None:
        self._runtime = runtime
        self._registry = registry
        self._queue = queue
        self._events = asyncio.Event()
        self._jobs = asyncio.Event()
        self._turn = asyncio.Lock()  # the connection does one thing at a time

    async def run(self) -> None:
        """Serve until cancelled; a database that is away is waited for."""
        pause = 0.0
        while True:
            try:
                async with self._elected() as connection:
                    pause = 0.0
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._keep_numbering(connection))
                        group.create_task(self._keep_publishing(connection))
            except* DATABASE_ERRORS as errors:
                log.warning("relay.interrupted", error=repr(errors.exceptions[0]))
            except* Exception as errors:
                # a fault of ours; everything depends on the relay, so it tries again
                log.exception("relay.failed", exc_info=errors.exceptions[0])
            pause = min(LONGEST_PAUSE_SECONDS, max(0.2, pause * 2))
            await asyncio.sleep(pause)

    @contextlib.asynccontextmanager
    async def _elected(self) -> AsyncGenerator[_Direct]:
        """A connection that holds the relay's lock."""
        connection = await self._runtime.database.connect_directly()
        try:
            await connection.fetch(_SESSION)
            while not await connection.fetchval(_TRY_LOCK, _LOCK_KEY):  # noqa: ASYNC110 - see the next line
                await asyncio.sleep(POLL_SECONDS)  # nobody tells when the elected one is gone
            log.info("relay.elected")
            async with listening(connection, OUTBOX_CHANNEL, self._wake):
                yield connection
        finally:
            try:
                await connection.close(timeout=1)
            except DATABASE_ERRORS:
                connection.terminate()

    def _wake(self, _payload: str) -> None:
        self._events.set()
        self._jobs.set()

    async def _keep_numbering(self, connection: _Direct) -> None:
        while True:
            self._events.clear()
            async with self._turn:
                numbered = await number_events(connection, self._registry, self._runtime.clock.now())
            if numbered:
                self._jobs.set()
            if numbered < BATCH:
                await _wait(self._events)

    async def _keep_publishing(self, connection: _Direct) -> None:
        # what a relay before this one marked and perhaps did not send is looked at first
        lost_after, next_sweep, pause, away = timedelta(0), 0.0, 0.0, False
        while True:
            stop_if_cancelled()
            self._jobs.clear()
            try:
                if time.monotonic() >= next_sweep:
                    await self._sweep(connection, lost_after)
                    lost_after, next_sweep = LOST_AFTER, time.monotonic() + SWEEP_SECONDS
                for queue in QUEUES:
                    await self._publish(connection, queue)
            except QueueAway as error:
                if not away:
                    log.warning("relay.queue_away", error=repr(error.__cause__))
                away, pause = True, min(LONGEST_PAUSE_SECONDS, max(0.2, pause * 2))
                await asyncio.sleep(pause)
                continue
            if away:
                log.info("relay.queue_back")
            away, pause = False, 0.0
            await _wait(self._jobs)

    async def _publish(self, connection: _Direct, queue: str) -> None:
        """Send what is due in `queue`, as far as there is room."""
        room = DEEPEST_QUEUE - await self._queue.depth(queue)
        while room > 0:
            async with self._turn:
                due = await mark_published(connection, queue, self._runtime.clock.now(), limit=min(BATCH, room))
            if not due:
                return
            try:
                await self._queue.publish(queue, due)
            except QueueAway:
                async with self._turn:
                    await unmark(connection, [job.id for job in due])
                raise
            room -= len(due)

    async def _sweep(self, connection: _Direct, lost_after: timedelta) -> None:
        """Have jobs published again whose messages are gone (Redis was emptied, a worker died at a bad moment)."""
        now = self._runtime.clock.now()
        async with self._turn:
            taken = await take_back_lost(connection)
        if taken:
            log.warning("relay.leases_ended", jobs=taken)
        for queue in QUEUES:
            async with self._turn:
                published = await published_before(connection, queue, now - lost_after)
            if not published:
                continue
            present = await self._queue.present(queue)
            lost = [
                job_id
                for job_id, published_at in published
                if job_id not in present or published_at < now - FORGOTTEN_AFTER
            ]
            if lost:
                async with self._turn:
                    again = await unmark(connection, lost)
                if again:  # the others were done between the two looks
                    log.warning("relay.jobs_republished", queue=queue, jobs=again)


async def _wait(event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(POLL_SECONDS):
            await event.wait()
