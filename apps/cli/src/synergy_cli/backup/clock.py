"""What is done each day at its hour, also when the machine slept through it. It starts nothing itself.

`synergy up` and the loop of the backup container ask it now and then, so that no process has to wait for the hour.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import msgspec

from synergy_platform.embedded.home import write_private

OFF = "off"
CLOCK_FILE = "clock.json"
# how late something may begin, and how seldom somebody has to ask
LOOK_SECONDS = 30.0
_FIRST_PAUSE = timedelta(minutes=1)
_LAST_PAUSE = timedelta(hours=1)
_DOUBLINGS = 6
_LONG_AGO = datetime.fromtimestamp(0, UTC)


def last_slot(now: datetime, hour: str) -> datetime:
    """The latest moment at or before `now` at which a local clock showed `hour` (HH:MM)."""
    at = time.fromisoformat(hour)
    today = now.astimezone().date()
    slot = datetime.combine(today, at).astimezone()
    return slot if slot <= now else datetime.combine(today - timedelta(days=1), at).astimezone()


class _Entry(msgspec.Struct, frozen=True):
    """When a command was last begun, how often in a row it failed since, and when it is tried again."""

    begun: datetime
    failures: int = 0
    again: datetime | None = None


class Clock:
    """Remembers in a file what was begun when; `hours` are the commands', in the order in which they are due.

    One whose hour is None is done only when it is brought forward. Those of `tried_again` that fail, or are cut off,
    are due again after a minute, then after two, and so on up to an hour, until one goes well.
    """

    def __init__(self, path: Path, hours: Mapping[str, str | None], tried_again: Container[str] = ()) -> None:
        self._path = path
        self._hours = {name: hour for name, hour in hours.items() if hour != OFF}
        self._tried_again = tried_again

    def due(self, now: datetime) -> str | None:
        """The command whose hour has come since it was last begun. One that was never begun waits for its next hour."""
        entries = self._read()
        if unknown := self._hours.keys() - entries.keys():
            entries |= dict.fromkeys(unknown, _Entry(now))
            self._write(entries)
        for name, hour in self._hours.items():
            entry = entries[name]
            if (entry.again is not None and entry.again <= now) or (hour and entry.begun < last_slot(now, hour)):
                return name
        return None

    def is_outdated(self, name: str, moment: datetime) -> bool:
        """Whether it was last begun before that moment, and nothing says yet when it is done again."""
        entry = self._read().get(name)
        return entry is None or (entry.again is None and entry.begun < moment)

    def begun(self, name: str, now: datetime) -> None:
        """It is begun now, so it is due tomorrow; sooner, should nobody hear how it ended."""
        failures = entry.failures if (entry := self._read().get(name)) else 0
        self._keep(name, _Entry(now, failures, self._next_try(name, now, failures)))

    def ended(self, name: str, now: datetime, *, well: bool) -> None:
        """It has ended; well or not."""
        entry = self._read().get(name, _Entry(now))
        if well:
            self._keep(name, _Entry(entry.begun))
        else:
            again = self._next_try(name, now, entry.failures)
            self._keep(name, _Entry(entry.begun, entry.failures + 1, again))

    def bring_forward(self, name: str) -> None:
        """Have it done as soon as somebody asks."""
        begun = entry.begun if (entry := self._read().get(name)) else _LONG_AGO
        self._keep(name, _Entry(begun, again=_LONG_AGO))

    def _next_try(self, name: str, now: datetime, failures: int) -> datetime | None:
        pause = min(_FIRST_PAUSE * 2 ** min(failures, _DOUBLINGS), _LAST_PAUSE)
        return now + pause if name in self._tried_again else None

    def _read(self) -> dict[str, _Entry]:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Entry])
        return {}

    def _keep(self, name: str, entry: _Entry) -> None:
        self._write(self._read() | {name: entry})

    def _write(self, entries: Mapping[str, _Entry]) -> None:
        write_private(self._path, msgspec.json.encode(dict(entries)).decode())


def clock_of(home: Path, backup_time: str, drill_time: str) -> Clock:
    """Of an embedded system. What a drill found does not go away by itself, so that waits for the next night."""
    return Clock(home / CLOCK_FILE, {"backup": backup_time, "drill": drill_time}, tried_again={"backup"})
