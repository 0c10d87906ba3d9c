"""Events of identity."""

from __future__ import annotations

from typing import ClassVar

from synergy_platform.events import Event


class UserRegistered(Event, frozen=True, kw_only=True):
    """Somebody made an account; personal."""

    TYPE: ClassVar[str] = "user.registered"
    OBJECT: ClassVar[str] = "user"

    username: str


class UserRoleChanged(Event, frozen=True, kw_only=True):
    """An administrator gave somebody another global role; personal."""

    TYPE: ClassVar[str] = "user.role_changed"
    OBJECT: ClassVar[str] = "user"

    from_role: str
    role: str


class UserDeactivated(Event, frozen=True, kw_only=True):
    """Somebody may not sign in any more; personal."""

    TYPE: ClassVar[str] = "user.deactivated"
    OBJECT: ClassVar[str] = "user"

    username: str
