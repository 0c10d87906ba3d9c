"""The signed list of what a backup consists of: it exists once its manifest does, and counts if the signature fits.

The signature is an HMAC-SHA256 (RFC 2104) over the manifest's bytes, with a key that never lies beside the backups.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.files import sha256_of, sync
from synergy_cli.backup.fingerprint import TableFingerprint
from synergy_cli.backup.media import MediaFile
from synergy_platform.embedded.home import write_private

EngineName = Literal["embedded", "pgbackrest"]
BaseKind = Literal["full", "incremental"]
_PURPOSE = b"synergyos backup manifest 1\0"


class StoredPart(msgspec.Struct, frozen=True):
    """A file of the backup: bytes and SHA-256."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a backup consists of and what it must give back.

    `base` is the name under which the engine keeps the database's files; `dump` and `media_set` likewise. `parts` are
    the files below the backups' folder that it needs, by their paths; whatever restores looks at each before it begins.
    `restore_point` is the place in the log, reached at `point_at`, where the database is exactly as `tables` says.
    """

    id: str
    created_at: datetime
    version: str
    revision: str
    engine: EngineName
    kind: BaseKind
    base: str
    dump: str
    media_set: str
    restore_point: str
    point_at: datetime
    lsn: str
    tables: dict[str, TableFingerprint]
    media: dict[str, MediaFile]
    parts: dict[str, StoredPart]
    secret_key_hint: str
    held_ms: float

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def stored_bytes(self) -> int:
        """What its files take; several backups may share some."""
        return sum(part.size for part in self.parts.values())


def sets_folder(root: Path) -> Path:
    """Where manifests are, below the folder of the backups."""
    return root / "sets"


def write_manifest(root: Path, manifest: Manifest, key: bytes) -> Path:
    """Sign and keep it; from now on the backup exists."""
    folder = sets_folder(root) / manifest.id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    write_private(folder / "manifest.sig", _sign(text, key))
    write_private(folder / "manifest.json", text.decode())
    sync(folder)
    sync(folder.parent)
    return folder


def read_manifest(root: Path, backup_id: str, key: bytes) -> Manifest:
    """The manifest, as it was signed; BackupRefused when it is not, BackupError when there is none."""
    folder = sets_folder(root) / backup_id
    try:
        text = (folder / "manifest.json").read_bytes()
        signature = (folder / "manifest.sig").read_text()
    except FileNotFoundError:
        raise BackupError(f"There is no backup {backup_id}. `backups` lists those that are here.") from None
    except UnicodeDecodeError:
        raise BackupRefused(f"Backup {backup_id}: the signature is damaged. Take another backup.") from None
    if not hmac.compare_digest(_sign(text, key).encode(), signature.strip().encode()):
        raise BackupRefused(
            f"Backup {backup_id}: its manifest was changed, or signed with another key. Take another backup, or the "
            "backup key that belongs to it."
        )
    return msgspec.json.decode(text, type=Manifest)


def newest_at(root: Path) -> datetime | None:
    """When the newest backup came to its end; None without one."""
    with contextlib.suppress(FileNotFoundError):
        for backup_id in backup_ids(root)[:1]:
            return datetime.fromtimestamp((sets_folder(root) / backup_id / "manifest.json").stat().st_mtime, UTC)
    return None


def backup_ids(root: Path) -> list[str]:
    """Of all backups that are whole, the latest first."""
    return sorted((path.parent.name for path in sets_folder(root).glob("*/manifest.json")), reverse=True)


def readable_manifests(root: Path, key: bytes) -> Iterator[Manifest]:
    """Of all backups that are as they were signed, the latest first."""
    for backup_id in backup_ids(root):
        with contextlib.suppress(BackupError):
            yield read_manifest(root, backup_id, key)


def delete_set(root: Path, backup_id: str) -> None:
    """Delete what is kept of a backup beside its manifest, the manifest first: without it, it is none."""
    (sets_folder(root) / backup_id / "manifest.json").unlink()
    shutil.rmtree(sets_folder(root) / backup_id)


def delete_unfinished(root: Path) -> None:
    """Delete what backups have left that did not come to their end."""
    for folder in sets_folder(root).glob("*"):
        if not (folder / "manifest.json").exists():
            shutil.rmtree(folder)


def hash_parts(
    root: Path, paths: Iterable[Path], known: Mapping[str, StoredPart] | None = None
) -> dict[str, StoredPart]:
    """Size and SHA-256 of files, by their paths below `root`; those of `known` that are as long are not read again."""
    listed = {str(path.relative_to(root)): path for path in paths}
    found = {
        name: known[name]
        for name, path in listed.items()
        if known and name in known and _size(path) == known[name].size
    }
    unread = {name: path for name, path in listed.items() if name not in found}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # hashing lets go of the interpreter's lock
        found |= zip(unread, pool.map(hash_file, unread.values()), strict=True)
    return found


def _size(path: Path) -> int:
    return path.stat().st_size


def hash_file(path: Path) -> StoredPart:
    """Size and SHA-256."""
    return StoredPart(_size(path), sha256_of(path))


def check_parts(root: Path, manifest: Manifest) -> None:
    """Read every file of the backup; BackupRefused names the first ones that are not as they were signed."""
    missing = [path for path in manifest.parts if not (root / path).is_file()]
    present = [root / path for path in manifest.parts if path not in missing]
    found = hash_parts(root, present)
    changed = [path for path, part in found.items() if part != manifest.parts[path]]
    if missing or changed:
        said = [f"{path} is missing" for path in missing] + [f"{path} was changed" for path in changed]
        raise BackupRefused(
            f"Backup {manifest.id} is refused: {'; '.join(said[:3])}"
            f"{f' and {len(said) - 3} more' if len(said) > 3 else ''}. Take the one before it (`backups` lists them)."
        )


def _sign(text: bytes, key: bytes) -> str:
    return hmac.new(key, _PURPOSE + text, hashlib.sha256).hexdigest()
