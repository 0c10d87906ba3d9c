"""Codes of authenticator apps (TOTP, RFC 6238): six digits, new ones every 30 s, from a secret that the app holds."""

from __future__ import annotations

import hmac
import io
from datetime import datetime

import segno
from pyotp import random_base32
from pyotp.totp import TOTP

from synergy_domain.identity.mfa.contracts import TotpSetUp
from synergy_platform.secretbox import SecretBox
from synergy_platform.tokens import Keyring

ISSUER = "SynergyOS"
# clocks of telephones: the code of the step before and after is good too
_STEPS = (0, -1, 1)


def secret_box(keyring: Keyring) -> SecretBox:
    """Encrypts the secrets where they are stored."""
    return SecretBox(keyring, "totp")


def new_set_up(account: str) -> TotpSetUp:
    """A new secret of 160 bits, for `account`."""
    secret = random_base32()
    uri = TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)
    image = io.BytesIO()
    # white and a border of its own: it must be readable in dark mode
    segno.make(uri, micro=False, error="m").save(image, kind="svg", xmldecl=False, scale=5, border=4, light="#fff")
    return TotpSetUp(secret=secret, otpauth_uri=uri, qr_svg=image.getvalue().decode())


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is: the present one, the one before or the one after; None for a wrong code."""
    totp = TOTP(secret)
    typed = "".join(code.split()).encode()
    matches = [step for step in (totp.timecode(now) + offset for offset in _STEPS)
               if hmac.compare_digest(typed, totp.generate_otp(step).encode())]  # fmt: skip
    return matches[0] if matches else None
