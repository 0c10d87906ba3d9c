"""Timezones, where the database does the sums."""

from __future__ import annotations

from synergy_platform.database import Reader

_known: list[str] = []


async def known_zones(db: Reader) -> list[str]:
    """The timezones that the database knows; asked once in a process, since it reads them all from files.

    Profiles take the zones that Python knows. One that the database does not know would fail the whole statement, and
    so one user's choice would keep everybody from being told: queries take it for UTC.
    """
    if not _known:
        _known.extend(row["name"] for row in await db.rows("SELECT name FROM pg_timezone_names"))
    return _known
