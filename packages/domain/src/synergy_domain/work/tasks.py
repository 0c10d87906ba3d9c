"""The verbs of tasks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from fractional_indexing import generate_key_between

from synergy_domain.common import Actor, expect_version, given, render_markdown
from synergy_domain.projects import Access, access_to, count_change, require
from synergy_domain.work import policy, repository
from synergy_domain.work.contracts import (
    STATUSES,
    BoardColumn,
    BoardView,
    ProgressView,
    TaskChange,
    TaskInput,
    TaskMove,
    TaskQuery,
    TaskStatus,
    TaskSummary,
    TaskView,
)
from synergy_domain.work.errors import DependencyCycle, NeighbourMoved, TaskBlocked, TaskNotFound
from synergy_domain.work.events import TaskAssigned, TaskCompleted, TaskCreated, TaskDeleted, TaskMoved, TaskUpdated
from synergy_domain.work.models import Task, TaskAssignee, TaskDependency, TaskLabel
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page, make_page

BOARD_COLUMN_SIZE = 50
_STARTED: tuple[TaskStatus, ...] = ("in_progress", "review", "done")
_PLAIN_FIELDS = (
    "title",
    "description",
    "priority",
    "impact",
    "story_points",
    "start_date",
    "due_date",
    "estimate_minutes",
)


async def create_task(uow: UnitOfWork, actor: Actor, project_id: UUID, data: TaskInput) -> TaskView:
    """Make a task at the end of its column."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_edit_task(access.role), "create tasks")
    title = data.title.strip()
    _check(title, data.impact, data.start_date, data.due_date)
    await _check_links(uow, project_id, data.assignee_ids, data.label_ids, data.depends_on_ids)
    done = data.status == "done"
    number = await repository.next_number(uow, project_id, done=done, impact=data.impact)
    last = await repository.last_position(uow, project_id, data.status)
    task = Task(
        id=new_id(), project_id=project_id, number=number, title=title, description=data.description,
        description_html=render_markdown(data.description), status=data.status, priority=data.priority,
        reporter_id=actor.user_id, impact=data.impact, story_points=data.story_points, start_date=data.start_date,
        due_date=data.due_date, estimate_minutes=data.estimate_minutes, position=generate_key_between(last, None),
        completed_at=uow.now if done else None, created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    uow.session.add(task)
    uow.session.add_all(TaskAssignee(task_id=task.id, user_id=user_id) for user_id in set(data.assignee_ids))
    uow.session.add_all(TaskLabel(task_id=task.id, label_id=label_id) for label_id in set(data.label_ids))
    uow.session.add_all(TaskDependency(task_id=task.id, depends_on_id=other) for other in set(data.depends_on_ids))
    await uow.flush()
    if data.depends_on_ids and data.status in _STARTED:
        await _blockers(uow, access, task.id)
    key = f"{access.key}-{number}"
    uow.emit(
        TaskCreated(object_id=task.id, project_id=project_id, key=key, title=title, status=data.status),
        by=actor.user_id,
    )
    _emit_assigned(uow, actor, task, key, set(data.assignee_ids))
    if done:
        _emit_completed(uow, actor, task, key)
    return await _view(uow, actor, task.id)


async def get_task(db: Reader, actor: Actor, reference: str) -> TaskView:
    """A task by id or key (`WEB-42`); raises TaskNotFound."""
    task = await repository.find_task(db, actor, reference)
    if task is None:
        raise TaskNotFound
    return task


async def list_tasks(db: Reader, cursors: Cursors, actor: Actor, query: TaskQuery) -> Page[TaskSummary]:
    """A page of the tasks that the actor may see; of one project, when the query names it."""
    if query.project_id is not None:
        await access_to(db, actor, query.project_id)
    after = repository.SORTS[query.sort].decode(cursors, query.sort, query.cursor)
    found, total = await repository.list_tasks(db, actor, query, after)
    page = make_page(found, query.limit, lambda last: _cursor(cursors, query.sort, *last), total)
    return Page(items=[task for task, _ in page.items], next_cursor=page.next_cursor, total=page.total)


async def get_board(db: Reader, cursors: Cursors, actor: Actor, project_id: UUID) -> BoardView:
    """All columns with their first tasks."""
    await access_to(db, actor, project_id)
    found, totals = await repository.board_tasks(db, project_id, BOARD_COLUMN_SIZE)
    columns: list[BoardColumn] = []
    for status in STATUSES:
        tasks = [(task, position) for task, position in found if task.status == status]
        page = make_page(tasks, BOARD_COLUMN_SIZE, lambda last: _cursor(cursors, "position", *last), None)
        columns.append(
            BoardColumn(
                status=status, total=totals.get(status, 0), tasks=[task for task, _ in page.items],
                next_cursor=page.next_cursor,
            )
        )  # fmt: skip
    return BoardView(columns=columns)


async def get_progress(db: Reader, actor: Actor, project_id: UUID) -> ProgressView:
    """How the project's progress comes about."""
    await access_to(db, actor, project_id)
    return await repository.explain_progress(db, project_id)


async def change_task(
    uow: UnitOfWork, actor: Actor, reference: str, data: TaskChange, *, expected_version: int | None = None
) -> TaskView:
    """Change the fields that were sent; raises PreconditionFailed when the version is another than expected."""
    task, key, access = await load_task(uow, actor, reference, "edit tasks")
    await expect_version("task", task.version, expected_version, lambda: _view(uow, actor, task.id))
    title = given(data.title, task.title).strip()
    _check(
        title,
        given(data.impact, task.impact),
        given(data.start_date, task.start_date),
        given(data.due_date, task.due_date),
    )
    links = [given(ids, []) for ids in (data.assignee_ids, data.label_ids, data.depends_on_ids)]
    await _check_links(uow, task.project_id, *links)
    changes: dict[str, list[Any]] = {}
    impact_before, status_before = task.impact, task.status
    for field in _PLAIN_FIELDS:
        value = title if field == "title" else given(getattr(data, field), getattr(task, field))
        if value != getattr(task, field):
            changes[field] = [getattr(task, field), value]
            setattr(task, field, value)
    if "description" in changes:
        task.description_html = render_markdown(task.description)
        changes["description"] = ["…", "…"]  # long texts do not travel in events
    added = await _relink(uow, task, data, changes)
    status = task.status if data.status is msgspec.UNSET else data.status
    if status != task.status:
        changes["status"] = [task.status, status]
    if not changes:
        return await _view(uow, actor, task.id)
    task.updated_at = uow.now
    # counters before the position: their lock orders everybody who writes positions
    await _count(uow, task, status_before, impact_before, status)
    warnings: list[str] = []
    if status != status_before:
        warnings = await _enter(uow, access, task, status)
        task.position = generate_key_between(
            await repository.last_position(uow, task.project_id, status, task.id), None
        )
    await uow.flush()
    uow.emit(
        TaskUpdated(
            object_id=task.id, project_id=task.project_id, key=key, title=task.title, task_version=task.version,
            changes=changes,
        ),
        by=actor.user_id,
    )  # fmt: skip
    _emit_assigned(uow, actor, task, key, added)
    if status == "done" != status_before:
        _emit_completed(uow, actor, task, key)
    return await _view(uow, actor, task.id, warnings)


async def move_task(uow: UnitOfWork, actor: Actor, reference: str, data: TaskMove) -> TaskView:
    """Put a task elsewhere on the board; entering done stamps completed_at."""
    task, key, access = await load_task(uow, actor, reference, "move tasks")
    if data.before is not None and data.after is not None:
        raise InvalidInput.at("/after", "send before or after, not both", "conflicting")
    neighbour = data.before or data.after
    if neighbour == task.id:
        raise InvalidInput.at("/before" if data.before else "/after", "is the task itself", "same_task")
    if neighbour and await repository.not_tasks(uow, task.project_id, [neighbour]):
        raise InvalidInput.at("/before" if data.before else "/after", "is no task of this project", "unknown_task")
    before = task.status
    await _count(uow, task, before, task.impact, data.status)
    if neighbour is None:
        between = (await repository.last_position(uow, task.project_id, data.status, task.id), None)
    else:
        found = await repository.neighbours(
            uow, task.project_id, data.status, moved=task.id, before=data.before, after=data.after
        )
        if found is None:
            raise NeighbourMoved
        between = found
    warnings = await _enter(uow, access, task, data.status) if data.status != before else []
    task.position = generate_key_between(*between)
    task.updated_at = uow.now
    await uow.flush()
    uow.emit(
        TaskMoved(
            object_id=task.id, project_id=task.project_id, key=key, title=task.title, task_version=task.version,
            from_status=before, to_status=data.status,
        ),
        by=actor.user_id,
    )  # fmt: skip
    if data.status == "done" != before:
        _emit_completed(uow, actor, task, key)
    return await _view(uow, actor, task.id, warnings)


async def delete_task(uow: UnitOfWork, actor: Actor, reference: str, *, expected_version: int | None = None) -> None:
    """Put a task into the trash."""
    found = await repository.find_task_access(uow, actor, reference)
    if found is None:
        raise TaskNotFound
    task_id, key, access = found
    task = await _locked(uow, task_id)
    require(access, policy.may_delete_task(access.role, own=task.reporter_id == actor.user_id), "delete this task")
    await expect_version("task", task.version, expected_version, lambda: _view(uow, actor, task_id))
    task.deleted_at = task.updated_at = uow.now
    await uow.flush()
    done = task.status == "done"
    await count_change(
        uow, task.project_id, total=-1, done=-int(done), impact_total=-task.impact,
        impact_done=-task.impact if done else Decimal(0),
    )  # fmt: skip
    uow.emit(TaskDeleted(object_id=task.id, project_id=task.project_id, key=key, title=task.title), by=actor.user_id)


async def load_task(uow: UnitOfWork, actor: Actor, reference: str, doing: str) -> tuple[Task, str, Access]:
    """A task to change, its row locked, its key, and the actor's access; checks that they may edit tasks."""
    found = await repository.find_task_access(uow, actor, reference)
    if found is None:
        raise TaskNotFound
    task_id, key, access = found
    require(access, policy.may_edit_task(access.role), doing)
    return await _locked(uow, task_id), key, access


async def _locked(uow: UnitOfWork, task_id: UUID) -> Task:
    # "no key update": rows that refer to the task may be inserted meanwhile
    task = await repository.Tasks(session=uow.session).get_one_or_none(
        Task.id == task_id, Task.deleted_at.is_(None), with_for_update={"key_share": True}
    )
    if task is None:
        raise TaskNotFound
    return task


async def _count(uow: UnitOfWork, task: Task, status_before: str, impact_before: Decimal, status: str) -> None:
    was, is_now = status_before == "done", status == "done"
    await count_change(
        uow, task.project_id, total=0, done=int(is_now) - int(was), impact_total=task.impact - impact_before,
        impact_done=(task.impact if is_now else Decimal(0)) - (impact_before if was else Decimal(0)),
    )  # fmt: skip


async def _enter(uow: UnitOfWork, access: Access, task: Task, status: TaskStatus) -> list[str]:
    """Put the task into another column; the warnings to show."""
    warnings = await _blockers(uow, access, task.id) if status in _STARTED else []
    task.status = status
    task.completed_at = uow.now if status == "done" else None
    return warnings


async def _blockers(uow: UnitOfWork, access: Access, task_id: UUID) -> list[str]:
    blockers = await repository.open_blockers(uow, task_id)
    if not blockers:
        return []
    if access.enforce_dependencies:
        raise TaskBlocked(blockers)
    return [f"This task waits for {', '.join(blockers)}."]


async def _relink(uow: UnitOfWork, task: Task, data: TaskChange, changes: dict[str, list[Any]]) -> set[UUID]:
    """Set assignees, labels and dependencies that were sent; returns the users who are new on the task."""
    added: set[UUID] = set()
    for field, table, column in (
        ("assignee_ids", "task_assignees", "user_id"),
        ("label_ids", "task_labels", "label_id"),
        ("depends_on_ids", "task_dependencies", "depends_on_id"),
    ):
        sent = getattr(data, field)
        if sent is msgspec.UNSET:
            continue
        wanted, present = set(sent), await repository.linked_ids(uow, table, column, task.id)
        if wanted == present:
            continue
        if field == "depends_on_ids" and wanted - present:
            # the counters' lock orders changes of a project's dependencies, so that two cannot close a circle
            await count_change(uow, task.project_id, total=0, done=0, impact_total=Decimal(0), impact_done=Decimal(0))
            cycle = await repository.find_cycle(uow, task.id, sorted(wanted))
            if cycle is not None:
                raise DependencyCycle(cycle)
        await repository.link(uow, table, column, task.id, wanted - present, present - wanted)
        changes[field] = [sorted(map(str, present)), sorted(map(str, wanted))]
        if field == "assignee_ids":
            added = wanted - present
    return added


async def _check_links(
    uow: UnitOfWork, project_id: UUID, assignees: list[UUID], labels: list[UUID], depends_on: list[UUID]
) -> None:
    """Every id must belong to the project."""
    faults: list[InputFault] = []
    for pointer, ids, find, text in (
        ("/assignee_ids", assignees, repository.not_members, "is no member of this project"),
        ("/label_ids", labels, repository.not_labels, "is no label of this project"),
        ("/depends_on_ids", depends_on, repository.not_tasks, "is no task of this project"),
    ):
        unknown = await find(uow, project_id, ids) if ids else set[UUID]()
        faults += [
            InputFault(f"{pointer}/{place}", "unknown_id", text) for place, value in enumerate(ids) if value in unknown
        ]
    if faults:
        raise InvalidInput(faults)


def _check(title: str, impact: Decimal, start: Any, due: Any) -> None:  # noqa: ANN401 - dates or None
    faults: list[InputFault] = []
    if not title:
        faults.append(InputFault("/title", "too_short", "must not be empty"))
    if not impact.is_finite() or not 0 <= impact <= 100 or impact != round(impact, 2):
        faults.append(InputFault("/impact", "out_of_range", "must be 0 to 100 with at most 2 decimals"))
    if start is not None and due is not None and due < start:
        faults.append(InputFault("/due_date", "before_start", "must not be before start_date"))
    if faults:
        raise InvalidInput(faults)


def _cursor(cursors: Cursors, sort: str, task: TaskSummary, position: str) -> str:
    field = sort.lstrip("-")
    value: Any
    match field:
        case "position":
            value = position
        case "priority":
            value = ("low", "medium", "high", "urgent").index(task.priority) + 1
        case "due_date":
            missing = repository.NO_DUE_DATE_DESC if sort.startswith("-") else repository.NO_DUE_DATE_ASC
            value = task.due_date or missing
        case _:
            value = getattr(task, field)
    return cursors.encode(sort, [value, task.id])


def _emit_assigned(uow: UnitOfWork, actor: Actor, task: Task, key: str, added: set[UUID]) -> None:
    if added:
        event = TaskAssigned(
            object_id=task.id, project_id=task.project_id, key=key, title=task.title, task_version=task.version,
            assignee_ids=sorted(added),
        )  # fmt: skip
        uow.emit(event, by=actor.user_id)


def _emit_completed(uow: UnitOfWork, actor: Actor, task: Task, key: str) -> None:
    uow.emit(
        TaskCompleted(
            object_id=task.id, project_id=task.project_id, key=key, title=task.title, task_version=task.version
        ),
        by=actor.user_id,
    )


async def _view(uow: UnitOfWork, actor: Actor, task_id: UUID, warnings: list[str] | None = None) -> TaskView:
    view = await repository.find_task(uow, actor, str(task_id))
    if view is None:
        raise TaskNotFound
    view.warnings = warnings or []
    return view
