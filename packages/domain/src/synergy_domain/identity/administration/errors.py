"""What can go wrong with the administration of accounts."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden, NotFound


class OwnRole(Forbidden):
    """Nobody changes their own global role."""

    code = "own_role"

    def __init__(self) -> None:
        super().__init__("Nobody can change their own role. Ask another administrator.")


class UserNotFound(NotFound):
    """There is no such account, or it is deleted."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class LastAdmin(Conflict):
    """Nobody would be left to run the instance."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last active administrator. Make somebody else one first.")


class PersonWithoutAccount(Conflict):
    """A person whom an import made has no account to change."""

    code = "person_only"

    def __init__(self) -> None:
        super().__init__("This person has no account. Link them to the account that is theirs.")
