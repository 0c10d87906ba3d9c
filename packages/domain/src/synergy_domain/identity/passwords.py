"""Which passwords are refused."""

from __future__ import annotations

from functools import cache

from synergy_platform.errors import InputFault

_MIN_RESEMBLANCE = 4


@cache
def _common_passwords() -> frozenset[str]:
    # loading takes a while, so it waits for the first registration
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def password_faults(password: str, *, about_user: list[str], pointer: str = "/password") -> list[InputFault]:
    """Why `password` cannot be used; `about_user` are the user's names and addresses. Empty when it can."""
    lowered = password.lower()
    faults: list[InputFault] = []
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
    return faults
