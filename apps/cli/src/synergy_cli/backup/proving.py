"""Restores a backup into a new cluster and compares it with what was there: a drill, or the first half of a restore."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from synergy_cli.backup.engine import Engine
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.fingerprint import Fingerprint, connected, differences, fingerprint
from synergy_cli.backup.hints import key_hint
from synergy_cli.backup.manifest import Manifest, backup_ids, check_parts, read_manifest
from synergy_cli.backup.media import FileRow, MediaFile, file_rows, list_media, media_differences, rows_without_file
from synergy_cli.backup.recording import record
from synergy_cli.backup.smoke import on_database, smoke
from synergy_cli.backup.taking import soon_alone
from synergy_cli.backup.tools import libpq, of_database, run
from synergy_domain.maintenance import readable
from synergy_domain.schema import SUPPORTED_REVISIONS
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger("synergy_cli.backup")

# a log that is kept later than this is more than the promised minute behind
LOG_BEHIND_SECONDS = 90.0
_SHOWN = 20
_ROOM = 1.1  # what is needed, and a tenth
_SCRATCH = "synergy_proof"


class Proof(msgspec.Struct, kw_only=True):
    """How it went: seconds of each step, bytes of the database, seconds from the begin until the product answered.

    `differences` is empty when all is as it was; `without_file` names attachments whose file is not in the backup.
    """

    backup: str
    to: datetime | None
    seconds: dict[str, float] = {}
    bytes: int = 0
    rto_seconds: float = 0.0
    tables: int = 0
    rows: int = 0
    files: int = 0
    differences: list[str] = []
    without_file: list[str] = []

    @property
    def seconds_a_gb(self) -> float:
        """Of `rto_seconds`; a database of less than 1 GB counts as one of 1 GB."""
        return self.rto_seconds / max(1.0, self.bytes / 2**30)


def prove(
    engine: Engine,
    settings: Settings,
    environ: Mapping[str, str],
    manifest: Manifest,
    to: datetime | None,
    *,
    task: Literal["drill", "restore"],
    media: Path | None = None,
    whole: bool = True,
) -> Proof:
    """Restore into `engine.cluster`, the files into `media` (None: below `work`), and compare.

    BackupError when it does not get so far. `drill` proves the dump too; `restore` is recorded in what was restored, so
    that it tells of itself. Not `whole`: damage to what only other backups need is no reason to refuse this one.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    proof = Proof(backup=manifest.id, to=to)
    if settings.secret_keys and manifest.secret_key_hint not in {key_hint(key) for key in settings.secret_keys}:
        raise BackupError(
            f"Backup {manifest.id} was made with another SECRET_KEY: what is encrypted in it could not be read. Put "
            "that key behind the present one (SECRET_KEY is a list), or recover with its escrow file."
        )
    with _step(proof, "check"):
        check_parts(engine.root, manifest)
        engine.verify(manifest, whole=whole)
    _require_room(engine, manifest, task)
    data, media = engine.cluster, media or engine.work / "media"
    with _step(proof, "copy"):
        engine.restore_base(manifest, data, to)
    recovery = time.monotonic()
    with engine.restored_server(data) as dsn:
        proof.seconds["recovery"] = round(time.monotonic() - recovery, 2)
        with _step(proof, "compare"):
            found, rows, proof.bytes = asyncio.run(_look(dsn))
            proof.tables, proof.rows = len(found), sum(table.rows for table in found.values())
            if to is None:
                proof.differences += differences(manifest.tables, found)
        files = dict(manifest.media)
        with _step(proof, "files"):
            if engine.media is not None:
                files = _files(engine, manifest, media, rows, later=to is not None)
                proof.differences += media_differences(media, files)
                # files that nobody kept may still be where they were
                here = list_media(engine.media, files) if to and engine.media.is_dir() else {}
                proof.without_file = rows_without_file(rows, here | files)
            proof.files = len(files)
        # what is older than this release is brought up to date by whatever starts on it, and answers only then
        if manifest.revision in SUPPORTED_REVISIONS:
            with _step(proof, "smoke"):
                proof.differences += smoke(settings, environ, dsn, media if engine.media is not None else None, files)
        else:
            log.warning("restore.older_schema", revision=manifest.revision)
        proof.rto_seconds = round(time.monotonic() - began, 2)
        if task == "drill":
            with _step(proof, "dump"):
                proof.differences += _prove_dump(engine, manifest, dsn)
            with _step(proof, "pages"):
                proof.differences += _amcheck(engine, dsn)
        elif not proof.differences:
            _record(on_database(settings, dsn), "restore", began_at, proof)
    return proof


def _require_room(engine: Engine, manifest: Manifest, task: str) -> None:
    """BackupError before a disk is filled that the live database may be on; a drill restores the dump, too."""
    engine.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = engine.restored_bytes(manifest)
    needed = database * (3 if task == "drill" else 1) + sum(file.size for file in manifest.media.values())
    free = shutil.disk_usage(engine.work).free
    if needed * _ROOM > free:
        raise BackupError(
            f"{engine.work} has {readable(free)} free, and this takes about {readable(needed)}: make room, or put that "
            "folder on a larger disk."
        )


def _files(
    engine: Engine, manifest: Manifest, media: Path, rows: Sequence[FileRow], *, later: bool
) -> dict[str, MediaFile]:
    """Restore the files, and of those that came after the backup what was kept; all of them."""
    media.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine.restore_media(manifest, media)
    more = [row for row in rows if row.file_key not in manifest.media] if later else []
    return dict(manifest.media) | engine.restore_later_media(more, media)


def drill(engine: Engine, settings: Settings, environ: Mapping[str, str]) -> Proof:
    """Prove the newest backup, the whole of it, throw the result away and record how it went."""
    with soon_alone(engine.root):
        return _drill_alone(engine, settings, environ)


def _drill_alone(engine: Engine, settings: Settings, environ: Mapping[str, str]) -> Proof:
    began_at = datetime.now(UTC)
    log.info("drill.started")
    try:
        manifest = newest(engine)
        engine.clean()
        try:
            proof = prove(engine, settings, environ, manifest, None, task="drill")
            window = engine.window()
        finally:
            engine.clean()
    except (BackupError, EmbeddedError, OSError) as error:
        log.error("drill.failed", reason=str(error))  # noqa: TRY400 - the sentence tells
        record(settings, "drill", "failed", began_at, str(error), {})
        raise
    behind = (began_at - window.end).total_seconds() if window else 0.0
    if behind > LOG_BEHIND_SECONDS:
        proof.differences.append(f"the kept log ends {behind:.0f} s ago: see that it is received (`synergy doctor`)")
    _record(settings, "drill", began_at, proof)
    return proof


def choose(engine: Engine, backup_id: str | None, to: datetime | None) -> tuple[Manifest, datetime | None]:
    """The backup to begin with, and up to where its log is taken (None: its own restore point).

    Without a wish: the newest, and all of the log that there is. BackupError names the window.
    """
    if backup_id is not None:
        return read_manifest(engine.root, backup_id, engine.key), to
    manifests = engine.candidates()
    if not manifests:
        some = backup_ids(engine.root)
        raise BackupError(
            f"No backup in {engine.root} can be read with this backup key." if some else
            f"There is no backup in {engine.root}."
        )  # fmt: skip
    window = engine.window()
    if window is None or to is None:
        return manifests[0], window.end if window else None
    fitting = [manifest for manifest in manifests if manifest.point_at <= to]
    if not fitting or to > window.end:
        raise BackupError(
            f"{to.isoformat()} cannot be restored: choose a moment from {window.start.isoformat()} to "
            f"{window.end.isoformat()}."
        )
    return fitting[0], to


def try_restore(
    engine: Engine,
    settings: Settings,
    environ: Mapping[str, str],
    backup_id: str | None,
    to: datetime | None,
    *,
    whole: bool = True,
) -> Proof:
    """Restore into a cluster of its own, compare, and throw it away; the system may run meanwhile."""
    with soon_alone(engine.root):
        engine.clean()
        try:
            manifest, until = choose(engine, backup_id, to)
            return prove(engine, settings, environ, manifest, until, task="restore", whole=whole)
        finally:
            engine.clean()


def newest(engine: Engine) -> Manifest:
    """The last backup; BackupError when there is none or it is not as it was signed."""
    ids = backup_ids(engine.root)
    if not ids:
        raise BackupError("There is no backup yet: `synergy backup` takes one.")
    return read_manifest(engine.root, ids[0], engine.key)


def _record(settings: Settings, task: str, began_at: datetime, proof: Proof) -> None:
    outcome = "failed" if proof.differences else "attention" if proof.without_file else "ok"
    detail = msgspec.to_builtins(proof) | {
        "differences": proof.differences[:_SHOWN],
        "without_file": proof.without_file[:_SHOWN],
        "seconds_a_gb": round(proof.seconds_a_gb, 1),
    }
    if proof.differences:
        log.error("drill.failed" if task == "drill" else "restore.failed", **detail)
        said = f"Backup {proof.backup} does not give back what was there: {proof.differences[0]}."
    else:
        log.info("drill.finished" if task == "drill" else "restore.finished", **detail)
        said = (
            f"Backup {proof.backup} gave back {proof.rows} rows and {proof.files} files in {proof.rto_seconds:.1f} s."
        )
        if proof.without_file:
            said += f" {len(proof.without_file)} attachments have no file, first: {proof.without_file[0]}."
    record(settings, task, outcome, began_at, said, detail)


@contextmanager
def _step(proof: Proof, name: str) -> Generator[None]:
    began = time.monotonic()
    yield
    proof.seconds[name] = round(time.monotonic() - began, 2)


async def _look(dsn: str) -> tuple[Fingerprint, list[FileRow], int]:
    async with connected(dsn) as connection:
        rows = await file_rows(connection)
        size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    return await fingerprint(dsn), rows, size


def _prove_dump(engine: Engine, manifest: Manifest, dsn: str) -> list[str]:
    """Restore the dump beside the database that the base gave, and compare; it is for when the base is of no use."""
    dump = engine.work / "proof.dump"
    engine.restore_dump(manifest, dump)
    scratch = of_database(dsn, _SCRATCH)
    asyncio.run(_execute(dsn, f"CREATE DATABASE {_SCRATCH} TEMPLATE template0"))
    address, environment = libpq(scratch)
    command = [engine.program("pg_restore"), "--exit-on-error", "--jobs=2", f"--dbname={address}", str(dump)]
    run("pg_restore", command, environment)
    dump.unlink()
    found = asyncio.run(fingerprint(scratch))
    asyncio.run(_execute(dsn, f"DROP DATABASE {_SCRATCH} WITH (FORCE)"))
    return [f"the dump: {said}" for said in differences(manifest.tables, found)]


def _amcheck(engine: Engine, dsn: str) -> list[str]:
    """PostgreSQL's look at every page of tables and indexes, where its extension is there."""
    if not asyncio.run(_value(dsn, "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'")):
        return []
    address, environment = libpq(dsn)
    try:
        run("pg_amcheck", [engine.program("pg_amcheck"), "--install-missing", address], environment)
    except BackupError as error:
        return [str(error)]
    return []


async def _execute(dsn: str, sql: str) -> None:
    async with connected(dsn) as connection:
        await connection.execute(sql)


async def _value(dsn: str, sql: str) -> int:
    async with connected(dsn) as connection:
        found: int = await connection.fetchval(sql)
        return found
