"""Files in a bucket of an S3-compatible server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from synergy_platform.errors import Unavailable
from synergy_platform.settings import Settings
from synergy_platform.storage.base import CHUNK_BYTES, SWEEP_BATCH, Named, StoredFile, new_key
from synergy_platform.storage.disk import DiskStorage

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

log = structlog.stdlib.get_logger(__name__)

ADDRESS_LIFETIME = timedelta(minutes=5)
_SPOOL = "spool"
_SENT_AT_ONCE = 4
_BLOCK_BYTES = 64 * 1024
_SEND_SECONDS = 30  # for each block, not for the whole
_PAUSES = (0.2, 1.0)  # seconds before a file is sent once more


class S3Storage:
    """Keeps files in the bucket of the settings, under their keys.

    A file rests on the disk, below `media_path`, until all of it has come in, and is sent then, in one request from one
    of a few threads. So what a client breaks off never reaches the bucket, and nothing is ever there in part; and no
    part of 5 MiB, which S3 wants at least, waits in memory for each client that uploads.
    """

    def __init__(self, settings: Settings) -> None:
        self._spool = DiskStorage(settings.media_path)
        self._senders = ThreadPoolExecutor(_SENT_AT_ONCE, thread_name_prefix="s3")
        config: S3Config = {"region": settings.s3_region}
        if settings.s3_endpoint:
            config["endpoint"] = settings.s3_endpoint
        if settings.s3_access_key_id:  # else the machine's own role signs in
            config["access_key_id"] = settings.s3_access_key_id
            config["secret_access_key"] = settings.s3_secret_access_key
        client: ClientConfig = {
            "allow_http": settings.s3_endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "read_timeout": "30s",
            # of a whole download, which is as slow as whoever receives it
            "timeout": "1h",
            "user_agent": "SynergyOS",
        }
        retries: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
        self._store = S3Store(settings.s3_bucket, config=config, client_options=client, retry_config=retries)

    async def write(self, area: str, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredFile:
        """See Storage."""
        key = new_key(area)
        spooled = await self._spool.write(_SPOOL, chunks, max_bytes=max_bytes)
        try:
            with _reached():
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._senders, self._send, key, self._spool.path(spooled.key))
        finally:
            await self._spool.delete(spooled.key)
        return StoredFile(key, spooled.size, spooled.sha256)

    def _send(self, key: str, path: Path) -> None:
        for pause in (*_PAUSES, None):
            address = obstore.sign(self._store, "PUT", key, ADDRESS_LIFETIME)
            try:
                _put(address, path)
            except (OSError, HTTPException) as error:
                # what is refused now will be refused again
                if pause is None or (isinstance(error, HTTPError) and error.code < 500):
                    raise
                time.sleep(pause)
            else:
                return

    async def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """See Storage."""
        if length == 0:  # there is no range of nothing
            return _nothing()
        with _reached():
            found = await obstore.get_async(self._store, key, options={"range": (start, start + length)})
        return _content(found)

    @asynccontextmanager
    async def local_copy(self, key: str) -> AsyncGenerator[Path]:
        """See Storage; here it is a copy that is deleted after the block."""
        with _reached():
            found = await obstore.get_async(self._store, key)
        copy = await self._spool.write(_SPOOL, _content(found), max_bytes=found.meta["size"])
        try:
            yield self._spool.path(copy.key)
        finally:
            await self._spool.delete(copy.key)

    async def accel_location(self, key: str) -> str:
        """See Storage; `/s3<path>?<query>` of a GET request that is signed for 5 minutes.

        `<path>` begins at the root of the S3 server, `/<bucket>/<key>`; its percent signs are encoded once more, since
        the proxy decodes the path once. The signature holds for the Host of the endpoint and for no other header.
        """
        with _reached():
            address = urlsplit(await obstore.sign_async(self._store, "GET", key, ADDRESS_LIFETIME))
        return f"/s3{quote(address.path)}?{address.query}"

    async def delete(self, key: str) -> None:
        """See Storage."""
        with _reached():
            await obstore.delete_async(self._store, key)

    async def sweep(self, area: str, named: Named, *, older_than: datetime) -> int:
        """See Storage."""
        deleted = 0
        with _reached():
            found = obstore.list(self._store, f"{area}/", chunk_size=SWEEP_BATCH)  # pyright: ignore[reportUnknownMemberType]  # its other overloads need Arrow
            async for batch in found:
                old = [file["path"] for file in batch if file["last_modified"] < older_than]
                orphans = sorted(set(old).difference(await named(old))) if old else []
                if orphans:
                    await obstore.delete_async(self._store, orphans)
                    deleted += len(orphans)
        await self._spool.sweep(_SPOOL, _nobody, older_than=older_than)
        return deleted


def _put(address: str, path: Path) -> None:
    """Send a file by an address that is signed; URLError, OSError or HTTPException when it was not taken."""
    with path.open("rb") as file:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        blocks = iter(partial(file.read, _BLOCK_BYTES), b"")
        request = Request(address, data=blocks, headers=headers, method="PUT")  # noqa: S310 - of the settings' scheme
        with urlopen(request, timeout=_SEND_SECONDS):  # noqa: S310 - as above
            pass


async def _content(found: obstore.GetResult) -> AsyncIterator[bytes]:
    with _reached():
        async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _nobody(_keys: list[str]) -> list[str]:
    return []


@contextmanager
def _reached() -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError, HTTPException) as error:
        # behind it comes the server's own answer, which may repeat what was signed
        log.warning("storage.failed", error=f"{type(error).__name__}: {str(error).partition('<')[0][:300]}")
        raise Unavailable(
            "The storage of files cannot be reached at the moment. Try again in a few seconds."
        ) from error
