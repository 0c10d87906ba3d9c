"""Devices that signed in as a user before, known by a signed token that they keep.

It opens nothing: who holds it is only counted apart from strangers when sign-ins fail.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from synergy_platform.ids import parse_id
from synergy_platform.tokens import InvalidToken, JwtSigner, Keyring

DEVICE_LIFETIME = timedelta(days=400)

_PURPOSE = "device"


def device_token(keyring: Keyring, user_id: UUID, device_id: UUID, *, now: datetime) -> str:
    """What the device keeps."""
    claims = {"sub": str(user_id), "jti": str(device_id)}
    return JwtSigner(keyring, _PURPOSE).sign(claims, issued_at=now, expires_at=now + DEVICE_LIFETIME)


def known_device(keyring: Keyring, token: str | None, user_id: UUID | None, *, now: datetime) -> UUID | None:
    """The device's id, if it signed in as this user before; None for any other token.

    It takes as long for a user that does not exist.
    """
    if not token:
        return None
    try:
        claims = JwtSigner(keyring, _PURPOSE).verify(token, now=now)
    except InvalidToken:
        return None
    return parse_id(str(claims.get("jti"))) if parse_id(str(claims["sub"])) == user_id else None
