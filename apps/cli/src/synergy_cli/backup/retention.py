"""Which backups stay: those of 7 days, 4 weeks and 6 months, of the last day all, and in any case the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

DAYS, WEEKS, MONTHS = 7, 4, 6


def kept(taken: Mapping[str, datetime]) -> set[str]:
    """The ids that stay, of backups by the time they were taken.

    Those of the 24 hours before the newest; and the last one of each of the last 7 days, 4 weeks (ISO) and 6 months, in
    UTC, on which there is one: where no new ones come, none goes.
    """
    newest_first = sorted(taken, key=lambda backup: taken[backup], reverse=True)
    periods: list[tuple[int, Callable[[datetime], tuple[int, ...]]]] = [
        (DAYS, lambda at: (at.year, at.month, at.day)),
        (WEEKS, lambda at: tuple(at.isocalendar())[:2]),
        (MONTHS, lambda at: (at.year, at.month)),
    ]
    stay = {backup for backup in newest_first if taken[newest_first[0]] - taken[backup] < timedelta(days=1)}
    for count, period in periods:
        last_of: dict[tuple[int, ...], str] = {}
        for backup in newest_first:
            last_of.setdefault(period(taken[backup]), backup)
        stay.update(list(last_of.values())[:count])
    return stay
