"""Whoever changes what an account is protected by says the password again: a session left open is not enough."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import Forbidden, InvalidInput, NotAuthenticated
from synergy_platform.runtime import Runtime

# of accounts that only sign in elsewhere and have no password to say
FRESH_SESSION = timedelta(minutes=10)


class SignInAgain(Forbidden):
    """There is no password to ask for, and the session began a while ago."""

    code, title = "sign_in_again", "Sign in again"

    def __init__(self) -> None:
        super().__init__("Sign in again first: this needs a session that began in the last 10 minutes.")


async def confirm_identity(
    runtime: Runtime, actor: Actor, password: str | None, client: Client, *, pointer: str = "/password"
) -> str | None:
    """Check the actor's own password; without one, that the session is young. Returns the hash that it fits.

    Raises InvalidInput at `pointer` for a wrong one, SignInAgain, and TooManyRequests by the limit of sign-ins for each
    session. Call it before a transaction is open: the hash takes its time.
    """
    row = await repository.find_password(runtime.database.reader(), actor.user_id, actor.session_id)
    encoded: str | None = row["password_hash"] if row else None
    if encoded is None:
        began = row["session_began_at"] if row else None
        if began is None or runtime.clock.now() - began > FRESH_SESSION:
            raise SignInAgain
        return None
    if password is None:
        raise InvalidInput.at(pointer, "is required", "required")
    async with runtime.hasher.place() as hashing:
        key = ("own-password", runtime.settings.rate_limit_login, str(actor.session_id))
        await runtime.limiter.hit(*key)
        correct = await hashing.verify(encoded, password)
    if not correct:
        async with runtime.database.unit_of_work() as uow:
            repository.add_security_event(
                uow, "login_failed", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
                detail={"confirming": True},
            )  # fmt: skip
        raise wrong_password(pointer)
    await runtime.limiter.clear(*key)
    return encoded


async def lock_account(uow: UnitOfWork, actor: Actor) -> asyncpg.Record:
    """The actor's account, locked until the commit; NotAuthenticated when their session has ended meanwhile.

    Whoever ends all sessions of a user holds this lock, so nothing that a session begins outlives it.
    """
    # two statements: one would see the session as it was before it waited for the lock
    account = await uow.row(
        "SELECT email, role, password_hash FROM users WHERE id = $1 AND is_active FOR UPDATE", actor.user_id
    )
    if account is None or await repository.find_actor(uow, actor.user_id, actor.session_id, uow.now) is None:
        raise NotAuthenticated("Your session has ended. Sign in again.")
    return account


async def lock_confirmed(
    uow: UnitOfWork, actor: Actor, confirmed: str | None, *, pointer: str = "/password"
) -> asyncpg.Record:
    """The actor's account as `lock_account` gives it, if its password is still what `confirm_identity` found."""
    account = await lock_account(uow, actor)
    if account["password_hash"] != confirmed:
        raise wrong_password(pointer)
    return account


def wrong_password(pointer: str) -> InvalidInput:
    """The error for a password that is not the account's; `pointer` is where it stood."""
    return InvalidInput.at(pointer, "is not your password", "wrong_password")
