"""The compose stack's engine: pgBackRest keeps the database's files and its log, restic the dumps and uploaded files.

Both encrypt with the backup key, keep what is the same once, and read back nothing that was changed. It runs in the
backup container, which has the database's folder (read-only), its socket, and PostgreSQL's programs.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from synergy_cli.backup.clock import CLOCK_FILE
from synergy_cli.backup.engine import Base, Window
from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.files import sha256_of
from synergy_cli.backup.fingerprint import QuietPoint
from synergy_cli.backup.manifest import (
    EngineName,
    Manifest,
    backup_ids,
    delete_set,
    delete_unfinished,
    readable_manifests,
    sets_folder,
)
from synergy_cli.backup.media import FileRow, MediaFile
from synergy_cli.backup.retention import kept
from synergy_cli.backup.tools import ask, close_segment, run
from synergy_cli.backup.wal import left_at, lsn_number, segment_start, segments_between
from synergy_platform.embedded.process import end, spawn

_PGBACKREST = "/usr/local/bin/synergy-pgbackrest"
_RESTIC = "/usr/bin/restic"
STANZA = "synergyos"
KEY_FILE = Path("/run/secrets/backup_key")
_FULL_EVERY = timedelta(days=7) - timedelta(hours=6)  # a run that is late one week must not shift the next
_LOG_KEPT = timedelta(days=7)
_ARCHIVED_SECONDS = 120.0
_CLOSED_SECONDS = 15.0
_SEGMENT = re.compile(r"[0-9A-F]{24}-")
_READY = "database system is ready to accept connections"
_END_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
_RECOVERY_SETTINGS = (
    "restore_command", "recovery_target_name", "recovery_target_time", "recovery_target_timeline",
    "recovery_target_action",
)  # fmt: skip


class PgBackRest:
    """See Engine."""

    name: EngineName = "pgbackrest"
    deduplicates = True
    encrypted = True

    def __init__(
        self,
        *,
        dsn: str,
        key: bytes,
        media: Path | None,
        root: Path = Path("/backups"),
        work: Path = Path("/work"),
        cluster: Path | None = None,
    ) -> None:
        """The defaults are the folders of the container; `media` is None where uploaded files are in a bucket."""
        self.root = root
        self.work = work
        self.cluster = cluster or work / "cluster"
        self.media = media
        self.key = key
        self.dsn = dsn
        self._repository = root / "pgbackrest"
        self._window: Window | None = None
        self._last_segment = ""  # of the window
        self._wanted_end = ""  # the segment in which a recovery has to end

    def program(self, name: str) -> str:
        """See Engine."""
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
        return str(folders[-1] / name) if folders else name

    def prepare(self) -> None:
        """Make the places where backups go, if they are not there; refused where they belong to another database."""
        gone = [name for name in ("pgbackrest", "restic/config") if not (self.root / name).exists()]
        if gone and backup_ids(self.root):
            raise BackupError(
                f"{self.root} names backups, and {gone[0]} in it is gone. Bring the folder back from its copy "
                "elsewhere; if there is none, move `sets` away to begin anew."
            )
        self._pgbackrest("stanza-create")
        if not (self.root / "restic" / "config").exists():
            self._restic("init", "--quiet")

    def clean(self) -> None:
        """See Engine; what pgBackRest and restic hold of a run that failed goes with the next `expire`."""
        for path in self.work.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != CLOCK_FILE:
                path.unlink()
        delete_unfinished(self.root)

    def take_base(self, backup_id: str, *, full: bool) -> Base:
        """See Engine: weekly all files, else what differs from the last full one."""
        self.prepare()
        fulls = [each for each in self._labels() if each["type"] == "full"]
        is_due = not fulls or _stopped(fulls[-1]) < datetime.now(UTC) - _FULL_EVERY
        kind = "full" if full or is_due else "diff"
        self._pgbackrest("backup", f"--type={kind}", "--no-expire-auto", f"--annotation=synergy={backup_id}")
        last = self._labels()[-1]
        return Base(str(last["label"]), "full" if last["type"] == "full" else "incremental")

    def keep_log(self, backup_id: str, base: Base, point: QuietPoint) -> None:
        """See Engine: the segments behind the base's end, of which pgBackRest lets go while the backup stays."""
        last = close_segment(self.program("psql"), self.dsn, point.lsn)
        deadline = time.monotonic() + _ARCHIVED_SECONDS
        folder = self._empty("log")
        first = str(next(each for each in self._labels() if each["label"] == base.name)["archive"]["stop"])
        for name in segments_between(first, last):
            while not self._fetch_segment(name, folder / name):
                if time.monotonic() > deadline:
                    raise BackupError(
                        f"The database's log does not reach the backups: {name} was not archived in "
                        f"{_ARCHIVED_SECONDS:.0f} s. `just logs db -n 50` says why."
                    )
                time.sleep(0.5)
        names = sets_folder(self.root) / backup_id / "log"
        names.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        names.write_text(self._keep(backup_id, "log", folder))
        shutil.rmtree(folder)

    def keep_dump(self, backup_id: str, dump: Path) -> str:
        """See Engine."""
        plain = dump.with_name("dump")  # the same name each day, so that restic knows it again
        dump.replace(plain)
        try:
            return self._keep(backup_id, "dump", plain)
        finally:
            plain.unlink()

    def keep_media(self, backup_id: str, files: Mapping[str, MediaFile]) -> str:
        """See Engine; restic reads only what it has not seen."""
        if self.media is None or not files:
            return ""
        try:
            kept_as = self._keep(backup_id, "media", self.media, "--exclude=*.part")
        except BackupError as error:
            if "status 3" in str(error):  # restic could not read some of them
                raise FileNotFoundError from None
            raise
        if missing := next((key for key in files if not (self.media / key).is_file()), None):
            raise FileNotFoundError(missing)
        return kept_as

    def parts(self, manifest: Manifest) -> Sequence[Path]:
        """See Engine: the base's files; what restic keeps is named by its hash, and `verify` can read all of it."""
        folders = [self._repository / "backup" / STANZA / label for label in _chain(manifest.base)]
        files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        return [sets_folder(self.root) / manifest.id / "log", *files]

    def expire(self) -> list[str]:
        """See Engine."""
        # those of a past that was undone too: they age like all others
        manifests = {each.id: each for each in readable_manifests(self.root, self.key)}
        keep = kept({each: found.created_at for each, found in manifests.items()})
        gone = [each for each in manifests if each not in keep]
        for each in gone:
            delete_set(self.root, each)
        if len(keep) < len(backup_ids(self.root)):  # of one that cannot be read nobody knows what it needs
            return gone
        needed = {label for each in keep for label in _chain(manifests[each].base)}
        # the latest first, since a full one takes those that need it along
        for label in reversed([str(each["label"]) for each in self._labels()]):
            if label not in needed:
                self._pgbackrest("expire", f"--set={label}")
        # the log that recovery to any second of the last days needs stays
        self._pgbackrest("expire", f"--repo1-retention-archive={len(self._fulls_of_window())}")
        if stale := [str(each["id"]) for each in self._snapshots() if not keep.intersection(each["tags"])]:
            self._restic("forget", "--prune", "--quiet", *stale)
        return gone

    def verify(self, manifest: Manifest, *, whole: bool) -> None:
        """See Engine; restic keeps what backups share, and gives back nothing that is not as it was written."""
        try:
            told = self._pgbackrest("verify", f"--set={manifest.base}", "--output=text", "--verbose")
        except BackupError as error:
            told = str(error)
        if "status: ok" not in told:
            said = next((line.strip() for line in told.splitlines() if "error" in line.lower()), told.strip()[:300])
            raise BackupRefused(
                f"Backup {manifest.id} is refused, pgBackRest finds damage: {said}. Take the one before."
            )
        if not whole:
            return
        try:
            self._restic("check", "--read-data", "--quiet")
        except BackupError as error:
            raise BackupRefused(
                f"Backup {manifest.id} is refused, dumps or files are damaged, of this backup or another: {error} "
                "`restore --despite-damage` looks only at what it needs itself."
            ) from None

    def candidates(self) -> Sequence[Manifest]:
        """See Engine."""
        manifests = list(readable_manifests(self.root, self.key))
        ends = {str(each["label"]): str(each["archive"]["stop"]) for each in self._labels()}
        branches = self._branches()
        return [
            each for each in manifests
            # of one whose label is gone nobody can tell, and a restore will say so
            if each.base not in ends or lsn_number(each.lsn) <= branches.get(int(ends[each.base][:8], 16), -1)
        ]  # fmt: skip

    def _branches(self) -> dict[int, int]:
        """What led to the present: each timeline with the place in the log at which the next one left it."""
        last = self._newest_segment()
        if last is None:
            return {}
        present = int(last.name[:8], 16)
        history = last.parents[1] / f"{last.name[:8]}.history"
        told = self._pgbackrest("repo-get", str(history.relative_to(self._repository))) if present > 1 else ""
        return left_at(told) | {present: 1 << 64}

    def _newest_segment(self) -> Path | None:
        """The one that was archived last: of the branch that lives, and not of the one with the highest number."""
        found = [path for path in self._archive().glob("*/*/*.zst") if _SEGMENT.match(path.name)]
        return max(found, key=lambda path: (path.stat().st_mtime, path.name), default=None)

    def window(self) -> Window | None:
        """See Engine: the log is kept since the last but one full backup. What was answered once holds for this run."""
        if self._window is None:
            self._window = self._look_for_window()
        return self._window

    def _look_for_window(self) -> Window | None:
        fulls = self._fulls_of_window()
        since = fulls[0] if fulls else ""
        within = [each for each in self.candidates() if each.base >= since]
        if not within:
            return None
        return Window(min(each.point_at for each in within), self._end_of_log(within))

    def _fulls_of_window(self) -> list[str]:
        """Full backups since which the log is kept: those of the last days, and the one before them."""
        fulls = [each for each in self._labels() if each["type"] == "full"]
        since = datetime.now(UTC) - _LOG_KEPT
        older = [each for each in fulls if _stopped(each) < since]
        return [str(each["label"]) for each in (*older[-1:], *(each for each in fulls if _stopped(each) >= since))]

    def _end_of_log(self, within: Sequence[Manifest]) -> datetime:
        """Now, where the database hands over what it has; else when the last segment was written."""
        with contextlib.suppress(BackupError):
            at = datetime.now(UTC)
            # an empty segment is not closed; and a commit is needed behind each moment that may be chosen
            self._ask("SELECT pg_logical_emit_message(true, 'synergy', '')")
            self._last_segment = last = self._ask("SELECT pg_walfile_name(pg_switch_wal())")
            deadline = time.monotonic() + _CLOSED_SECONDS
            while not (is_there := self._archived(last)) and time.monotonic() < deadline:
                time.sleep(0.2)
            if is_there:
                return at
        newest = self._newest_segment()
        self._last_segment = newest.name[:24] if newest else ""
        written = [path.stat().st_mtime for path in self._archive().rglob("*.zst")]
        return max([datetime.fromtimestamp(max(written, default=0), UTC), *(each.point_at for each in within)])

    def restored_bytes(self, manifest: Manifest) -> int:
        """See Engine."""
        return next((int(each["info"]["size"]) for each in self._labels() if each["label"] == manifest.base), 0)

    def restore_base(self, manifest: Manifest, into: Path, to: datetime | None) -> None:
        """See Engine."""
        is_end = False
        if to is not None:
            window = self.window()
            if window is None or not max(window.start, manifest.point_at) <= to <= window.end:
                first = max(window.start, manifest.point_at).isoformat() if window else "none"
                last = window.end.isoformat() if window else "none"
                raise BackupError(
                    f"{to.isoformat()} cannot be restored from backup {manifest.id}: choose a moment between {first} "
                    f"and {last}, or another backup."
                )
            is_end = to == window.end
        log = self._empty("restored-log")
        snapshot = (sets_folder(self.root) / manifest.id / "log").read_text()
        self._restic("restore", f"{snapshot}:{self.work / 'log'}", "--target", str(log), "--quiet")
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        fetch = f'cp "{log}/%f" "%p" 2>/dev/null || synergy-pgbackrest --pg1-path="{into}" archive-get "%f" "%p"'
        if to is None:
            target = ["--type=name", f"--target={manifest.restore_point}", "--target-timeline=current"]
        elif is_end:
            # else PostgreSQL takes the branch with the highest number, which a restore that was undone may have made
            target = ["--type=default", f"--target-timeline={int(self._last_segment[:8], 16)}"]
        else:
            # on its own branch: a backup begins each new one
            stamp = to.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            target = ["--type=time", f"--target={stamp}", "--target-timeline=current"]
        self._wanted_end = self._last_segment if is_end else ""
        action = [] if is_end else ["--target-action=promote"]
        try:
            self._pgbackrest(
                "restore", f"--set={manifest.base}", f"--pg1-path={into}", *target, *action,
                f"--recovery-option=restore_command={fetch}",
            )  # fmt: skip
        except BackupError as error:
            raise BackupRefused(f"Backup {manifest.id} is refused: {error}") from None

    @contextlib.contextmanager
    def restored_server(self, data: Path) -> Generator[str]:
        """See Engine."""
        socket = self._empty("socket")
        options = {
            "listen_addresses": "", "unix_socket_directories": str(socket),
            # nothing is handed over while it is only tried, and everything once it takes the other's place: without
            # the history of its branch in the archive, the next restore would take the same number for another one
            "archive_mode": "on", "archive_command": "",
            # with it the settings of the database before would be asked for
            "hot_standby": "off", "shared_buffers": "128MB",
        }  # fmt: skip
        command = [self.program("postgres"), "-D", str(data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        database = urlsplit(self.dsn).path
        dsn = f"postgresql://postgres@{database}?host={quote(str(socket), safe='')}"
        log = self.work / "restored.log"
        with log.open("wb") as output:
            server = spawn(command, environment=os.environ, death_signal=signal.SIGINT, stdout=output, stderr=output)
        try:
            while True:
                said = log.read_text(errors="replace")
                if _READY in said and self._ask("SELECT pg_is_in_recovery()", dsn) == "f":
                    break
                if server.poll() is not None:
                    lines = log.read_text(errors="replace").splitlines()
                    said = (
                        [line for line in lines if "FATAL" in line or "PANIC" in line] or lines or ["it said nothing"]
                    )
                    raise BackupRefused(f"The restored database does not start: {said[-1]}")
                time.sleep(0.1)
            for name in _RECOVERY_SETTINGS:
                self._ask(f"ALTER SYSTEM RESET {name}", dsn)
            self._require_end(data)
            yield dsn
        finally:
            end(server, _END_STEPS)

    def _require_end(self, data: Path) -> None:
        """BackupRefused when recovery ended before the last segment: PostgreSQL takes a gap for the end."""
        if not self._wanted_end:
            return
        history = max((data / "pg_wal").glob("*.history"), key=lambda path: path.name)
        ended = max(left_at(history.read_text()).values())
        if ended < segment_start(self._wanted_end):
            raise BackupRefused(
                f"The kept log breaks off before its last segment, {self._wanted_end}: one in between is missing or "
                "damaged. `--to` a moment before that restores what there is."
            )

    def restore_dump(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        folder = self._empty("restored-dump")
        self._restic("restore", f"{manifest.dump}:{self.work}", "--target", str(folder), "--quiet")
        (folder / "dump").replace(into)
        shutil.rmtree(folder)

    def restore_media(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        if manifest.media_set:
            source = f"{manifest.media_set}:/media-files"
            self._restic("restore", source, "--target", str(into), "--quiet")

    def restore_later_media(self, rows: Sequence[FileRow], into: Path) -> dict[str, MediaFile]:
        """See Engine; the container keeps what is uploaded within a minute, until the next backup has it."""
        if not rows:
            return {}
        self.restore_latest_media(into)
        found: dict[str, MediaFile] = {}
        for row in rows:
            path = into / row.file_key
            if path.is_file() and sha256_of(path) == row.sha256:
                status = path.stat()
                found[row.file_key] = MediaFile(status.st_size, row.sha256, status.st_mtime_ns)
        return found

    def restore_latest_media(self, into: Path) -> None:
        """Put all files that were kept last below `into`."""
        if any("media" in each["tags"] for each in self._snapshots()):
            self._restic("restore", "latest:/media-files", "--tag=media", "--target", str(into), "--quiet")

    def last_upload(self) -> str:
        """When a file was uploaded last, as the database has it; empty when none was."""
        return self._ask("SELECT coalesce(max(created_at)::text, '') FROM attachments")

    def keep_later_media(self) -> None:
        """Keep what was uploaded since the last backup."""
        if self.media is not None:
            self._keep("later", "media", self.media, "--exclude=*.part")

    def _archive(self) -> Path:
        return self._repository / "archive" / STANZA

    def _archived(self, name: str) -> bool:
        # while it is written it has `.pgbackrest.tmp` behind that, and cannot be read yet
        return any(self._archive().glob(f"*/{name[:16]}/{name}-*.zst"))

    def _fetch_segment(self, name: str, into: Path) -> bool:
        if not self._archived(name):
            return False
        self._pgbackrest("archive-get", name, str(into))
        return True

    def _ask(self, sql: str, dsn: str = "") -> str:
        return ask(self.program("psql"), dsn or self.dsn, sql)

    def _labels(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(self._pgbackrest("info", "--output=json") or "[]")
        return list(told[0]["backup"]) if told else []

    def _snapshots(self) -> list[dict[str, Any]]:
        return list(json.loads(self._restic("snapshots", "--json")))

    def _keep(self, backup_id: str, kind: str, path: Path, *more: str) -> str:
        """Hand to restic; the snapshot's id."""
        said = self._restic("backup", "--json", "--host=synergyos", f"--tag={kind},{backup_id}", *more, str(path))
        for line in reversed(said.splitlines()):
            told = json.loads(line)
            if told.get("message_type") == "summary":
                return str(told["snapshot_id"])
        raise BackupError("restic did not say what it kept. `just logs backup` has its words.")

    def _empty(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _pgbackrest(self, command: str, *words: str) -> str:
        # options first, then what archive-get takes
        options = [word for word in words if word.startswith("--")]
        rest = [word for word in words if not word.startswith("--")]
        return run(f"pgbackrest {command}", [_PGBACKREST, *options, command, *rest], dict(os.environ))

    def _restic(self, command: str, *words: str) -> str:
        environment = {
            **os.environ, "RESTIC_REPOSITORY": str(self.root / "restic"), "RESTIC_PASSWORD_FILE": str(KEY_FILE),
        }  # fmt: skip
        # ours run one at a time, by a lock of their own: a lock of restic's was left by one that was killed
        if command in {"backup", "forget", "check"}:
            run("restic unlock", [_RESTIC, "--no-cache", "unlock", "--remove-all", "--quiet"], environment)
        reading = ["--no-lock"] if command in {"restore", "snapshots"} else []
        return run(f"restic {command}", [_RESTIC, "--no-cache", *reading, command, *words], environment)


def _chain(label: str) -> tuple[str, ...]:
    """A label and the one that it needs: 20261130-020000F_20261201-020000D needs 20261130-020000F."""
    full = label.split("_", maxsplit=1)[0]
    return (label,) if label == full else (label, full)


def _stopped(label: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(label["timestamp"]["stop"], UTC)
