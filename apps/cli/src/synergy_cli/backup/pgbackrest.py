"""The compose stack's engine: pgBackRest keeps the database's files and its log, restic the dumps and uploaded files.

Both encrypt with the backup key, keep what is the same once, and read back nothing that was changed. It runs in the
backup container, which has the database's folder (read-only), its socket, and PostgreSQL's programs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from synergy_cli.backup.engine import Base, Target
from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.fingerprint import QuietPoint
from synergy_cli.backup.manifest import Manifest, backup_ids, read_manifest
from synergy_cli.backup.media import MediaFile
from synergy_cli.backup.retention import kept
from synergy_cli.backup.running import run, running_server, telling_line

STANZA = "synergyos"
KEY_FILE = Path("/run/secrets/backup_key")
_FULL_EVERY = timedelta(days=7) - timedelta(hours=6)  # a run that is late one week must not shift the next
_SEGMENT_BYTES = 16 * 1024 * 1024
_ARCHIVED_SECONDS = 120.0


class PgBackRest:
    """See Engine."""

    name: Literal["pgbackrest"] = "pgbackrest"

    def __init__(
        self,
        *,
        dsn: str,
        key: bytes,
        root: Path = Path("/backups"),
        work: Path = Path("/work"),
        media: Path | None = Path("/media-files"),
    ) -> None:
        """The defaults are the folders of the container; `media` is None where uploaded files are in a bucket."""
        self.root = root
        self.work = work
        self.media = media
        self.key = key
        self.dsn = dsn
        self.deduplicates = True
        self._repository = root / "pgbackrest"

    def program(self, name: str) -> str:
        """See Engine."""
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
        return str(folders[-1] / name) if folders else name

    def prepare(self) -> None:
        """Make the places where backups go, if they are not there yet; refused where they belong to another database."""
        self._pgbackrest("stanza-create")
        if not (self.root / "restic" / "config").exists():
            self._restic("init", "--quiet")

    def take_base(self, backup_id: str, *, full: bool) -> Base:
        """See Engine: weekly all files, else what differs from the last full one."""
        self.prepare()
        known = self._labels()
        fulls = [each for each in known if each["type"] == "full"]
        is_due = not fulls or _stopped(fulls[-1]) < datetime.now(UTC) - _FULL_EVERY
        kind = "full" if full or is_due else "diff"
        self._pgbackrest(
            "backup", f"--type={kind}", "--no-expire-auto", "--stop-auto", f"--annotation=synergy={backup_id}"
        )
        label = self._labels()[-1]
        return Base(label["label"], "full" if label["type"] == "full" else "incremental")

    def keep_log(self, backup_id: str, base: Base, point: QuietPoint) -> str:
        """See Engine: the segments behind the base's end, which pgBackRest lets go of before the backup goes."""
        last = _segment(self.dsn, self.program("psql"), point.lsn)
        deadline = time.monotonic() + _ARCHIVED_SECONDS
        folder = self._empty("log")
        first = str(next(each for each in self._labels() if each["label"] == base.name)["archive"]["stop"])
        names = list(_segments(first, last))
        for name in names:
            while True:
                # a file is handed over once it is full, or when this asks for it
                done = self._pgbackrest("archive-get", name, str(folder / name), check=False)
                if done.returncode == 0:
                    break
                if time.monotonic() > deadline:
                    raise BackupError(
                        f"The database's log does not reach the backups: {name} was not archived in "
                        f"{_ARCHIVED_SECONDS:.0f} s. `just logs db -n 50` says why."
                    )
                time.sleep(0.5)
        snapshot = self._keep(backup_id, "log", folder)
        shutil.rmtree(folder)
        return snapshot

    def keep_dump(self, backup_id: str, dump: Path) -> str:
        """See Engine."""
        return self._keep(backup_id, "dump", dump)

    def keep_media(self, backup_id: str, files: Mapping[str, MediaFile]) -> str:
        """See Engine; restic reads only what it has not seen."""
        if self.media is None or not files:
            return ""
        return self._keep(backup_id, "media", self.media, "--exclude=*.part")

    def parts(self, backup_id: str, base: Base, dump: str, media_set: str) -> Sequence[Path]:
        """See Engine: the base's files; what restic keeps is named by its hash, and `verify` reads all of it."""
        labels = {base.name, base.name.split("_")[0]}  # 20261130-020000F_20261201-020000D needs 20261130-020000F
        folders = [self._repository / "backup" / STANZA / label for label in labels]
        return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]

    def expire(self) -> list[str]:
        """See Engine."""
        manifests = {each: self._manifest(each) for each in backup_ids(self.root)}
        keep = kept({each: found.created_at for each, found in manifests.items()})
        gone = [each for each in manifests if each not in keep]
        needed = {label for each in keep for label in _chain(manifests[each].base)}
        snapshots = [name for each in gone for name in (manifests[each].log, manifests[each].dump, manifests[each].media_set)]
        for each in gone:
            shutil.rmtree(self.root / "sets" / each)
        # also those of runs that failed, which no manifest names
        for label in reversed([str(each["label"]) for each in self._labels()]):
            if label not in needed:
                self._pgbackrest("expire", f"--set={label}")
        self._pgbackrest("expire")  # the log that nothing needs any more
        if snapshots:
            self._restic("forget", "--prune", "--quiet", *[name for name in snapshots if name])
        return gone

    def verify(self, manifest: Manifest) -> None:
        """See Engine."""
        done = self._pgbackrest("verify", f"--set={manifest.base}", "--output=text", "--verbose", check=False)
        if done.returncode != 0 or "status: ok" not in done.stdout:
            raise BackupRefused(
                f"Backup {manifest.id} is refused: pgBackRest finds it damaged ({telling_line(done.stdout + done.stderr)}). Take the one before."
            )
        done = self._restic("check", "--read-data", "--quiet", check=False)
        if done.returncode != 0:
            raise BackupRefused(
                f"Backup {manifest.id} is refused: its dump or files are damaged ({telling_line(done.stdout + done.stderr)}). Take another copy."
            )

    def restore_base(self, manifest: Manifest, into: Path, to: Target) -> None:
        """See Engine."""
        log = self._empty("restored-log")
        if manifest.log:
            self._restic("restore", f"{manifest.log}:{self.work / 'log'}", "--target", str(log), "--quiet")
        fetch = f'cp "{log}/%f" "%p" 2>/dev/null || synergy-pgbackrest --pg1-path="{into}" archive-get "%f" "%p"'
        if to == "end":
            recovery = ["--type=default"]
        elif to == "restore_point":
            recovery = ["--type=name", f"--target={manifest.restore_point}", "--target-action=promote"]
        else:
            if to < manifest.created_at:
                raise BackupError(
                    f"{to:%Y-%m-%d %H:%M:%S%z} is before the end of backup {manifest.id}. Take an earlier one (`backups`)."
                )
            stamp = to.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            recovery = ["--type=time", f"--target={stamp}", "--target-action=promote"]
        self._pgbackrest(
            "restore", f"--set={manifest.base}", f"--pg1-path={into}", *recovery,
            f"--recovery-option=restore_command={fetch}", refusal=f"Backup {manifest.id} is refused",
        )  # fmt: skip

    @contextlib.contextmanager
    def restored_server(self, data: Path) -> Generator[str]:
        """See Engine."""
        socket = self._empty("socket")
        options = {
            "listen_addresses": "", "unix_socket_directories": str(socket), "archive_mode": "off",
            # with it the settings of the database before would be asked for
            "hot_standby": "off", "shared_buffers": "128MB", "logging_collector": "off",
        }  # fmt: skip
        command = [self.program("postgres"), "-D", str(data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        database = quote(self.dsn.rpartition("/")[2].partition("?")[0], safe="")
        dsn = f"postgresql://postgres@/{database}?host={quote(str(socket), safe='')}"
        with running_server(command, self.program("psql"), dsn, self.work / "restored.log"):
            yield dsn

    def restore_dump(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        folder = self._empty("restored-dump")
        self._restic("restore", f"{manifest.dump}:{self.work}", "--target", str(folder), "--quiet")
        next(folder.iterdir()).replace(into)
        shutil.rmtree(folder)

    def restore_media(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        if manifest.media_set:
            source = f"{manifest.media_set}:/media-files"
            self._restic("restore", source, "--target", str(into), "--overwrite=if-changed", "--quiet")

    def _manifest(self, backup_id: str) -> Manifest:
        return read_manifest(self.root, backup_id, self.key)

    def _labels(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(self._pgbackrest("info", "--output=json").stdout or "[]")
        return list(told[0]["backup"]) if told else []

    def _keep(self, backup_id: str, kind: str, path: Path, *more: str) -> str:
        """Hand to restic; the snapshot's id."""
        done = self._restic(
            "backup", "--json", "--host=synergyos", f"--tag={kind},{backup_id}", *more, str(path)
        )
        for line in reversed(done.stdout.splitlines()):
            told = json.loads(line)
            if told.get("message_type") == "summary":
                return str(told["snapshot_id"])
        raise BackupError("restic did not say what it kept. `just logs backup` has its words.")

    def _empty(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _pgbackrest(
        self, command: str, *words: str, check: bool = True, refusal: str = ""
    ) -> subprocess.CompletedProcess[str]:
        # options first, then what archive-get takes
        options = [word for word in words if word.startswith("--")]
        rest = [word for word in words if not word.startswith("--")]
        return run(["synergy-pgbackrest", *options, command, *rest], check=check, refusal=refusal)

    def _restic(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        # a lock is left by a run that was killed; only one of ours runs at a time
        environment = {
            **os.environ, "RESTIC_REPOSITORY": str(self.root / "restic"), "RESTIC_PASSWORD_FILE": str(KEY_FILE),
        }  # fmt: skip
        if words[0] in {"backup", "forget", "check"}:
            run(["restic", "unlock", "--quiet"], environment=environment, check=False)
        return run(["restic", "--no-cache", *words], environment=environment, check=check)


def _chain(label: str) -> tuple[str, ...]:
    return (label, label.split("_")[0])


def _stopped(label: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(label["timestamp"]["stop"], UTC)


def _segment(dsn: str, psql: str, lsn: str) -> str:
    """The file of the log that holds this place; the file is closed, so that it is archived."""
    done = run([psql, "-XqAt", "-d", dsn, "-c", f"SELECT pg_walfile_name('{lsn}') FROM pg_switch_wal()"])
    return done.stdout.strip()


def _segments(first: str, last: str) -> Iterable[str]:
    """Names of the log's files from one to the other, on one timeline; of 16 MiB, as initdb makes them."""
    per_file = 0x1_0000_0000 // _SEGMENT_BYTES
    timeline = last[:8]

    def number(name: str) -> int:
        return int(name[8:16], 16) * per_file + int(name[16:24], 16)

    for each in range(number(first), number(last) + 1):
        yield f"{timeline}{each // per_file:08X}{each % per_file:08X}"

