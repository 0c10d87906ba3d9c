"""Signed and opaque tokens, and the keys that are derived from `SECRET_KEY`.

The first secret signs; all of them verify, so that a secret can be replaced without signing everybody out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jwt

ALGORITHM = "HS256"
_CLOCK_SKEW_SECONDS = 60


class InvalidToken(Exception):
    """A token that is expired, forged or meant for something else."""


class Keyring:
    """Keys for named purposes, from the instance's secrets (first signs, all verify)."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys:
            raise ValueError("SECRET_KEY is not set")
        self._secrets = [key.encode() for key in secret_keys]
        self._derived: dict[str, list[bytes]] = {}

    def keys(self, purpose: str) -> list[bytes]:
        """32-byte keys for `purpose`; knowing one tells nothing of another purpose's."""
        derived = self._derived.get(purpose)
        if derived is None:
            derived = [hmac.digest(secret, f"synergyos:{purpose}".encode(), "sha256") for secret in self._secrets]
            self._derived[purpose] = derived
        return derived

    def mac(self, purpose: str, message: bytes) -> bytes:
        """HMAC-SHA256 of `message` with the first key."""
        return hmac.digest(self.keys(purpose)[0], message, "sha256")

    def macs(self, purpose: str, message: bytes) -> list[bytes]:
        """HMAC-SHA256 of `message` with each key, the first key's first: to look up what an older key made too."""
        return [hmac.digest(key, message, "sha256") for key in self.keys(purpose)]

    def verify_mac(self, purpose: str, message: bytes, mac: bytes) -> bool:
        """Whether `mac` was made by any of the keys; `mac` may be shortened to 16 bytes or more."""
        return len(mac) >= 16 and any(
            hmac.compare_digest(hmac.digest(key, message, "sha256")[: len(mac)], mac) for key in self.keys(purpose)
        )


class JwtSigner:
    """JSON Web Tokens (RFC 7519) of one purpose: the purpose is their audience and has a key of its own."""

    def __init__(self, keyring: Keyring, purpose: str) -> None:
        self._keys = keyring.keys(f"jwt:{purpose}")
        self._audience = f"synergyos:{purpose}"

    def sign(self, claims: dict[str, Any], *, issued_at: datetime, expires_at: datetime) -> str:
        """A token with `claims`, good until `expires_at`."""
        payload = {
            **claims,
            "aud": self._audience,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(  # pyright: ignore[reportUnknownMemberType]  # PyJWT types its keys in part
            payload, self._keys[0], algorithm=ALGORITHM
        )

    def verify(self, token: str, *, now: datetime) -> dict[str, Any]:
        """The claims of `token`; raises InvalidToken."""
        for key in self._keys:
            try:
                claims: dict[str, Any] = jwt.decode(  # pyright: ignore[reportUnknownMemberType]  # PyJWT types its keys in part
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=self._audience,
                    # the injected clock decides, not the machine's
                    options={
                        "require": ["exp", "iat", "aud", "sub"], "verify_exp": False, "verify_iat": False,
                        "verify_nbf": False,
                    },
                )  # fmt: skip
            except jwt.InvalidSignatureError:
                continue
            # RecursionError: nested so deeply that it cannot be read, which is asked for before the signature is
            except (jwt.InvalidTokenError, RecursionError) as error:
                raise InvalidToken(str(error)) from None
            _check_times(claims, now.timestamp())
            return claims
        raise InvalidToken("signature")


def _check_times(claims: dict[str, Any], now: float) -> None:
    """Refuse what is over, or not to begin yet; servers' clocks may differ a little."""
    times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(type(time) is int for time in times):
        raise InvalidToken("times must be whole numbers")
    if claims["exp"] <= now:
        raise InvalidToken("expired")
    if max(times[1:]) > now + _CLOCK_SKEW_SECONDS:
        raise InvalidToken("not yet good")


def new_opaque_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """What is stored of an opaque token (it has 256 bits of entropy, so a plain hash is enough)."""
    return hashlib.sha256(token.encode()).digest()


def encode_bytes(value: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode_bytes(text: str) -> bytes:
    """The reverse of `encode_bytes`; ValueError when it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
