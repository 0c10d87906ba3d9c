"""Uploaded files by their content: what there is, and whether it is the same somewhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import asyncpg
import msgspec

from synergy_cli.backup.files import sha256_of


class MediaFile(msgspec.Struct, frozen=True):
    """Bytes, SHA-256, and when it was written (ns): a file never changes, so a known one is not read again."""

    size: int
    sha256: str
    mtime_ns: int


def list_media(folder: Path, known: Mapping[str, MediaFile]) -> dict[str, MediaFile]:
    """Every uploaded file by its key; those of `known` that have the same size and time are taken from there."""
    found: dict[str, MediaFile] = {}
    for path in _files(folder):
        key = str(path.relative_to(folder))
        try:
            status = path.stat()
            before = known.get(key)
            if before and (before.size, before.mtime_ns) == (status.st_size, status.st_mtime_ns):
                found[key] = before
            else:
                found[key] = MediaFile(status.st_size, sha256_of(path), status.st_mtime_ns)
        except FileNotFoundError:  # deleted since it was listed
            continue
    return found


def media_differences(folder: Path, expected: Mapping[str, MediaFile]) -> list[str]:
    """A sentence for each file that is not there, or not as it was."""
    said: list[str] = []
    for key, before in sorted(expected.items()):
        path = folder / key
        if not path.is_file():
            said.append(f"file {key} is missing")
        elif sha256_of(path) != before.sha256:
            said.append(f"file {key} has another content")
    return said


class FileRow(msgspec.Struct, frozen=True):
    """An attachment's row: its id, and the file that it says is there."""

    id: str
    file_key: str
    sha256: str


async def file_rows(connection: asyncpg.Connection) -> list[FileRow]:
    """Of all attachments, as this connection sees them."""
    rows = await connection.fetch("SELECT id::text AS id, file_key, sha256 FROM attachments")
    return [FileRow(row["id"], row["file_key"], row["sha256"]) for row in rows]


def rows_without_file(rows: Iterable[FileRow], media: Mapping[str, MediaFile]) -> list[str]:
    """A sentence for each attachment whose file the backup does not have as its row says."""
    return [
        f"attachment {row.id}: its file {row.file_key} is {'changed' if row.file_key in media else 'missing'}"
        for row in rows
        if row.file_key not in media or media[row.file_key].sha256 != row.sha256
    ]


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if not name.endswith(".part"):  # an upload that is under way
                yield Path(parent, name)
