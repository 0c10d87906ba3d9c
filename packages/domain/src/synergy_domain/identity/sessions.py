"""Sessions: how they begin, go on and end.

A refresh token is used once. Its successor is derived from the token itself, keyed with the instance's secret, so
that the same successor can be given again for a few seconds without being stored: parallel tabs and lost answers are
no theft. After that, a second use ends the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import IssuedTokens
from synergy_domain.identity.errors import InvalidRefreshToken
from synergy_domain.identity.known_devices import device_token
from synergy_domain.identity.revoking import end_all_sessions, end_session
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import UnitOfWork
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import JwtSigner, encode_bytes, hash_token, new_opaque_token

log = structlog.stdlib.get_logger(__name__)

REFRESH_GRACE = timedelta(seconds=15)


async def finish_sign_in(
    runtime: Runtime, uow: UnitOfWork, user_id: UUID, client: Client, *, methods: list[str], device_id: UUID | None,
    provider: str | None = None,
) -> IssuedTokens:  # fmt: skip
    """Begin the session of a user who proved all that is asked of them.

    `device_id` if the device was known already, `provider` if they came through one.
    """
    issued = await begin_session(runtime, uow, user_id, client, methods=methods)
    await repository.note_sign_in(uow, user_id)
    repository.add_security_event(
        uow, "login_success", user_id=user_id, ip=client.ip, user_agent=client.user_agent,
        detail={"methods": methods, "known_device": device_id is not None}
        | ({"provider": provider} if provider else {}),
    )  # fmt: skip
    if device_id is None and issued.user.last_login_at is not None:
        tell_user(uow, user_id, "new_device", client)
    issued.user.last_login_at = uow.now
    # the same device keeps its id, with a longer life
    issued.device_id = device_token(runtime.keyring, user_id, device_id or new_id(), now=uow.now)
    return issued


async def begin_session(
    runtime: Runtime, uow: UnitOfWork, user_id: UUID, client: Client, *, methods: Sequence[str] = ()
) -> IssuedTokens:
    """A new session, entered by `methods`, with its first tokens."""
    expires_at = _end_of(runtime, began_at=uow.now, now=uow.now)
    session_id = await repository.add_session(
        uow, user_id, ip=client.ip, user_agent=client.user_agent, methods=list(methods), expires_at=expires_at
    )
    refresh_token = new_opaque_token()
    await repository.add_refresh_token(uow, hash_token(refresh_token), session_id, expires_at)
    return await _issue(runtime, uow, user_id, session_id, refresh_token, expires_at)


async def refresh(runtime: Runtime, token: str, client: Client) -> IssuedTokens:
    """Exchange a refresh token for new tokens; raises InvalidRefreshToken."""
    token_hash = hash_token(token)
    async with runtime.database.unit_of_work() as uow:
        row = await repository.lock_refresh_token(uow, token_hash)
        if row is None or row["revoked_at"] or row["expires_at"] <= uow.now or not row["is_active"]:
            raise InvalidRefreshToken
        if row["lacks_factor"]:
            raise InvalidRefreshToken
        session_id, user_id = row["session_id"], row["user_id"]
        successor = encode_bytes(runtime.keyring.mac("refresh", token.encode()))
        if row["used_at"] is None:
            expires_at = _end_of(runtime, began_at=row["began_at"], now=uow.now)
            if expires_at <= uow.now:  # the setting was lowered meanwhile
                raise InvalidRefreshToken
            await repository.use_refresh_token(uow, token_hash, session_id)
            await repository.add_refresh_token(uow, hash_token(successor), session_id, expires_at)
            return await _issue(runtime, uow, user_id, session_id, successor, expires_at)
        if uow.now - row["used_at"] <= REFRESH_GRACE:
            return await _issue(runtime, uow, user_id, session_id, successor, row["session_expires_at"])
        await end_session(uow, user_id, session_id)
        repository.add_security_event(
            uow, "token_reuse", user_id=user_id, ip=client.ip, user_agent=client.user_agent,
            detail={"session_id": str(session_id)},
        )  # fmt: skip
        tell_user(uow, user_id, "token_reuse", client)
    # behind the commit: the session must stay revoked although this is an error
    log.warning("identity.token_reused", user_id=str(user_id), session_id=str(session_id))
    raise InvalidRefreshToken


async def end_replaced_session(runtime: Runtime, token: str, client: Client) -> None:
    """End the session of a refresh token whose browser has just begun another one."""
    async with runtime.database.unit_of_work() as uow:
        row = await repository.lock_refresh_token(uow, hash_token(token))
        if row is not None and await end_session(uow, row["user_id"], row["session_id"]):
            repository.add_security_event(
                uow, "session_revoked", user_id=row["user_id"], ip=client.ip, user_agent=client.user_agent,
                detail={"session_id": str(row["session_id"]), "replaced": True},
            )  # fmt: skip


async def sign_out(uow: UnitOfWork, actor: Actor, client: Client) -> None:
    """End the actor's session; its access tokens end with it."""
    if actor.session_id is not None:
        await end_session(uow, actor.user_id, actor.session_id)
    repository.add_security_event(uow, "logout", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent)


async def sign_out_everywhere(uow: UnitOfWork, actor: Actor, client: Client) -> None:
    """End all sessions of the actor."""
    await end_all_sessions(uow, actor.user_id)
    repository.add_security_event(
        uow, "logout", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent, detail={"everywhere": True}
    )


def _end_of(runtime: Runtime, *, began_at: datetime, now: datetime) -> datetime:
    """When a session ends that is used now: unless it is used again, and in any case."""
    settings = runtime.settings
    return min(
        now + timedelta(minutes=settings.refresh_token_minutes), began_at + timedelta(minutes=settings.session_minutes)
    )


async def _issue(
    runtime: Runtime, uow: UnitOfWork, user_id: UUID, session_id: UUID, refresh_token: str, expires_at: datetime
) -> IssuedTokens:
    """Tokens for a session that ends at `expires_at`: no access token outlives it."""
    lifetime = min(timedelta(minutes=runtime.settings.access_token_minutes), expires_at - uow.now)
    access = JwtSigner(runtime.keyring, "access").sign(
        {"sub": str(user_id), "sid": str(session_id)}, issued_at=uow.now, expires_at=uow.now + lifetime
    )
    user = await repository.find_user(uow, user_id)
    if user is None:
        raise InvalidRefreshToken
    return IssuedTokens(
        access_token=access,
        expires_in=int(lifetime.total_seconds()),
        refresh_token=refresh_token,
        refresh_expires_in=int((expires_at - uow.now).total_seconds()),
        user=user,
        device_id=None,
    )
