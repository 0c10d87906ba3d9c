"""What a storage of files can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from synergy_platform.ids import new_id

CHUNK_BYTES = 256 * 1024
SWEEP_BATCH = 1000

Named = Callable[[list[str]], Awaitable[Collection[str]]]


class StoredFile(msgspec.Struct, frozen=True):
    """A file that is kept: its key in the storage, its size in bytes, its SHA-256 in hex."""

    key: str
    size: int
    sha256: str


class Storage(Protocol):
    """Keeps files under keys that it makes: `<area>/<2 hex digits>/<id>`, so of letters, digits, `-` and `/` only.

    A file never changes. Where the storage cannot be reached or is full, its methods raise Unavailable.
    """

    async def write(self, area: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredFile:
        """Keep the stream; TooLarge when it has more than `max_bytes`. After any error nothing is kept."""
        ...

    async def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start` on, which must lie in the file; FileNotFoundError when there is none."""
        ...

    def local_copy(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The file's path on this machine, inside the block; FileNotFoundError when there is none."""
        ...

    async def accel_location(self, key: str) -> str:
        """The proxy's internal location of the file, for `X-Accel-Redirect`.

        It is an absolute path and may have a query. The proxy decodes the path once and leaves the query as it is.
        """
        ...

    async def delete(self, key: str) -> None:
        """Delete it; a file that is gone already is fine."""
        ...

    async def sweep(self, area: str, named: Named, *, older_than: datetime) -> int:
        """Delete an area's files that nobody names and that are older than that; returns how many.

        `named` gets up to 1000 keys at a time and returns those that are still in use.
        """
        ...


def new_key(area: str) -> str:
    """A key that no file has."""
    name = str(new_id())
    return f"{area}/{name[-2:]}/{name}"
