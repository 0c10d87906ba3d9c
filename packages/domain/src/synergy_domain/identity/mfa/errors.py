"""What can go wrong with two-factor."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden, NotAuthenticated, TooManyRequests


class WrongCode(NotAuthenticated):
    """The same answer for a wrong code, one that was used and one that is void."""

    code, title = "wrong_code", "Sign-in failed"

    def __init__(self) -> None:
        super().__init__("The code is wrong, expired, or was used already.")


class InvalidMfaToken(NotAuthenticated):
    """The sign-in is unknown, over, or took too long."""

    code, title = "invalid_mfa_token", "Sign in again"

    def __init__(self) -> None:
        super().__init__("This sign-in took too long or is over. Begin anew.")


class NoSecondFactor(Forbidden):
    """The account's role needs a second factor, and there is no address that a code could be mailed to."""

    code, title = "second_factor_needed", "A second factor is needed"

    def __init__(self) -> None:
        super().__init__(
            "Accounts with your role need a second factor, and yours has none and no email address. "
            "Ask an administrator."
        )


class MethodNotOffered(Forbidden):
    """The sign-in cannot be completed in this way."""

    code, title = "method_not_offered", "Not in this way"

    def __init__(self, method: str) -> None:
        super().__init__(f"This sign-in cannot be completed by {method}.")


class CodeJustSent(TooManyRequests):
    """A code was mailed a moment ago."""

    code, title = "code_just_sent", "A code is on its way"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"A code was mailed a moment ago. Ask for another in {seconds} seconds.", retry_after=seconds)


class FactorOnAlready(Conflict):
    """The factor is turned on."""

    code, title = "factor_on_already", "Turned on already"

    def __init__(self) -> None:
        super().__init__("This second factor is turned on already. Turn it off first.")


class NoEmailAddress(Conflict):
    """The account has no address."""

    code, title = "no_email_address", "No email address"

    def __init__(self) -> None:
        super().__init__("Your account has no email address that a code could be mailed to.")


class NothingToConfirm(Conflict):
    """No set-up was begun."""

    code, title = "nothing_to_confirm", "Nothing to confirm"

    def __init__(self) -> None:
        super().__init__("Begin the set-up first.")


class NoFactorYet(Conflict):
    """Recovery codes stand in for a factor, and there is none."""

    code, title = "no_second_factor", "No second factor"

    def __init__(self) -> None:
        super().__init__("Turn on a second factor first: recovery codes stand in for it.")


class FactorRequired(Conflict):
    """The role needs a factor and this is the last one."""

    code, title = "mfa_required", "A second factor is required"

    def __init__(self) -> None:
        super().__init__("Your role needs a second factor, and this is the only one. Turn another on first.")
