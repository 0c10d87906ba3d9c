"""Invitations: asking somebody into a project by mail."""

from synergy_domain.projects.invitations.accepting import accept_invitation, preview_invitation
from synergy_domain.projects.invitations.repository import delete_old_invitations
from synergy_domain.projects.invitations.service import (
    SEND_INVITATION,
    invite,
    list_invitations,
    resend_invitation,
    revoke_invitation,
    send_invitation,
)

__all__ = [
    "SEND_INVITATION",
    "accept_invitation",
    "delete_old_invitations",
    "invite",
    "list_invitations",
    "preview_invitation",
    "resend_invitation",
    "revoke_invitation",
    "send_invitation",
]
