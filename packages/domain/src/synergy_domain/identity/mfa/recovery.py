"""Recovery codes: ten of them, 140 random bits each, good once, for when the second factor is lost."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

HOW_MANY = 10

# Crockford's base 32: nothing that looks like something else
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LIKE = str.maketrans("OIL", "011")
_GROUPS, _GROUP_LENGTH = 7, 4


def new_codes() -> list[str]:
    """Codes as they are shown: `7K3Q-D0XP-MA82-JT5W-C4ZE-1HBN-R9VG`."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(HOW_MANY)]


def code_hash(user_id: UUID, code: str) -> bytes:
    """What is stored of a code, however it was typed. The user is in it, so that it is nobody else's.

    A plain hash is enough for so much entropy, and outlives every `SECRET_KEY`: codes are kept for years.
    """
    typed = "".join(sign for sign in code.upper() if sign.isalnum()).translate(_LIKE)
    return hashlib.sha256(user_id.bytes + typed.encode()).digest()


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
