"""What can go wrong with identity."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden, NotAuthenticated


class WrongCredentials(NotAuthenticated):
    """The same answer whether the account exists or not."""

    code, title = "wrong_credentials", "Sign-in failed"

    def __init__(self) -> None:
        super().__init__("The username, the email address or the password is wrong.")


class InvalidRefreshToken(NotAuthenticated):
    """The refresh token is unknown, expired, revoked or was used before."""

    code = "invalid_refresh_token"

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class RegistrationClosed(Forbidden):
    """This instance takes no registrations from strangers."""

    code, title = "registration_closed", "Registration is closed"

    def __init__(self, mode: str) -> None:
        reason = "by invitation only" if mode == "invite" else "closed"
        super().__init__(f"Registration on this instance is {reason}. Ask its administrator.")


class AlreadyTaken(Conflict):
    """A username or an email address that somebody has."""

    code, title = "already_taken", "Already taken"


class AdministratorsOnly(Forbidden):
    """Somebody else than an administrator, or a token without that scope."""

    code = "admins_only"

    def __init__(self) -> None:
        super().__init__("Only administrators see and change the accounts of this installation.")


class AccountExists(Conflict):
    """Somebody with this address has an account, and joins with it."""

    code, title = "account_exists", "There is an account already"

    def __init__(self) -> None:
        super().__init__("There is an account with this address. Sign in first, then open the link again.")


class EmailNotVerified(Forbidden):
    """Who has not confirmed their address may not reach others: by invitations, webhooks or tokens."""

    code, title = "email_not_verified", "Confirm your address first"

    def __init__(self) -> None:
        super().__init__("Confirm your email address first: follow the link in the mail that was sent to you.")
