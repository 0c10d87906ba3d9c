"""Who may import: everybody into a project of their own."""

from __future__ import annotations

from synergy_domain.projects import ProjectRole, policy


def may_import_into(role: ProjectRole) -> bool:
    """Bring what was exported elsewhere into a project that is there."""
    return policy.may_manage(role)
