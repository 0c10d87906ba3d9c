"""Tasks with their subtasks, comments and labels."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from synergy_api import params
from synergy_api.documentation import CHANGE, READ, WRITE
from synergy_api.etags import expected_version
from synergy_api.lists import ItemList, whole
from synergy_api.params import AllParam, CountParam, CursorParam, Limit
from synergy_domain import work
from synergy_domain.common import Actor
from synergy_domain.projects import Priority
from synergy_domain.work import (
    CommentInput,
    CommentView,
    LabelChange,
    LabelInput,
    ProjectLabelView,
    SubtaskChange,
    SubtaskInput,
    SubtaskView,
    TaskChange,
    TaskInput,
    TaskMove,
    TaskQuery,
    TaskStatus,
    TaskSummary,
    TaskView,
)
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]

_TaskRef = Annotated[str, PathParameter(description="Id, or key such as WEB-42", max_length=40)]
_Search = Annotated[str | None, QueryParameter(name="q", max_length=200, description="Part of the title or key")]
_Assignee = Annotated[str | None, QueryParameter(description="me, none or a user's id")]
_Label = Annotated[str | None, QueryParameter(description="Ids of labels, separated by commas")]


def _query(actor: Actor, **given: Any) -> TaskQuery:  # noqa: ANN401 - the parameters of a list
    return TaskQuery(
        status=params.choices("status", given.pop("status"), TaskStatus),
        priority=params.choices("priority", given.pop("priority"), Priority),
        assignee=params.assignee(given.pop("assignee"), actor),
        label_ids=params.ids("label", given.pop("label", None)),
        due_from=params.day("due_from", given.pop("due_from")),
        due_to=params.day("due_to", given.pop("due_to")),
        sort=params.one_of("sort", given.pop("sort"), work.SORTS),
        **given,
    )


@get("/tasks", tags=["tasks"], responses=READ)
async def list_tasks(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    sort: FromQuery[str] = "-created_at",
    status: FromQuery[str | None] = None,
    priority: FromQuery[str | None] = None,
    assignee: _Assignee = None,
    due_from: FromQuery[str | None] = None,
    due_to: FromQuery[str | None] = None,
    text: _Search = None,
    count: CountParam = False,
    everything: AllParam = False,
) -> Page[TaskSummary]:
    """Tasks of all projects that the caller is in."""
    query = _query(
        actor, status=status, priority=priority, assignee=assignee, due_from=due_from, due_to=due_to, text=text,
        sort=sort, cursor=cursor, limit=limit, count=count, everything=everything,
    )  # fmt: skip
    return await work.list_tasks(db, state.runtime.cursors, actor, query)


@get("/me/tasks", tags=["me"], responses=READ)
async def list_my_tasks(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    sort: FromQuery[str] = "due_date",
    status: FromQuery[str | None] = None,
    priority: FromQuery[str | None] = None,
    due_from: FromQuery[str | None] = None,
    due_to: FromQuery[str | None] = None,
    text: _Search = None,
    count: CountParam = False,
) -> Page[TaskSummary]:
    """Tasks that are assigned to the caller; without `status` the unfinished ones."""
    query = _query(
        actor, status=status or "todo,in_progress,review", priority=priority, assignee="me", due_from=due_from,
        due_to=due_to, text=text, sort=sort, cursor=cursor, limit=limit, count=count,
    )  # fmt: skip
    return await work.list_tasks(db, state.runtime.cursors, actor, query)


@get("/projects/{project_id:uuid}/tasks", tags=["tasks"], responses=READ)
async def list_project_tasks(
    project_id: FromPath[UUID],
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    sort: FromQuery[str] = "-created_at",
    status: FromQuery[str | None] = None,
    priority: FromQuery[str | None] = None,
    assignee: _Assignee = None,
    label: _Label = None,
    due_from: FromQuery[str | None] = None,
    due_to: FromQuery[str | None] = None,
    text: _Search = None,
    count: CountParam = False,
) -> Page[TaskSummary]:
    """Tasks of one project; with `status` and `sort=position` a board's column."""
    query = _query(
        actor, project_id=project_id, status=status, priority=priority, assignee=assignee, label=label,
        due_from=due_from, due_to=due_to, text=text, sort=sort, cursor=cursor, limit=limit, count=count,
    )  # fmt: skip
    return await work.list_tasks(db, state.runtime.cursors, actor, query)


@post("/projects/{project_id:uuid}/tasks", tags=["tasks"], responses=WRITE)
async def create_task(
    project_id: FromPath[UUID],
    data: JSONBody[TaskInput],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> Response[TaskView]:
    """Make a task at the end of its column."""
    task = await work.create_task(uow, actor, project_id, data)
    return Response(task, status_code=201, headers={"Location": f"/api/v1/tasks/{task.id}"})


@get("/tasks/{task:str}", tags=["tasks"], responses=READ)
async def get_task(task: _TaskRef, db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> TaskView:
    """One task, by id or key."""
    return await work.get_task(db, actor, task)


@patch("/tasks/{task:str}", tags=["tasks"], responses=CHANGE)
async def change_task(
    task: _TaskRef,
    data: JSONBody[TaskChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> TaskView:
    """Change the fields that are sent; with If-Match only the version that it names."""
    return await work.change_task(uow, actor, task, data, expected_version=expected_version(request))


@delete("/tasks/{task:str}", tags=["tasks"], responses=CHANGE)
async def delete_task(
    task: _TaskRef, request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Put a task into the trash; with If-Match only the version that it names."""
    await work.delete_task(uow, actor, task, expected_version=expected_version(request))


@post("/tasks/{task:str}/move", tags=["tasks"], status_code=200, responses=WRITE)
async def move_task(
    task: _TaskRef, data: JSONBody[TaskMove], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> TaskView:
    """Put a task elsewhere on the board."""
    return await work.move_task(uow, actor, task, data)


@get("/tasks/{task:str}/subtasks", tags=["tasks"], responses=READ)
async def list_subtasks(
    task: _TaskRef, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[SubtaskView]:
    """The checklist of a task, in order."""
    return whole(await work.list_subtasks(db, actor, task))


@post("/tasks/{task:str}/subtasks", tags=["tasks"], responses=WRITE)
async def add_subtask(
    task: _TaskRef, data: JSONBody[SubtaskInput], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> SubtaskView:
    """Add an item to the checklist."""
    return await work.add_subtask(uow, actor, task, data)


@patch("/subtasks/{subtask_id:uuid}", tags=["tasks"], responses=CHANGE)
async def change_subtask(
    subtask_id: FromPath[UUID],
    data: JSONBody[SubtaskChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> SubtaskView:
    """Change or tick an item; with If-Match only the version that it names."""
    return await work.change_subtask(uow, actor, subtask_id, data, expected_version=expected_version(request))


@delete("/subtasks/{subtask_id:uuid}", tags=["tasks"], responses=CHANGE)
async def delete_subtask(
    subtask_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Take an item off the checklist; with If-Match only the version that it names."""
    await work.delete_subtask(uow, actor, subtask_id, expected_version=expected_version(request))


@get("/tasks/{task:str}/comments", tags=["tasks"], responses=READ)
async def list_comments(
    task: _TaskRef,
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[CommentView]:
    """The comments of a task, the oldest first."""
    return await work.list_comments(db, state.runtime.cursors, actor, task, cursor=cursor, limit=limit)


@post("/tasks/{task:str}/comments", tags=["tasks"], responses=WRITE)
async def add_comment(
    task: _TaskRef, data: JSONBody[CommentInput], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> CommentView:
    """Comment on a task."""
    return await work.add_comment(uow, actor, task, data)


@patch("/comments/{comment_id:uuid}", tags=["tasks"], responses=CHANGE)
async def change_comment(
    comment_id: FromPath[UUID],
    data: JSONBody[CommentInput],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> CommentView:
    """Edit one's own comment; with If-Match only the version that it names."""
    return await work.change_comment(uow, actor, comment_id, data, expected_version=expected_version(request))


@delete("/comments/{comment_id:uuid}", tags=["tasks"], responses=CHANGE)
async def delete_comment(
    comment_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Put a comment into the trash; with If-Match only the version that it names."""
    await work.delete_comment(uow, actor, comment_id, expected_version=expected_version(request))


@get("/projects/{project_id:uuid}/labels", tags=["planning"], responses=READ)
async def list_labels(
    project_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[ProjectLabelView]:
    """The labels of a project."""
    return whole(await work.list_labels(db, actor, project_id))


@post("/projects/{project_id:uuid}/labels", tags=["planning"], responses=WRITE)
async def add_label(
    project_id: FromPath[UUID],
    data: JSONBody[LabelInput],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ProjectLabelView:
    """Add a label."""
    return await work.add_label(uow, actor, project_id, data)


@patch("/labels/{label_id:uuid}", tags=["planning"], responses=CHANGE)
async def change_label(
    label_id: FromPath[UUID],
    data: JSONBody[LabelChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ProjectLabelView:
    """Change a label; with If-Match only the version that it names."""
    return await work.change_label(uow, actor, label_id, data, expected_version=expected_version(request))


@delete("/labels/{label_id:uuid}", tags=["planning"], responses=CHANGE)
async def delete_label(
    label_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Delete a label, from its tasks too; with If-Match only the version that it names."""
    await work.delete_label(uow, actor, label_id, expected_version=expected_version(request))


router = Router(
    "",
    route_handlers=[
        list_tasks, list_my_tasks, list_project_tasks, create_task, get_task, change_task, delete_task, move_task,
        list_subtasks, add_subtask, change_subtask, delete_subtask, list_comments, add_comment, change_comment,
        delete_comment, list_labels, add_label, change_label, delete_label,
    ],
)  # fmt: skip
