"""What two-factor takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from synergy_domain.common.actor import GlobalRole
from synergy_domain.identity.contracts import MfaMethod

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
MfaToken = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MfaTokenInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A sign-in that waits for its second factor."""

    mfa_token: MfaToken


class SecondFactor(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The second factor of a sign-in; `deliver` says where the tokens go."""

    mfa_token: MfaToken
    method: MfaMethod
    code: Code
    deliver: Literal["body", "cookie"] = "body"


class OwnPassword(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One's own password. Null only for accounts that have none, soon after they signed in."""

    password: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None


class CodeInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The six digits that turn a factor on."""

    code: Code


class MfaView(msgspec.Struct, kw_only=True):
    """One's own second factors. `required`: the administrator wants one of accounts with this role."""

    totp: bool
    email: bool
    recovery_codes_left: int
    required: bool


class TotpSetUp(msgspec.Struct, kw_only=True):
    """What an authenticator app needs: the secret, as text, as an address and as a QR code (SVG)."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class RecoveryCodes(msgspec.Struct, kw_only=True):
    """Codes for when the factor is lost, each good once, shown this once; null when there are some already."""

    recovery_codes: list[str] | None


class MfaRoles(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Global roles whose accounts need a second factor."""

    roles: Annotated[list[GlobalRole], msgspec.Meta(max_length=3)]
