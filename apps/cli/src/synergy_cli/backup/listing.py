"""What backups there are, and which of them were proven."""

from __future__ import annotations

import contextlib
from datetime import datetime

import msgspec

from synergy_cli.backup.engine import Engine
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.manifest import backup_ids, read_manifest
from synergy_cli.backup.recording import records
from synergy_domain.maintenance import RecordView
from synergy_platform.settings import Settings

_RECORDS = 1000


class Listed(msgspec.Struct, kw_only=True):
    """A backup. `refused` says why it is none; `proven_at` is None where that is not known, as without a database."""

    id: str
    taken_at: datetime
    kind: str = ""
    bytes: int = 0
    rows: int = 0
    files: int = 0
    proven_at: datetime | None = None
    refused: str = ""


class Listing(msgspec.Struct):
    """The latest first, and between which moments a restore may choose."""

    backups: list[Listed]
    start: datetime | None
    end: datetime | None


def list_backups(engine: Engine, settings: Settings) -> Listing:
    """Read the manifests; and, where the database runs, the records of drills."""
    proven: dict[str, datetime] = {}
    if engine.dsn:
        told: list[RecordView] = []
        with contextlib.suppress(BackupError):  # the database may be what is lost
            told = records(settings, ("drill", "restore"), _RECORDS)
        for record in reversed(told):
            if record.outcome != "failed" and "backup" in record.detail:
                proven[record.detail["backup"]] = record.finished_at
    listed: list[Listed] = []
    for backup_id in backup_ids(engine.root):
        try:
            manifest = read_manifest(engine.root, backup_id, engine.key)
        except BackupError as error:
            taken_at = datetime.strptime(f"{backup_id[:15]}+0000", "%Y%m%dT%H%M%S%z")
            listed.append(Listed(id=backup_id, taken_at=taken_at, refused=str(error)))
            continue
        listed.append(
            Listed(
                id=manifest.id, taken_at=manifest.created_at, kind=manifest.kind, bytes=manifest.stored_bytes,
                rows=manifest.rows, files=len(manifest.media), proven_at=proven.get(manifest.id),
            )
        )  # fmt: skip
    window = engine.window()
    return Listing(listed, window.start if window else None, window.end if window else None)
