"""Recovery codes: ten of them, 140 random bits each, good once, for when the second factor is lost."""

from __future__ import annotations

import secrets
from uuid import UUID

from synergy_platform.tokens import Keyring

HOW_MANY = 10

# Crockford's base 32: nothing that looks like something else
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LIKE = str.maketrans("OIL", "011")
_GROUPS, _GROUP_LENGTH = 7, 4
_PURPOSE = "recovery-code"


def new_codes() -> list[str]:
    """Codes as they are shown: `7K3Q-D0XP-MA82-JT5W-C4ZE-1HBN-R9VG`."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(HOW_MANY)]


def code_hashes(keyring: Keyring, user_id: UUID, code: str) -> list[bytes]:
    """What may be stored of a code, however it was typed; the first is what is stored of a new one.

    The user is in it, so that it is nobody else's.
    """
    typed = "".join(sign for sign in code.upper() if sign.isalnum()).translate(_LIKE)
    return keyring.macs(_PURPOSE, user_id.bytes + typed.encode())


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
