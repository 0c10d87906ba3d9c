"""Who asks for something."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

GlobalRole = Literal["member", "manager", "admin"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in user of a request, as the database knows them at this moment."""

    user_id: UUID
    username: str
    role: GlobalRole
    session_id: UUID | None = None

    @property
    def is_admin(self) -> bool:
        """Whether they run the instance, and so may see every project."""
        return self.role == "admin"
