"""How the background work stands: figures for admins and for metrics, from PostgreSQL alone."""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from synergy_platform.database import Reader
from synergy_platform.jobs.handlers import QUEUES

_QUEUES = """
    SELECT queue,
           count(*) FILTER (WHERE state = 'waiting' AND run_at <= $1) AS due,
           count(*) FILTER (WHERE state = 'waiting' AND run_at > $1) AS delayed,
           count(*) FILTER (WHERE state = 'waiting' AND published_at IS NOT NULL) AS published,
           count(*) FILTER (WHERE state = 'dead') AS dead,
           coalesce(extract(epoch FROM $1 - min(run_at) FILTER (WHERE state = 'waiting' AND run_at <= $1)), 0)::float8
             AS oldest_seconds
    FROM jobs GROUP BY queue
"""
_OUTBOX = """
    SELECT count(*) AS events,
           coalesce(extract(epoch FROM $1 - min(occurred_at) FILTER (WHERE NOT quiet)), 0)::float8 AS oldest_seconds
    FROM events WHERE seq IS NULL -- what is imported happened long before
"""
_PROCESSES = """
    SELECT process, role, seen_at, greatest(0, extract(epoch FROM now() - seen_at))::float8 AS silent_seconds
    FROM process_heartbeats ORDER BY role, process
"""


class QueueState(msgspec.Struct, kw_only=True):
    """One queue. `due` should have begun, `delayed` waits for its time, `published` is with the workers."""

    name: str
    due: int
    delayed: int
    published: int
    dead: int
    oldest_seconds: float


class OutboxState(msgspec.Struct, kw_only=True):
    """Events that the relay has not numbered yet."""

    events: int
    oldest_seconds: float


class ProcessState(msgspec.Struct, kw_only=True):
    """A background process, and when it last said that it is alive, by the database's clock."""

    process: str
    role: str
    seen_at: datetime
    silent_seconds: float


class BackgroundState(msgspec.Struct, kw_only=True):
    """All of it."""

    queues: list[QueueState]
    outbox: OutboxState
    processes: list[ProcessState]


async def background_state(db: Reader, now: datetime) -> BackgroundState:
    """How the background work stands at this moment."""
    rows = {row["queue"]: row for row in await db.rows(_QUEUES, now)}
    outbox = await db.row(_OUTBOX, now)
    return BackgroundState(
        queues=[_to_queue(name, rows.get(name)) for name in QUEUES],
        outbox=OutboxState(
            events=outbox["events"] if outbox else 0,
            oldest_seconds=max(0.0, outbox["oldest_seconds"]) if outbox else 0.0,
        ),
        processes=[ProcessState(**row) for row in await db.rows(_PROCESSES)],
    )


def _to_queue(name: str, row: asyncpg.Record | None) -> QueueState:
    if row is None:
        return QueueState(name=name, due=0, delayed=0, published=0, dead=0, oldest_seconds=0.0)
    return QueueState(
        name=name, due=row["due"], delayed=row["delayed"], published=row["published"], dead=row["dead"],
        oldest_seconds=row["oldest_seconds"],
    )  # fmt: skip
