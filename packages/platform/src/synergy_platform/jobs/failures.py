"""What becomes of jobs that were not done: tried again, handed back, or laid to rest among the dead letters."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

import msgspec
import structlog

from synergy_platform.database import OUTBOX_CHANNEL, Reader
from synergy_platform.ids import new_id
from synergy_platform.jobs.counters import JOBS
from synergy_platform.jobs.handlers import MAX_ATTEMPTS, Outcome, retry_delay
from synergy_platform.jobs.lease import LIVING
from synergy_platform.reporting import report
from synergy_platform.runtime import Runtime
from synergy_platform.tracing import trace_id

LONGEST_ERROR = 2000
MESSAGE = "message"  # the name of dead letters that were no job

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# `history` keeps what each try came to, so that whoever reads a dead letter sees more than its last error
_RECORD_FAILURE = f"""
    WITH mine AS (
      SELECT id FROM jobs
      WHERE id = $1 AND state = 'waiting' AND attempts = $2 - 1 AND owner IS NOT DISTINCT FROM $7
      FOR UPDATE SKIP LOCKED
    ),
    told AS MATERIALIZED (SELECT pg_notify('{OUTBOX_CHANNEL}', '') FROM mine)
    UPDATE jobs SET attempts = $2, error = $3, run_at = $4, state = $5::varchar, published_at = NULL, owner = NULL,
                    died_at = CASE WHEN $5::varchar = 'dead' THEN $6::timestamptz END,
                    history = history || jsonb_build_object('attempt', $2::int, 'at', $6::timestamptz,
                                                            'error', $3::text, 'duration_ms', $8::float8)
    FROM mine LEFT JOIN told ON true WHERE jobs.id = mine.id
    RETURNING jobs.id
"""  # noqa: S608 - a constant of ours
_HAND_BACK = f"""
    WITH mine AS (
      SELECT id FROM jobs WHERE id = $1 AND state = 'waiting' AND owner IS NOT DISTINCT FROM $2 FOR UPDATE SKIP LOCKED
    ),
    back AS (UPDATE jobs SET published_at = NULL, owner = NULL FROM mine WHERE jobs.id = mine.id)
    SELECT pg_notify('{OUTBOX_CHANNEL}', '')
"""  # noqa: S608 - a constant of ours
_FIND_VICTIM = f"""
    SELECT name, attempts, owner, jsonb_array_length(history) AS failures, request_id, trace_parent,
           coalesce(owner IN ({LIVING}), false) AS is_in_hand
    FROM jobs WHERE id = $1 AND state = 'waiting' FOR UPDATE
"""  # noqa: S608 - a constant of ours
_BURY_MESSAGE = """
    INSERT INTO jobs (id, name, queue, payload, state, attempts, error, run_at, created_at, died_at, history)
    VALUES ($1, $6, $2, $3::jsonb, 'dead', 0, $4, $5, $5, $5, '[]'::jsonb)
    RETURNING id
"""


class Claimed(msgspec.Struct):
    """A job that this process has in hand; `owner` is its lease, where it has one.

    `failures` are the tries before this one that failed: not those of `attempt` after which it asked for another.
    """

    name: str
    payload: dict[str, Any]
    attempt: int
    failures: int
    owner: int | None = None
    trace_parent: str | None = None


class HardLimitExceeded(Exception):
    """The job did not end, also when it was told to; its process was killed."""


class WorkerDied(Exception):
    """The process that did the job died of something."""


class StillInHand(Exception):
    """A process that is alive has leased the job; or the server has not noticed yet that the process is dead."""


def describe(error: BaseException) -> str:
    """An error as the admin reads it."""
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR].replace("\x00", "")


async def record_failure(
    runtime: Runtime, job_id: UUID, claimed: Claimed, error: Exception, duration_ms: float
) -> Outcome:
    """Have it tried again later, or count it among the dead."""
    # who was killed once for not ending would be killed again
    dead = claimed.failures + 1 >= MAX_ATTEMPTS or isinstance(error, HardLimitExceeded)
    now = runtime.clock.now()
    # what died beside something else is not kept waiting for it
    at_once = isinstance(error, WorkerDied) and claimed.failures == 0
    run_at = now if at_once else now + retry_delay(claimed.failures + 1)
    recorded = await runtime.database.reader().value(
        _RECORD_FAILURE, job_id, claimed.attempt, describe(error), run_at, "dead" if dead else "waiting", now,
        claimed.owner, duration_ms,
    )  # fmt: skip
    if recorded is None:  # a second message for this job brought it to somebody else in the meantime
        return "not_mine"
    JOBS.labels(claimed.name, "dead" if dead else "failed").inc()
    fields: dict[str, Any] = {"job": claimed.name, "job_id": str(job_id), "attempt": claimed.attempt}
    if dead:
        report(error, job=claimed.name)
        log.error("job.dead", **fields, duration_ms=duration_ms, exc_info=error)
        return "dead"
    log.warning("job.failed", **fields, duration_ms=duration_ms, next_try_at=run_at.isoformat(), exc_info=error)
    return "failed"


async def hand_back(runtime: Runtime, job_id: UUID, owner: int | None = None) -> None:
    """Have the job published again at once, by whichever relay is active."""
    # what the relay finds lost it publishes again too; this only saves the wait
    with contextlib.suppress(Exception):
        await runtime.database.reader().value(_HAND_BACK, job_id, owner)
    log.info("job.handed_back", job_id=str(job_id))


async def record_victim(runtime: Runtime, job_id: UUID, error: Exception, duration_ms: float) -> Outcome:
    """Record that the process died in which this job ran; "not_mine" when the job is done or elsewhere.

    The row may still be locked or leased by the connection of the dead process, or by another one's that took the job
    over: then it raises asyncpg's LockNotAvailableError or StillInHand.
    """
    async with runtime.database.unit_of_work() as uow:
        # waits for the dead one's transaction to end
        row = await uow.row(_FIND_VICTIM, job_id)
    if row is None:
        return "not_mine"
    if row["is_in_hand"]:
        raise StillInHand
    claimed = Claimed(row["name"], {}, row["attempts"] + 1, row["failures"], row["owner"])
    named = {"request.id": row["request_id"], "trace.id": row["trace_parent"] and trace_id(row["trace_parent"])}
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in named.items() if value}):
        return await record_failure(runtime, job_id, claimed, error, duration_ms)


async def bury_message(reader: Reader, runtime: Runtime, queue: str, data: bytes, fault: str) -> UUID:
    """Keep a message that says no job as a dead letter, so that an admin can see what it was."""
    payload = {"message": data[:LONGEST_ERROR].decode("utf-8", "replace").replace("\x00", "")}
    encoded = msgspec.json.encode(payload).decode()
    return await reader.value(
        _BURY_MESSAGE, new_id(), queue, encoded, fault[:LONGEST_ERROR], runtime.clock.now(), MESSAGE
    )
