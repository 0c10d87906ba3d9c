"""What single sign-on takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from synergy_domain.identity.contracts import IssuedTokens, Password, SecondFactorNeeded


class LinkInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`next` is the page of ours that the browser comes back to.

    The password is the user's own; without one (single sign-on only) the session must have begun within 10 minutes.
    """

    password: Password | None
    next: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] = "/settings/security"


class LinkView(msgspec.Struct, kw_only=True):
    """Where to send the browser that made the request."""

    url: str


class IdentityView(msgspec.Struct, kw_only=True):
    """An account elsewhere that signs in as the user; `email` is what the provider told."""

    id: UUID
    provider: str
    provider_name: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


class Begun(msgspec.Struct, frozen=True):
    """A sign-in on its way: where the browser goes, and the cookie that it brings back."""

    url: str
    browser: str


class Answer(msgspec.Struct, frozen=True):
    """What the browser brings back from the provider, as it came; nothing of it is believed yet."""

    state: str | None = None
    code: str | None = None
    error: str | None = None
    issuer: str | None = None


class SignedIn(msgspec.Struct, frozen=True):
    """Somebody is signed in; `next` is where they wanted to go."""

    issued: IssuedTokens
    next: str


class HalfSignedIn(msgspec.Struct, frozen=True):
    """The second factor is still to come; `next` is where they want to go."""

    needed: SecondFactorNeeded
    next: str


class Linked(msgspec.Struct, frozen=True):
    """The account elsewhere signs in as the user from now on."""

    provider: str
    next: str
