"""Files below one folder of this machine, or of a volume that several share."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import math
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from synergy_platform.errors import TooLarge, Unavailable
from synergy_platform.storage.base import CHUNK_BYTES, SWEEP_BATCH, Named, StoredFile, new_key


class _Digest(Protocol):
    def update(self, data: bytearray, /) -> None: ...


_FULL = {errno.ENOSPC, errno.EDQUOT}


class DiskStorage:
    """Keeps files below one folder, each under its key; the folder is made when it is needed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def write(self, area: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredFile:
        """See Storage."""
        key = new_key(area)
        path = self._root / key
        part = path.with_suffix(".part")
        digest, size = hashlib.sha256(), 0
        try:
            with _room_for_it():
                with await asyncio.to_thread(_create, part) as target:
                    async for block in _blocks(chunks):
                        size += len(block)
                        if size > max_bytes:
                            raise TooLarge(f"The file is larger than {max_bytes // 1024 // 1024} MiB.")
                        await asyncio.to_thread(_append, target, digest, block)
                    await asyncio.to_thread(_sync, target)
                await asyncio.to_thread(_rename, part, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return StoredFile(key, size, digest.hexdigest())

    async def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """See Storage."""
        file = await asyncio.to_thread(self.path(key).open, "rb")
        return _content(file, start, length)

    @asynccontextmanager
    async def local_copy(self, key: str) -> AsyncGenerator[Path]:
        """See Storage; here it is the file itself, so nobody may write to it."""
        path = self.path(key)
        await asyncio.to_thread(path.stat)
        yield path

    async def accel_location(self, key: str) -> str:
        """See Storage; `/media/<key>`, where the proxy has the folder as `/media/`."""
        return f"/media/{self.path(key).relative_to(self._root.resolve())}"

    def path(self, key: str) -> Path:
        """Where the file is on this machine; ValueError for a key that leaves the folder."""
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise ValueError("not a key of this storage")
        return path

    async def delete(self, key: str) -> None:
        """See Storage."""
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def sweep(self, area: str, named: Named, *, older_than: datetime) -> int:
        """See Storage; what a write that was killed left behind goes too."""
        old = self._old_files(area, older_than.timestamp())
        deleted = 0
        while batch := await asyncio.to_thread(lambda: list(itertools.islice(old, SWEEP_BATCH))):
            for key in set(batch).difference(await named(batch)):
                await self.delete(key)
                deleted += 1
        return deleted

    def _old_files(self, area: str, before: float) -> Iterator[str]:
        folders = [self._root / area]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except FileNotFoundError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(folder / entry.name)
                elif _modified(entry) < before:
                    yield str((folder / entry.name).relative_to(self._root))


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """The stream in blocks that are worth a thread's while."""
    block = bytearray()
    async for chunk in chunks:
        block += chunk
        if len(block) >= CHUNK_BYTES:
            yield block
            block = bytearray()
    if block:
        yield block


async def _content(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    with file:
        await asyncio.to_thread(file.seek, start)
        while length > 0:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, length))
            if not chunk:
                raise EOFError("the file is shorter than it was")
            length -= len(chunk)
            yield chunk


def _create(part: Path) -> BinaryIO:
    part.parent.mkdir(parents=True, exist_ok=True)
    return part.open("wb")


def _append(target: BinaryIO, digest: _Digest, block: bytearray) -> None:
    digest.update(block)
    target.write(block)


def _sync(target: BinaryIO) -> None:
    target.flush()
    os.fsync(target.fileno())


def _rename(part: Path, path: Path) -> None:
    """Give a file its name, and have the disk keep the name: of its folders too, which may be new."""
    part.replace(path)
    for folder in itertools.islice(path.parents, 3):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _modified(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # deleted, or renamed, since the folder was read
        return math.inf


@contextmanager
def _room_for_it() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise Unavailable("There is no room for files left. Tell your administrator.", retry_after=60) from error
