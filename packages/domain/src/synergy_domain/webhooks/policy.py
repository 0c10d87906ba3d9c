"""Who may do what with webhooks: pure functions of the role."""

from __future__ import annotations

from synergy_domain.projects import ProjectRole, policy


def may_manage(role: ProjectRole) -> bool:
    """See, make, change and delete webhooks, read what they sent and send it again.

    Reading too: an address may hold a token, and a payload is the project's data.
    """
    return policy.may_manage(role)
