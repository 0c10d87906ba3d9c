"""What identity takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from synergy_domain.common.actor import GlobalRole, Scope
from synergy_domain.common.contracts import END, Line

USERNAME_PATTERN = r"^[a-z0-9][a-z0-9_-]*" + END
# a dot-atom of RFC 5321 and a domain of labels, the last one not all digits; no quoted local parts, no literals
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
EMAIL_PATTERN = rf"^(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![0-9]+{END}){_LABEL}{END}"

RegistrationMode = Literal["open", "invite", "closed"]
MfaMethod = Literal["totp", "email", "recovery_code"]
Theme = Literal["system", "light", "dark"]
Username = Annotated[
    str,
    msgspec.Meta(
        min_length=3, max_length=30, pattern=USERNAME_PATTERN,
        description="Small letters a-z, digits, _ and -, first a letter or a digit",
    ),
]  # fmt: skip
Email = Annotated[
    str,
    msgspec.Meta(
        min_length=3, max_length=254, pattern=EMAIL_PATTERN,
        description="An address such as ada@example.org, in ASCII; a domain with other letters in its xn-- form",
    ),
]  # fmt: skip
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
NewPassword = Annotated[str, msgspec.Meta(min_length=8, max_length=128)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
LinkToken = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Registration(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new account."""

    username: Username
    email: Email
    password: NewPassword
    first_name: Name
    last_name: Name


class OidcProviderView(msgspec.Struct, kw_only=True):
    """A provider of single sign-on: its name in addresses, and what people call it; a link to `start_url` begins."""

    id: str
    name: str
    start_url: str


class SignInOptions(msgspec.Struct, kw_only=True):
    """What a visitor may do here: whether strangers register, and where else one may sign in from."""

    registration: RegistrationMode
    oidc_providers: list[OidcProviderView]


class Credentials(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A sign-in; `deliver` says where the tokens go: into the body, or into HttpOnly cookies."""

    identifier: Annotated[str, msgspec.Meta(min_length=1, max_length=254)]
    password: Password
    deliver: Literal["body", "cookie"] = "body"
    # what a sign-in gave this device before; a browser sends it as a cookie
    device_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None


class RefreshInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A refresh token in the body; without it the cookie is used."""

    refresh_token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class VerifyEmailInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The token of a verification link."""

    token: LinkToken


class ForgotPassword(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The address of an account whose password is forgotten."""

    email: Email


class PasswordReset(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The token of a link that was mailed, and the password to set."""

    token: LinkToken
    password: NewPassword


class PasswordChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another password; `current_password` is null for accounts that have none."""

    current_password: Password | None
    new_password: NewPassword


class EmailChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Another address, and the password to confirm it; `password` is null for accounts that have none."""

    email: Email
    password: Password | None


class ApiTokenInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A personal token for scripts; without `expires_at` it is good until it is revoked."""

    name: Annotated[Line, msgspec.Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=3)]
    expires_at: datetime | None = None


class ProfileChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What users may change of themselves."""

    first_name: Name | msgspec.UnsetType = msgspec.UNSET
    last_name: Name | msgspec.UnsetType = msgspec.UNSET
    phone: Annotated[Line, msgspec.Meta(max_length=40)] | msgspec.UnsetType | None = msgspec.UNSET
    department: Annotated[Line, msgspec.Meta(max_length=100)] | msgspec.UnsetType | None = msgspec.UNSET
    position: Annotated[Line, msgspec.Meta(max_length=100)] | msgspec.UnsetType | None = msgspec.UNSET
    bio: Annotated[str, msgspec.Meta(max_length=2000)] | msgspec.UnsetType | None = msgspec.UNSET
    timezone: Annotated[str, msgspec.Meta(max_length=64)] | msgspec.UnsetType = msgspec.UNSET
    locale: Literal["en"] | msgspec.UnsetType = msgspec.UNSET
    theme: Theme | msgspec.UnsetType = msgspec.UNSET


class UserView(msgspec.Struct, kw_only=True):
    """A user, as they and admins see them. `has_password` is false where they sign in through a provider only."""

    id: UUID
    username: str
    email: str | None
    first_name: str
    last_name: str
    role: GlobalRole
    phone: str | None
    department: str | None
    position: str | None
    bio: str | None
    avatar_url: str | None
    timezone: str
    locale: str
    theme: Theme
    is_active: bool
    has_password: bool
    email_verified_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class UserSummary(msgspec.Struct, kw_only=True):
    """A user, as their colleagues see them."""

    id: UUID
    username: str
    name: str
    department: str | None
    position: str | None
    avatar_url: str | None
    is_active: bool


class SessionView(msgspec.Struct, kw_only=True):
    """A sign-in that lasts. `device` is the user agent in words; `methods` say how the user proved who they are."""

    id: UUID
    device: str
    user_agent: str | None
    ip: str | None
    methods: list[str]
    created_at: datetime
    last_used_at: datetime
    current: bool


class ApiTokenView(msgspec.Struct, kw_only=True):
    """A personal token. `prefix` is how it begins; `last_used_at` is right to a minute."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None


class NewApiTokenView(ApiTokenView, kw_only=True):
    """A personal token that was just made; `token` is shown this once."""

    token: str


class IssuedTokens(msgspec.Struct, kw_only=True):
    """Tokens of a session, before it is decided how they are delivered. Lifetimes in seconds.

    `device_id` is for the device to keep and to send when it signs in the next time; None when it has one.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user: UserView
    device_id: str | None


class SecondFactorNeeded(msgspec.Struct, kw_only=True):
    """The first factor was right: `mfa_token` and one of `methods` complete the sign-in, within 5 minutes."""

    mfa_token: str
    methods: list[MfaMethod]


class SignInView(msgspec.Struct, kw_only=True):
    """The answer to a sign-in or a refresh; fields that do not apply are null.

    `device_id` is for the device to keep, and to send when it signs in again: it keeps strangers' failed attempts from
    holding it up. With cookies it is one.
    """

    access_token: str | None
    token_type: Literal["Bearer"]
    expires_in: int | None
    user: UserView | None
    refresh_token: str | None
    mfa_required: bool
    mfa_token: str | None
    methods: list[MfaMethod] | None
    device_id: str | None
