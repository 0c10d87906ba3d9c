"""What an ID token must be (OpenID Connect Core 1.0, 3.1.3.7): the provider's, for us, now, and for this sign-in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

MAX_TOKEN_LENGTH = 32 * 1024
LEEWAY_SECONDS = 60
# older ones belong to another sign-in
MAX_AGE_SECONDS = 600
_MIN_RSA_BITS = 2048

# Asymmetric only: `none` and HS* would let anybody make one, or whoever knows the client's secret.
_KEY_TYPES: dict[str, tuple[type[Key], str | None]] = {
    "RS256": (RSAKey, None),
    "PS256": (RSAKey, None),
    "ES256": (ECKey, "P-256"),
    "EdDSA": (OKPKey, "Ed25519"),
    "Ed25519": (OKPKey, "Ed25519"),
}


class InvalidIdToken(Exception):
    """It is not to be believed; the message says why, and nothing of what it holds."""


class UnknownKey(InvalidIdToken):
    """Its key is not among the provider's; they may have been renewed."""


class IdToken(msgspec.Struct, frozen=True):
    """A token that was checked; `claims` are all of them, as they came."""

    subject: str
    claims: dict[str, Any]

    def names_method(self, method: str) -> bool:
        """Whether the user was authenticated by `method` (RFC 8176)."""
        methods = self.claims.get("amr")
        return isinstance(methods, list) and method in cast("list[object]", methods)


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    crit: Any = None


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str
    azp: str | None = None
    at_hash: str | None = None


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def read_keys(document: bytes) -> list[Key]:
    """The signature keys of a JWK Set (RFC 7517) that we can use; others are passed over, as the RFC says.

    Raises InvalidIdToken when it is none.
    """
    try:
        entries = msgspec.json.decode(document, type=_KeySet).keys
    except (msgspec.MsgspecError, UnicodeError):
        raise InvalidIdToken("the key set is none") from None
    keys: list[Key] = []
    for entry in entries:
        if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
            continue
        try:
            with warnings.catch_warnings():  # of weak keys: they are left out below
                warnings.simplefilter("ignore", SecurityWarning)
                key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if any(_fits(key, alg) for alg in _KEY_TYPES):
            keys.append(key)
    return keys


def check_id_token(
    token: str,
    keys: Sequence[Key],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> IdToken:
    """The token's subject and claims; raises InvalidIdToken, or UnknownKey when `keys` does not have its key."""
    header = _read_header(token)
    key = _find_key(keys, header)
    try:
        # header fields that nobody knows are passed over, as the standard wants it
        registry = jws.JWSRegistry(algorithms=[header.alg], strict_check_header=False)
        with warnings.catch_warnings():  # of the name EdDSA, which providers go on using beside Ed25519
            warnings.simplefilter("ignore", SecurityWarning)
            payload = jws.deserialize_compact(token, key, registry=registry).payload
    except (JoseError, ValueError, TypeError):
        raise InvalidIdToken("the signature is not the provider's") from None
    try:
        everything = msgspec.json.decode(payload, type=dict[str, Any])
        claims = msgspec.convert(everything, _Claims, strict=True)
    except (msgspec.MsgspecError, UnicodeError):
        raise InvalidIdToken("claims are missing or of a wrong type") from None
    _check_claims(claims, issuer=issuer, client_id=client_id, nonce=nonce, now=now.timestamp())
    if claims.at_hash is not None and not (
        access_token and hmac.compare_digest(claims.at_hash.encode(), _at_hash(header.alg, access_token))
    ):
        raise InvalidIdToken("at_hash belongs to another access token")
    return IdToken(claims.sub, everything)


def _read_header(token: str) -> _Header:
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidIdToken("too long")
    encoded = token.partition(".")[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)), type=_Header)
    except (msgspec.MsgspecError, ValueError):
        raise InvalidIdToken("no JSON Web Signature") from None
    if header.alg not in _KEY_TYPES:
        raise InvalidIdToken("signed by an algorithm that is not taken")
    if header.crit is not None:  # RFC 7515, 4.1.11: we understand no extension
        raise InvalidIdToken("the header has what must be understood")
    return header


def _find_key(keys: Sequence[Key], header: _Header) -> Key:
    fitting = [key for key in keys if _fits(key, header.alg)]
    if header.kid is not None:
        fitting = [key for key in fitting if key.kid == header.kid]
    if not fitting:
        raise UnknownKey("signed by a key that the provider does not tell")
    if len(fitting) > 1:
        raise InvalidIdToken("several keys could have signed it")
    return fitting[0]


def _fits(key: Key, alg: str) -> bool:
    """Whether the key may verify signatures of this algorithm."""
    kind, curve = _KEY_TYPES[alg]
    if not isinstance(key, kind) or (key.alg is not None and key.alg != alg):
        return False
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= _MIN_RSA_BITS
    return key.get("crv") == curve


def _check_claims(claims: _Claims, *, issuer: str, client_id: str, nonce: str, now: float) -> None:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer:
        raise InvalidIdToken("issued by somebody else")
    if client_id not in audience:
        raise InvalidIdToken("meant for somebody else")
    if claims.azp is None and len(audience) > 1:
        raise InvalidIdToken("several audiences, and none named as the party")
    if claims.azp is not None and claims.azp != client_id:
        raise InvalidIdToken("given to somebody else")
    if claims.exp + LEEWAY_SECONDS <= now:
        raise InvalidIdToken("expired")
    if not now - MAX_AGE_SECONDS - LEEWAY_SECONDS <= claims.iat <= now + LEEWAY_SECONDS:
        raise InvalidIdToken("issued at another time")
    if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise InvalidIdToken("the nonce is of another sign-in")
    if not 0 < len(claims.sub) <= 255 or not claims.sub.isascii() or not claims.sub.isprintable():
        raise InvalidIdToken("the subject cannot be used")


def _at_hash(alg: str, access_token: str) -> bytes:
    """The left half of the hash that the signature's algorithm uses (Ed25519: SHA-512)."""
    name = "sha256" if alg.endswith("256") else "sha512"
    digest = hashlib.new(name, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
