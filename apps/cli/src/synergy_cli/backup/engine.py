"""What differs between the two shapes: how the database's files, its log, dumps and uploaded files are kept.

Everything else stands once: `taking` (a backup), `proving` (restore into a new cluster and compare), `commands`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from synergy_cli.backup.fingerprint import QuietPoint
from synergy_cli.backup.manifest import BaseKind, EngineName, Manifest
from synergy_cli.backup.media import FileRow, MediaFile


class Base(msgspec.Struct, frozen=True):
    """A copy of the database's files: the name that the engine knows it by, and whether it needs others."""

    name: str
    kind: BaseKind


class Window(msgspec.Struct, frozen=True):
    """The moments that can be restored, from the restore point of the oldest backup to the log's last commit."""

    start: datetime
    end: datetime


class Engine(Protocol):
    """Blocking calls; each raises BackupError with a sentence that says what to do.

    `root` is the folder of the backups (`sets/` below it holds the manifests), `work` a folder on a disk with room for
    a dump, `cluster` where a restored one goes, `media` the uploaded files (None where they are elsewhere), `key` signs
    manifests, `dsn` reaches the live database as its superuser. `deduplicates` says that a dump is better left
    uncompressed, `encrypted` that nobody reads the backups without a key. What is kept must be written through to the
    disk before the call returns: the manifest that follows says that it is there.
    """

    name: EngineName
    deduplicates: bool
    encrypted: bool
    root: Path
    work: Path
    cluster: Path
    media: Path | None
    key: bytes
    dsn: str

    def program(self, name: str) -> str:
        """Path of pg_dump, pg_restore, psql or pg_amcheck, of the version of the database."""
        ...

    def clean(self) -> None:
        """Delete what a backup that did not come to its end has left, and what is in `work`; before each, and after."""
        ...

    def take_base(self, backup_id: str, *, full: bool) -> Base:
        """Copy the database's files while it runs; `full`: all of them, whatever would be enough."""
        ...

    def keep_log(self, backup_id: str, base: Base, point: QuietPoint) -> None:
        """Return once the log is kept from the begin of the base up to the restore point."""
        ...

    def keep_dump(self, backup_id: str, dump: Path) -> str:
        """Keep a dump that was checked, beside those of before; the name to ask for it."""
        ...

    def keep_media(self, backup_id: str, files: Mapping[str, MediaFile]) -> str:
        """Keep the uploaded files, each content once; the name to ask for them.

        FileNotFoundError when one of them was deleted since they were listed: they are listed again.
        """
        ...

    def parts(self, manifest: Manifest) -> Sequence[Path]:
        """Every file below `root` that a restore of this backup to its restore point reads.

        None of them may change once it is written: those that the manifest before has are not read again.
        """
        ...

    def expire(self) -> list[str]:
        """Delete what is older than 7 days, 4 weeks, 6 months; the ids of the backups that went."""
        ...

    def verify(self, manifest: Manifest, *, whole: bool) -> None:
        """The engine's own look at what it keeps, beyond the hashes of the manifest; raises BackupRefused.

        `whole`: at what backups share, too, even where it is only for others.
        """
        ...

    def candidates(self) -> Sequence[Manifest]:
        """The backups from which the kept log leads to now, the latest first; not those of a past that was undone."""
        ...

    def window(self) -> Window | None:
        """Between which moments a restore may choose; None without a backup."""
        ...

    def restored_bytes(self, manifest: Manifest) -> int:
        """About how many bytes the database takes once it is restored."""
        ...

    def restore_base(self, manifest: Manifest, into: Path, to: datetime | None) -> None:
        """Put a cluster into the empty folder `into` that, once started, recovers up to `to` and takes connections.

        None: up to the backup's restore point. A `to` before that, or after the end of the window, is a BackupError
        that names the window; the end itself means all that is kept.
        """
        ...

    def restored_server(self, data: Path) -> AbstractContextManager[str]:
        """Run that cluster, reachable by nobody else, until recovery has ended; its superuser's dsn."""
        ...

    def restore_dump(self, manifest: Manifest, into: Path) -> None:
        """Write the dump of the backup to the file `into`."""
        ...

    def restore_media(self, manifest: Manifest, into: Path) -> None:
        """Put the uploaded files of the backup below `into`; those that are there with the same content stay."""
        ...

    def restore_later_media(self, rows: Sequence[FileRow], into: Path) -> dict[str, MediaFile]:
        """The same for files that came after a backup and that these rows name, as far as they were kept; which."""
        ...
