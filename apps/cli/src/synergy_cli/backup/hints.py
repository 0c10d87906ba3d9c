"""What tells whether keys are the same, and nothing else of them. Needs the standard library only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def key_hint(secret: str) -> str:
    """Of one key."""
    return hashlib.sha256(b"synergyos key hint\0" + secret.encode()).hexdigest()[:16]


def keys_hint(keys: Mapping[str, str]) -> str:
    """Of several, by their names."""
    return key_hint("\n".join(f"{name}={value}" for name, value in sorted(keys.items())))
