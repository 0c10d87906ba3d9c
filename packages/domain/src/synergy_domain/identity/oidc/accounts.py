"""Whose account it is: known by issuer and subject only, never by address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.exc import IntegrityError

from synergy_domain.common.actor import Actor
from synergy_domain.identity import policy
from synergy_domain.identity.accounts import NewAccount, add_account
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import IssuedTokens, SecondFactorNeeded
from synergy_domain.identity.errors import WrongCredentials
from synergy_domain.identity.known_devices import known_device
from synergy_domain.identity.mfa.errors import NoSecondFactor
from synergy_domain.identity.oidc import repository
from synergy_domain.identity.oidc.errors import SignInRefused
from synergy_domain.identity.oidc.people import Person, read_person
from synergy_domain.identity.oidc.provider import Provider
from synergy_domain.identity.people import IncomingPerson, free_usernames
from synergy_domain.identity.reauthentication import lock_account
from synergy_domain.identity.repository import add_security_event
from synergy_domain.identity.security_mails import tell_user
from synergy_domain.identity.sign_in import after_first_factor
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotAuthenticated
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

_ATTEMPTS = 3


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever the provider sent: its name for them, and what it says of them.

    `showed_second_factor`: as a provider says that is trusted with it. `device` is the token of their browser.
    """

    subject: str
    claims: dict[str, Any]
    showed_second_factor: bool
    client: Client
    device: str | None


async def sign_in_by_identity(
    runtime: Runtime, provider: Provider, visitor: Visitor
) -> IssuedTokens | SecondFactorNeeded:
    """Sign in whoever this is to the provider, with a new account where that is allowed; raises SignInRefused."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with runtime.database.unit_of_work() as uow:
                return await _sign_in(runtime, uow, provider, visitor)
        except IntegrityError:
            # somebody else took the username, or the same person came twice at once: look again
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


async def _sign_in(
    runtime: Runtime, uow: UnitOfWork, provider: Provider, visitor: Visitor
) -> IssuedTokens | SecondFactorNeeded:
    config, person = provider.config, read_person(visitor.claims)
    known = await repository.find_identity(uow, config.issuer, visitor.subject)
    if known is None:
        user_id = await _register(runtime, uow, provider, visitor, person)
    else:
        user_id = known["user_id"]
    try:
        # the user's row first, as whoever unlinks does: no two wait for each other
        outcome = await after_first_factor(
            runtime, uow, user_id, visitor.client, first_method="oidc", provider=config.id,
            device_id=known_device(runtime.keyring, visitor.device, user_id, now=uow.now),
            is_second_shown=visitor.showed_second_factor,
        )  # fmt: skip
    except WrongCredentials:
        raise SignInRefused("account_inactive", user_id=user_id) from None
    except NoSecondFactor:
        raise SignInRefused("second_factor_needed", user_id=user_id) from None
    if known is not None and not await repository.use_identity(
        uow, known["id"], provider=config.id, email=person.email
    ):
        raise SignInRefused("expired", "unlinked meanwhile", user_id=user_id)
    log.info("identity.came_through_provider", user_id=str(user_id), provider=config.id)
    return outcome


async def _register(runtime: Runtime, uow: UnitOfWork, provider: Provider, visitor: Visitor, person: Person) -> UUID:
    """Make an account without a password."""
    config = provider.config
    mode = runtime.settings.registration_mode
    may_register = policy.may_register(mode, invited=False, vouched=config.registration)
    if person.email is None:
        raise SignInRefused("email_missing" if may_register else "registration_closed")
    # where nobody may register, only the owner of an address learns that it has an account
    if (may_register or person.email_verified) and await repository.is_address_taken(uow, person.email):
        raise SignInRefused("link_first")
    if not may_register:
        raise SignInRefused("registration_closed")
    wish = IncomingPerson(
        id=new_id(), username=person.username_wish, full_name=f"{person.first_name} {person.last_name}"
    )
    [username] = await free_usernames(uow, [wish])
    account = NewAccount(
        username=username, email=person.email, password_hash=None, first_name=person.first_name,
        last_name=person.last_name, provider=config.id,
    )  # fmt: skip
    user = await add_account(uow, account, role="member", client=visitor.client, email_proved=person.email_verified)
    await repository.add_identity(
        uow, user_id=user.id, provider=config.id, issuer=config.issuer, subject=visitor.subject, email=person.email
    )
    log.info("identity.registered", user_id=str(user.id), provider=config.id)
    return user.id


async def link_identity(runtime: Runtime, provider: Provider, visitor: Visitor, actor: Actor) -> None:
    """Let the account elsewhere sign in as the actor; raises SignInRefused when it is somebody else's already."""
    config, client = provider.config, visitor.client
    try:
        async with runtime.database.unit_of_work() as uow:
            await lock_account(uow, actor)
            if await _is_linked(uow, provider, visitor.subject, actor):
                return
            await repository.add_identity(
                uow, user_id=actor.user_id, provider=config.id, issuer=config.issuer, subject=visitor.subject,
                email=read_person(visitor.claims).email,
            )  # fmt: skip
            # the closed list of types has none for this; it is a proof of who they are, all the same
            add_security_event(
                uow, "login_success", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
                detail={"provider": config.id, "linked": True},
            )  # fmt: skip
            tell_user(uow, actor.user_id, "identity_linked", client, provider=config.name)
    except NotAuthenticated:
        raise SignInRefused("sign_in_again", "the session has ended meanwhile", user_id=actor.user_id) from None
    except IntegrityError:  # at the same moment, by somebody
        if not await _is_linked(runtime.database.reader(), provider, visitor.subject, actor):
            raise
    log.info("identity.linked", user_id=str(actor.user_id), provider=config.id)


async def _is_linked(db: Reader, provider: Provider, subject: str, actor: Actor) -> bool:
    known = await repository.find_identity(db, provider.config.issuer, subject)
    if known is not None and known["user_id"] != actor.user_id:
        raise SignInRefused("identity_taken", user_id=actor.user_id)
    return known is not None
