"""Events of identity."""

from __future__ import annotations

from typing import ClassVar

from synergy_platform.events import Event


class UserRegistered(Event, frozen=True, kw_only=True):
    """Somebody made an account; personal."""

    TYPE: ClassVar[str] = "user.registered"
    OBJECT: ClassVar[str] = "user"

    username: str
