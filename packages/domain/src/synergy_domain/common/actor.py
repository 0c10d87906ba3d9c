"""Who asks for something."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

GlobalRole = Literal["member", "manager", "admin"]
Scope = Literal["read", "write", "admin"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The signed-in user of a request, as the database knows them at this moment.

    `scopes` are those of the personal token that the request carries; None for a session, which may do whatever its
    user may. `session_id` is None with such a token, `token_id` without one. `foreign_projects` collects what they
    reach only because they run the instance: whoever answers them records it first.
    """

    user_id: UUID
    username: str
    role: GlobalRole
    session_id: UUID | None = None
    token_id: UUID | None = None
    scopes: frozenset[Scope] | None = None
    foreign_projects: set[UUID] = msgspec.field(default_factory=set[UUID])

    @property
    def is_admin(self) -> bool:
        """Whether they run the instance, and so may see every project; a token needs the scope for it."""
        return self.role == "admin" and (self.scopes is None or "admin" in self.scopes)

    def note_reached(self, project_id: UUID, role: str | None) -> None:
        """Say that a query found something of a project for them; `role` is theirs in it, None for none.

        Every query that lets administrators in selects it (`m.role AS my_role`) and calls this.
        """
        if role is None:
            self.foreign_projects.add(project_id)
