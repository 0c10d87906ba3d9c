"""From what a request carries to the user who sends it, as the database knows them at this moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.api_tokens import TOKEN_PREFIX
from synergy_platform.database import DATABASE_ERRORS, Reader
from synergy_platform.ids import parse_id
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import InvalidToken, JwtSigner, hash_token

log = structlog.stdlib.get_logger(__name__)

_NOTED_EVERY = timedelta(minutes=1)


class Authenticator:
    """Turns an access token or a personal token into an Actor, by one query: what was revoked ends at once."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._signer = JwtSigner(runtime.keyring, "access")
        self._notes: dict[UUID, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Wait for what is still being written."""
        await asyncio.gather(*self._notes.values())

    async def actor(self, db: Reader, token: str, ip: str | None) -> Actor | None:
        """The actor of an access token or of a personal one; None when it is expired, forged or revoked."""
        if token.startswith(TOKEN_PREFIX):
            return await self._owner(db, token, ip)
        return await self.session_actor(db, token)

    async def session_actor(self, db: Reader, token: str) -> Actor | None:
        """The actor of an access token."""
        now = self._runtime.clock.now()
        try:
            claims = self._signer.verify(token, now=now)
        except InvalidToken:
            return None
        user_id, session_id = parse_id(str(claims["sub"])), parse_id(str(claims.get("sid")))
        if user_id is None or session_id is None:
            return None
        return await repository.find_actor(db, user_id, session_id, now)

    async def _owner(self, db: Reader, token: str, ip: str | None) -> Actor | None:
        now = self._runtime.clock.now()
        row = await repository.find_token_actor(db, hash_token(token), now)
        if row is None:
            return None
        token_id: UUID = row["id"]
        if (row["last_used_at"] is None or now - row["last_used_at"] >= _NOTED_EVERY) and token_id not in self._notes:
            # behind the request's back: it need not wait for a write
            task = asyncio.create_task(self._note_use(token_id, ip))
            self._notes[token_id] = task
            task.add_done_callback(lambda _task: self._notes.pop(token_id, None))
        return Actor(
            user_id=row["user_id"], username=row["username"], role=row["role"], token_id=token_id,
            scopes=frozenset(row["scopes"]),
        )  # fmt: skip

    async def _note_use(self, token_id: UUID, ip: str | None) -> None:
        try:
            async with self._runtime.database.unit_of_work() as uow:
                await uow.value(
                    """UPDATE api_tokens SET last_used_at = $2, last_used_ip = $3
                       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $4)""",
                    token_id, uow.now, ip, uow.now - _NOTED_EVERY,
                )  # fmt: skip
        except DATABASE_ERRORS as error:
            # the next request tries again
            log.warning("identity.use_of_token_not_noted", error=f"{type(error).__name__}: {error}"[:300])


async def is_still_good(runtime: Runtime, db: Reader, actor: Actor) -> bool:
    """Whether the actor's session or personal token has not ended meanwhile, nor their account."""
    now = runtime.clock.now()
    if actor.token_id is not None:
        return await repository.is_token_good(db, actor.token_id, now)
    return await repository.find_actor(db, actor.user_id, actor.session_id, now) is not None
