"""What an import brings to projects: a project with its own dates and source, and many members at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import insert

from synergy_domain.common import render_markdown
from synergy_domain.projects import repository
from synergy_domain.projects.events import MemberAdded, ProjectCreated
from synergy_domain.projects.keys import propose_key
from synergy_domain.projects.models import Member, Project, ProjectCounters
from synergy_platform.database import UnitOfWork
from synergy_platform.ids import new_id


class IncomingProject(msgspec.Struct, kw_only=True, frozen=True):
    """A project that an import makes; `import_source` names the thing it was made from."""

    name: str
    description: str
    owner_id: UUID
    import_source: str
    created_at: datetime


class ProjectReference(msgspec.Struct, kw_only=True, frozen=True):
    """A project as an import speaks of it."""

    id: UUID
    key: str
    name: str


async def add_project(uow: UnitOfWork, incoming: IncomingProject) -> ProjectReference:
    """Make an active project with its owner; nobody is notified, and its event has the source's date."""
    project = Project(
        id=new_id(), key=await propose_key(uow, incoming.name), name=incoming.name, description=incoming.description,
        description_html=render_markdown(incoming.description), status="active", owner_id=incoming.owner_id,
        import_source=incoming.import_source, created_at=incoming.created_at, updated_at=uow.now,
    )  # fmt: skip
    uow.session.add(project)
    await uow.flush()
    uow.session.add(ProjectCounters(project_id=project.id))
    repository.add_member(uow, project.id, incoming.owner_id, "owner", incoming.owner_id)
    await uow.flush()
    event = ProjectCreated(object_id=project.id, project_id=project.id, key=project.key, name=project.name)
    uow.emit(event, by=incoming.owner_id, at=incoming.created_at, quiet=True)
    return ProjectReference(id=project.id, key=project.key, name=project.name)


async def add_members(uow: UnitOfWork, project_id: UUID, user_ids: list[UUID], *, added_by: UUID, at: datetime) -> None:
    """Put people who are not in the project yet into it, as members; their events have the date `at`."""
    if not user_ids:
        return
    rows = await uow.rows("SELECT id, username FROM users WHERE id = ANY($1::uuid[])", user_ids)
    usernames: dict[UUID, str] = {row["id"]: row["username"] for row in rows}
    await uow.session.execute(
        insert(Member),
        [
            {"project_id": project_id, "user_id": user_id, "role": "member", "joined_at": uow.now, "added_by": added_by}
            for user_id in user_ids
        ],
    )
    for user_id in user_ids:
        event = MemberAdded(object_id=user_id, project_id=project_id, username=usernames[user_id], role="member")
        uow.emit(event, by=added_by, at=at, quiet=True)
