"""What an import brings to work: many labels and tasks at once, with their own dates and authors.

The number of statements grows by a few for a thousand tasks, not with each task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from fractional_indexing import generate_n_keys_between  # pyright: ignore[reportMissingTypeStubs]  # it has none
from sqlalchemy import insert

from synergy_domain.common import render_markdown
from synergy_domain.work.comments import excerpt
from synergy_domain.work.contracts import STATUSES, TaskStatus
from synergy_domain.work.events import CommentCreated, TaskCreated
from synergy_domain.work.models import Comment, Subtask, Task, TaskAssignee, TaskLabel
from synergy_platform.database import UnitOfWork
from synergy_platform.events import Event
from synergy_platform.ids import new_id

_BATCH = 1000


class IncomingLabel(msgspec.Struct, kw_only=True, frozen=True):
    """A label by its name, and its colour (`#rrggbb`) if the project has none of that name."""

    name: str
    color: str


class IncomingSubtask(msgspec.Struct, kw_only=True, frozen=True):
    """An item of a task's checklist."""

    title: str
    group: str | None
    is_completed: bool
    assignee_id: UUID | None
    completed_by: UUID | None
    completed_at: datetime | None
    created_at: datetime


class IncomingComment(msgspec.Struct, kw_only=True):
    """A comment; `render_texts` fills in the HTML."""

    id: UUID = msgspec.field(default_factory=new_id)
    author_id: UUID
    body: str
    created_at: datetime
    edited_at: datetime | None
    body_html: str = ""


class IncomingTask(msgspec.Struct, kw_only=True):
    """A task; `labels` are names, assignees are members of the project; `render_texts` fills in the HTML."""

    title: str
    description: str
    status: TaskStatus
    reporter_id: UUID | None
    assignee_ids: list[UUID]
    labels: list[str]
    start_date: date | None
    due_date: date | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    subtasks: list[IncomingSubtask]
    comments: list[IncomingComment]
    description_html: str = ""


def render_texts(tasks: Iterable[IncomingTask]) -> None:
    """Render the Markdown of tasks and their comments: the slow part, done before any row is locked."""
    for task in tasks:
        task.description_html = render_markdown(task.description)
        for comment in task.comments:
            comment.body_html = render_markdown(comment.body)


async def add_labels(uow: UnitOfWork, project_id: UUID, labels: list[IncomingLabel]) -> dict[str, UUID]:
    """Add the labels whose names the project does not have yet; the ids of all of them by the names given."""
    names = [label.name for label in labels]
    # the database decides which names are the same, since it may lower letters by other rules than Python
    await uow.value(
        """INSERT INTO labels (id, project_id, name, color)
           SELECT l.id, $1, l.name, l.color FROM unnest($2::uuid[], $3::text[], $4::text[]) AS l (id, name, color)
           ON CONFLICT (project_id, lower(name)) DO NOTHING""",
        project_id, [new_id() for _ in labels], names, [label.color for label in labels],
    )  # fmt: skip
    rows = await uow.rows(
        """SELECT wanted.name, l.id FROM unnest($2::text[]) AS wanted (name)
           JOIN labels l ON l.project_id = $1 AND lower(l.name) = lower(wanted.name)""",
        project_id, names,
    )  # fmt: skip
    return {row["name"]: row["id"] for row in rows}


async def add_tasks(
    uow: UnitOfWork,
    project_id: UUID,
    tasks: list[IncomingTask],
    *,
    label_ids: dict[str, UUID],
    by: UUID,
    progressed: Callable[[float], Awaitable[None]],
) -> None:
    """Add tasks with all that hangs on them, at the ends of their columns in the order given.

    Numbers follow the dates of creation. Every task and comment has its event, with the source's date and author
    (`by` where there is none); nobody is notified. `progressed` is told the part that is done, 0 to 1.
    """
    if not tasks:
        return
    key, first_number = await _count(uow, project_id, tasks)
    numbers = _numbers(tasks, first_number)
    positions = await _positions(uow, project_id, tasks)
    placed = [
        _Placed(id=new_id(), project_id=project_id, number=number, key=f"{key}-{number}", position=position, task=task)
        for task, number, position in zip(tasks, numbers, positions, strict=True)
    ]
    told: list[_Told] = []
    for start in range(0, len(placed), _BATCH):
        chunk = placed[start : start + _BATCH]
        await _insert_chunk(uow, chunk, label_ids)
        told += [_created(one, by) for one in chunk]
        told += [_commented(one, comment) for one in chunk for comment in one.task.comments]
        await progressed((start + len(chunk)) / len(placed))
    # the ledger tells the story in the order in which it happened
    for one in sorted(told, key=lambda one: one.at):
        uow.emit(one.event, by=one.by, at=one.at, quiet=True)


class _Placed(msgspec.Struct, kw_only=True, frozen=True):
    """A task with its place in the project."""

    id: UUID
    project_id: UUID
    number: int
    key: str
    position: str
    task: IncomingTask


class _Told(msgspec.Struct, frozen=True):
    at: datetime
    by: UUID
    event: Event


def _created(one: _Placed, by: UUID) -> _Told:
    task = one.task
    event = TaskCreated(object_id=one.id, project_id=one.project_id, key=one.key, title=task.title, status=task.status)
    return _Told(task.created_at, task.reporter_id or by, event)


def _commented(one: _Placed, comment: IncomingComment) -> _Told:
    event = CommentCreated(
        object_id=comment.id, project_id=one.project_id, task_id=one.id, task_key=one.key, task_title=one.task.title,
        excerpt=excerpt(comment.body), mentioned_ids=[],
    )  # fmt: skip
    return _Told(comment.created_at, comment.author_id, event)


async def _insert_chunk(uow: UnitOfWork, chunk: list[_Placed], label_ids: dict[str, UUID]) -> None:
    await _insert(uow, Task, map(_task_row, chunk))
    assigned = ((one.id, user_id) for one in chunk for user_id in dict.fromkeys(one.task.assignee_ids))
    await _insert(uow, TaskAssignee, ({"task_id": task_id, "user_id": user_id} for task_id, user_id in assigned))
    # two names of the source may be one label here
    labelled = {(one.id, label_ids[name]): None for one in chunk for name in one.task.labels}
    await _insert(uow, TaskLabel, ({"task_id": task_id, "label_id": label_id} for task_id, label_id in labelled))
    await _insert(uow, Subtask, (row for one in chunk for row in _subtask_rows(one)))
    await _insert(uow, Comment, (_comment_row(one, comment) for one in chunk for comment in one.task.comments))


async def _count(uow: UnitOfWork, project_id: UUID, tasks: list[IncomingTask]) -> tuple[str, int]:
    """The project's key and the first new number; holds the counters' lock until the commit."""
    row = await uow.row(
        """UPDATE project_counters c SET last_number = last_number + $2, tasks_total = tasks_total + $2,
                  tasks_done = tasks_done + $3
           FROM projects p WHERE p.id = c.project_id AND c.project_id = $1 RETURNING p.key, c.last_number""",
        project_id, len(tasks), sum(task.status == "done" for task in tasks),
    )  # fmt: skip
    if row is None:
        raise LookupError(f"no counters of project {project_id}")
    return row["key"], row["last_number"] - len(tasks) + 1


def _numbers(tasks: list[IncomingTask], first: int) -> list[int]:
    numbers = [0] * len(tasks)
    for number, index in enumerate(sorted(range(len(tasks)), key=lambda index: tasks[index].created_at), first):
        numbers[index] = number
    return numbers


async def _positions(uow: UnitOfWork, project_id: UUID, tasks: list[IncomingTask]) -> list[str]:
    rows = await uow.rows(
        """SELECT status, max(position) AS position FROM tasks
           WHERE project_id = $1 AND deleted_at IS NULL GROUP BY status""",
        project_id,
    )
    last: dict[str, str] = {row["status"]: row["position"] for row in rows}
    sizes = Counter(task.status for task in tasks)
    columns = {status: iter(generate_n_keys_between(last.get(status), None, sizes[status])) for status in STATUSES}
    return [next(columns[task.status]) for task in tasks]


def _task_row(one: _Placed) -> dict[str, Any]:
    task = one.task
    return {
        "id": one.id,
        "project_id": one.project_id,
        "number": one.number,
        "title": task.title,
        "description": task.description,
        "description_html": task.description_html,
        "status": task.status,
        "reporter_id": task.reporter_id,
        "start_date": task.start_date,
        "due_date": task.due_date,
        "position": one.position,
        "completed_at": task.completed_at,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "version": 1,
    }


def _subtask_rows(one: _Placed) -> Iterator[dict[str, Any]]:
    for position, subtask in enumerate(one.task.subtasks, 1):
        yield {
            "id": new_id(),
            "task_id": one.id,
            "title": subtask.title,
            "group_name": subtask.group,
            "is_completed": subtask.is_completed,
            "position": position,
            "assignee_id": subtask.assignee_id,
            "completed_by": subtask.completed_by,
            "completed_at": subtask.completed_at,
            "created_at": subtask.created_at,
        }


def _comment_row(one: _Placed, comment: IncomingComment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "task_id": one.id,
        "author_id": comment.author_id,
        "body": comment.body,
        "body_html": comment.body_html,
        "edited_at": comment.edited_at,
        "created_at": comment.created_at,
    }


async def _insert(uow: UnitOfWork, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    values = list(rows)
    if values:
        await uow.session.execute(insert(model), values)
