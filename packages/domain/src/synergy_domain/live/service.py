"""Reading the ledger in its order."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor, PersonView
from synergy_platform.database import Reader


class EventObject(msgspec.Struct, kw_only=True):
    """What an event is about."""

    type: str
    id: UUID


class EventView(msgspec.Struct, kw_only=True):
    """An event as the stream and its JSON list give it; `number` is its place in the ledger."""

    number: int
    id: UUID
    type: str
    version: int
    occurred_at: datetime
    actor: PersonView | None
    project_id: UUID | None
    object: EventObject
    data: dict[str, Any]


class LedgerEntry(msgspec.Struct, frozen=True):
    """An event, and who may see it: members of its project, or its recipient alone."""

    view: EventView
    project_id: UUID | None
    recipient_id: UUID | None

    def visible(self, user_id: UUID, projects: frozenset[UUID] | set[UUID]) -> bool:
        """Whether a user who is in these projects may see it."""
        if self.project_id is not None:
            return self.project_id in projects
        return self.recipient_id == user_id


class LedgerBounds(msgspec.Struct, frozen=True):
    """The first number that is kept, and the last one given; 0 and 0 for an empty ledger."""

    first: int
    last: int


_SELECT = """
    SELECT e.seq, e.id, e.type, e.version, e.occurred_at, e.project_id, e.recipient_id, e.object_type, e.object_id,
           e.data::text AS data, u.id AS actor_id, u.username, u.first_name || ' ' || u.last_name AS name
    FROM events e LEFT JOIN users u ON u.id = e.actor_id
"""


async def bounds(db: Reader) -> LedgerBounds:
    """How far the ledger reaches."""
    row = await db.row(
        """SELECT coalesce((SELECT seq FROM events WHERE seq IS NOT NULL ORDER BY seq LIMIT 1), 0) AS first,
                  (SELECT last_seq FROM ledger_head WHERE id = 1) AS last"""
    )
    return LedgerBounds(row["first"], row["last"]) if row else LedgerBounds(0, 0)


async def entries_after(db: Reader, number: int, limit: int) -> list[LedgerEntry]:
    """Everybody's events behind `number`, in order: for the process that hands them on."""
    rows = await db.rows(f"{_SELECT} WHERE e.seq > $1 ORDER BY e.seq LIMIT $2", number, limit)
    return [LedgerEntry(_to_view(row), row["project_id"], row["recipient_id"]) for row in rows]


async def events_after(db: Reader, actor: Actor, number: int, until: int, limit: int) -> list[EventView]:
    """The actor's events behind `number`, up to and with `until`, in order."""
    rows = await db.rows(
        f"""{_SELECT} WHERE e.seq > $2 AND e.seq <= $3
            AND (e.recipient_id = $1 AND e.project_id IS NULL
                 OR e.project_id IN (SELECT project_id FROM project_members WHERE user_id = $1))
            ORDER BY e.seq LIMIT $4""",  # noqa: S608 - constant columns
        actor.user_id, number, until, limit,
    )  # fmt: skip
    return [_to_view(row) for row in rows]


async def membership(db: Reader, user_id: UUID) -> set[UUID]:
    """The projects that a user is in."""
    rows = await db.rows("SELECT project_id FROM project_members WHERE user_id = $1", user_id)
    return {row["project_id"] for row in rows}


def _to_view(row: asyncpg.Record) -> EventView:
    return EventView(
        number=row["seq"],
        id=row["id"],
        type=row["type"],
        version=row["version"],
        occurred_at=row["occurred_at"],
        actor=PersonView(id=row["actor_id"], username=row["username"], name=row["name"]) if row["actor_id"] else None,
        project_id=row["project_id"],
        object=EventObject(type=row["object_type"], id=row["object_id"]),
        data=msgspec.json.decode(row["data"]),
    )
