"""People's names: letters of any script, spaces, apostrophes and hyphens."""

from __future__ import annotations

import unicodedata

from synergy_platform.errors import InputFault

_BETWEEN = " '’-"


def clean_name(name: str) -> str:
    """`name` in Unicode's composed form, without space around it."""
    return unicodedata.normalize("NFC", name).strip()


def name_faults(pointer: str, name: str) -> list[InputFault]:
    """Why `name` cannot be used; marks count as letters, since many scripts write vowels with them."""
    if not name:
        return [InputFault(pointer, "too_short", "must not be empty")]
    if not all(unicodedata.category(letter)[0] in "LM" or letter in _BETWEEN for letter in name):
        return [InputFault(pointer, "invalid", "may have letters, spaces, ' and - only")]
    if not any(unicodedata.category(letter)[0] == "L" for letter in name):
        return [InputFault(pointer, "invalid", "needs at least one letter")]
    return []
