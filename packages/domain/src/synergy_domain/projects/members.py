"""The verbs of members and of the directory of people."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from sqlalchemy.exc import IntegrityError

from synergy_domain.common import Actor, expect_version
from synergy_domain.identity import NoAvatar, UserSummary
from synergy_domain.projects import policy, repository
from synergy_domain.projects.contracts import MemberChange, MemberInput, MemberView
from synergy_domain.projects.errors import AlreadyMember, MemberNotFound, OwnerStays
from synergy_domain.projects.events import MemberAdded, MemberRemoved, MemberUpdated
from synergy_domain.projects.invitations import repository as invitations
from synergy_domain.projects.service import access_to, require
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput, NotFound
from synergy_platform.pagination import Cursors, Page, make_page

_PEOPLE_SORT = "name"


async def list_members(db: Reader, actor: Actor, project_id: UUID) -> list[MemberView]:
    """All members of a project that the actor may see."""
    await access_to(db, actor, project_id)
    return await repository.list_members(db, project_id)


async def add_member(uow: UnitOfWork, actor: Actor, project_id: UUID, data: MemberInput) -> MemberView:
    """Add somebody whom the actor can see; others are invited."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_grant(access.role, data.role), f"add people as {data.role}")
    person = await repository.find_visible_person(uow, actor, data.user_id)
    if person is None or not person["is_active"]:
        raise InvalidInput.at("/user_id", "is nobody whom you can see: invite them by email", "unknown_user")
    if await repository.lock_member_role(uow, project_id, data.user_id) is not None:
        raise AlreadyMember
    repository.add_member(uow, project_id, data.user_id, data.role, actor.user_id)
    try:
        await uow.flush()
    except IntegrityError:
        raise AlreadyMember from None
    uow.emit(
        MemberAdded(object_id=data.user_id, project_id=project_id, username=person["username"], role=data.role),
        by=actor.user_id,
    )
    return await _member(uow, project_id, data.user_id)


async def change_member(
    uow: UnitOfWork,
    actor: Actor,
    project_id: UUID,
    user_id: UUID,
    data: MemberChange,
    *,
    expected_version: int | None = None,
) -> MemberView:
    """Give a member another role, up to the actor's own rank; never to or from owner."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "change roles")
    present = await repository.lock_member_role(uow, project_id, user_id)
    if present is None:
        raise MemberNotFound
    await _expect(uow, project_id, user_id, expected_version)
    if present == "owner":
        raise OwnerStays
    require(access, policy.may_change_member(access.role, present, data.role), f"make a {present} a {data.role}")
    if present != data.role:
        await repository.set_member_role(uow, project_id, user_id, data.role)
        if not policy.at_least(data.role, present):
            await invitations.revoke_to(uow, project_id, user_id)  # it would raise them again
        member = await _member(uow, project_id, user_id)
        uow.emit(
            MemberUpdated(
                object_id=user_id,
                project_id=project_id,
                username=member.user.username,
                from_role=present,
                role=data.role,
            ),
            by=actor.user_id,
        )
    return await _member(uow, project_id, user_id)


async def remove_member(
    uow: UnitOfWork, actor: Actor, project_id: UUID, user_id: UUID, *, expected_version: int | None = None
) -> None:
    """Remove a member, or leave; their tasks in the project lose the assignee."""
    access = await access_to(uow, actor, project_id)
    oneself = user_id == actor.user_id
    require(access, oneself or policy.may_manage(access.role), "remove members", on_archived=oneself)
    present = await repository.lock_member_role(uow, project_id, user_id)
    if present is None:
        raise MemberNotFound
    await _expect(uow, project_id, user_id, expected_version)
    if present == "owner":
        raise OwnerStays
    require(
        access,
        policy.may_remove_member(access.role, present, oneself=oneself),
        f"remove a {present}",
        on_archived=oneself,
    )
    member = await _member(uow, project_id, user_id)
    await repository.remove_member(uow, project_id, user_id)
    await invitations.revoke_to(uow, project_id, user_id)
    uow.emit(
        MemberRemoved(object_id=user_id, project_id=project_id, username=member.user.username, role=present),
        by=actor.user_id,
    )


async def list_people(
    db: Reader, cursors: Cursors, actor: Actor, *, text: str | None, cursor: str | None, limit: int
) -> Page[UserSummary]:
    """People whom the actor may see, by name."""
    after = None if cursor is None else cursors.decode(_PEOPLE_SORT, cursor, (str, UUID))
    rows = await repository.visible_people(db, actor, text=text, after=after, limit=limit)
    people = [_summary(row) for row in rows]
    return make_page(people, limit, lambda last: cursors.encode(_PEOPLE_SORT, [last.name.lower(), last.id]), None)


async def get_person(db: Reader, actor: Actor, user_id: UUID) -> UserSummary:
    """A person whom the actor may see; NotFound otherwise."""
    row = await repository.find_visible_person(db, actor, user_id)
    if row is None:
        raise NotFound("There is no such person, or you may not see them.")
    return _summary(row)


async def find_avatar(db: Reader, actor: Actor, user_id: UUID) -> str:
    """The key in the storage of the picture of a person whom the actor may see; NotFound and NoAvatar otherwise."""
    row = await repository.find_visible_person(db, actor, user_id)
    if row is None:
        raise NotFound("There is no such person, or you may not see them.")
    if row["avatar_key"] is None:
        raise NoAvatar
    return row["avatar_key"]


def _summary(row: asyncpg.Record) -> UserSummary:
    return UserSummary(
        id=row["id"], username=row["username"], name=row["name"], department=row["department"],
        position=row["position"], avatar_url=row["avatar_url"], is_active=row["is_active"],
    )  # fmt: skip


async def _member(db: Reader, project_id: UUID, user_id: UUID) -> MemberView:
    member = await repository.find_member(db, project_id, user_id)
    if member is None:
        raise MemberNotFound
    return member


async def _expect(db: Reader, project_id: UUID, user_id: UUID, expected_version: int | None) -> None:
    if expected_version is not None:
        member = await _member(db, project_id, user_id)

        async def current() -> MemberView:
            return member

        await expect_version("member", member.version, expected_version, current)
