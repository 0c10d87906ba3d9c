"""How the system is kept, for administrators: the lists of maintenance and the records of what was done."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from synergy_api.documentation import errors
from synergy_api.params import CursorParam, Limit
from synergy_domain import maintenance
from synergy_domain.common import Actor
from synergy_domain.maintenance import MaintenanceTaskView, RecordQuery, RecordView
from synergy_platform.database import Reader
from synergy_platform.pagination import Page


@get("/admin/maintenance", tags=["admin"], responses=errors(400, 401, 403))
async def list_maintenance(
    state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> Page[MaintenanceTaskView]:
    """The daily, weekly, monthly and quarterly tasks, each with its last record and when it is due next."""
    tasks = await maintenance.read_status(db, actor, state.runtime.clock.now())
    return Page(items=tasks, next_cursor=None)


@get("/admin/maintenance/{task:str}/records", tags=["admin"], responses=errors(400, 401, 403, 404))
async def list_maintenance_records(
    task: FromPath[str],
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[RecordView]:
    """What is recorded of one task, the latest first; also of restore, upgrade, escrow and file_sweep."""
    query = RecordQuery(task=task, cursor=cursor, limit=limit)
    return await maintenance.list_records(db, state.runtime.cursors, actor, query)


router = Router("", route_handlers=[list_maintenance, list_maintenance_records])
