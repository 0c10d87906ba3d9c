"""What can go wrong with projects."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden, NotFound


class ProjectNotFound(NotFound):
    """There is no such project, or the caller may not see it."""

    code = "project_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such project, or you may not see it.")


class NotAllowed(Forbidden):
    """The caller's role in the project does not allow it."""

    code = "role_too_low"

    def __init__(self, doing: str, role: str | None) -> None:
        super().__init__(f"As {role or 'a stranger'} of this project you may not {doing}. Ask its owner or a manager.")


class ProjectArchived(Conflict):
    """An archived project is read-only."""

    code = "project_archived"

    def __init__(self) -> None:
        super().__init__("This project is archived and read-only. Unarchive it first.")


class KeyTaken(Conflict):
    """Another project has or had this key."""

    code = "key_taken"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The key {key} is taken: keys are never used twice.",
            extra={"errors": [{"pointer": "/key", "code": "key_taken", "detail": "is taken"}]},
        )


class KeyFixed(Conflict):
    """The key can no longer change, since tasks carry it."""

    code = "key_fixed"

    def __init__(self) -> None:
        super().__init__("The key is fixed once the project has had a task.")


class ImportedAlready(Conflict):
    """The new owner has imported the same board into a project of their own."""

    code = "imported_already"

    def __init__(self) -> None:
        super().__init__("The new owner has a project of their own that was imported from the same board.")


class AlreadyMember(Conflict):
    """The user is in the project already."""

    code = "already_member"

    def __init__(self) -> None:
        super().__init__("This user is a member already. Change the role instead.")


class OwnerStays(Conflict):
    """The owner cannot be removed or lowered."""

    code = "owner_stays"

    def __init__(self) -> None:
        super().__init__("A project has one owner. Transfer the ownership first.")


class MemberNotFound(NotFound):
    """The user is no member of this project."""

    code = "member_not_found"

    def __init__(self) -> None:
        super().__init__("This user is no member of the project.")


class InvitationNotFound(NotFound):
    """No such invitation, or it is used up, withdrawn, or void since its sender may not invite any more."""

    code = "invitation_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This invitation does not exist, was used or was withdrawn. Ask whoever invited you for a new one."
        )


class InvitationExpired(NotFound):
    """The link was good for seven days."""

    code = "invitation_expired"

    def __init__(self) -> None:
        super().__init__("This invitation has expired. Ask whoever invited you to send it again.")


class AlreadyInvited(Conflict):
    """There is an open invitation to the address."""

    code = "already_invited"

    def __init__(self) -> None:
        super().__init__("This address has an open invitation already. Send that again, or revoke it.")


class TooManyInvitations(Conflict):
    """The project has as many open invitations as it may have."""

    code = "too_many_invitations"

    def __init__(self, most: int) -> None:
        super().__init__(f"A project has at most {most} invitations that nobody has accepted. Revoke some first.")
