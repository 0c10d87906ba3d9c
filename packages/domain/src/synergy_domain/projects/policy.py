"""Who may do what in a project: pure functions of the role."""

from __future__ import annotations

from synergy_domain.projects.contracts import ProjectRole

RANK: dict[ProjectRole, int] = {"viewer": 0, "member": 1, "manager": 2, "owner": 3}


def at_least(role: ProjectRole, least: ProjectRole) -> bool:
    """Whether `role` is `least` or above it."""
    return RANK[role] >= RANK[least]


def may_contribute(role: ProjectRole) -> bool:
    """Create and edit tasks, comments, subtasks; upload; log time."""
    return at_least(role, "member")


def may_manage(role: ProjectRole) -> bool:
    """Edit the project, its members, labels; delete tasks and other people's comments."""
    return at_least(role, "manager")


def may_own(role: ProjectRole) -> bool:
    """Delete the project and transfer it."""
    return role == "owner"


def may_grant(role: ProjectRole, granted: ProjectRole) -> bool:
    """Add somebody as `granted`: managers and owners, up to their own rank; nobody makes a second owner."""
    return may_manage(role) and granted != "owner" and RANK[granted] <= RANK[role]


def invitation_stands(inviter_role: ProjectRole | None, role: ProjectRole) -> bool:
    """Whether an invitation is still good: its sender, with the role they have by now, could still send it."""
    return inviter_role is not None and may_grant(inviter_role, role)


def may_change_member(role: ProjectRole, present: ProjectRole, wanted: ProjectRole) -> bool:
    """Turn a member who is `present` into `wanted`."""
    return may_grant(role, wanted) and RANK[present] <= RANK[role]


def may_remove_member(role: ProjectRole, present: ProjectRole, *, oneself: bool) -> bool:
    """Remove a member who is `present`; everybody may leave."""
    return oneself or (may_manage(role) and RANK[present] <= RANK[role])
