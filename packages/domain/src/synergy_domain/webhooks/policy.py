"""Who may do what with webhooks: pure functions of the role."""

from __future__ import annotations

from synergy_domain.projects import ProjectRole, policy


def may_manage(role: ProjectRole) -> bool:
    """See, make, change and delete webhooks, read what they sent and send it again.

    Reading too: an address may hold a token, and a payload is the project's data.
    """
    return policy.may_manage(role)


def may_send_data_out(*, email_verified: bool, is_admin: bool) -> bool:
    """Make a webhook at all: those whose address is confirmed. Admins are made by the operator, who knows them."""
    return email_verified or is_admin
