"""The embedded system's archive of its log: what pg_receivewal writes, and which of it a restore needs.

Each folder below `wal/` is one unbroken stream. A new one begins where the slot that holds the server to it is not
there: in the beginning, after a restore, and after the receiver was away for so long that the server could not wait.
"""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries
from synergy_platform.embedded.process import Output, spawn

SLOT = "synergy_backup"
# a receiver that is away keeps the server from deleting so much of its log, and no more: the disk never fills by it
SERVER_SETTINGS = {"max_slot_wal_keep_size": "1GB"}
KEPT = timedelta(days=7)
_SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENTS = 256  # of 16 MiB, as initdb makes them, in the 4 GiB that the middle of a name counts
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{16})(\.partial)?")
_COMMIT = re.compile(r"desc: COMMIT(?:_PREPARED)? (\S+ \S+) UTC")
_LOOKED_BACK = 16  # segments, of 16 MiB, in which the last commit is looked for


def segment_number(name: str) -> int:
    """Where a segment stands in the log, whatever its timeline."""
    return int(name[8:16], 16) * _SEGMENTS + int(name[16:24], 16)


def segments_between(first: str, last: str) -> Iterator[str]:
    """Names of the segments from one to the other, both of them too, on the timeline of the last."""
    for number in range(segment_number(first), segment_number(last) + 1):
        yield f"{last[:8]}{number // _SEGMENTS:08X}{number % _SEGMENTS:08X}"


def lsn_number(lsn: str) -> int:
    """A place in the log, such as 0/16B3748, as one number."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_start(name: str) -> int:
    """The place in the log at which a segment begins, as `lsn_number` counts."""
    return segment_number(name) * _SEGMENT_BYTES


def left_at(history: str) -> dict[int, int]:
    """Of a timeline's history: the timelines before it, and the place in the log at which each was left."""
    lines = [line.split() for line in history.splitlines()]
    return {int(words[0]): lsn_number(words[1]) for words in lines if len(words) > 1 and words[0].isdecimal()}


def server_id(segment: Path) -> int:
    """The id of the cluster that wrote a segment: it stands in the header of its first page."""
    with segment.open("rb") as file:
        header = file.read(32)
    return struct.unpack_from("=Q", header, 24)[0] if len(header) == 32 else 0


class LogArchive:
    """`wal/` below the folder of the backups."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "wal"

    def launch(self, postgres: EmbeddedPostgres, stdout: Output, stderr: Output) -> subprocess.Popen[bytes]:
        """Start pg_receivewal where it left off, or in a new folder; EmbeddedError when the server does not answer."""
        asked = f"SELECT wal_status <> 'lost' FROM pg_replication_slots WHERE slot_name = '{SLOT}'"  # noqa: S608 - a constant
        held = postgres.run_sql(asked)
        streams = self._streams()
        if held != "t" or not streams:
            if held:
                postgres.run_sql(f"SELECT pg_drop_replication_slot('{SLOT}')")
            postgres.run_sql(f"SELECT pg_create_physical_replication_slot('{SLOT}', true)")
            stream = self.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
            stream.mkdir(mode=0o700, parents=True)
            streams.append(stream)
        command = [
            str(binaries() / "pg_receivewal"), f"--directory={streams[-1]}", f"--slot={SLOT}", "--no-loop",
            f"--host={postgres.host}", f"--port={postgres.port}", "--username=postgres", "--no-password",
        ]  # fmt: skip
        environment = {"LC_ALL": "C", "PGPASSWORD": postgres.superuser_password}
        return spawn(command, environment=environment, folder=self.folder, stdout=stdout, stderr=stderr)

    def _streams(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*") if path.is_dir())

    def segments(self, of_server: int) -> dict[str, Path]:
        """Files by the name that the server asks for; one that is still being written only where there is no other."""
        found: dict[str, Path] = {}
        for stream in self._streams():
            for path in sorted(stream.iterdir()):
                match = _SEGMENT.fullmatch(path.name)
                if match is None or server_id(path) != of_server:
                    continue
                name = match[1] + match[2]
                if not match[3] or name not in found:
                    found[name] = path
        return found

    def histories(self) -> dict[str, Path]:
        """Of the timelines that restores began, by the name that the server asks for."""
        return {path.name: path for stream in self._streams() for path in stream.glob("*.history")}

    def timelines(self, of_server: int) -> dict[int, int]:
        """What led to the present: each timeline with the place in the log at which the next one left it."""
        histories = self.histories()
        newest = max((int(name[:8], 16) for name in (*histories, *self.segments(of_server))), default=1)
        told = histories.get(f"{newest:08X}.history")
        return (left_at(told.read_text()) if told else {}) | {newest: 1 << 64}

    def chain(self, of_server: int, after: int, up_to: int | None = None) -> dict[str, Path]:
        """The segments behind number `after` without a gap, of the present's timelines; as far as there are any."""
        by_number: dict[int, list[str]] = {}
        segments, timelines = self.segments(of_server), self.timelines(of_server)
        for name in segments:
            if int(name[:8], 16) in timelines:
                by_number.setdefault(segment_number(name), []).append(name)
        chosen: dict[str, Path] = {}
        number = after + 1
        while number in by_number and (up_to is None or number <= up_to):
            chosen |= {name: segments[name] for name in by_number[number]}
            number += 1
        return chosen

    def last_commit(self, chain: Mapping[str, Path]) -> datetime | None:
        """When the last transaction in these segments was committed; None when there is none in the last of them."""
        newest = sorted(chain, key=lambda name: (name[:8], segment_number(name)), reverse=True)[:_LOOKED_BACK]
        # not among what is restored: whoever lists backups holds no lock
        with TemporaryDirectory(prefix="synergy-") as folder:
            work = Path(folder)
            return next((at for name in newest if (at := _last_commit(name, chain[name], work)) is not None), None)

    def expire(self, now: datetime) -> None:
        """Delete segments that are older than 7 days; backups have those that they need themselves."""
        for stream in self._streams():
            files = list(stream.iterdir())
            for path in files:
                if _SEGMENT.fullmatch(path.name) and path.stat().st_mtime < (now - KEPT).timestamp():
                    path.unlink()
        for stream in self._streams()[:-1]:
            if not any(stream.iterdir()):
                stream.rmdir()


def _last_commit(name: str, path: Path, work: Path) -> datetime | None:
    link = work / name  # pg_waldump wants its name without an ending
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    try:
        # a segment that is not full ends in an error, after all that is in it
        told = subprocess.run(
            [str(binaries() / "pg_waldump"), "--rmgr=Transaction", str(link)],
            capture_output=True, text=True, errors="replace", check=False, env={"LC_ALL": "C", "TZ": "UTC"},
        ).stdout  # fmt: skip
    finally:
        link.unlink()
    commits = _COMMIT.findall(told)
    return datetime.fromisoformat(commits[-1]).replace(tzinfo=UTC) if commits else None


def await_segment(folder: Path, name: str, seconds: float) -> bool:
    """Wait until pg_receivewal has all of a segment; False when it does not come."""
    deadline = time.monotonic() + seconds
    while not (folder / name).exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def names_of(folder: Path) -> list[str]:
    """The segments in a backup's own folder, in order, without `.gz`."""
    return sorted(name for path in folder.glob("*.gz") if _SEGMENT.fullmatch(name := path.name.removesuffix(".gz")))
