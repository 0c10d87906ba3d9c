"""Who may do what with accounts, and through them: pure functions."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from synergy_domain import common
from synergy_domain.common import Actor, GlobalRole, Scope
from synergy_domain.identity.contracts import RegistrationMode


def require_admin(actor: Actor) -> None:
    """Raise AdminsOnly for everybody else: they see and change all accounts, and see all security events."""
    common.require_admin(actor, "see and change the accounts of this installation")


def may_change_role(actor: Actor, user_id: UUID) -> bool:
    """Give an account another global role: an administrator, never one's own."""
    return actor.is_admin and actor.user_id != user_id


def may_reach_out(*, email_verified: bool, is_admin: bool) -> bool:
    """Invite others, make webhooks and personal tokens: those whose address is confirmed.

    Admins are made by the operator, who knows them.
    """
    return email_verified or is_admin


def may_register(mode: RegistrationMode, *, invited: bool, vouched: bool = False) -> bool:
    """Make an account: anybody in an open instance, with an invitation unless it is closed.

    `vouched`: by a provider of single sign-on whose people the operator takes in any mode.
    """
    return vouched or mode == "open" or (mode == "invite" and invited)


def sees_everybody(role: GlobalRole) -> bool:
    """See all people; members see those of their own projects."""
    return role in {"manager", "admin"}


def may_give_scopes(role: GlobalRole, scopes: Collection[Scope]) -> bool:
    """Make a token with these scopes: that of administrators is for administrators."""
    return role == "admin" or "admin" not in scopes
