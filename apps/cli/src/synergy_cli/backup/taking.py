"""Takes a backup, of whatever engine: one at a time, and it counts once its manifest is written, at the very end."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from synergy_cli.backup.engine import Engine
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.fingerprint import Fingerprint, QuietPoint, as_of, quiet_point
from synergy_cli.backup.hints import key_hint
from synergy_cli.backup.manifest import (
    Manifest,
    backup_ids,
    hash_parts,
    read_manifest,
    write_manifest,
)
from synergy_cli.backup.media import MediaFile, file_rows, list_media, rows_without_file
from synergy_cli.backup.recording import record
from synergy_cli.backup.tools import libpq, run
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import FolderLock
from synergy_platform.settings import Settings
from synergy_platform.version import VERSION

log = structlog.stdlib.get_logger("synergy_cli.backup")

_LISTINGS = 3
_BUSY_SECONDS = 600.0


def alone(root: Path) -> FolderLock:
    """Held by whoever writes, proves or deletes backups: a second one is refused (EmbeddedError)."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FolderLock(root / "lock", "Process {pid} works on these backups already: wait for it to end.")


@contextmanager
def soon_alone(root: Path, seconds: float = _BUSY_SECONDS) -> Generator[None]:
    """As `alone`, after waiting for whoever works on them; EmbeddedError when that takes too long."""
    deadline = time.monotonic() + seconds
    lock = alone(root)
    while True:
        try:
            lock.acquire()
            break
        except EmbeddedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
    try:
        yield
    finally:
        lock.release()


def take_backup(engine: Engine, settings: Settings, *, full: bool = False, patience: float = _BUSY_SECONDS) -> Manifest:
    """Take one and keep it; BackupError when it did not come to its end: the backups of before stay as they were.

    It waits `patience` seconds for whoever works on the backups already; EmbeddedError when that is not enough.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    backup_id = f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    with soon_alone(engine.root, patience):
        return _take_alone(engine, settings, backup_id, started_at, began, full=full)


def _take_alone(
    engine: Engine, settings: Settings, backup_id: str, started_at: datetime, began: float, *, full: bool
) -> Manifest:
    log.info("backup.started", backup=backup_id, full=full)
    try:
        engine.clean()
        try:
            manifest, without_file = asyncio.run(_take(engine, settings, backup_id, started_at, full=full))
            expired = engine.expire()
        finally:
            engine.clean()
    except (BackupError, EmbeddedError, OSError) as error:
        reason = _reason(error)
        seconds = round(time.monotonic() - began, 1)
        log.error("backup.failed", backup=backup_id, reason=reason, seconds=seconds)  # noqa: TRY400 - the sentence tells
        record(settings, "backup", "failed", started_at, reason, {"id": backup_id, "seconds": seconds})
        raise BackupError(reason) from None
    seconds = round(time.monotonic() - began, 1)
    detail: dict[str, Any] = {
        "id": backup_id, "kind": manifest.kind, "bytes": manifest.stored_bytes, "tables": len(manifest.tables),
        "rows": manifest.rows, "files": len(manifest.media), "held_ms": round(manifest.held_ms, 1),
        "seconds": seconds, "encrypted": engine.encrypted,
    }  # fmt: skip
    log.info("backup.finished", **detail, expired=expired, rows_without_file=len(without_file))
    said = f"Backup {backup_id}: {manifest.rows} rows and {len(manifest.media)} files in {seconds} s."
    if without_file:
        said += f" {len(without_file)} attachments have no file, first: {without_file[0]}."
        detail["rows_without_file"] = without_file[:20]
    record(settings, "backup", "attention" if without_file else "ok", started_at, said, detail)
    return manifest


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'The backup'} cannot be written or read: {error.strerror or error}."
    return str(error)


async def _take(
    engine: Engine, settings: Settings, backup_id: str, started_at: datetime, *, full: bool
) -> tuple[Manifest, list[str]]:
    before = _last_manifest(engine)
    base = await asyncio.to_thread(engine.take_base, backup_id, full=full)
    async with quiet_point(engine.dsn, f"synergy-{backup_id}") as point:
        async with as_of(engine.dsn, point.snapshot) as connection:
            rows = await file_rows(connection)
            revision: str = await connection.fetchval("SELECT version_num FROM alembic_version")
        dump = engine.work / f"{backup_id}.dump"
        await asyncio.to_thread(_dump, engine, point, dump)
    await asyncio.to_thread(engine.keep_log, backup_id, base, point)
    kept_dump = await asyncio.to_thread(engine.keep_dump, backup_id, dump)
    dump.unlink(missing_ok=True)
    # after the database: what its rows name is there already
    media, media_set = await asyncio.to_thread(_keep_media, engine, backup_id, before.media if before else {})
    without_file = [] if engine.media is None else rows_without_file(rows, media)
    manifest = Manifest(
        id=backup_id, created_at=started_at, version=VERSION, revision=revision, engine=engine.name, kind=base.kind,
        base=base.name, dump=kept_dump, media_set=media_set, restore_point=point.name, point_at=point.at,
        lsn=point.lsn, tables=point.tables, media=media, parts={}, secret_key_hint=key_hint(settings.secret_keys[0]),
        held_ms=point.held_ms,
    )  # fmt: skip
    known = before.parts if before else {}
    manifest.parts = await asyncio.to_thread(lambda: hash_parts(engine.root, engine.parts(manifest), known))
    write_manifest(engine.root, manifest, engine.key)
    return manifest, without_file


def _keep_media(engine: Engine, backup_id: str, known: Mapping[str, MediaFile]) -> tuple[dict[str, MediaFile], str]:
    for _ in range(_LISTINGS):
        files = {} if engine.media is None else list_media(engine.media, known)
        try:
            return files, engine.keep_media(backup_id, files)
        except FileNotFoundError:  # deleted meanwhile; the next list does not have it
            continue
    raise BackupError(f"Uploaded files went away while they were copied, {_LISTINGS} times in a row. Try again later.")


def _last_manifest(engine: Engine) -> Manifest | None:
    """The newest that can be read; what is known from it need not be read again."""
    for backup_id in backup_ids(engine.root):
        try:
            return read_manifest(engine.root, backup_id, engine.key)
        except BackupError as error:
            log.warning("backup.unreadable", backup=backup_id, reason=str(error))
    return None


def _dump(engine: Engine, point: QuietPoint, into: Path) -> None:
    into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    dsn, environment = libpq(engine.dsn)
    compression = "none" if engine.deduplicates else "gzip:1"
    run(
        "pg_dump",
        [
            engine.program("pg_dump"), "--format=custom", f"--compress={compression}", f"--snapshot={point.snapshot}",
            f"--file={into}", f"--dbname={dsn}",
        ],
        environment,
    )  # fmt: skip
    check_dump(engine, into, point.tables)


def check_dump(engine: Engine, dump: Path, tables: Fingerprint) -> None:
    """BackupError unless the dump's own list has the data of every table, and all of it can be read."""
    _, environment = libpq(engine.dsn)
    listed = run("pg_restore --list", [engine.program("pg_restore"), "--list", str(dump)], environment)
    # such as `3456; 0 16385 TABLE DATA public tasks synergyos`
    lines = [line.split() for line in listed.splitlines() if not line.startswith(";")]
    there = {words[6] for words in lines if words[3:6] == ["TABLE", "DATA", "public"]}
    missing = sorted(tables.keys() - there)
    if missing:
        raise BackupError(f"The dump lacks {len(missing)} tables, first {missing[0]}: it was cut short. Try again.")
    # the list stands at its beginning: only this reads to the end
    run("pg_restore", [engine.program("pg_restore"), f"--file={os.devnull}", str(dump)], environment)
