"""Background jobs: what a process can do (handlers), and how one job is done exactly once.

A row of `jobs` is the truth. Whoever does a job deletes its row in the same transaction that holds the effect, so both
happen or neither does, however often the message that named the job is delivered. Whoever enqueues a job with the
dedup_key of one that is being done waits for its end: give long jobs a key of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog

from synergy_platform.database import OUTBOX_CHANNEL, UnitOfWork
from synergy_platform.runtime import Runtime

QUEUES = ("fast", "bulk")
MAX_ATTEMPTS = 5
RETRY_BASE_SECONDS = 10
RETRY_FACTOR = 4
RETRY_CAP_SECONDS = 900
SOFT_TIMEOUT_SECONDS = 300

Queue = Literal["fast", "bulk"]
HandlerFunction = Callable[[Runtime, UnitOfWork, dict[str, Any]], Awaitable[None]]
Outcome = Literal["done", "failed", "dead", "not_mine", "too_early"]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# A lane is what must happen in order: the events of one object, for one handler. Its key ends in the event's number
# (see `outbox`), so the unique index on dedup_key finds its neighbours. Only the first of a lane is published.
# Each is a subquery for a value: an EXISTS would become a join of all jobs with all jobs.
IS_FIRST_IN_LANE = """
    CASE WHEN job.dedup_key LIKE 'event:%' THEN (
      SELECT earlier.id FROM jobs earlier
      WHERE earlier.dedup_key >= left(job.dedup_key, -19) || '0000000000000000000'
        AND earlier.dedup_key < job.dedup_key AND earlier.name = job.name AND earlier.state = 'waiting'
      ORDER BY earlier.dedup_key LIMIT 1
    ) IS NULL ELSE true END
"""
_IS_LAST_IN_LANE = """
    CASE WHEN job.dedup_key LIKE 'event:%' THEN (
      SELECT later.id FROM jobs later
      WHERE later.dedup_key > job.dedup_key
        AND later.dedup_key <= left(job.dedup_key, -19) || '9999999999999999999'
        AND later.name = job.name AND later.state = 'waiting'
      ORDER BY later.dedup_key LIMIT 1
    ) IS NULL ELSE true END
"""
# Deleting comes first: it is the claim, and what the handler writes commits or vanishes together with it. That is why
# the commit need not wait for the disk: should the machine fail before, row and effect are as they were, and the job is
# done again. With the commit the relay is told when the lane has a next one to publish.
_CLAIM = f"""
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    mine AS (SELECT id FROM jobs, quick WHERE id = $1 AND state = 'waiting' FOR UPDATE OF jobs SKIP LOCKED)
    DELETE FROM jobs job USING mine
    WHERE job.id = mine.id AND {IS_FIRST_IN_LANE}
    RETURNING job.name, job.payload::text AS payload, job.attempts,
              CASE WHEN NOT {_IS_LAST_IN_LANE} THEN pg_notify('{OUTBOX_CHANNEL}', '') END
"""  # noqa: S608 - all parts are constants
_PUT_BEHIND_EARLIER = f"""
    WITH mine AS (SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' FOR UPDATE SKIP LOCKED)
    UPDATE jobs job SET published_at = NULL FROM mine WHERE job.id = mine.id AND NOT {IS_FIRST_IN_LANE}
    RETURNING job.id
"""  # noqa: S608 - both parts are constants
_RECORD_FAILURE = """
    WITH mine AS (
      SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' AND attempts = $2 - 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET attempts = $2, error = $3, run_at = $4, state = $5, published_at = NULL
    FROM mine WHERE jobs.id = mine.id
    RETURNING jobs.id
"""
_HAND_BACK = f"""
    WITH mine AS (SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' FOR UPDATE SKIP LOCKED),
    back AS (UPDATE jobs SET published_at = NULL FROM mine WHERE jobs.id = mine.id)
    SELECT pg_notify('{OUTBOX_CHANNEL}', '')
"""  # noqa: S608 - a constant of ours


class JobHandler(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of job.

    `function` gets the runtime, the unit of work that also removes the job, and the payload; what must be seen before
    it ends (progress) it commits in a unit of work of its own. `events` are the types of events that it subscribes to:
    it then runs once for each with the payload `{"event_id": …}`, in order for each object; `skips_quiet` leaves out
    those that nobody is to be notified of. `soft_timeout` is in seconds; the handler is cancelled then.
    """

    name: str
    function: HandlerFunction
    queue: Queue = "fast"
    events: frozenset[str] = frozenset()
    skips_quiet: bool = False
    soft_timeout: float = SOFT_TIMEOUT_SECONDS


class UnknownJob(Exception):
    """No handler has this name."""


class Registry:
    """The handlers of a process, by name and by the events that they subscribe to."""

    def __init__(self, handlers: Iterable[JobHandler]) -> None:
        self._by_name: dict[str, JobHandler] = {}
        self._by_event: dict[str, list[JobHandler]] = {}
        for handler in handlers:
            if handler.name in self._by_name:
                raise ValueError(f"two handlers are named {handler.name}")
            self._by_name[handler.name] = handler
            for event in handler.events:
                self._by_event.setdefault(event, []).append(handler)

    def __iter__(self) -> Iterator[JobHandler]:
        return iter(self._by_name.values())

    def get(self, name: str) -> JobHandler:
        """The handler of job `name`; raises `UnknownJob`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownJob(f"no handler is named {name}") from None

    def subscribers(self, event: str, *, quiet: bool) -> list[JobHandler]:
        """The handlers that an event of this type goes to."""
        return [handler for handler in self._by_event.get(event, ()) if not (quiet and handler.skips_quiet)]


class _Claimed(msgspec.Struct):
    name: str
    payload: dict[str, Any]
    attempt: int


def retry_delay(attempt: int) -> timedelta:
    """How long to wait after try number `attempt` (from 1) failed: exponential, with full jitter.

    Any moment up to the limit is as likely as any other, so that jobs that failed together do not return together.
    """
    limit = min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * RETRY_FACTOR ** (attempt - 1))
    return timedelta(seconds=random.uniform(0, limit))  # noqa: S311 - spreads load, guards nothing


async def run_job(runtime: Runtime, registry: Registry, job_id: UUID, request_id: str | None = None) -> Outcome:
    """Do job `job_id` in one transaction, unless it is done, dead or being done.

    A failure is recorded in a transaction of its own and tried again later; the fifth makes the job `dead`. When this
    is cancelled the job goes back as it was. Only a database that cannot be reached lets an exception out: the row
    then still waits, and the relay publishes it again.
    """
    with structlog.contextvars.bound_contextvars(**{"request.id": request_id} if request_id else {}):
        claimed: _Claimed | None = None
        started = time.perf_counter()
        try:
            async with runtime.database.unit_of_work() as uow:
                claimed = await _claim(uow, job_id)
                if claimed is not None:
                    handler = registry.get(claimed.name)
                    async with asyncio.timeout(handler.soft_timeout):
                        await handler.function(runtime, uow, claimed.payload)
        except asyncio.CancelledError:
            await _hand_back(runtime, job_id)
            raise
        except Exception as error:
            if claimed is None:
                raise
            return await _record_failure(runtime, job_id, claimed, error, _milliseconds(started))
        if claimed is None:
            return await _put_behind_earlier(runtime, job_id)
        log.info(
            "job.done",
            job=claimed.name,
            job_id=str(job_id),
            attempt=claimed.attempt,
            duration_ms=_milliseconds(started),
        )
        return "done"


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


async def _claim(uow: UnitOfWork, job_id: UUID) -> _Claimed | None:
    row = await uow.row(_CLAIM, job_id)
    if row is None:
        return None
    return _Claimed(row["name"], msgspec.json.decode(row["payload"]), row["attempts"] + 1)


async def _put_behind_earlier(runtime: Runtime, job_id: UUID) -> Outcome:
    """A job that could not be claimed is done, dead or being done, or it has to let an earlier one go first."""
    waits = await runtime.database.reader().value(_PUT_BEHIND_EARLIER, job_id)
    return "not_mine" if waits is None else "too_early"


async def _record_failure(
    runtime: Runtime, job_id: UUID, claimed: _Claimed, error: Exception, duration_ms: float
) -> Outcome:
    # nothing will teach an unknown job its handler, so it does not wait for five tries
    dead = claimed.attempt >= MAX_ATTEMPTS or isinstance(error, UnknownJob)
    run_at = runtime.clock.now() + retry_delay(claimed.attempt)
    text = f"{type(error).__name__}: {error}"[:2000].replace("\x00", "")
    recorded = await runtime.database.reader().value(
        _RECORD_FAILURE, job_id, claimed.attempt, text, run_at, "dead" if dead else "waiting"
    )
    if recorded is None:  # a second message for this job brought it to somebody else in the meantime
        return "not_mine"
    fields: dict[str, Any] = {"job": claimed.name, "job_id": str(job_id), "attempt": claimed.attempt}
    if dead:
        log.error("job.dead", **fields, duration_ms=duration_ms, exc_info=error)
        return "dead"
    log.warning("job.failed", **fields, duration_ms=duration_ms, next_try_at=run_at.isoformat(), exc_info=error)
    return "failed"


async def _hand_back(runtime: Runtime, job_id: UUID) -> None:
    """Have the job published again at once, by whichever relay is active."""
    # what the relay finds lost it publishes again too; this only saves the wait
    with contextlib.suppress(Exception):
        await runtime.database.reader().value(_HAND_BACK, job_id)
    log.info("job.handed_back", job_id=str(job_id))
