"""Files on disk, written in a stream and never held in memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from pathlib import Path

import msgspec

from synergy_platform.errors import TooLarge
from synergy_platform.ids import new_id


class StoredFile(msgspec.Struct, frozen=True):
    """A file that is kept: its key in the storage, its size in bytes, its SHA-256 in hex."""

    key: str
    size: int
    sha256: str


class DiskStorage:
    """Keeps files below one folder; a key is `<area>/<2 hex digits>/<id>`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def write(self, area: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredFile:
        """Keep the stream; TooLarge when it has more than `max_bytes`, and then nothing is kept."""
        name = str(new_id())
        key = f"{area}/{name[-2:]}/{name}"
        path = self._root / key
        part = path.with_suffix(".part")
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            with await asyncio.to_thread(part.open, "wb") as target:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > max_bytes:
                        raise TooLarge(f"The file is larger than {max_bytes // 1024 // 1024} MiB.")
                    digest.update(chunk)
                    await asyncio.to_thread(target.write, chunk)
                await asyncio.to_thread(_sync, target.fileno())
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return StoredFile(key, size, digest.hexdigest())

    def path(self, key: str) -> Path:
        """Where the file is on this machine; ValueError for a key that leaves the folder."""
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise ValueError("not a key of this storage")
        return path

    async def delete(self, key: str) -> None:
        """Delete it; a file that is gone already is fine."""
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def sweep(self, area: str, keep: Collection[str], *, older_than: datetime) -> int:
        """Delete an area's files that nobody names any more and that are older than that; returns how many."""
        return await asyncio.to_thread(self._sweep, area, keep, older_than.timestamp())

    def _sweep(self, area: str, keep: Collection[str], before: float) -> int:
        orphans = [
            path
            for path in (self._root / area).rglob("*")
            if path.is_file() and path.stat().st_mtime < before and str(path.relative_to(self._root)) not in keep
        ]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)
