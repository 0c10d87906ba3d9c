"""Events of accounts that go."""

from __future__ import annotations

from typing import ClassVar

from synergy_platform.events import Event


class UserDeleted(Event, frozen=True, kw_only=True):
    """An account is gone; what it wrote stays under "Deleted user". Personal."""

    TYPE: ClassVar[str] = "user.deleted"
    OBJECT: ClassVar[str] = "user"
