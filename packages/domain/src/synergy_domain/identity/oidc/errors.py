"""What can go wrong on the way through a provider."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from synergy_platform.errors import Conflict, NotFound, Unavailable

Refusal = Literal[
    "cancelled",
    "expired",
    "provider_unavailable",
    "invalid_response",
    "account_inactive",
    "second_factor_needed",
    "link_first",
    "registration_closed",
    "email_missing",
    "identity_taken",
    "sign_in_again",
    "rate_limited",
    "unavailable",
]


class SignInRefused(Exception):
    """The way back from a provider ends at a page that tells `code`; the message is for the log.

    `user_id` is who it was, if known; `back_to` the page that a linking began at, None for a sign-in.
    """

    def __init__(
        self, code: Refusal, reason: str = "", *, user_id: UUID | None = None, back_to: str | None = None
    ) -> None:
        super().__init__(reason or code)
        self.code: Refusal = code
        self.user_id = user_id
        self.back_to = back_to


class UnknownProvider(NotFound):
    """No such provider is configured."""

    def __init__(self) -> None:
        super().__init__("There is no such provider of single sign-on.")


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or answers what no provider should."""

    code, title = "provider_unavailable", "The sign-in provider does not answer"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not answer at the moment. Try again in a minute.", retry_after=30)


class LastWayIn(Conflict):
    """Without this identity nobody could sign in to the account any more."""

    code, title = "last_way_in", "The only way to sign in"

    def __init__(self) -> None:
        super().__init__("This is the only way to sign in to your account. Set a password first.")
