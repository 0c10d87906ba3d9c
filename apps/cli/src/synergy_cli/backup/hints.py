"""What tells whether keys are the same, and nothing else of them. Needs the standard library only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def key_hint(secret: str) -> str:
    """Of one key."""
    return hashlib.sha256(b"synergyos key hint\0" + secret.encode()).hexdigest()[:16]


def keys_hint(secret_keys: Iterable[str], backup_key: str) -> str:
    """Of all that belong into escrow."""
    return key_hint(f"SECRET_KEY={','.join(secret_keys)}\nSYNERGY_BACKUP_KEY={backup_key}")
