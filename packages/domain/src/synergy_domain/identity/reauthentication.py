"""Whoever changes what an account is protected by says the password again: a session left open is not enough."""

from __future__ import annotations

from datetime import timedelta

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_platform.errors import Forbidden, InvalidInput
from synergy_platform.runtime import Runtime

# of accounts that only sign in elsewhere and have no password to say
FRESH_SESSION = timedelta(minutes=10)


class SignInAgain(Forbidden):
    """There is no password to ask for, and the session began a while ago."""

    code, title = "sign_in_again", "Sign in again"

    def __init__(self) -> None:
        super().__init__("Sign in again first: this needs a session that began in the last 10 minutes.")


async def confirm_identity(runtime: Runtime, actor: Actor, password: str | None, *, pointer: str = "/password") -> None:
    """Check the actor's own password; without one, that the session is young.

    Raises InvalidInput at `pointer` for a wrong one, SignInAgain, and TooManyRequests by the limit of sign-ins for each
    session. Call it before a transaction is open: the hash takes its time.
    """
    row = await repository.find_password(runtime.database.reader(), actor.user_id, actor.session_id)
    encoded: str | None = row["password_hash"] if row else None
    if encoded is None:
        began = row["session_began_at"] if row else None
        if began is None or runtime.clock.now() - began > FRESH_SESSION:
            raise SignInAgain
        return
    if password is None:
        raise InvalidInput.at(pointer, "is required", "required")
    with runtime.hasher.place() as hashing:
        key = ("own-password", runtime.settings.rate_limit_login, str(actor.session_id))
        await runtime.limiter.hit(*key)
        correct = await hashing.verify(encoded, password)
    if not correct:
        raise InvalidInput.at(pointer, "is not your password", "wrong_password")
    await runtime.limiter.clear(*key)
