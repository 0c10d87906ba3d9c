"""What can go wrong with identity."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden, InputFault, InvalidInput, NotAuthenticated, NotFound


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


class InvalidLink(InvalidInput):
    """The token of a link that was used, has expired, was voided by a newer one, or is none of ours."""

    def __init__(self) -> None:
        detail = "is expired, was used already, or is not ours: ask for a new link"
        super().__init__([InputFault("/token", "invalid_token", detail)])


class SessionNotFound(NotFound):
    """There is no such session of the caller, or it has ended."""

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such session, or it has ended.")


class NoAvatar(NotFound):
    """The person has no picture."""

    code = "no_avatar"

    def __init__(self) -> None:
        super().__init__("This person has no picture.")


class ApiTokenNotFound(NotFound):
    """There is no such token of the caller, or it was revoked."""

    code = "api_token_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such token, or it was revoked.")


class TooManyApiTokens(Conflict):
    """The user has as many as they may have."""

    code = "too_many_api_tokens"

    def __init__(self, most: int) -> None:
        super().__init__(f"You may have at most {most} tokens. Revoke one that is not needed.")


class AdminScopeForbidden(Forbidden):
    """Only an administrator's token may have the scope of administrators."""

    code = "admin_scope_forbidden"

    def __init__(self) -> None:
        super().__init__("Only administrators make tokens with the scope 'admin'.")
