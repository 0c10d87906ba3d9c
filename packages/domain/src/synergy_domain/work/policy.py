"""Who may do what with work: pure functions of the role and of who made it."""

from __future__ import annotations

from synergy_domain.projects import ProjectRole
from synergy_domain.projects.policy import may_contribute, may_manage


def may_edit_task(role: ProjectRole) -> bool:
    """Create, edit and move tasks, tick subtasks."""
    return may_contribute(role)


def may_delete_task(role: ProjectRole, *, own: bool) -> bool:
    """Managers delete any task, members those that they reported."""
    return may_manage(role) or (own and may_contribute(role))


def may_comment(role: ProjectRole) -> bool:
    """Write comments."""
    return may_contribute(role)


def may_edit_comment(role: ProjectRole, *, own: bool) -> bool:
    """Nobody edits what somebody else said."""
    return own and may_contribute(role)


def may_delete_comment(role: ProjectRole, *, own: bool) -> bool:
    """One's own, or any as manager."""
    return may_manage(role) or (own and may_contribute(role))


def may_attach(role: ProjectRole) -> bool:
    """Add files to tasks."""
    return may_contribute(role)


def may_delete_attachment(role: ProjectRole, *, own: bool) -> bool:
    """What one uploaded oneself, or any as manager."""
    return may_manage(role) or (own and may_contribute(role))


def may_edit_labels(role: ProjectRole) -> bool:
    """Add, change and delete the project's labels."""
    return may_manage(role)
