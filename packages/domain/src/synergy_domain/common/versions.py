"""Changes that somebody makes to a thing as they have seen it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from synergy_platform.errors import PreconditionFailed


async def expect_version(
    thing: str, version: int, expected: int | None, current: Callable[[], Awaitable[object]]
) -> None:
    """Raise PreconditionFailed with the present state of `thing` unless its version is the expected one, if any."""
    if expected is not None and expected != version:
        raise PreconditionFailed(
            f"The {thing} is at version {version} now. Look at it again before you change it.", current=await current()
        )
