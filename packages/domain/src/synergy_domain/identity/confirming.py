"""What an account does not let a borrowed session do: the user confirms it with their password."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client
from synergy_domain.identity.errors import SignInAgain, WrongPassword
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotAuthenticated
from synergy_platform.runtime import Runtime

FRESH_SESSION = timedelta(minutes=10)


async def confirm_password(
    runtime: Runtime, actor: Actor, password: str | None, client: Client, *, pointer: str = "/password"
) -> str | None:
    """Refuse whoever does not know the actor's password; returns its hash as it was checked.

    Without a password (single sign-on only) the session must have begun within the last 10 minutes. Raises
    WrongPassword, SignInAgain, TooManyRequests.
    """
    db = runtime.database.reader()
    encoded: str | None = await db.value("SELECT password_hash FROM users WHERE id = $1", actor.user_id)
    if encoded is None:
        if not await _has_just_begun(runtime, db, actor):
            raise SignInAgain
        return None
    # by session, so that whoever borrows one holds up no other
    limit, key = runtime.settings.rate_limit_login, str(actor.session_id)
    with runtime.hasher.place() as hashing:
        await runtime.limiter.hit("confirm", limit, key)
        correct = password is not None and await hashing.verify(encoded, password)
    if not correct:
        async with runtime.database.unit_of_work() as uow:
            repository.add_security_event(
                uow, "login_failed", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
                detail={"confirming": True},
            )  # fmt: skip
        raise WrongPassword(pointer)
    await runtime.limiter.clear("confirm", limit, key)
    return encoded


async def lock_account(uow: UnitOfWork, actor: Actor) -> asyncpg.Record:
    """The actor's account, locked until the commit; NotAuthenticated when their session has ended meanwhile.

    Whoever ends all sessions of a user holds this lock, so nothing that a session begins outlives it.
    """
    # two statements: one would see the session as it was before it waited for the lock
    account = await uow.row(
        """SELECT username, email, first_name, last_name, role, password_hash, email_verified_at
           FROM users WHERE id = $1 AND is_active FOR UPDATE""",
        actor.user_id,
    )
    if account is None or await repository.find_actor(uow, actor.user_id, actor.session_id) is None:
        raise NotAuthenticated("Your session has ended. Sign in again.")
    return account


async def _has_just_begun(runtime: Runtime, db: Reader, actor: Actor) -> bool:
    return await db.value(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND user_id = $2 AND created_at > $3)",
        actor.session_id, actor.user_id, runtime.clock.now() - FRESH_SESSION,
    )  # fmt: skip
