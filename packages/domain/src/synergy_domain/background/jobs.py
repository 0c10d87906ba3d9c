"""Queues and dead letters."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.background.contracts import JobAttempt, JobQuery, JobView, RetriedJobs, RetryInput
from synergy_domain.background.policy import require_admin
from synergy_domain.common import Actor
from synergy_platform.database import OUTBOX_CHANNEL, Reader, UnitOfWork
from synergy_platform.errors import Conflict, NotFound
from synergy_platform.jobs import MESSAGE, BackgroundState, background_state
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime
from synergy_platform.sql import Keyset, Where

_COLUMNS = """id, name, queue, state, attempts, error, payload::text AS payload, history::text AS history, request_id,
              created_at, run_at, died_at"""
_DEAD = Keyset((("died_at", "timestamp", "desc"),), "id")
_WAITING = Keyset((("run_at", "timestamp", "asc"),), "id")
# its history begins anew too: it counts the failures
_REVIVE = "state = 'waiting', attempts = 0, history = '[]', run_at = $1, published_at = NULL, died_at = NULL"


async def state_of_queues(runtime: Runtime, db: Reader, actor: Actor) -> BackgroundState:
    """Queues, outbox and processes; raises AdminsOnly."""
    require_admin(actor)
    return await background_state(db, runtime.clock.now())


async def list_jobs(db: Reader, cursors: Cursors, actor: Actor, query: JobQuery) -> Page[JobView]:
    """Dead letters, the latest first, or what waits, the longest due first; raises AdminsOnly."""
    require_admin(actor)
    dead = query.state == "dead"
    sort, order = ("-died_at", _DEAD) if dead else ("run_at", _WAITING)
    where = Where()
    where.add("state = 'dead'" if dead else "state = 'waiting'")
    where.among("queue", query.queues)
    if query.name is not None:
        where.add(f"name = {where.param(query.name)}")
    order.after(where, order.decode(cursors, sort, query.cursor))
    rows = await db.rows(
        f"SELECT {_COLUMNS} FROM jobs WHERE {where.sql} ORDER BY {order.order} LIMIT {query.limit + 1}",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [_to_view(row) for row in rows]
    return make_page(
        found, query.limit, lambda last: cursors.encode(sort, [last.died_at if dead else last.run_at, last.id]), None
    )


async def get_job(db: Reader, actor: Actor, job_id: UUID) -> JobView:
    """One job that is not done; raises AdminsOnly and NotFound."""
    require_admin(actor)
    row = await db.row(f"SELECT {_COLUMNS} FROM jobs WHERE id = $1", job_id)  # noqa: S608 - constants
    if row is None:
        raise NotFound("There is no such job: it may be done.")
    return _to_view(row)


async def retry_job(uow: UnitOfWork, actor: Actor, job_id: UUID) -> JobView:
    """Send a dead letter again, with five new tries; raises AdminsOnly, NotFound and Conflict."""
    require_admin(actor)
    found = await get_job(uow, actor, job_id)
    if found.name == MESSAGE:
        raise Conflict("This was a message that names no job: nothing could do it. Delete it when you have read it.")
    row = await uow.row(
        f"UPDATE jobs SET {_REVIVE} WHERE id = $2 AND state = 'dead' RETURNING {_COLUMNS}",  # noqa: S608 - constants
        uow.now, job_id,
    )  # fmt: skip
    if row is None:
        raise Conflict("This job is no dead letter: it waits already.")
    await _wake_the_relay(uow)
    return _to_view(row)


async def retry_jobs(uow: UnitOfWork, actor: Actor, data: RetryInput) -> RetriedJobs:
    """Send all dead letters again, or those of one kind of job; raises AdminsOnly."""
    require_admin(actor)
    retried = await uow.value(
        f"""WITH again AS (
              UPDATE jobs SET {_REVIVE}
              WHERE state = 'dead' AND name <> $2 AND ($3::text IS NULL OR name = $3) RETURNING 1
            ) SELECT count(*) FROM again""",  # noqa: S608 - constants
        uow.now, MESSAGE, data.name,
    )  # fmt: skip
    await _wake_the_relay(uow)
    return RetriedJobs(retried=retried)


async def delete_job(uow: UnitOfWork, actor: Actor, job_id: UUID) -> None:
    """Remove a dead letter for good; raises AdminsOnly, NotFound and Conflict."""
    require_admin(actor)
    await get_job(uow, actor, job_id)
    if await uow.value("DELETE FROM jobs WHERE id = $1 AND state = 'dead' RETURNING id", job_id) is None:
        raise Conflict("This job waits to be done: only dead letters can be deleted.")


async def _wake_the_relay(uow: UnitOfWork) -> None:
    await uow.value("SELECT pg_notify($1, '')", OUTBOX_CHANNEL)


def _to_view(row: asyncpg.Record) -> JobView:
    fields = dict(row)
    fields["payload"] = msgspec.json.decode(fields["payload"])
    fields["history"] = msgspec.json.decode(fields["history"], type=list[JobAttempt])
    return JobView(**fields)
