"""Project keys, proposed from names."""

from __future__ import annotations

import itertools
import re
import unicodedata

from synergy_domain.projects import repository
from synergy_platform.database import Reader

_LENGTH = 6


def key_stem(name: str) -> str:
    """2 to 4 letters that stand for `name`: the initials of its words, or the beginning of its only word."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    words = re.findall(r"[A-Z][A-Z0-9]*", plain)
    stem = "".join(word[0] for word in words) if len(words) > 1 else "".join(words)
    return stem[:4] if len(stem) > 1 else (stem + "PRJ")[:4]


async def propose_key(db: Reader, name: str) -> str:
    """A free key for `name`; numbers follow where the plain one is taken."""
    stem = key_stem(name)
    used = await repository.used_keys(db, stem[:2])
    candidates = itertools.chain(
        [stem], (f"{stem[: _LENGTH - len(str(number))]}{number}" for number in itertools.count(2))
    )
    return next(key for key in candidates if key not in used)
