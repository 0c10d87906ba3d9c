"""Who may look after background work."""

from __future__ import annotations

from synergy_domain.common import Actor
from synergy_platform.errors import Forbidden


def require_admin(actor: Actor) -> None:
    """Raise Forbidden for everybody but administrators."""
    if not actor.is_admin:
        raise Forbidden("Only administrators see and steer background work.")
