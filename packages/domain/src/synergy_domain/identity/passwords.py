"""Which passwords are refused."""

from __future__ import annotations

from functools import cache

from synergy_platform.errors import InputFault
from synergy_platform.passwords import normal_form

_MIN_LENGTH = 8
_MIN_RESEMBLANCE = 4
# names of this product, and of its parts: whoever guesses begins with them
_CONTEXT_WORDS = ("synergyos", "synergy")
_MIN_WITHOUT_CONTEXT = 8


@cache
def _common_passwords() -> frozenset[str]:
    # loading takes a while, so it waits for the first registration
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def password_faults(password: str, *, about_user: list[str], pointer: str = "/password") -> list[InputFault]:
    """Why `password` cannot be used; `about_user` are the user's names and addresses. Empty when it can."""
    password = normal_form(password)
    lowered = password.lower()
    faults: list[InputFault] = []
    if len(password) < _MIN_LENGTH:
        faults.append(InputFault(pointer, "too_short", f"must have at least {_MIN_LENGTH} characters"))
    if password.isdigit():
        faults.append(InputFault(pointer, "password_all_digits", "must not be digits only"))
    if lowered in _common_passwords():
        faults.append(InputFault(pointer, "password_common", "is on the list of common passwords"))
    parts = {
        part
        for text in about_user
        for part in (text.lower(), *text.lower().replace("@", " ").replace(".", " ").split())
    }
    if any(len(part) >= _MIN_RESEMBLANCE and (part in lowered or lowered in part) for part in parts):
        faults.append(InputFault(pointer, "password_resembles_user", "resembles your name or email address"))
    if len(_without_context(lowered)) < min(len(password), _MIN_WITHOUT_CONTEXT):
        faults.append(InputFault(pointer, "password_resembles_product", "is little more than the name of this product"))
    return faults


def _without_context(lowered: str) -> str:
    """What is left of a password when the words that everybody here would think of count for nothing."""
    for word in _CONTEXT_WORDS:
        lowered = lowered.replace(word, "")
    return lowered
