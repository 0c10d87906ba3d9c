"""Linking a person without an account to the account that is theirs."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import structlog

from synergy_domain.common import Actor
from synergy_domain.identity import Client, administration, policy
from synergy_domain.identity.administration import AdminUserView
from synergy_domain.offboarding import repository
from synergy_domain.offboarding.contracts import PersonLink
from synergy_domain.offboarding.errors import NotAPerson
from synergy_domain.projects import MemberAdded, MemberUpdated
from synergy_domain.projects import policy as project_policy
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import InvalidInput

log = structlog.stdlib.get_logger(__name__)


async def link_person(
    uow: UnitOfWork, actor: Actor, client: Client, person_id: UUID, data: PersonLink
) -> AdminUserView:
    """Move all that a person without an account did and has to an account; the person is gone. Administrators only.

    Where both are in a project the account has the higher of the two roles. Raises UserNotFound, NotAPerson, and
    InvalidInput when the account is none.
    """
    policy.require_admin(actor)
    accounts = await repository.lock_accounts(uow, person_id, data.user_id)
    person, account = accounts.get(person_id), accounts.get(data.user_id)
    if person is None:
        raise administration.UserNotFound
    if not person["is_person_only"]:
        raise NotAPerson
    if account is None or account["is_person_only"]:
        raise InvalidInput.at("/user_id", "is no account", "unknown_user")
    for row in await repository.merge_memberships(uow, person_id, data.user_id):
        _tell(uow, actor, account, row)
    await repository.move_everything(uow, person_id, data.user_id, account["username"])
    administration.record(
        uow, "user_linked", data.user_id, actor, client,
        {"person_id": str(person_id), "username": person["username"], "name": person["name"]},
    )  # fmt: skip
    log.info("identity.person_linked", user_id=str(data.user_id), person_id=str(person_id))
    return await administration.get_user(uow, actor, data.user_id)


def _tell(uow: UnitOfWork, actor: Actor, account: asyncpg.Record, row: asyncpg.Record) -> None:
    """Say that the account is in the project now, or is more in it than before; nobody is notified."""
    user_id, project_id, role, before = account["id"], row["project_id"], row["person_role"], row["account_role"]
    if before is None:
        joined = MemberAdded(object_id=user_id, project_id=project_id, username=account["username"], role=role)
        uow.emit(joined, by=actor.user_id, quiet=True)
    elif not project_policy.at_least(before, role):
        raised = MemberUpdated(
            object_id=user_id, project_id=project_id, username=account["username"], from_role=before, role=role
        )
        uow.emit(raised, by=actor.user_id, quiet=True)
