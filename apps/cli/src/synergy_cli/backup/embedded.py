"""Backups of `synergy up`, by PostgreSQL's own programs and plain folders.

sets/ID/base.tar.gz, backup_manifest   the database's files
sets/ID/wal/*.gz                       its log from there to the restore point: a backup is whole by itself
sets/ID/dump                           a logical dump, for other versions of PostgreSQL
sets/ID/manifest.json, manifest.sig    what belongs to it; written last
media/ab/abcd…                         uploaded files by SHA-256, each content once
wal/                                   the log of the last 7 days, see wal.py
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import tarfile
import time
import zlib
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from synergy_cli.backup.engine import Base, Window
from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.files import copy_private, settle, sha256_of, sync
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
from synergy_cli.backup.tools import HeldLog, close_segment, libpq, run
from synergy_cli.backup.uploads import object_path
from synergy_cli.backup.wal import LogArchive, await_segment, lsn_number, names_of, segment_number, server_id
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries
from synergy_platform.embedded.process import end, spawn

log = structlog.stdlib.get_logger("synergy_cli.backup")

_LOG_SECONDS = 120.0
_UNPACKED = 4  # times the size of what gzip packed, about
_BAD_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
_YOUNG_SECONDS = 2 * 86400.0
_RECOVERY_SECONDS = 24 * 3600.0
_RECOVERY_SETTINGS = ("restore_command", "recovery_target_name", "recovery_target_time", "recovery_target_timeline")


class EmbeddedEngine:
    """See Engine."""

    name: EngineName = "embedded"
    deduplicates = False
    encrypted = False

    def __init__(self, home: Path, root: Path, media: Path | None, key: bytes, dsn: str) -> None:
        """`home` of the system, also when it does not run: then `dsn` is empty, and nothing can be taken."""
        self.home = home
        self.root = root
        self.work = home / "restored"
        self.cluster = self.work / "postgres" / "data"
        self.media = media
        self.key = key
        self.dsn = dsn
        self.archive = LogArchive(root)
        self._receiver: subprocess.Popen[bytes] | None = None
        self._held: HeldLog | None = None

    def program(self, name: str) -> str:
        """See Engine."""
        return str(binaries() / name)

    def clean(self) -> None:
        """See Engine."""
        self._end_receiver()
        delete_unfinished(self.root)
        for path in self.root.glob("media/*/*.new"):
            path.unlink()
        if (self.home / "swap").exists():
            raise BackupError(f"A restore of {self.home} was interrupted: `synergy up` brings it to its end first.")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700, parents=True)

    def take_base(self, backup_id: str, *, full: bool) -> Base:
        """See Engine; the log is received from before the begin."""
        folder = self._set(backup_id)
        wal = folder / "wal"
        wal.mkdir(mode=0o700, parents=True)
        self._held = HeldLog(self.program("psql"), self.dsn)
        dsn, environment = libpq(self.dsn)
        command = [
            self.program("pg_receivewal"),
            f"--directory={wal}",
            "--no-loop",
            "--compress=gzip:1",
            f"--dbname={dsn}",
        ]
        with (self.work / "receiver").open("wb") as said:
            self._receiver = spawn(command, environment=environment, stdout=said, stderr=said)
        deadline = time.monotonic() + _LOG_SECONDS
        while not any(wal.iterdir()):
            self._require_receiver(deadline)
            time.sleep(0.02)
        run(
            "pg_basebackup",
            [
                self.program("pg_basebackup"), f"--pgdata={folder / 'base'}", "--format=tar", "--compress=gzip:1",
                "--wal-method=none", "--checkpoint=fast", "--manifest-checksums=SHA256", f"--dbname={dsn}",
            ],
            environment,
        )  # fmt: skip
        return Base(f"sets/{backup_id}/base", "full")

    def keep_log(self, backup_id: str, base: Base, point: QuietPoint) -> None:
        """See Engine."""
        name = close_segment(self.program("psql"), self.dsn, point.lsn)
        wal, deadline = self._set(backup_id) / "wal", time.monotonic() + _LOG_SECONDS
        while not await_segment(wal, f"{name}.gz", 1):
            self._require_receiver(deadline)
        self._end_receiver()
        for path in wal.glob("*.partial"):
            path.unlink()

    def _end_receiver(self) -> None:
        if self._receiver is not None:
            end(self._receiver, ((signal.SIGINT, 5),))
            self._receiver = None
        if self._held is not None:
            self._held.let_go()
            self._held = None

    def _require_receiver(self, deadline: float) -> None:
        if self._receiver is None or self._receiver.poll() is not None or time.monotonic() > deadline:
            lines = (self.work / "receiver").read_text(errors="replace").splitlines()
            said = "; ".join(lines[-2:]) or "pg_receivewal said nothing"  # the reason, and that it ends
            raise BackupError(f"The database's log did not come: {said}")

    def keep_dump(self, backup_id: str, dump: Path) -> str:
        """See Engine."""
        target = self._set(backup_id) / "dump"
        shutil.move(dump, target)
        sync(target)
        sync(target.parent)
        return f"sets/{backup_id}/dump"

    def keep_media(self, backup_id: str, files: Mapping[str, MediaFile]) -> str:
        """See Engine; what is kept is read again, so that a copy that went bad is replaced."""
        if self.media is not None:
            for key, file in files.items():
                target = self._object(file.sha256)
                if target.is_file() and sha256_of(target) == file.sha256:
                    continue
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _copy(self.media / key, target, file.sha256)
        return "media"

    def parts(self, manifest: Manifest) -> Sequence[Path]:
        """See Engine."""
        of_set = sorted(path for path in self._set(manifest.id).rglob("*") if path.is_file())
        return [*of_set, *sorted({self._object(file.sha256) for file in manifest.media.values()})]

    def expire(self) -> list[str]:
        """See Engine."""
        manifests = self._manifests()
        stay = kept({manifest.id: manifest.created_at for manifest in manifests})
        gone = [manifest.id for manifest in manifests if manifest.id not in stay]
        for backup_id in gone:
            delete_set(self.root, backup_id)
        if len(stay) == len(backup_ids(self.root)):  # of one that cannot be read nobody knows the files
            named = {file.sha256 for manifest in manifests if manifest.id in stay for file in manifest.media.values()}
            for path in self.root.glob("media/*/*"):
                # a young one came after the backup
                if path.name not in named and time.time() - path.stat().st_mtime > _YOUNG_SECONDS:
                    path.unlink()
        self.archive.expire(datetime.now(UTC))
        return gone

    def verify(self, manifest: Manifest, *, whole: bool) -> None:
        """See Engine; pg_verifybackup looks at what is extracted, in restore_base."""

    def window(self) -> Window | None:
        """See Engine; backups of a past that a restore has undone do not count, nor those whose log is not kept."""
        manifests = self.candidates()
        if not manifests:
            return None
        first = manifests[0]
        for older in manifests[1:]:
            behind, wanted = self._last_segment(older), self._last_segment(first)
            chain = self.archive.chain(self._server(older), behind, wanted)
            if len({segment_number(name) for name in chain}) < wanted - behind:
                break
            first = older
        return Window(first.point_at, self._end(manifests[0]))

    def candidates(self) -> list[Manifest]:
        """See Engine."""
        found: list[Manifest] = []
        for manifest in self._manifests():
            try:
                timelines = self.archive.timelines(self._server(manifest))
                own = int(names_of(self._set(manifest.id) / "wal")[-1][:8], 16)
            except (BackupRefused, IndexError, OSError) as error:  # damaged, or copied here in part: the others count
                log.warning("backup.unreadable", backup=manifest.id, reason=str(error))
                continue
            if lsn_number(manifest.lsn) <= timelines.get(own, -1):
                found.append(manifest)
        return found

    def _end(self, newest: Manifest) -> datetime:
        chain = self.archive.chain(self._server(newest), self._last_segment(newest))
        return max(newest.point_at, self.archive.last_commit(chain) or newest.point_at)

    def _server(self, manifest: Manifest) -> int:
        wal = self._set(manifest.id) / "wal"
        # not in `work`: whoever lists backups holds no lock
        with TemporaryDirectory(prefix="synergy-") as folder:
            first = Path(folder) / "segment"
            _unpack(wal / f"{names_of(wal)[0]}.gz", first, limit=8192)
            return server_id(first)

    def _last_segment(self, manifest: Manifest) -> int:
        return max(segment_number(name) for name in names_of(self._set(manifest.id) / "wal"))

    def restored_bytes(self, manifest: Manifest) -> int:
        """See Engine; what is packed unfolds to about four times its size."""
        base = f"sets/{manifest.id}/base/"
        return _UNPACKED * sum(part.size for name, part in manifest.parts.items() if name.startswith(base))

    def restore_base(self, manifest: Manifest, into: Path, to: datetime | None) -> None:
        """See Engine."""
        chain, target = self._log_for(manifest, to)
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._set(manifest.id)
        try:
            with tarfile.open(folder / "base" / "base.tar.gz") as archive:
                archive.extractall(into, filter=_as_ours)  # noqa: S202 - `_as_ours` refuses what leaves the folder
        except (tarfile.TarError, *_BAD_GZIP) as error:
            raise BackupRefused(
                f"Backup {manifest.id}: its copy of the database cannot be unpacked ({error})."
            ) from None
        command = [self.program("pg_verifybackup"), "--no-parse-wal", "--quiet", str(into)]
        run("pg_verifybackup", [*command, f"--manifest-path={folder / 'base' / 'backup_manifest'}"], {"LC_ALL": "C"})
        wal = into / "pg_wal"
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            packed = list((folder / "wal").glob("*.gz"))
            list(pool.map(_unpack, packed, [wal / path.stem for path in packed]))
        for name, path in chain.items():
            shutil.copyfile(path, wal / name)
        lines = [f"{name} = '{value}'" for name, value in {"restore_command": "false", **target}.items()]
        with (into / "postgresql.auto.conf").open("a") as settings:
            settings.write("\n".join([*lines, ""]))
        (into / "recovery.signal").touch(mode=0o600)

    def _log_for(self, manifest: Manifest, to: datetime | None) -> tuple[dict[str, Path], dict[str, str]]:
        """Segments that the backup does not have itself, and where recovery ends."""
        action = {"recovery_target_action": "promote"}
        if to is None:
            return {}, action | {"recovery_target_name": manifest.restore_point, "recovery_target_timeline": "current"}
        end_of_log = self._end(manifest)
        if not manifest.point_at <= to <= end_of_log:
            raise BackupError(
                f"{to.isoformat()} cannot be restored from backup {manifest.id}: choose a moment between "
                f"{manifest.point_at.isoformat()} and {end_of_log.isoformat()}, or another backup."
            )
        later = [other for other in self._manifests() if other.point_at > to]
        up_to = min((self._last_segment(other) for other in later), default=None)
        chain = (
            self.archive.chain(self._server(manifest), self._last_segment(manifest), up_to) | self.archive.histories()
        )
        target = {} if to == end_of_log else {"recovery_target_time": to.isoformat(sep=" ")}
        return chain, (action if target else {}) | target | {"recovery_target_timeline": "latest"}

    def _manifests(self) -> list[Manifest]:
        return list(readable_manifests(self.root, self.key))

    @contextmanager
    def restored_server(self, data: Path) -> Generator[str]:
        """See Engine; its folder is the one around `data`."""
        for name in ("password", "superuser-password"):
            source, target = self.home / "postgres" / name, data.parent / name
            if source != target and source.exists():
                shutil.copy2(source, target)
        server = EmbeddedPostgres(data.parent)
        try:
            server.launch()
            server.wait_ready(_RECOVERY_SECONDS)
        except EmbeddedError as error:
            raise BackupError(f"The restored database does not start: {error}") from None
        try:
            for name in (*_RECOVERY_SETTINGS, "recovery_target_action"):
                server.run_sql(f"ALTER SYSTEM RESET {name}")
            yield server.url(superuser=True)
        finally:
            server.stop()

    def restore_dump(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        shutil.copyfile(self.root / manifest.dump, into)

    def restore_media(self, manifest: Manifest, into: Path) -> None:
        """See Engine."""
        for key, file in manifest.media.items():
            self._restore_file(key, self._object(file.sha256), file.sha256, into)
            os.utime(into / key, ns=(file.mtime_ns, file.mtime_ns))

    def restore_later_media(self, rows: Sequence[FileRow], into: Path) -> dict[str, MediaFile]:
        """See Engine; `synergy up` keeps them, see uploads.py."""
        found: dict[str, MediaFile] = {}
        for row in rows:
            source = self._object(row.sha256)
            if source.is_file():
                self._restore_file(row.file_key, source, row.sha256, into)
                status = (into / row.file_key).stat()
                found[row.file_key] = MediaFile(status.st_size, row.sha256, status.st_mtime_ns)
        return found

    def _restore_file(self, key: str, source: Path, sha256: str, into: Path) -> None:
        target = into / key
        if not target.resolve().is_relative_to(into.resolve()):
            raise BackupRefused(f"{key} is no place for an uploaded file: it would lie outside of their folder.")
        if not target.is_file() or sha256_of(target) != sha256:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copy(source, target, sha256)

    def _set(self, backup_id: str) -> Path:
        return sets_folder(self.root) / backup_id

    def _object(self, sha256: str) -> Path:
        return object_path(self.root, sha256)


def _as_ours(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    """Nothing outside of the folder, owned by whoever restores; folders for nobody else."""
    safe = tarfile.data_filter(member, path)
    return safe.replace(mode=0o700, deep=False) if safe.isdir() else safe


def _copy(source: Path, target: Path, sha256: str) -> None:
    """Write it through to the disk under another name first; BackupError when it is not what it should be."""
    draft = target.with_name(f"{target.name}.new")
    if copy_private(source, draft) != sha256:
        draft.unlink()
        raise BackupError(f"{source} changed while it was copied, or its disk is bad. Try again.")
    settle(draft, target)


def _unpack(source: Path, target: Path, limit: int = -1) -> None:
    try:
        with gzip.open(source) as packed, target.open("wb") as file:
            if limit > 0:
                file.write(packed.read(limit))
            else:
                shutil.copyfileobj(packed, file, 1 << 20)
    except _BAD_GZIP as error:
        raise BackupRefused(f"{source} cannot be unpacked ({error}).") from None
