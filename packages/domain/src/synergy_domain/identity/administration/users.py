"""The verbs of administrators about accounts.

Each write locks the account; one that may take an administrator away waits for all others of that kind first. What was
done stands in the security events of the account, with `by`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog
from sqlalchemy.exc import IntegrityError

from synergy_domain.common.actor import Actor
from synergy_domain.common.contracts import given
from synergy_domain.common.versions import expect_version
from synergy_domain.identity import policy
from synergy_domain.identity import repository as accounts_repository
from synergy_domain.identity.accounts import refuse_taken
from synergy_domain.identity.administration import repository
from synergy_domain.identity.administration.contracts import AdminUserView, NewUser, UserChange, UserQuery
from synergy_domain.identity.administration.errors import (
    LastAdmin,
    OwnRole,
    PersonWithoutAccount,
    UserNotFound,
)
from synergy_domain.identity.client import Client
from synergy_domain.identity.emails import SEND_VERIFICATION
from synergy_domain.identity.errors import AlreadyTaken
from synergy_domain.identity.events import UserDeactivated, UserRegistered, UserRoleChanged
from synergy_domain.identity.links import link_address, mail_link, new_link
from synergy_domain.identity.mfa import reset_factors
from synergy_domain.identity.models import User
from synergy_domain.identity.names import clean_name, name_faults
from synergy_domain.identity.revoking import end_all_sessions, end_what_is_under_way, revoke_everything
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput
from synergy_platform.pagination import Cursors, Page
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

SEND_PASSWORD_LINK = "identity.send_password_link"  # noqa: S105 - the name of a job
_LINK_LIFETIME = timedelta(days=7)


async def list_users(db: Reader, cursors: Cursors, actor: Actor, query: UserQuery) -> Page[AdminUserView]:
    """A page of all accounts that are not deleted; raises AdminsOnly."""
    policy.require_admin(actor)
    after = repository.SORTS[query.sort].decode(cursors, query.sort, query.cursor)
    found, total = await repository.list_users(db, query, after)
    page = found[: query.limit]
    return Page(
        items=[view for view, _ in page],
        next_cursor=cursors.encode(query.sort, [page[-1][1], page[-1][0].id]) if len(found) > query.limit else None,
        total=msgspec.UNSET if total is None else total,
    )


async def get_user(db: Reader, actor: Actor, user_id: UUID) -> AdminUserView:
    """One account; raises AdminsOnly and UserNotFound."""
    policy.require_admin(actor)
    return _found(await repository.find_user(db, user_id))


async def create_user(uow: UnitOfWork, actor: Actor, client: Client, data: NewUser) -> AdminUserView:
    """Make an account without a password; its user gets a link to set one. Raises AlreadyTaken and InvalidInput."""
    policy.require_admin(actor)
    first, last = clean_name(data.first_name), clean_name(data.last_name)
    if faults := [*name_faults("/first_name", first), *name_faults("/last_name", last)]:
        raise InvalidInput(faults)
    refuse_taken(await accounts_repository.taken(uow, data.username, data.email))
    user = User(
        username=data.username, email=data.email, first_name=first, last_name=last, role=data.role,
        created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    uow.session.add(user)
    try:
        await uow.flush()
    except IntegrityError:
        raise AlreadyTaken("Somebody took it meanwhile. Try again.") from None
    record(uow, "registration", user.id, actor, client, {"role": data.role})
    uow.emit(UserRegistered(object_id=user.id, recipient_id=user.id, username=user.username), by=actor.user_id)
    uow.enqueue(SEND_PASSWORD_LINK, {"user_id": str(user.id)})
    log.info("identity.user_created", user_id=str(user.id), role=data.role)
    return _found(await repository.find_user(uow, user.id))


async def send_password_link(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: mail the link by which the user of a new account sets a password."""
    user = await repository.find_user(uow, UUID(payload["user_id"]))
    if user is None or user.email is None or not user.is_active:
        return
    token = await new_link(uow, user.id, "password_set", user.email, _LINK_LIFETIME)
    context = {
        "subject": "Your account: choose a password", "name": user.first_name, "username": user.username,
        "days": _LINK_LIFETIME.days, "link": link_address(runtime, "reset-password", token),
    }  # fmt: skip
    await mail_link(runtime, uow, "password_set", user.id, user.email, context)


async def change_user(
    uow: UnitOfWork,
    actor: Actor,
    client: Client,
    user_id: UUID,
    data: UserChange,
    *,
    expected_version: int | None = None,
) -> AdminUserView:
    """Change an account: another role counts at once, another address has to be verified.

    Raises PreconditionFailed when the version is another than expected, OwnRole, LastAdmin, PersonWithoutAccount,
    AlreadyTaken and InvalidInput.
    """
    policy.require_admin(actor)
    if given(data.role, "admin") != "admin":
        await keep_an_admin(uow, user_id)
    user = _found(await repository.lock_user(uow, user_id))

    async def current() -> AdminUserView:
        return user

    await expect_version("user", user.version, expected_version, current)
    changed = _changed(user, data)
    if user.is_person_only and ("role" in changed or "email" in changed):
        raise PersonWithoutAccount
    if "role" in changed and not policy.may_change_role(actor, user_id):
        raise OwnRole
    if not changed:
        return user
    refuse_taken(
        await accounts_repository.taken(uow, changed.get("username", ""), changed.get("email", ""), but=user_id)
    )
    written = changed
    if "email" in changed:
        written = {**changed, "email_verified_at": None}
        await end_what_is_under_way(uow, user_id)
        job = SEND_VERIFICATION if await repository.has_password(uow, user_id) else SEND_PASSWORD_LINK
        uow.enqueue(job, {"user_id": str(user_id)})
        if user.email is not None:
            tell_user(uow, user_id, "email_changed_by_admin", None, to=user.email)
    try:
        await repository.set_fields(uow, user_id, written)
    except asyncpg.UniqueViolationError:
        raise AlreadyTaken("Somebody took it meanwhile. Try again.") from None
    _record_change(uow, user, actor, client, changed)
    return _found(await repository.find_user(uow, user_id))


async def deactivate_user(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID) -> AdminUserView:
    """Let nobody sign in as the user; all their sessions and tokens end now. A second time changes nothing.

    Raises UserNotFound, LastAdmin and PersonWithoutAccount.
    """
    policy.require_admin(actor)
    await keep_an_admin(uow, user_id)
    user = _found(await repository.lock_user(uow, user_id))
    if user.is_person_only:
        raise PersonWithoutAccount
    if not user.is_active:
        return user
    await repository.set_fields(uow, user_id, {"is_active": False, "deactivated_at": uow.now})
    await revoke_everything(uow, user_id)
    record(uow, "user_deactivated", user_id, actor, client)
    uow.emit(UserDeactivated(object_id=user_id, recipient_id=user_id, username=user.username), by=actor.user_id)
    log.info("identity.user_deactivated", user_id=str(user_id))
    return _found(await repository.find_user(uow, user_id))


async def activate_user(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID) -> AdminUserView:
    """Let the user sign in again; a second time changes nothing. Raises UserNotFound and PersonWithoutAccount."""
    policy.require_admin(actor)
    user = _found(await repository.lock_user(uow, user_id))
    if user.is_person_only:
        raise PersonWithoutAccount
    if user.is_active:
        return user
    # a sign-in that was under way when the account was deactivated
    await end_all_sessions(uow, user_id)
    await repository.set_fields(uow, user_id, {"is_active": True, "deactivated_at": None})
    record(uow, "user_activated", user_id, actor, client)
    log.info("identity.user_activated", user_id=str(user_id))
    return _found(await repository.find_user(uow, user_id))


async def reset_second_factors(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID) -> AdminUserView:
    """Forget the second factors of a user who lost them; the next sign-in needs the password only.

    Where the user's role needs a second factor, it then comes by mail. Raises UserNotFound.
    """
    policy.require_admin(actor)
    user = _found(await repository.lock_user(uow, user_id))
    if not user.has_second_factor:
        return user
    await reset_factors(uow, user_id, by=actor.user_id, client=client)
    return _found(await repository.find_user(uow, user_id))


async def sign_user_out(uow: UnitOfWork, actor: Actor, client: Client, user_id: UUID) -> None:
    """End all sessions of a user. Raises UserNotFound."""
    policy.require_admin(actor)
    _found(await repository.lock_user(uow, user_id))
    await end_all_sessions(uow, user_id)
    record(uow, "session_revoked", user_id, actor, client, {"everywhere": True})


async def keep_an_admin(uow: UnitOfWork, user_id: UUID) -> None:
    """Before a user is lowered, deactivated or deleted: raise LastAdmin when nobody else would run the instance.

    Whoever asks this waits until whoever asked before has committed.
    """
    await repository.lock_administrators(uow)
    if await repository.is_last_admin(uow, user_id):
        raise LastAdmin


def record(
    uow: UnitOfWork, kind: str, user_id: UUID, actor: Actor, client: Client, detail: dict[str, Any] | None = None
) -> None:
    """Write what was done to an account into its security events; `by` says who did, if it was another."""
    by = {} if actor.user_id == user_id else {"by": str(actor.user_id)}
    accounts_repository.add_security_event(
        uow, kind, user_id=user_id, ip=client.ip, user_agent=client.user_agent, detail={**(detail or {}), **by}
    )


def _found(user: AdminUserView | None) -> AdminUserView:
    if user is None:
        raise UserNotFound
    return user


def _changed(user: AdminUserView, data: UserChange) -> dict[str, Any]:
    """The fields that become another value; raises InvalidInput."""
    sent = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    faults: list[InputFault] = []
    for name in ("first_name", "last_name"):
        if name in sent:
            sent[name] = clean_name(sent[name])
            faults += name_faults(f"/{name}", sent[name])
    if faults:
        raise InvalidInput(faults)
    return {name: value for name, value in sent.items() if getattr(user, name) != value}


def _record_change(uow: UnitOfWork, user: AdminUserView, actor: Actor, client: Client, changed: dict[str, Any]) -> None:
    changes = {name: [getattr(user, name), value] for name, value in changed.items()}
    role = changes.pop("role", None)
    if role is not None:
        record(uow, "role_changed", user.id, actor, client, {"from": role[0], "to": role[1]})
        event = UserRoleChanged(object_id=user.id, recipient_id=user.id, from_role=role[0], role=role[1])
        uow.emit(event, by=actor.user_id)
        log.info("identity.role_changed", user_id=str(user.id), from_role=role[0], role=role[1])
    if changes:
        record(uow, "user_changed", user.id, actor, client, {"changes": changes})
