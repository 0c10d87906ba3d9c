"""Pictures of users: one small WebP for each, whatever was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.contracts import UserView
from synergy_domain.identity.errors import NoAvatar
from synergy_platform.database import Reader
from synergy_platform.errors import InvalidInput, NotAuthenticated
from synergy_platform.pictures import NotAPicture
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

AVATARS_AREA = "avatars"
AVATAR_TYPE = "image/webp"
MAX_AVATAR_BYTES = 5 * 1024 * 1024
AVATAR_SIDE = 256
# what comes out is some kilobytes
_MAX_STORED_BYTES = 1024 * 1024


async def set_avatar(runtime: Runtime, actor: Actor, upload_key: str) -> UserView:
    """Make what was uploaded the actor's picture; the upload itself is gone afterwards. Raises InvalidInput."""
    try:
        async with runtime.storage.local_copy(upload_key) as path:
            picture = await runtime.pictures.square(path, AVATAR_SIDE)
    except NotAPicture as error:
        raise InvalidInput.at("/file", str(error), "not_a_picture") from None
    finally:
        await runtime.storage.delete(upload_key)
    # before its row: a crash between the two leaves a file that nobody names, which is swept
    stored = await runtime.storage.write(AVATARS_AREA, _whole(picture), max_bytes=_MAX_STORED_BYTES)
    return await _replace(runtime, actor, stored.key)


async def remove_avatar(runtime: Runtime, actor: Actor) -> None:
    """Have no picture; where there is none, nothing happens."""
    await _replace(runtime, actor, None)


async def read_avatar(runtime: Runtime, key: str) -> bytes:
    """The picture; raises NoAvatar when it was replaced meanwhile."""
    try:
        async with runtime.storage.local_copy(key) as path:
            return await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        raise NoAvatar from None


async def named_avatars(db: Reader, keys: list[str]) -> set[str]:
    """Which of these keys of the storage are somebody's picture."""
    rows = await db.rows("SELECT avatar_key FROM users WHERE avatar_key = ANY($1::text[])", keys)
    return {row["avatar_key"] for row in rows}


async def _replace(runtime: Runtime, actor: Actor, key: str | None) -> UserView:
    async with runtime.database.unit_of_work() as uow:
        before: str | None = await uow.value(
            "SELECT avatar_key FROM users WHERE id = $1 FOR NO KEY UPDATE", actor.user_id
        )
        if before != key:
            await uow.value(
                "UPDATE users SET avatar_key = $2, updated_at = $3, version = version + 1 WHERE id = $1",
                actor.user_id, key, uow.now,
            )  # fmt: skip
        user = await repository.find_user(uow, actor.user_id)
    if user is None:
        raise NotAuthenticated("Your account is gone.")
    if before is not None and before != key:
        await runtime.storage.delete(before)
        log.info("identity.avatar_replaced", user_id=str(actor.user_id))
    return user


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
