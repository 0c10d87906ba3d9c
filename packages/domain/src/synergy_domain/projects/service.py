"""The verbs of projects."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError

from synergy_domain.common import Actor, expect_version, given, render_markdown
from synergy_domain.projects import policy, repository
from synergy_domain.projects.contracts import (
    ProjectChange,
    ProjectInput,
    ProjectQuery,
    ProjectSettings,
    ProjectView,
    Transfer,
)
from synergy_domain.projects.errors import (
    ImportedAlready,
    KeyFixed,
    KeyTaken,
    NotAllowed,
    ProjectArchived,
    ProjectNotFound,
)
from synergy_domain.projects.events import (
    ProjectArchivedEvent,
    ProjectCreated,
    ProjectDeleted,
    ProjectTransferred,
    ProjectUnarchived,
    ProjectUpdated,
)
from synergy_domain.projects.keys import propose_key
from synergy_domain.projects.models import Project, ProjectCounters
from synergy_domain.projects.repository import Access
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page, make_page

_MAX_BUDGET = 10**10


async def access_to(db: Reader, actor: Actor, project_id: UUID) -> Access:
    """The actor's access to a project they may see; ProjectNotFound otherwise."""
    access = await repository.find_access(db, actor, project_id)
    if access is None:
        raise ProjectNotFound
    return access


def require(access: Access, allowed: bool, doing: str, *, on_archived: bool = False) -> None:
    """Refuse what the role does not allow (403), then what an archived project does not take (409)."""
    if not allowed:
        raise NotAllowed(doing, access.role)
    if access.is_archived and not on_archived:
        raise ProjectArchived


async def create_project(uow: UnitOfWork, actor: Actor, data: ProjectInput) -> ProjectView:
    """Make a project whose owner is the actor; raises KeyTaken."""
    _check(data.start_date, data.end_date, data.budget)
    key = data.key or await propose_key(uow, data.name)
    settings = data.settings or ProjectSettings()
    project = Project(
        id=new_id(), key=key, name=data.name.strip(), description=data.description,
        description_html=render_markdown(data.description), status=data.status, priority=data.priority,
        owner_id=actor.user_id, start_date=data.start_date, end_date=data.end_date, budget=data.budget,
        currency=data.currency, color=data.color, enforce_dependencies=settings.enforce_dependencies,
        proof_required=settings.proof_required, created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    if not project.name:
        raise InvalidInput.at("/name", "must not be empty", "too_short")
    if data.key is not None and key in await repository.used_keys(uow, key):
        raise KeyTaken(key)
    uow.session.add(project)
    try:
        await uow.flush()
    except IntegrityError:
        raise KeyTaken(key) from None
    uow.session.add(ProjectCounters(project_id=project.id))
    repository.add_member(uow, project.id, actor.user_id, "owner", actor.user_id)
    uow.emit(ProjectCreated(object_id=project.id, project_id=project.id, key=key, name=project.name), by=actor.user_id)
    await uow.flush()
    return await get_project(uow, actor, project.id)


async def get_project(db: Reader, actor: Actor, project_id: UUID) -> ProjectView:
    """One project; raises ProjectNotFound."""
    project = await repository.find_project(db, actor, project_id)
    if project is None:
        raise ProjectNotFound
    return project


async def list_projects(db: Reader, cursors: Cursors, actor: Actor, query: ProjectQuery) -> Page[ProjectView]:
    """A page of the projects that the actor may see."""
    after = repository.SORTS[query.sort].decode(cursors, query.sort, query.cursor)
    found, total = await repository.list_projects(db, actor, query, after)
    return make_page(
        found, query.limit, lambda last: cursors.encode(query.sort, repository.sort_values(query.sort, last)), total
    )


async def change_project(
    uow: UnitOfWork, actor: Actor, project_id: UUID, data: ProjectChange, *, expected_version: int | None = None
) -> ProjectView:
    """Change the fields that were sent; managers and owners."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "edit the project")
    project = await _locked(uow, project_id)
    await expect_version("project", project.version, expected_version, lambda: get_project(uow, actor, project_id))
    _check(
        given(data.start_date, project.start_date),
        given(data.end_date, project.end_date),
        given(data.budget, project.budget),
    )
    await _change_key(uow, project, data.key)
    changes: dict[str, list[Any]] = {}
    for field, value in _flat(data).items():
        before = getattr(project, field)
        if value != before:
            setattr(project, field, value)
            changes[field] = [before, value]
    if "description" in changes:
        project.description_html = render_markdown(project.description)
        changes["description"] = ["…", "…"]  # long texts do not travel in events
    if changes:
        project.updated_at = uow.now
        await uow.flush()
        uow.emit(
            ProjectUpdated(
                object_id=project_id, project_id=project_id, name=project.name, project_version=project.version,
                changes=changes,
            ),
            by=actor.user_id,
        )  # fmt: skip
    return await get_project(uow, actor, project_id)


async def archive_project(uow: UnitOfWork, actor: Actor, project_id: UUID) -> ProjectView:
    """Make a project read-only; a second time changes nothing."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "archive the project", on_archived=True)
    project = await _locked(uow, project_id)
    if project.archived_at is None:
        project.archived_at = project.updated_at = uow.now
        await uow.flush()
        uow.emit(ProjectArchivedEvent(object_id=project_id, project_id=project_id, name=project.name), by=actor.user_id)
    return await get_project(uow, actor, project_id)


async def unarchive_project(uow: UnitOfWork, actor: Actor, project_id: UUID) -> ProjectView:
    """Let an archived project change again."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "unarchive the project", on_archived=True)
    project = await _locked(uow, project_id)
    if project.archived_at is not None:
        project.archived_at = None
        project.updated_at = uow.now
        await uow.flush()
        uow.emit(ProjectUnarchived(object_id=project_id, project_id=project_id, name=project.name), by=actor.user_id)
    return await get_project(uow, actor, project_id)


async def transfer_project(uow: UnitOfWork, actor: Actor, project_id: UUID, data: Transfer) -> ProjectView:
    """Give the project to another member; the old owner stays as manager."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_own(access.role), "transfer the project", on_archived=True)
    project = await _locked(uow, project_id)
    old_owner = project.owner_id
    await repository.lock_member_role(uow, project_id, data.user_id)  # who leaves meanwhile does not become the owner
    member = await repository.find_member(uow, project_id, data.user_id)
    if member is None or not member.is_active:
        raise InvalidInput.at("/user_id", "is no active member of this project", "not_a_member")
    if data.user_id != old_owner:
        if project.import_source and await repository.has_import(uow, data.user_id, project.import_source):
            raise ImportedAlready
        await repository.set_member_role(uow, project_id, old_owner, "manager")
        await repository.set_member_role(uow, project_id, data.user_id, "owner")
        project.owner_id = data.user_id
        project.updated_at = uow.now
        await uow.flush()
        event = ProjectTransferred(
            object_id=project_id,
            project_id=project_id,
            name=project.name,
            from_user_id=old_owner,
            to_user_id=data.user_id,
        )
        uow.emit(event, by=actor.user_id)
    return await get_project(uow, actor, project_id)


async def delete_project(
    uow: UnitOfWork, actor: Actor, project_id: UUID, *, expected_version: int | None = None
) -> None:
    """Put the project into the trash, with all that is in it; owners only."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_own(access.role), "delete the project", on_archived=True)
    project = await _locked(uow, project_id)
    await expect_version("project", project.version, expected_version, lambda: get_project(uow, actor, project_id))
    project.deleted_at = project.updated_at = uow.now
    await uow.flush()
    uow.emit(
        ProjectDeleted(object_id=project_id, project_id=project_id, key=project.key, name=project.name),
        by=actor.user_id,
    )


async def _locked(uow: UnitOfWork, project_id: UUID) -> Project:
    project = await repository.Projects(session=uow.session).get_one_or_none(
        Project.id == project_id, Project.deleted_at.is_(None), with_for_update={"key_share": True}
    )
    if project is None:
        raise ProjectNotFound
    return project


async def _change_key(uow: UnitOfWork, project: Project, key: str | msgspec.UnsetType) -> None:
    if isinstance(key, msgspec.UnsetType) or key == project.key:
        return
    if await uow.value("SELECT last_number > 0 FROM project_counters WHERE project_id = $1", project.id):
        raise KeyFixed
    if key in await repository.used_keys(uow, key):
        raise KeyTaken(key)
    await repository.retire_key(uow, project.key)


def _flat(data: ProjectChange) -> dict[str, Any]:
    """The fields that were sent, named as the columns are."""
    sent = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    settings = sent.pop("settings", None)
    if isinstance(settings, ProjectSettings):
        sent |= msgspec.structs.asdict(settings)
    return sent


def _check(start: Any, end: Any, budget: Any) -> None:  # noqa: ANN401 - dates and decimals or None
    faults: list[InputFault] = []
    if start is not None and end is not None and end < start:
        faults.append(InputFault("/end_date", "before_start", "must not be before start_date"))
    if budget is not None and (
        not budget.is_finite() or budget < 0 or budget >= _MAX_BUDGET or budget != round(budget, 2)
    ):
        faults.append(InputFault("/budget", "invalid", "must be 0 to 9999999999.99 with at most 2 decimals"))
    if faults:
        raise InvalidInput(faults)
