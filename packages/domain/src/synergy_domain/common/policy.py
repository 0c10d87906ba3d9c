"""The rule that every domain has for those who run the instance."""

from __future__ import annotations

from synergy_domain.common.actor import Actor
from synergy_platform.errors import Forbidden


class AdminsOnly(Forbidden):
    """Somebody else than an administrator, or a token without that scope."""

    code = "admins_only"

    def __init__(self, doing: str) -> None:
        super().__init__(f"Only administrators {doing}.")


def require_admin(actor: Actor, doing: str) -> None:
    """Raise AdminsOnly for everybody but administrators; `doing` ends its sentence."""
    if not actor.is_admin:
        raise AdminsOnly(doing)
