"""Secrets and signatures by the rules of Standard Webhooks (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_TOLERANCE = timedelta(minutes=5)


def new_secret() -> str:
    """256 random bits as receivers write them down: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(keys: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message; each secret adds a signature, and a receiver needs one that fits."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = [_sign(key, content) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }


def signature_fault(key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """Why a message is not to be believed, or None when it is: what a receiver checks. Header names in lower case."""
    missing = [name for name in _HEADERS if not headers.get(name)]
    if missing:
        return f"the header {missing[0]} is missing"
    message_id, timestamp, given = (headers[name] for name in _HEADERS)
    if not timestamp.isascii() or not timestamp.isdigit():
        return "webhook-timestamp is no number"
    if abs(now.timestamp() - int(timestamp)) > _TOLERANCE.total_seconds():
        return "webhook-timestamp is more than 5 minutes away from now"
    expected = _sign(key, b".".join((message_id.encode(), timestamp.encode(), body))).encode()
    if any(hmac.compare_digest(expected, signature.encode()) for signature in given.split(" ")):
        return None
    return "no signature fits the secret"


def is_secret(key: str) -> bool:
    """Whether it is a secret as `new_secret` makes them."""
    try:
        return key.startswith(_PREFIX) and len(base64.b64decode(key.removeprefix(_PREFIX), validate=True)) >= 24
    except ValueError:
        return False


_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _sign(key: str, content: bytes) -> str:
    mac = hmac.digest(base64.b64decode(key.removeprefix(_PREFIX)), content, "sha256")
    return f"v1,{base64.b64encode(mac).decode()}"
