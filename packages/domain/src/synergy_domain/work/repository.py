"""SQL of tasks. Every read begins at what the actor may see."""

from __future__ import annotations

import re
from collections import deque
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from advanced_alchemy.repository import SQLAlchemyAsyncRepository

from synergy_domain.common import Actor, PersonView
from synergy_domain.projects import ACCESS_COLUMNS, Access, to_access
from synergy_domain.work.contracts import (
    STATUSES,
    LabelView,
    ProgressContribution,
    ProgressView,
    SubtaskCount,
    TaskQuery,
    TaskReference,
    TaskStatus,
    TaskSummary,
    TaskView,
)
from synergy_domain.work.models import Task
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.ids import parse_id
from synergy_platform.sql import Keyset, Where

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9]{1,5})-([1-9][0-9]{0,8})")

_PERSON = "json_build_object('id', u.id, 'username', u.username, 'name', u.first_name || ' ' || u.last_name)"
_REFERENCE = "json_build_object('id', o.id, 'key', p.key || '-' || o.number, 'title', o.title, 'status', o.status)"

_COLUMNS = f"""
    t.id, t.number, t.project_id, p.key || '-' || t.number AS key, t.title, t.status, t.priority, t.impact,
    t.story_points, t.start_date, t.due_date, t.estimate_minutes, t.position, t.completed_at, t.created_at,
    t.updated_at, t.version, t.attachment_count,
    (SELECT {_PERSON} FROM users u WHERE u.id = t.reporter_id)::text AS reporter,
    (SELECT json_agg({_PERSON} ORDER BY u.first_name, u.last_name, u.id)
       FROM task_assignees a JOIN users u ON u.id = a.user_id WHERE a.task_id = t.id)::text AS assignees,
    (SELECT json_agg(json_build_object('id', l.id, 'name', l.name, 'color', l.color) ORDER BY l.name, l.id)
       FROM task_labels tl JOIN labels l ON l.id = tl.label_id WHERE tl.task_id = t.id)::text AS labels,
    (SELECT json_agg({_REFERENCE} ORDER BY o.number)
       FROM task_dependencies d JOIN tasks o ON o.id = d.depends_on_id
       WHERE d.task_id = t.id AND o.deleted_at IS NULL)::text AS depends_on,
    (SELECT json_agg({_REFERENCE} ORDER BY o.number)
       FROM task_dependencies d JOIN tasks o ON o.id = d.task_id
       WHERE d.depends_on_id = t.id AND o.deleted_at IS NULL)::text AS blocks,
    (SELECT json_build_object('total', count(*), 'completed', count(*) FILTER (WHERE s.is_completed))
       FROM subtasks s WHERE s.task_id = t.id)::text AS subtasks,
    (SELECT count(*) FROM comments c WHERE c.task_id = t.id AND c.deleted_at IS NULL) AS comment_count
"""
_FROM = """
    FROM tasks t JOIN projects p ON p.id = t.project_id
    LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
"""
_VISIBLE = "t.deleted_at IS NULL AND p.deleted_at IS NULL"

_PRIORITY_RANK = "array_position(ARRAY['low', 'medium', 'high', 'urgent'], t.priority::text)"
# A task without a due date comes last, whichever way. Not the last and the first day that there are: asyncpg takes
# those for infinity, and nothing would lie behind a cursor.
NO_DUE_DATE_ASC, NO_DUE_DATE_DESC = "9999-12-30", "0001-01-02"
_DUE_ASC = f"coalesce(t.due_date, '{NO_DUE_DATE_ASC}'::date)"
_DUE_DESC = f"coalesce(t.due_date, '{NO_DUE_DATE_DESC}'::date)"

SORTS: dict[str, Keyset] = {
    "position": Keyset((("t.position", "text", "asc"),), "t.id"),
    "created_at": Keyset((("t.created_at", "timestamp", "asc"),), "t.id"),
    "-created_at": Keyset((("t.created_at", "timestamp", "desc"),), "t.id"),
    "updated_at": Keyset((("t.updated_at", "timestamp", "asc"),), "t.id"),
    "-updated_at": Keyset((("t.updated_at", "timestamp", "desc"),), "t.id"),
    "number": Keyset((("t.number", "integer", "asc"),), "t.id"),
    "-number": Keyset((("t.number", "integer", "desc"),), "t.id"),
    "due_date": Keyset(((_DUE_ASC, "date", "asc"),), "t.id"),
    "-due_date": Keyset(((_DUE_DESC, "date", "desc"),), "t.id"),
    "priority": Keyset(((_PRIORITY_RANK, "integer", "asc"),), "t.id"),
    "-priority": Keyset(((_PRIORITY_RANK, "integer", "desc"),), "t.id"),
}

_people = msgspec.json.Decoder(list[PersonView])
_person = msgspec.json.Decoder(PersonView)
_labels = msgspec.json.Decoder(list[LabelView])
_references = msgspec.json.Decoder(list[TaskReference])
_subtasks = msgspec.json.Decoder(SubtaskCount)


class Tasks(SQLAlchemyAsyncRepository[Task]):
    """Tasks, to change them."""

    model_type = Task


def _reference_condition(where: Where, reference: str) -> bool:
    """Match a task by its id or its key; False when the text is neither."""
    task_id = parse_id(reference)
    if task_id is not None:
        where.add(f"t.id = {where.param(task_id)}")
        return True
    match = _KEY.fullmatch(reference)
    if match is None:
        return False
    where.add(f"p.key = {where.param(match[1].upper())} AND t.number = {where.param(int(match[2]))}")
    return True


def _visible_task(actor: Actor, reference: str) -> Where | None:
    where = Where(actor.user_id)
    where.add(_VISIBLE)
    where.add(f"(m.role IS NOT NULL OR {where.param(actor.is_admin)})")
    return where if _reference_condition(where, reference) else None


async def find_task(db: Reader, actor: Actor, reference: str) -> TaskView | None:
    """A task that the actor may see, by id or key."""
    where = _visible_task(actor, reference)
    if where is None:
        return None
    row = await db.row(
        f"SELECT {_COLUMNS}, t.description, t.description_html, m.role AS my_role {_FROM} WHERE {where.sql}",
        *where.args,
    )
    if row is None:
        return None
    actor.note_reached(row["project_id"], row["my_role"])
    return TaskView(
        **_summary_fields(row), description=row["description"], description_html=row["description_html"], warnings=[]
    )


async def find_task_access(db: Reader, actor: Actor, reference: str) -> tuple[UUID, str, Access] | None:
    """Id and key of a task that the actor may see, and their access to its project."""
    where = _visible_task(actor, reference)
    if where is None:
        return None
    row = await db.row(
        f"SELECT t.id, p.key || '-' || t.number AS key, {ACCESS_COLUMNS} {_FROM} WHERE {where.sql}",
        *where.args,
    )
    return (row["id"], row["key"], to_access(actor, row)) if row else None


async def list_tasks(
    db: Reader, actor: Actor, query: TaskQuery, after: list[Any] | None
) -> tuple[list[tuple[TaskSummary, str]], int | None]:
    """Tasks with their positions, one more than the limit; and the total if asked."""
    where = Where(actor.user_id)
    where.add(_VISIBLE)
    if not (actor.is_admin and (query.everything or query.project_id is not None)):
        where.add("m.role IS NOT NULL")
    if query.project_id is not None:
        where.add(f"t.project_id = {where.param(query.project_id)}")
    where.among("t.status", query.status)
    where.among("t.priority", query.priority)
    if query.assignee == "none":
        where.add("NOT EXISTS (SELECT 1 FROM task_assignees a WHERE a.task_id = t.id)")
    elif query.assignee is not None:
        assignee = where.param(query.assignee)
        where.add(f"EXISTS (SELECT 1 FROM task_assignees a WHERE a.task_id = t.id AND a.user_id = {assignee})")
    if query.label_ids:
        labels = where.param(sorted(query.label_ids))
        where.add(
            f"EXISTS (SELECT 1 FROM task_labels tl WHERE tl.task_id = t.id AND tl.label_id = ANY({labels}::uuid[]))"
        )
    if query.due_from is not None:
        where.add(f"t.due_date >= {where.param(query.due_from)}")
    if query.due_to is not None:
        where.add(f"t.due_date <= {where.param(query.due_to)}")
    if query.text:
        where.matches(("t.title", "p.key || '-' || t.number"), query.text)
    total: int | None = None
    if query.count:
        total = await db.value(f"SELECT count(*) {_FROM} WHERE {where.sql}", *where.args)
    keyset = SORTS[query.sort]
    keyset.after(where, after)
    # the page is chosen first, so that only its rows pay for their derived fields
    rows = await db.rows(
        f"""SELECT {_COLUMNS}, m.role AS my_role {_FROM} WHERE {where.sql}
            ORDER BY {keyset.order} LIMIT {query.limit + 1}""",
        *where.args,
    )
    for row in rows[: query.limit]:
        actor.note_reached(row["project_id"], row["my_role"])
    return [(to_summary(row), row["position"]) for row in rows], total


async def board_tasks(
    db: Reader, project_id: UUID, per_column: int
) -> tuple[list[tuple[TaskSummary, str]], dict[str, int]]:
    """The first tasks of each column (one more than `per_column`), and how many each column has."""
    rows = await db.rows(
        f"""SELECT {_COLUMNS}
            FROM projects p CROSS JOIN unnest($2::text[]) AS s (status)
            CROSS JOIN LATERAL (
                SELECT * FROM tasks i WHERE i.project_id = p.id AND i.status = s.status AND i.deleted_at IS NULL
                ORDER BY i.position, i.id LIMIT $3) t
            WHERE p.id = $1 ORDER BY t.status, t.position, t.id""",
        project_id, list(STATUSES), per_column + 1,
    )  # fmt: skip
    counts = await db.rows(
        "SELECT status, count(*) AS total FROM tasks WHERE project_id = $1 AND deleted_at IS NULL GROUP BY status",
        project_id,
    )
    return [(to_summary(row), row["position"]) for row in rows], {row["status"]: row["total"] for row in counts}


async def explain_progress(db: Reader, project_id: UUID) -> ProgressView:
    """The counters, and each task's part."""
    counters = await db.row(
        "SELECT tasks_total, tasks_done, impact_total, impact_done FROM project_counters WHERE project_id = $1",
        project_id,
    )
    rows = await db.rows(
        """SELECT t.id, p.key || '-' || t.number AS key, t.title, t.status, t.impact
           FROM tasks t JOIN projects p ON p.id = t.project_id
           WHERE t.project_id = $1 AND t.deleted_at IS NULL ORDER BY t.number""",
        project_id,
    )
    total, done = (counters["tasks_total"], counters["tasks_done"]) if counters else (0, 0)
    impact, impact_done = (counters["impact_total"], counters["impact_done"]) if counters else (Decimal(0), Decimal(0))
    by_impact = impact > 0
    progress = int(impact_done * 100 // impact) if by_impact else (done * 100 // total if total else 0)
    return ProgressView(
        progress=progress,
        formula="impact" if by_impact else ("count" if total else "none"),
        tasks_total=total,
        tasks_done=done,
        impact_total=impact,
        impact_done=impact_done,
        contributions=[
            ProgressContribution(
                task_id=row["id"], key=row["key"], title=row["title"], status=row["status"], impact=row["impact"],
                counts=row["status"] == "done",
            )
            for row in rows
        ],
    )  # fmt: skip


async def next_number(uow: UnitOfWork, project_id: UUID, *, done: bool, impact: Decimal) -> int:
    """Count a new task and give it its number; holds the counters' lock until the commit."""
    return await uow.value(
        """UPDATE project_counters SET last_number = last_number + 1, tasks_total = tasks_total + 1,
                  tasks_done = tasks_done + $2, impact_total = impact_total + $3, impact_done = impact_done + $4
           WHERE project_id = $1 RETURNING last_number""",
        project_id, int(done), impact, impact if done else Decimal(0),
    )  # fmt: skip


async def count_attachments(uow: UnitOfWork, task_id: UUID, change: int) -> None:
    """Count so many more or fewer files on a task; its version stays."""
    await uow.value("UPDATE tasks SET attachment_count = attachment_count + $2 WHERE id = $1", task_id, change)


async def last_position(db: Reader, project_id: UUID, status: TaskStatus, but: UUID | None = None) -> str | None:
    """The position of a column's last task."""
    return await db.value(
        """SELECT position FROM tasks WHERE project_id = $1 AND status = $2 AND deleted_at IS NULL
           AND ($3::uuid IS NULL OR id <> $3) ORDER BY position DESC, id DESC LIMIT 1""",
        project_id, status, but,
    )  # fmt: skip


async def neighbours(
    db: Reader, project_id: UUID, status: TaskStatus, *, moved: UUID, before: UUID | None, after: UUID | None
) -> tuple[str | None, str | None] | None:
    """The positions between which a task is put; None when the named neighbour is not in the column."""
    anchor: str | None = await db.value(
        "SELECT position FROM tasks WHERE id = $1 AND project_id = $2 AND status = $3 AND deleted_at IS NULL",
        before or after, project_id, status,
    )  # fmt: skip
    if anchor is None:
        return None
    sign, direction = ("<", "DESC") if before else (">", "ASC")
    other: str | None = await db.value(
        f"""SELECT position FROM tasks WHERE project_id = $1 AND status = $2 AND deleted_at IS NULL AND id <> $3
            AND position {sign} $4 ORDER BY position {direction} LIMIT 1""",
        project_id, status, moved, anchor,
    )  # fmt: skip
    return (other, anchor) if before else (anchor, other)


async def not_members(db: Reader, project_id: UUID, user_ids: list[UUID]) -> set[UUID]:
    """Which of the users are no members of the project."""
    rows = await db.rows(
        "SELECT user_id FROM project_members WHERE project_id = $1 AND user_id = ANY($2::uuid[])", project_id, user_ids
    )
    return set(user_ids) - {row["user_id"] for row in rows}


async def not_labels(db: Reader, project_id: UUID, label_ids: list[UUID]) -> set[UUID]:
    """Which of the ids are no labels of the project."""
    rows = await db.rows("SELECT id FROM labels WHERE project_id = $1 AND id = ANY($2::uuid[])", project_id, label_ids)
    return set(label_ids) - {row["id"] for row in rows}


async def not_tasks(db: Reader, project_id: UUID, task_ids: list[UUID]) -> set[UUID]:
    """Which of the ids are no tasks of the project."""
    rows = await db.rows(
        "SELECT id FROM tasks WHERE project_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL",
        project_id,
        task_ids,
    )
    return set(task_ids) - {row["id"] for row in rows}


async def linked_ids(db: Reader, table: str, column: str, task_id: UUID) -> set[UUID]:
    """The ids in one of the tables that hang on a task."""
    rows = await db.rows(f"SELECT {column} AS id FROM {table} WHERE task_id = $1", task_id)
    return {row["id"] for row in rows}


async def link(uow: UnitOfWork, table: str, column: str, task_id: UUID, add: set[UUID], drop: set[UUID]) -> None:
    """Add and drop ids in one of the tables that hang on a task."""
    if drop:
        await uow.value(
            f"DELETE FROM {table} WHERE task_id = $1 AND {column} = ANY($2::uuid[])",
            task_id, sorted(drop),
        )  # fmt: skip
    if add:
        await uow.value(
            f"INSERT INTO {table} (task_id, {column}) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
            task_id, sorted(add),
        )  # fmt: skip


async def find_cycle(db: Reader, task_id: UUID, depends_on: list[UUID]) -> list[str] | None:
    """The keys on the shortest way from `task_id` through one of `depends_on` back to it, or None."""
    rows = await db.rows(
        """WITH RECURSIVE reached (id) AS (
             SELECT unnest($1::uuid[])
             UNION
             SELECT e.depends_on_id FROM reached r JOIN task_dependencies e ON e.task_id = r.id
             JOIN tasks t ON t.id = e.depends_on_id WHERE t.deleted_at IS NULL)
           SELECT e.task_id, e.depends_on_id FROM reached r JOIN task_dependencies e ON e.task_id = r.id""",
        depends_on,
    )
    onward: dict[UUID, list[UUID]] = {}
    for row in rows:
        onward.setdefault(row["task_id"], []).append(row["depends_on_id"])
    came_from: dict[UUID, UUID] = dict.fromkeys(depends_on, task_id)
    waiting = deque(depends_on)
    while waiting and task_id not in came_from:
        here = waiting.popleft()
        for there in onward.get(here, []):
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    if task_id not in came_from:
        return None
    path = [task_id]
    while len(path) == 1 or path[-1] != task_id:
        path.append(came_from[path[-1]])
    keys = await db.rows(
        """SELECT t.id, p.key || '-' || t.number AS key FROM tasks t JOIN projects p ON p.id = t.project_id
           WHERE t.id = ANY($1::uuid[])""",
        path,
    )
    names = {found["id"]: found["key"] for found in keys}
    return [names[step] for step in reversed(path)]


async def open_blockers(db: Reader, task_id: UUID) -> list[str]:
    """Keys of the unfinished tasks that this one waits for."""
    rows = await db.rows(
        """SELECT p.key || '-' || o.number AS key FROM task_dependencies d
           JOIN tasks o ON o.id = d.depends_on_id JOIN projects p ON p.id = o.project_id
           WHERE d.task_id = $1 AND o.status <> 'done' AND o.deleted_at IS NULL ORDER BY o.number""",
        task_id,
    )
    return [row["key"] for row in rows]


def to_summary(row: asyncpg.Record) -> TaskSummary:
    """A list's task."""
    return TaskSummary(**_summary_fields(row))


def _summary_fields(row: asyncpg.Record) -> dict[str, Any]:
    depends_on = _references.decode(row["depends_on"]) if row["depends_on"] else []
    blocked_by = [other for other in depends_on if other.status != "done"]
    return {
        "id": row["id"],
        "key": row["key"],
        "number": row["number"],
        "project_id": row["project_id"],
        "title": row["title"],
        "status": row["status"],
        "priority": row["priority"],
        "reporter": _person.decode(row["reporter"]) if row["reporter"] else None,
        "assignees": _people.decode(row["assignees"]) if row["assignees"] else [],
        "labels": _labels.decode(row["labels"]) if row["labels"] else [],
        "depends_on": depends_on,
        "blocked_by": blocked_by,
        "blocks": _references.decode(row["blocks"]) if row["blocks"] else [],
        "can_start": not blocked_by,
        "impact": row["impact"],
        "story_points": row["story_points"],
        "start_date": row["start_date"],
        "due_date": row["due_date"],
        "estimate_minutes": row["estimate_minutes"],
        "subtasks": _subtasks.decode(row["subtasks"]),
        "comment_count": row["comment_count"],
        "attachment_count": row["attachment_count"],
        "completed_at": row["completed_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }
