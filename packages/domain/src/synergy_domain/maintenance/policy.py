"""Who may read the records of maintenance."""

from __future__ import annotations

from synergy_domain import common
from synergy_domain.common import Actor


def require_admin(actor: Actor) -> None:
    """Raise AdminsOnly for everybody but administrators."""
    common.require_admin(actor, "see how the system is kept")
