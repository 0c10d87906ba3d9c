"""What is done each day at its hour, also when the machine slept through it. It starts nothing itself.

`synergy up` and the loop of the backup container ask it now and then, so that no process has to wait for the hour.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import msgspec

from synergy_platform.embedded.home import write_private

OFF = "off"
# how late something may begin, and how seldom somebody has to ask
LOOK_SECONDS = 30.0


def last_slot(now: datetime, hour: str) -> datetime:
    """The latest moment at or before `now` at which a local clock showed `hour` (HH:MM)."""
    at = time.fromisoformat(hour)
    today = now.astimezone().date()
    slot = datetime.combine(today, at).astimezone()
    return slot if slot <= now else datetime.combine(today - timedelta(days=1), at).astimezone()


class Clock:
    """Remembers in a file when each command was last begun; `hours` are theirs, in the order in which they are due."""

    def __init__(self, path: Path, hours: Mapping[str, str]) -> None:
        self._path = path
        self._hours = {name: hour for name, hour in hours.items() if hour != OFF}

    def due(self, now: datetime) -> str | None:
        """The command whose hour has come since it was last begun. One that was never begun waits for its next hour."""
        last = self._read()
        if unknown := self._hours.keys() - last.keys():
            last |= dict.fromkeys(unknown, now)
            self._write(last)
        return next((name for name, hour in self._hours.items() if last[name] < last_slot(now, hour)), None)

    def begun(self, name: str, now: datetime) -> None:
        """It is begun now, so it is due tomorrow."""
        self._write(self._read() | {name: now})

    def bring_forward(self, name: str) -> None:
        """Have it done as soon as somebody asks."""
        self._write(self._read() | {name: datetime.fromtimestamp(0, UTC)})

    def _read(self) -> dict[str, datetime]:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, datetime])
        return {}

    def _write(self, last: Mapping[str, datetime]) -> None:
        write_private(self._path, msgspec.json.encode(dict(last)).decode())


def clock_of(home: Path, backup_time: str, drill_time: str) -> Clock:
    """Of an embedded system, or of the backup container, which keeps its file in a folder of its own."""
    return Clock(home / "clock.json", {"backup": backup_time, "drill": drill_time})
