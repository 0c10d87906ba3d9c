"""The activity of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from synergy_domain.common import Actor, PersonView
from synergy_domain.projects import access_to
from synergy_platform.database import Reader
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.sql import Where

_SORT = "-number"


class ActivityObject(msgspec.Struct, kw_only=True):
    """What something happened to."""

    type: str
    id: UUID


class ActivityView(msgspec.Struct, kw_only=True):
    """One fact; `number` is its place in the ledger, `data` holds what changed (`changes`: field → [before, after])."""

    id: UUID
    number: int
    type: str
    actor: PersonView | None
    object: ActivityObject
    data: dict[str, Any]
    occurred_at: datetime


class ActivityQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of facts; `verb` is the part of the type behind the dot."""

    actor_id: UUID | None = None
    verb: str | None = None
    object_type: str | None = None
    object_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50


async def list_activity(
    db: Reader, cursors: Cursors, actor: Actor, project_id: UUID, query: ActivityQuery
) -> Page[ActivityView]:
    """What happened in a project that the actor may see, the newest first."""
    await access_to(db, actor, project_id)
    where = Where(project_id)
    where.add("e.project_id = $1 AND e.seq IS NOT NULL")
    if query.actor_id is not None:
        where.add(f"e.actor_id = {where.param(query.actor_id)}")
    if query.verb is not None:
        where.add(f"split_part(e.type, '.', 2) = {where.param(query.verb)}")
    if query.object_type is not None:
        where.add(f"e.object_type = {where.param(query.object_type)}")
    if query.object_id is not None:
        # what happens to a task's comments and subtasks belongs to the task too
        holder = where.param(query.object_id)
        where.add(f"(e.object_id = {holder} OR e.data ->> 'task_id' = {holder}::text)")
    if query.since is not None:
        where.add(f"e.occurred_at >= {where.param(query.since)}")
    if query.until is not None:
        where.add(f"e.occurred_at < {where.param(query.until)}")
    if query.cursor is not None:
        where.add(f"e.seq < {where.param(cursors.decode(_SORT, query.cursor, (int,))[0])}")
    rows = await db.rows(
        f"""SELECT e.id, e.seq, e.type, e.object_type, e.object_id, e.data::text AS data, e.occurred_at,
                   u.id AS actor_id, u.username, u.first_name || ' ' || u.last_name AS name
            FROM events e LEFT JOIN users u ON u.id = e.actor_id
            WHERE {where.sql} ORDER BY e.seq DESC LIMIT {query.limit + 1}""",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [
        ActivityView(
            id=row["id"],
            number=row["seq"],
            type=row["type"],
            actor=PersonView(id=row["actor_id"], username=row["username"], name=row["name"])
            if row["actor_id"]
            else None,
            object=ActivityObject(type=row["object_type"], id=row["object_id"]),
            data=msgspec.json.decode(row["data"]),
            occurred_at=row["occurred_at"],
        )
        for row in rows
    ]
    return make_page(found, query.limit, lambda last: cursors.encode(_SORT, [last.number]), None)
