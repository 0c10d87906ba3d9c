"""All SQL of projects. Every read begins at what the actor may see."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from advanced_alchemy.repository import SQLAlchemyAsyncRepository

from synergy_domain.common import Actor, PersonView
from synergy_domain.identity import avatar_url
from synergy_domain.identity import policy as identity_policy
from synergy_domain.projects.contracts import (
    MemberPersonView,
    MemberView,
    ProjectQuery,
    ProjectRole,
    ProjectSettings,
    ProjectView,
)
from synergy_domain.projects.models import Member, Project
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.sql import Keyset, Where

PROGRESS = """CASE WHEN c.impact_total > 0 THEN floor(c.impact_done * 100 / c.impact_total)
                   WHEN c.tasks_total > 0 THEN floor(c.tasks_done * 100 / c.tasks_total) ELSE 0 END::int"""

_VIEW = f"""
    SELECT p.id, p.key, p.name, p.description, p.description_html, p.status, p.priority, p.start_date, p.end_date,
           p.budget, p.currency, p.color, p.enforce_dependencies, p.proof_required, p.archived_at, p.created_at,
           p.updated_at, p.version, m.role AS my_role, c.tasks_total, c.tasks_done, {PROGRESS} AS progress,
           o.id AS owner_id, o.username AS owner_username, o.first_name || ' ' || o.last_name AS owner_name
    FROM projects p
    JOIN project_counters c ON c.project_id = p.id
    JOIN users o ON o.id = p.owner_id
    LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
"""

SORTS: dict[str, Keyset] = {
    "-updated_at": Keyset((("p.updated_at", "timestamp", "desc"),), "p.id"),
    "updated_at": Keyset((("p.updated_at", "timestamp", "asc"),), "p.id"),
    "-created_at": Keyset((("p.created_at", "timestamp", "desc"),), "p.id"),
    "created_at": Keyset((("p.created_at", "timestamp", "asc"),), "p.id"),
    "name": Keyset((("lower(p.name)", "text", "asc"),), "p.id"),
    "-name": Keyset((("lower(p.name)", "text", "desc"),), "p.id"),
}


class Projects(SQLAlchemyAsyncRepository[Project]):
    """Projects, to change them."""

    model_type = Project


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """An actor's access to a project; `role` is what counts, and an admin who is no member counts as its owner."""

    project_id: UUID
    key: str
    name: str
    role: ProjectRole
    is_member: bool
    is_archived: bool
    enforce_dependencies: bool


ACCESS_COLUMNS = """p.id AS project_id, p.key AS project_key, p.name AS project_name, p.enforce_dependencies,
                    p.archived_at IS NOT NULL AS is_archived, m.role AS my_role"""


def to_access(actor: Actor, row: asyncpg.Record) -> Access:
    """The actor's access, from a row that has ACCESS_COLUMNS."""
    actor.note_reached(row["project_id"], row["my_role"])
    return Access(
        project_id=row["project_id"],
        key=row["project_key"],
        name=row["project_name"],
        role=row["my_role"] or "owner",
        is_member=row["my_role"] is not None,
        is_archived=row["is_archived"],
        enforce_dependencies=row["enforce_dependencies"],
    )


async def find_access(db: Reader, actor: Actor, project_id: UUID) -> Access | None:
    """The actor's access, or None when they may not see the project."""
    row = await db.row(
        f"""SELECT {ACCESS_COLUMNS} FROM projects p
            LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
            WHERE p.id = $2 AND p.deleted_at IS NULL AND (m.role IS NOT NULL OR $3)""",
        actor.user_id, project_id, actor.is_admin,
    )  # fmt: skip
    return to_access(actor, row) if row else None


async def find_project(db: Reader, actor: Actor, project_id: UUID) -> ProjectView | None:
    """A project that the actor may see."""
    row = await db.row(
        f"{_VIEW} WHERE p.id = $2 AND p.deleted_at IS NULL AND (m.role IS NOT NULL OR $3)",
        actor.user_id, project_id, actor.is_admin,
    )  # fmt: skip
    if row is None:
        return None
    actor.note_reached(project_id, row["my_role"])
    return _to_view(row)


async def list_projects(
    db: Reader, actor: Actor, query: ProjectQuery, after: list[Any] | None
) -> tuple[list[ProjectView], int | None]:
    """One row more than the limit, so that the caller knows whether there is a next page; and the total if asked."""
    where = Where(actor.user_id)
    where.add("p.deleted_at IS NULL")
    if not (query.everything and actor.is_admin):
        where.add("m.role IS NOT NULL")
    where.add("p.archived_at IS NOT NULL" if query.archived else "p.archived_at IS NULL")
    where.among("p.status", query.status)
    where.among("p.priority", query.priority)
    if query.text:
        where.matches(("p.name", "p.key"), query.text)
    total: int | None = None
    if query.count:
        total = await db.value(
            f"""SELECT count(*) FROM projects p
                LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1 WHERE {where.sql}""",
            *where.args,
        )
    keyset = SORTS[query.sort]
    keyset.after(where, after)
    rows = await db.rows(f"{_VIEW} WHERE {where.sql} ORDER BY {keyset.order} LIMIT {query.limit + 1}", *where.args)
    for row in rows[: query.limit]:
        actor.note_reached(row["id"], row["my_role"])
    return [_to_view(row) for row in rows], total


def sort_values(sort: str, project: ProjectView) -> list[Any]:
    """What the cursor behind `project` holds."""
    value = project.name.lower() if "name" in sort else getattr(project, sort.lstrip("-"))
    return [value, project.id]


async def list_members(db: Reader, project_id: UUID) -> list[MemberView]:
    """All members, the owner first, then by name."""
    rows = await db.rows(
        f"""SELECT u.id, u.username, u.first_name || ' ' || u.last_name AS name, u.is_active, m.role, m.joined_at,
                  m.added_by, m.version, {avatar_url("u")}
           FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1
           ORDER BY array_position(ARRAY['owner', 'manager', 'member', 'viewer'], m.role::text), name, u.id""",
        project_id,
    )
    return [_to_member(row) for row in rows]


async def find_member(db: Reader, project_id: UUID, user_id: UUID) -> MemberView | None:
    """One member."""
    row = await db.row(
        f"""SELECT u.id, u.username, u.first_name || ' ' || u.last_name AS name, u.is_active, m.role, m.joined_at,
                  m.added_by, m.version, {avatar_url("u")}
           FROM project_members m JOIN users u ON u.id = m.user_id WHERE m.project_id = $1 AND m.user_id = $2""",
        project_id, user_id,
    )  # fmt: skip
    return _to_member(row) if row else None


async def lock_member_role(uow: UnitOfWork, project_id: UUID, user_id: UUID) -> ProjectRole | None:
    """A member's role, its row locked."""
    return await uow.value(
        "SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2 FOR UPDATE", project_id, user_id
    )


async def set_member_role(uow: UnitOfWork, project_id: UUID, user_id: UUID, role: ProjectRole) -> None:
    """Give a member another role."""
    await uow.value(
        "UPDATE project_members SET role = $3, version = version + 1 WHERE project_id = $1 AND user_id = $2",
        project_id, user_id, role,
    )  # fmt: skip


async def remove_member(uow: UnitOfWork, project_id: UUID, user_id: UUID) -> None:
    """Take a member out of the project and off its tasks."""
    await uow.value(
        """WITH member AS (DELETE FROM project_members WHERE project_id = $1 AND user_id = $2)
           DELETE FROM task_assignees a USING tasks t
           WHERE t.id = a.task_id AND t.project_id = $1 AND a.user_id = $2""",
        project_id, user_id,
    )  # fmt: skip


def add_member(uow: UnitOfWork, project_id: UUID, user_id: UUID, role: ProjectRole, added_by: UUID | None) -> None:
    """Put somebody into the project."""
    uow.session.add(Member(project_id=project_id, user_id=user_id, role=role, joined_at=uow.now, added_by=added_by))


async def join(
    uow: UnitOfWork, project_id: UUID, user_id: UUID, role: ProjectRole, added_by: UUID
) -> ProjectRole | None:
    """Put somebody into the project; their present role when they are in it already."""
    added = await uow.value(
        """INSERT INTO project_members (project_id, user_id, role, joined_at, added_by) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (project_id, user_id) DO NOTHING RETURNING 1""",
        project_id, user_id, role, uow.now, added_by,
    )  # fmt: skip
    return None if added else await lock_member_role(uow, project_id, user_id)


async def has_import(db: Reader, owner_id: UUID, source: str) -> bool:
    """Whether the user owns a project that was imported from this source."""
    return await db.value(
        "SELECT EXISTS (SELECT 1 FROM projects WHERE owner_id = $1 AND import_source = $2 AND deleted_at IS NULL)",
        owner_id, source,
    )  # fmt: skip


async def used_keys(db: Reader, stem: str) -> set[str]:
    """Keys beginning with `stem` that a project has or had."""
    rows = await db.rows(
        "SELECT key FROM projects WHERE key LIKE $1 UNION ALL SELECT key FROM retired_project_keys WHERE key LIKE $1",
        f"{stem}%",
    )
    return {row["key"] for row in rows}


async def retire_key(uow: UnitOfWork, key: str) -> None:
    """Nobody gets this key any more: links and messages of the project that had it name it."""
    await uow.value("INSERT INTO retired_project_keys (key) VALUES ($1) ON CONFLICT DO NOTHING", key)


async def visible_people(
    db: Reader, actor: Actor, *, text: str | None, after: list[Any] | None, limit: int
) -> list[asyncpg.Record]:
    """People with an account in use whom the actor may see: everybody, or those of common projects; by name."""
    where = Where(actor.user_id)
    where.add("u.is_active AND NOT u.is_person_only AND u.deleted_at IS NULL")
    if not identity_policy.sees_everybody(actor.role):
        where.add(
            """(u.id = $1 OR EXISTS (SELECT 1 FROM project_members mine JOIN project_members theirs
                                     ON theirs.project_id = mine.project_id
                                     WHERE mine.user_id = $1 AND theirs.user_id = u.id))"""
        )
    else:
        where.add("$1::uuid IS NOT NULL")
    if text:
        where.matches(("u.username", "u.first_name || ' ' || u.last_name"), text)
    keyset = Keyset((("lower(u.first_name || ' ' || u.last_name)", "text", "asc"),), "u.id")
    keyset.after(where, after)
    return await db.rows(
        f"""SELECT u.id, u.username, u.first_name || ' ' || u.last_name AS name, u.department, u.position, u.is_active,
                   {avatar_url("u")}
            FROM users u WHERE {where.sql} ORDER BY {keyset.order} LIMIT {limit + 1}""",
        *where.args,
    )


async def find_visible_person(db: Reader, actor: Actor, user_id: UUID) -> asyncpg.Record | None:
    """A person whom the actor may see, also one without an account, or whose account is not in use."""
    return await db.row(
        f"""SELECT u.id, u.username, u.first_name || ' ' || u.last_name AS name, u.department, u.position, u.is_active,
                  u.is_person_only, u.avatar_key, {avatar_url("u")}
           FROM users u WHERE u.id = $2 AND u.deleted_at IS NULL AND ($3 OR u.id = $1 OR EXISTS (
               SELECT 1 FROM project_members mine JOIN project_members theirs ON theirs.project_id = mine.project_id
               WHERE mine.user_id = $1 AND theirs.user_id = u.id))""",
        actor.user_id, user_id, identity_policy.sees_everybody(actor.role),
    )  # fmt: skip


async def count_change(
    uow: UnitOfWork, project_id: UUID, *, total: int, done: int, impact_total: Decimal, impact_done: Decimal
) -> None:
    """Add to a project's counters; also takes the row's lock, which orders all writers of positions."""
    await uow.value(
        """UPDATE project_counters SET tasks_total = tasks_total + $2, tasks_done = tasks_done + $3,
                  impact_total = impact_total + $4, impact_done = impact_done + $5 WHERE project_id = $1""",
        project_id, total, done, impact_total, impact_done,
    )  # fmt: skip


def _to_view(row: asyncpg.Record) -> ProjectView:
    return ProjectView(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        description=row["description"],
        description_html=row["description_html"],
        status=row["status"],
        priority=row["priority"],
        owner=PersonView(id=row["owner_id"], username=row["owner_username"], name=row["owner_name"]),
        start_date=row["start_date"],
        end_date=row["end_date"],
        budget=row["budget"],
        currency=row["currency"],
        color=row["color"],
        settings=ProjectSettings(
            enforce_dependencies=row["enforce_dependencies"], proof_required=row["proof_required"]
        ),
        progress=row["progress"],
        tasks_total=row["tasks_total"],
        tasks_done=row["tasks_done"],
        my_role=row["my_role"],
        archived_at=row["archived_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _to_member(row: asyncpg.Record) -> MemberView:
    return MemberView(
        user=MemberPersonView(id=row["id"], username=row["username"], name=row["name"], avatar_url=row["avatar_url"]),
        role=row["role"],
        is_active=row["is_active"],
        joined_at=row["joined_at"],
        added_by=row["added_by"],
        version=row["version"],
    )
