"""Deleting an account."""

from __future__ import annotations

from uuid import UUID

import structlog

from synergy_domain.common import Actor
from synergy_domain.identity import Client, administration, confirm_identity, lock_confirmed, policy, tell_streams
from synergy_domain.offboarding import repository
from synergy_domain.offboarding.contracts import OwnDeletion
from synergy_domain.offboarding.errors import OwnAccount, OwnsProjects
from synergy_domain.offboarding.events import UserDeleted
from synergy_domain.projects import MemberAdded, MemberRemoved, ProjectTransferred, get_person
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import InvalidInput, NotFound
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)


async def delete_user(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID, transfer_to: UUID | None) -> None:
    """Delete an account of somebody else, for good: all that is theirs goes, what they wrote stays.

    Projects that they own go to `transfer_to`, else OwnsProjects is raised. Their tasks are assigned to nobody, their
    texts stand under "Deleted user", and their username and address are free again. Administrators only; raises
    OwnAccount, UserNotFound, LastAdmin, and InvalidInput for a `transfer_to` who can get nothing.
    """
    policy.require_admin(actor)
    if user_id == actor.user_id:
        raise OwnAccount
    await _delete(uow, actor, client, user_id, transfer_to)


async def delete_me(runtime: Runtime, actor: Actor, client: Client, data: OwnDeletion) -> None:
    """Delete one's own account, confirmed by its password, as `delete_user` does; `transfer_to` is somebody one sees.

    Raises InvalidInput and SignInAgain too.
    """
    confirmed = await confirm_identity(runtime, actor, data.password, client)
    async with runtime.database.unit_of_work() as uow:
        # its lock comes first, as where an administrator deletes: no two wait for each other
        await administration.keep_an_admin(uow, actor.user_id)
        await lock_confirmed(uow, actor, confirmed)
        if data.transfer_to is not None:
            try:
                await get_person(uow, actor, data.transfer_to)
            except NotFound:
                raise _nobody() from None
        await _delete(uow, actor, client, actor.user_id, data.transfer_to)


async def _delete(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID, transfer_to: UUID | None) -> None:
    await administration.keep_an_admin(uow, user_id)
    accounts = await repository.lock_accounts(uow, *{user_id, transfer_to or user_id})
    user = accounts.get(user_id)
    if user is None:
        raise administration.UserNotFound
    if transfer_to is not None:
        heir = accounts.get(transfer_to)
        if heir is None or not heir["is_active"] or transfer_to == user_id:
            raise _nobody()
    elif owned := await repository.owned_projects(uow, user_id):
        raise OwnsProjects([dict(row) for row in owned])
    # letters of a name that nobody can register beforehand to be in the way
    username = f"deleted-{new_id().hex[-12:]}"
    for row in await repository.leave_projects(uow, user_id):
        left = MemberRemoved(object_id=user_id, project_id=row["project_id"], username=username, role=row["role"])
        uow.emit(left, by=actor.user_id)
    given = 0
    if transfer_to is not None:
        given = await _transfer(uow, actor, user_id, transfer_to, accounts[transfer_to]["username"])
    await repository.drop_belongings(uow, user_id)
    await repository.anonymise(uow, user_id, username)
    await tell_streams(uow, user_id)
    uow.emit(UserDeleted(object_id=user_id, recipient_id=user_id), by=actor.user_id)
    detail = {"username": user["username"]} | ({"projects_to": str(transfer_to)} if given else {})
    administration.record(uow, "user_deleted", user_id, actor, client, detail)
    log.info("identity.user_deleted", user_id=str(user_id), projects_transferred=given)


def _nobody() -> InvalidInput:
    return InvalidInput.at("/transfer_to", "is no active user who could get the projects", "unknown_user")


async def _transfer(uow: UnitOfWork, actor: Actor, user_id: UUID, to: UUID, username: str) -> int:
    given = await repository.transfer_projects(uow, user_id, to, actor.user_id)
    for row in given:
        project_id = row["id"]
        if row["joined"]:
            joined = MemberAdded(object_id=to, project_id=project_id, username=username, role="owner")
            uow.emit(joined, by=actor.user_id)
        event = ProjectTransferred(
            object_id=project_id, project_id=project_id, name=row["name"], from_user_id=user_id, to_user_id=to
        )
        uow.emit(event, by=actor.user_id)
    return len(given)
