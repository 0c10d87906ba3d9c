"""How one job is done exactly once.

A row of `jobs` is the truth. Whoever does a job in the database deletes its row in the same transaction that holds the
effect, so both happen or neither does, however often the message that named the job is delivered. Whoever enqueues a
job with the dedup_key of one that is being done waits for its end: give long jobs a key of their own.

A job that waits for somebody else's server is leased: its row names the process that has it in hand, no transaction is
open, and what it came to is recorded in the transaction that ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import msgspec
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from synergy_platform.database import OUTBOX_CHANNEL, UnitOfWork
from synergy_platform.jobs.counters import JOB_SECONDS, JOBS
from synergy_platform.jobs.failures import Claimed, WorkerDied, hand_back, record_failure
from synergy_platform.jobs.handlers import Finish, IoHandler, JobHandler, Outcome, Registry, UnknownJob
from synergy_platform.jobs.lanes import IS_FIRST_IN_LANE, IS_LAST_IN_LANE
from synergy_platform.runtime import Runtime

if TYPE_CHECKING:
    from synergy_platform.spans import Span

# how long a known outcome is kept while the database is away; then the job runs again
KEEP_OUTCOME_SECONDS = 60.0

# also when it is there and has no connection or no lock to give for a while
_DATABASE_AWAY = (
    OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InterfaceError,
    asyncpg.InternalClientError, asyncpg.LockNotAvailableError, PoolTimeout, DBAPIError,
)  # fmt: skip

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# A process died while it did this job among others: it may be what killed it, or a neighbour of that.
_IS_SUSPECT = f"jsonb_path_exists(history, '$[*].error ? (@ starts with \"{WorkerDied.__name__}:\")')"

# Deleting comes first: it is the claim, and what the handler writes commits or vanishes together with it. That is why
# the commit need not wait for the disk: should the machine fail before, row and effect are as they were, and the job is
# done again. With the commit the relay is told when the lane has a next one to publish.
_CLAIM = f"""
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    mine AS (
      SELECT id FROM jobs, quick WHERE id = $1 AND state = 'waiting' AND queue <> 'io' AND ($2 OR NOT {_IS_SUSPECT})
      FOR UPDATE OF jobs SKIP LOCKED
    )
    DELETE FROM jobs job USING mine
    WHERE job.id = mine.id AND {IS_FIRST_IN_LANE}
    RETURNING job.name, job.payload::text AS payload, job.attempts, jsonb_array_length(job.history) AS failures,
              job.trace_parent, CASE WHEN NOT {IS_LAST_IN_LANE} THEN pg_notify('{OUTBOX_CHANNEL}', '') END
"""  # noqa: S608 - all parts are constants
_PUT_BEHIND_EARLIER = f"""
    WITH mine AS (SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' FOR UPDATE SKIP LOCKED)
    UPDATE jobs job SET published_at = NULL FROM mine WHERE job.id = mine.id AND NOT {IS_FIRST_IN_LANE}
    RETURNING job.id
"""  # noqa: S608 - both parts are constants
# should the machine fail before this is on the disk, the owner is gone too
_LEASE = f"""
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    mine AS (
      SELECT id FROM jobs, quick
      WHERE id = $1 AND state = 'waiting' AND queue = 'io' AND owner IS NULL AND ($3 OR NOT {_IS_SUSPECT})
      FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE jobs SET owner = $2 FROM mine WHERE jobs.id = mine.id
    RETURNING name, payload::text AS payload, attempts, jsonb_array_length(history) AS failures, trace_parent
"""  # noqa: S608 - a constant of ours
_MUST_RUN_ALONE = f"SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' AND owner IS NULL AND {_IS_SUSPECT}"  # noqa: S608
_HOLD = "SELECT id FROM jobs WHERE id = $1 AND owner = $2 FOR UPDATE"
_REMOVE = "DELETE FROM jobs WHERE id = $1 RETURNING id"
_AGAIN = f"""
    UPDATE jobs SET owner = NULL, published_at = NULL, run_at = $2, attempts = attempts + 1 WHERE id = $1
    RETURNING pg_notify('{OUTBOX_CHANNEL}', '')
"""  # noqa: S608 - a constant of ours


async def run_job(
    runtime: Runtime, registry: Registry, job_id: UUID, request_id: str | None = None, *, alone: bool = False
) -> Outcome:
    """Do job `job_id` in one transaction, unless it is done, dead or being done.

    "alone" when it was in hand as a process died: it is done only where nothing else runs, by who says that it is
    `alone`, so that what kills its process can be told from what only ran beside it.

    A failure is recorded in a transaction of its own and tried again later; the fifth makes the job `dead`. When this
    is cancelled the job goes back as it was. Only a database that cannot be reached lets an exception out: the row
    then still waits, and the relay publishes it again.
    """
    with contextlib.ExitStack() as context:
        context.enter_context(structlog.contextvars.bound_contextvars(**_named(request_id)))
        claimed: Claimed | None = None
        started = time.perf_counter()
        span: Span | None = None
        try:
            async with runtime.database.unit_of_work() as uow:
                claimed = await _claim(uow, job_id, alone=alone)
                if claimed is not None:
                    # until after the commit
                    span = context.enter_context(_span(runtime, job_id, claimed))
                    handler = registry.get(claimed.name)
                    if not isinstance(handler, JobHandler):
                        raise UnknownJob(f"{claimed.name} belongs into the queue io")
                    async with asyncio.timeout(handler.soft_timeout):
                        await handler.function(runtime, uow, claimed.payload)
        except asyncio.CancelledError:
            await hand_back(runtime, job_id)
            raise
        except Exception as error:
            if claimed is None:
                raise
            _fail(span, error)
            return await record_failure(runtime, job_id, claimed, error, _milliseconds(started))
        if claimed is None:
            return await _why_not(runtime, job_id, alone=alone)
        _log_done(job_id, claimed, started)
        return "done"


async def run_io_job(
    runtime: Runtime,
    registry: Registry,
    owner: int,
    job_id: UUID,
    request_id: str | None = None,
    *,
    alone: bool = False,
) -> Outcome:
    """Do job `job_id` of queue `io` under the lease `owner`; as `run_job`, but for the transaction.

    "again" when the handler asked for another try.
    """
    with contextlib.ExitStack() as context:
        context.enter_context(structlog.contextvars.bound_contextvars(**_named(request_id)))
        started = time.perf_counter()
        row = await runtime.database.reader().row(_LEASE, job_id, owner, alone)
        if row is None:
            return await _why_not(runtime, job_id, alone=alone)
        claimed = _to_claimed(row, owner)
        span = context.enter_context(_span(runtime, job_id, claimed))
        try:
            handler = registry.get(claimed.name)
            if not isinstance(handler, IoHandler):
                raise UnknownJob(f"{claimed.name} does not belong into the queue io")
            async with asyncio.timeout(handler.soft_timeout):
                finish = await handler.function(runtime, claimed.payload, claimed.attempt)
            # what was sent cannot be taken back: its outcome is kept for a while
            outcome = await _while_away(lambda: _record(runtime, job_id, owner, finish), KEEP_OUTCOME_SECONDS)
        except asyncio.CancelledError:
            await hand_back(runtime, job_id, owner)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job counts it
            failure, duration_ms = error, _milliseconds(started)
            _fail(span, error)
            # nobody takes the job over as long as the lease lasts, so this has to get through
            return await _while_away(lambda: record_failure(runtime, job_id, claimed, failure, duration_ms))
        if outcome == "done":
            _log_done(job_id, claimed, started)
        elif outcome == "again":
            JOBS.labels(claimed.name, "again").inc()
        return outcome


async def _while_away(record: Callable[[], Awaitable[Outcome]], seconds: float = math.inf) -> Outcome:
    """`record`, and again and again while the database is away, for so long."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            return await record()
        except _DATABASE_AWAY:
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(1)


async def _record(runtime: Runtime, job_id: UUID, owner: int, finish: Finish) -> Outcome:
    async with runtime.database.unit_of_work() as uow:
        if await uow.value(_HOLD, job_id, owner) is None:
            return "not_mine"
        after: timedelta | None = await finish(uow)
        if after is None:
            await uow.value(_REMOVE, job_id)
            return "done"
        await uow.value(_AGAIN, job_id, uow.now + after)
        return "again"


def _log_done(job_id: UUID, claimed: Claimed, started: float) -> None:
    JOBS.labels(claimed.name, "done").inc()
    JOB_SECONDS.labels(claimed.name).observe(time.perf_counter() - started)
    log.info(
        "job.done", job=claimed.name, job_id=str(job_id), attempt=claimed.attempt, duration_ms=_milliseconds(started)
    )


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


async def _claim(uow: UnitOfWork, job_id: UUID, *, alone: bool) -> Claimed | None:
    row = await uow.row(_CLAIM, job_id, alone)
    if row is None:
        return None
    return _to_claimed(row)


def _to_claimed(row: asyncpg.Record, owner: int | None = None) -> Claimed:
    payload = msgspec.json.decode(row["payload"])
    return Claimed(row["name"], payload, row["attempts"] + 1, row["failures"], owner, row["trace_parent"])


def _named(request_id: str | None) -> dict[str, str]:
    """What every line of a job says."""
    return {"request.id": request_id} if request_id else {}


def _span(runtime: Runtime, job_id: UUID, claimed: Claimed) -> contextlib.AbstractContextManager[Span | None]:
    """The span of one try, as a child of what caused the job."""
    attributes = {"synergy.job": claimed.name, "synergy.job_id": str(job_id), "synergy.attempt": claimed.attempt}
    return runtime.tracing.span(f"job {claimed.name}", "consumer", claimed.trace_parent, attributes)


def _fail(span: Span | None, error: Exception) -> None:
    if span is not None:
        span.fail(type(error).__name__)


async def _why_not(runtime: Runtime, job_id: UUID, *, alone: bool) -> Outcome:
    """Why a job could not be claimed: it is done, dead or being done, has to run alone, or to let an earlier one go."""
    reader = runtime.database.reader()
    if not alone and await reader.value(_MUST_RUN_ALONE, job_id) is not None:
        return "alone"
    return "not_mine" if await reader.value(_PUT_BEHIND_EARLIER, job_id) is None else "too_early"
