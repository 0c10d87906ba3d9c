"""Dated records of what keeps the system well: backups, drills, lists of maintenance."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg
import msgspec

from synergy_domain.common import Actor
from synergy_domain.maintenance import policy
from synergy_domain.maintenance.contracts import RecordInput, RecordQuery, RecordView
from synergy_domain.maintenance.finding import Finding
from synergy_domain.maintenance.lists import BY_NAME, OCCASIONAL
from synergy_domain.maintenance.models import MaintenanceRecord
from synergy_domain.maintenance.telling import have_told
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotFound
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime
from synergy_platform.sql import Keyset, Where

_SORT = "-finished_at"
_ORDER = Keyset((("finished_at", "timestamp", "desc"),), "id")
_COLUMNS = "id, task, outcome, started_at, finished_at, done_by, summary, detail::text AS detail"


def add_record(uow: UnitOfWork, record: RecordInput) -> None:
    """Keep that something was done, and have those told who are told of such a failure."""
    uow.session.add(MaintenanceRecord(**msgspec.structs.asdict(record)))
    have_told(uow, record)


def record_finding(runtime: Runtime, uow: UnitOfWork, task: str, finding: Finding, *, done_by: str) -> None:
    """Keep what was found by something that began with this transaction and ends now."""
    add_record(
        uow,
        RecordInput(
            task=task, outcome=finding.outcome, started_at=uow.now, finished_at=runtime.clock.now(), done_by=done_by,
            summary=finding.summary, detail=finding.detail,
        ),
    )  # fmt: skip


async def latest_records(db: Reader, *, succeeded: bool = False) -> dict[str, RecordView]:
    """The last record of each task; with `succeeded` the last one that did not fail."""
    where = "WHERE outcome <> 'failed'" if succeeded else ""
    # the details of those only: some are large, and there are records of years
    rows = await db.rows(
        f"""SELECT {_COLUMNS} FROM maintenance_records WHERE id IN (
                SELECT DISTINCT ON (task) id FROM maintenance_records {where}
                ORDER BY task, finished_at DESC, id DESC)"""  # noqa: S608 - constants
    )
    return {row["task"]: _view(row) for row in rows}


async def recent_records(
    db: Reader, tasks: Collection[str], *, limit: int, succeeded: bool = False
) -> list[RecordView]:
    """The last records of these tasks, the latest first; with `succeeded` only those that did not fail."""
    only = "AND outcome <> 'failed'" if succeeded else ""
    rows = await db.rows(
        f"""SELECT {_COLUMNS} FROM maintenance_records WHERE task = ANY($1) {only}
            ORDER BY finished_at DESC, id DESC LIMIT $2""",  # noqa: S608 - constants
        list(tasks),
        limit,
    )
    return [_view(row) for row in rows]


async def list_records(db: Reader, cursors: Cursors, actor: Actor, query: RecordQuery) -> Page[RecordView]:
    """The records of one task, the latest first; raises AdminsOnly, and NotFound for a task that there is not."""
    policy.require_admin(actor)
    if query.task not in BY_NAME and query.task not in OCCASIONAL:
        raise NotFound("There is no such task of maintenance.")
    where = Where()
    where.add(f"task = {where.param(query.task)}")
    _ORDER.after(where, _ORDER.decode(cursors, _SORT, query.cursor))
    rows = await db.rows(
        f"SELECT {_COLUMNS} FROM maintenance_records WHERE {where.sql} ORDER BY {_ORDER.order} LIMIT {query.limit + 1}",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [_view(row) for row in rows]
    return make_page(found, query.limit, lambda last: cursors.encode(_SORT, [last.finished_at, last.id]), None)


def _view(row: asyncpg.Record) -> RecordView:
    return msgspec.convert({**row, "detail": msgspec.json.decode(row["detail"])}, RecordView)
