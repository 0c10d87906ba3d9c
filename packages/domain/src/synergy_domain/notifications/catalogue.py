"""Every type of notification: what it is called, why one gets it, and where it goes by default."""

from __future__ import annotations

from typing import get_args

import msgspec

from synergy_domain.notifications.contracts import Channels, NotificationType


class TypeInfo(msgspec.Struct, frozen=True):
    """`label` names it in lists of choices, `reason` stands at the foot of its mails."""

    label: str
    reason: str
    in_app: bool = True
    email: bool = False


CATALOGUE: dict[NotificationType, TypeInfo] = {
    "task_assigned": TypeInfo("Tasks assigned to you", "You get this because a task was assigned to you.", email=True),
    "task_updated": TypeInfo("Changes of your tasks", "You get this because you work on this task or reported it."),
    "task_completed": TypeInfo(
        "Your tasks completed", "You get this because you work on this task or reported it.", in_app=False
    ),
    "task_overdue": TypeInfo("Overdue tasks", "You get this because you work on this task or own its project."),
    "mention": TypeInfo("Mentions of you", "You get this because somebody mentioned you.", email=True),
    "comment_added": TypeInfo("Comments on your tasks", "You get this because you work on this task or reported it."),
    "milestone_due": TypeInfo("Milestones due", "You get this because you are in this project.", email=True),
    "milestone_completed": TypeInfo("Milestones reached", "You get this because you are in this project.", email=True),
    "milestone_overdue": TypeInfo("Milestones missed", "You get this because you are in this project.", email=True),
    "project_created": TypeInfo("New projects", "You get this because you are in this project."),
    "project_updated": TypeInfo("Changes of your projects", "You get this because you are in this project."),
    "project_completed": TypeInfo("Your projects completed", "You get this because you are in this project."),
    "deadline_approaching": TypeInfo(
        "Deadlines of your tasks", "You get this because you work on this task.", email=True
    ),
    "member_added": TypeInfo("New members of your projects", "You get this because you are in this project."),
    "invitation": TypeInfo("Invitations", "You get this because somebody invited you.", email=True),
    "proof_submitted": TypeInfo("Proofs to review", "You get this because you review proofs in this project."),
    "proof_reviewed": TypeInfo("Your proofs reviewed", "You get this because you submitted this proof."),
    "webhook_disabled": TypeInfo("Webhooks disabled", "You get this because you made this webhook."),
    "backup_failed": TypeInfo("Failed backups", "You get this because you run this installation."),
    "system": TypeInfo("The system", "You get this because you have an account here."),
}
TYPES: tuple[NotificationType, ...] = get_args(NotificationType)


def channels_of(kind: NotificationType, chosen: dict[str, dict[str, bool]]) -> Channels:
    """Where a type goes for somebody; `chosen` holds what differs from the defaults."""
    info, own = CATALOGUE[kind], chosen.get(kind, {})
    return Channels(in_app=own.get("in_app", info.in_app), email=own.get("email", info.email))
