"""Projects, their members, people, and what happened."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from synergy_api import params
from synergy_api.documentation import CHANGE, READ, WRITE
from synergy_api.etags import expected_version
from synergy_api.lists import ItemList, whole
from synergy_api.params import AllParam, CountParam, CursorParam, Limit
from synergy_domain import activity, projects, work
from synergy_domain.activity import ActivityQuery, ActivityView
from synergy_domain.common import Actor
from synergy_domain.identity import UserSummary
from synergy_domain.projects import (
    MemberChange,
    MemberInput,
    MemberView,
    Priority,
    ProjectChange,
    ProjectInput,
    ProjectQuery,
    ProjectStatus,
    ProjectView,
    Transfer,
)
from synergy_domain.work import BoardView, ProgressView
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]

_Search = Annotated[str | None, QueryParameter(name="q", max_length=200, description="Part of the name or key")]


@get("/projects", tags=["projects"], responses=READ)
async def list_projects(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    sort: FromQuery[str] = "-updated_at",
    status: FromQuery[str | None] = None,
    priority: FromQuery[str | None] = None,
    archived: FromQuery[bool] = False,
    text: _Search = None,
    count: CountParam = False,
    everything: AllParam = False,
) -> Page[ProjectView]:
    """The projects that the caller is in; for admins with `all=true` every project."""
    query = ProjectQuery(
        status=params.choices("status", status, ProjectStatus),
        priority=params.choices("priority", priority, Priority),
        archived=archived,
        text=text,
        everything=everything,
        sort=params.one_of("sort", sort, projects.SORTS),
        cursor=cursor,
        limit=limit,
        count=count,
    )
    return await projects.list_projects(db, state.runtime.cursors, actor, query)


@post("/projects", tags=["projects"], responses=WRITE)
async def create_project(
    data: JSONBody[ProjectInput], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[ProjectView]:
    """Make a project; the caller owns it."""
    project = await projects.create_project(uow, actor, data)
    return Response(project, status_code=201, headers={"Location": f"/api/v1/projects/{project.id}"})


@get("/projects/{project_id:uuid}", tags=["projects"], responses=READ)
async def get_project(
    project_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ProjectView:
    """One project."""
    return await projects.get_project(db, actor, project_id)


@patch("/projects/{project_id:uuid}", tags=["projects"], responses=CHANGE)
async def change_project(
    project_id: FromPath[UUID],
    data: JSONBody[ProjectChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ProjectView:
    """Change the fields that are sent; with If-Match only the version that it names."""
    return await projects.change_project(uow, actor, project_id, data, expected_version=expected_version(request))


@delete("/projects/{project_id:uuid}", tags=["projects"], responses=CHANGE)
async def delete_project(
    project_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Put the project into the trash; with If-Match only the version that it names."""
    await projects.delete_project(uow, actor, project_id, expected_version=expected_version(request))


@post("/projects/{project_id:uuid}/archive", tags=["projects"], status_code=200, responses=WRITE)
async def archive_project(
    project_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> ProjectView:
    """Make the project read-only."""
    return await projects.archive_project(uow, actor, project_id)


@post("/projects/{project_id:uuid}/unarchive", tags=["projects"], status_code=200, responses=WRITE)
async def unarchive_project(
    project_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> ProjectView:
    """Let the project change again."""
    return await projects.unarchive_project(uow, actor, project_id)


@post("/projects/{project_id:uuid}/transfer", tags=["projects"], status_code=200, responses=WRITE)
async def transfer_project(
    project_id: FromPath[UUID],
    data: JSONBody[Transfer],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ProjectView:
    """Give the project to another member."""
    return await projects.transfer_project(uow, actor, project_id, data)


@get("/projects/{project_id:uuid}/members", tags=["projects"], responses=READ)
async def list_members(
    project_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[MemberView]:
    """All members."""
    return whole(await projects.list_members(db, actor, project_id))


@post("/projects/{project_id:uuid}/members", tags=["projects"], responses=WRITE)
async def add_member(
    project_id: FromPath[UUID],
    data: JSONBody[MemberInput],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> MemberView:
    """Add somebody whom the caller can see."""
    return await projects.add_member(uow, actor, project_id, data)


@patch("/projects/{project_id:uuid}/members/{user_id:uuid}", tags=["projects"], responses=CHANGE)
async def change_member(
    project_id: FromPath[UUID],
    user_id: FromPath[UUID],
    data: JSONBody[MemberChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> MemberView:
    """Give a member another role; with If-Match only the version that it names."""
    expected = expected_version(request)
    return await projects.change_member(uow, actor, project_id, user_id, data, expected_version=expected)


@delete("/projects/{project_id:uuid}/members/{user_id:uuid}", tags=["projects"], responses=CHANGE)
async def remove_member(
    project_id: FromPath[UUID],
    user_id: FromPath[UUID],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> None:
    """Remove a member, or leave; with If-Match only the version that it names."""
    await projects.remove_member(uow, actor, project_id, user_id, expected_version=expected_version(request))


@get("/projects/{project_id:uuid}/board", tags=["projects"], responses=READ)
async def get_board(
    project_id: FromPath[UUID], state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> BoardView:
    """All columns, each with its first 50 tasks."""
    return await work.get_board(db, state.runtime.cursors, actor, project_id)


@get("/projects/{project_id:uuid}/progress", tags=["projects"], responses=READ)
async def get_progress(
    project_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ProgressView:
    """How the project's progress comes about."""
    return await work.get_progress(db, actor, project_id)


@get("/projects/{project_id:uuid}/activity", tags=["projects"], responses=READ)
async def list_activity(
    project_id: FromPath[UUID],
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    by: Annotated[UUID | None, QueryParameter(name="actor", description="Who did it")] = None,
    verb: Annotated[str | None, QueryParameter(max_length=40, description="Such as created, updated, moved")] = None,
    object_type: Annotated[str | None, QueryParameter(max_length=40, description="Such as task, comment")] = None,
    object_id: FromQuery[UUID | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
) -> Page[ActivityView]:
    """What happened in the project, the newest first."""
    query = ActivityQuery(
        actor_id=by, verb=verb, object_type=object_type, object_id=object_id, since=params.moment("since", since),
        until=params.moment("until", until), cursor=cursor, limit=limit,
    )  # fmt: skip
    return await activity.list_activity(db, state.runtime.cursors, actor, project_id, query)


@get("/users", tags=["people"], responses=READ)
async def list_users(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    text: _Search = None,
) -> Page[UserSummary]:
    """People whom the caller may see, by name."""
    return await projects.list_people(db, state.runtime.cursors, actor, text=text, cursor=cursor, limit=limit)


@get("/users/{user_id:uuid}", tags=["people"], responses=READ)
async def get_user(user_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> UserSummary:
    """One person."""
    return await projects.get_person(db, actor, user_id)


router = Router(
    "",
    route_handlers=[
        list_projects, create_project, get_project, change_project, delete_project, archive_project, unarchive_project,
        transfer_project, list_members, add_member, change_member, remove_member, get_board, get_progress,
        list_activity, list_users, get_user,
    ],
)  # fmt: skip
