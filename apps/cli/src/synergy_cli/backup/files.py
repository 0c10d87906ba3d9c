"""Files of backups: by their content, and written through to the disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_private(source: Path, target: Path) -> str:
    """Copy through to the disk, readable by this user only; the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    target.touch(mode=0o600)
    with source.open("rb") as read, target.open("wb") as written:
        while block := read.read(_BLOCK):
            digest.update(block)
            written.write(block)
        written.flush()
        os.fsync(written.fileno())
    return digest.hexdigest()


def settle(draft: Path, target: Path) -> None:
    """Give a whole file its name, and have the disk keep the name; that of its folder too, which may be new."""
    draft.replace(target)
    sync(target.parent)
    sync(target.parent.parent)


def sync(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder, before this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
