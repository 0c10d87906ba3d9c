"""The outbox: events get their numbers after the commit, and become jobs of those who subscribe to them.

These are the steps that a relay takes, on a connection of its own; what it does when, and how jobs reach a worker, is
the worker's matter. Each step may be taken twice, or by two relays at a time.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from synergy_platform.database import LEDGER_CHANNEL
from synergy_platform.ids import new_id
from synergy_platform.jobs import IS_FIRST_IN_LANE, Registry

BATCH = 500

_LOCK_HEAD = "SELECT last_seq FROM ledger_head WHERE id = 1 FOR UPDATE"
_MAKE_HEAD = "INSERT INTO ledger_head (id, last_seq) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
_NUMBER = f"""
    WITH batch AS (
      SELECT id, row_number() OVER (ORDER BY ord) AS place
      FROM (SELECT id, ord FROM events WHERE seq IS NULL ORDER BY ord LIMIT $1) AS unnumbered
    ), head AS (
      UPDATE ledger_head SET last_seq = $2 + (SELECT count(*) FROM batch) WHERE id = 1 RETURNING last_seq
    ), told AS MATERIALIZED (
      SELECT pg_notify('{LEDGER_CHANNEL}', last_seq::text) FROM head WHERE last_seq > $2
    )
    UPDATE events SET seq = $2 + batch.place
    FROM batch LEFT JOIN told ON true WHERE events.id = batch.id
    RETURNING events.id, events.seq, events.type, events.object_id, events.quiet, events.request_id,
              events.trace_parent
"""  # noqa: S608 - a constant of ours
_INSERT_JOBS = """
    INSERT INTO jobs (id, name, queue, payload, dedup_key, state, attempts, run_at, created_at, request_id,
                      trace_parent)
    SELECT j.id, j.name, j.queue, j.payload, j.dedup_key, 'waiting', 0, $8, $8, j.request_id, j.trace_parent
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::text[], $7::text[])
         AS j (id, name, queue, payload, dedup_key, request_id, trace_parent)
    ON CONFLICT (dedup_key) DO NOTHING
"""
# The mark is set before the message is sent: a worker that gets the message may then take the row's lock at once.
# It is only a hint (what was marked and not sent counts as lost), so it need not wait for the disk.
_MARK = f"""
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
    due AS (
      SELECT id FROM jobs job, quick
      WHERE state = 'waiting' AND published_at IS NULL AND run_at <= $1 AND queue = $2 AND owner IS NULL
        AND {IS_FIRST_IN_LANE}
      ORDER BY run_at, id LIMIT $3 FOR UPDATE OF job SKIP LOCKED
    )
    UPDATE jobs SET published_at = $1 FROM due WHERE jobs.id = due.id
    RETURNING jobs.id, jobs.run_at, jobs.request_id
"""  # noqa: S608 - a constant of ours
_UNMARK = """
    WITH lost AS (
      SELECT id FROM jobs WHERE id = ANY($1) AND state = 'waiting' AND owner IS NULL FOR UPDATE SKIP LOCKED
    ),
    again AS (UPDATE jobs SET published_at = NULL FROM lost WHERE jobs.id = lost.id RETURNING 1)
    SELECT count(*) FROM again
"""
# takes no locks: a worker that finds a row locked leaves the job to whoever holds it
_PUBLISHED_BEFORE = """
    SELECT id, published_at FROM jobs WHERE state = 'waiting' AND owner IS NULL AND published_at <= $1 AND queue = $2
"""


class DueJob(msgspec.Struct, frozen=True):
    """What a message says about a job."""

    id: UUID
    request_id: str | None


async def number_events(
    connection: asyncpg.Connection[asyncpg.Record], registry: Registry, now: datetime, *, limit: int = BATCH
) -> int:
    """Give the next numbers to events that have none, and add a job for each subscriber; returns how many.

    Numbers have no gaps and are seen in their order, since whoever gives them holds the lock on the head until the
    commit. Listeners of `LEDGER_CHANNEL` are told the last one.
    """
    async with connection.transaction():
        last = await connection.fetchval(_LOCK_HEAD)
        if last is None:
            await connection.execute(_MAKE_HEAD)
            last = await connection.fetchval(_LOCK_HEAD)
        events = await connection.fetch(_NUMBER, limit, last)
        jobs = [
            (
                new_id(), handler.name, handler.queue, msgspec.json.encode({"event_id": event["id"]}).decode(),
                # ends in the number, at a fixed width: jobs.py keeps the order by it
                f"event:{handler.name}:{event['object_id']}:{event['seq']:019d}", event["request_id"],
                event["trace_parent"],
            )
            for event in sorted(events, key=lambda event: event["seq"])
            for handler in registry.subscribers(event["type"], quiet=event["quiet"])
        ]  # fmt: skip
        if jobs:
            await connection.execute(_INSERT_JOBS, *(list(column) for column in zip(*jobs, strict=True)), now)
    return len(events)


async def mark_published(
    connection: asyncpg.Connection[asyncpg.Record], queue: str, now: datetime, *, limit: int = BATCH
) -> list[DueJob]:
    """Take jobs of `queue` that are due and not yet published, in order, and mark them: the caller sends them now.

    Of the events of one object, only the first that a handler has not done.
    """
    rows = await connection.fetch(_MARK, now, queue, limit)
    rows.sort(key=lambda row: (row["run_at"], row["id"]))
    return [DueJob(row["id"], row["request_id"]) for row in rows]


async def unmark(connection: asyncpg.Connection[asyncpg.Record], job_ids: list[UUID]) -> int:
    """Have these published again, but for those being done or done; returns how many."""
    return await connection.fetchval(_UNMARK, job_ids)


async def published_before(
    connection: asyncpg.Connection[asyncpg.Record], queue: str, moment: datetime
) -> list[tuple[UUID, datetime]]:
    """Jobs of `queue` that were published by then, with the time, and are not done; some may be being done."""
    return [(row["id"], row["published_at"]) for row in await connection.fetch(_PUBLISHED_BEFORE, moment, queue)]
