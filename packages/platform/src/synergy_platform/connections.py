"""How the connections of a pool are used, for metrics: counted beside it, since it does not tell who waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from prometheus_client import Counter

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

_T = TypeVar("_T")

_WAITS = Counter("synergy_db_waits", "How often a connection was waited for, since all were in use", ["pool"])
_WAIT_SECONDS = Counter("synergy_db_wait_seconds", "How long was waited for connections, all together", ["pool"])


class PoolUse:
    """How many use a connection, or want one; entered by each for the time that it does."""

    __slots__ = ("_asking", "_seconds", "_waits", "name", "size")

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._asking = 0
        self._waits = _WAITS.labels(name)
        self._seconds = _WAIT_SECONDS.labels(name)

    @property
    def in_use(self) -> int:
        """Connections that somebody has."""
        return min(self._asking, self.size)

    @property
    def waiting(self) -> int:
        """Those who have none yet."""
        return max(0, self._asking - self.size)

    def __enter__(self) -> None:
        self._asking += 1

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._asking -= 1

    async def acquired(self, connection: Awaitable[_T]) -> _T:
        """The connection; the time is taken only where it has to be waited for. Called by who has entered."""
        if self._asking <= self.size:
            return await connection
        self._waits.inc()
        began = time.monotonic()
        try:
            return await connection
        finally:
            self._seconds.inc(time.monotonic() - began)


class CountedPool:
    """asyncpg's pool, each statement on any free connection, and counted.

    Its three ways are written out: a context manager would cost more than the counting.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], use: PoolUse) -> None:
        self._pool = pool
        self._use = use

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        with self._use:
            connection = await self._take()
            try:
                return await connection.fetch(query, *args)
            finally:
                await self._pool.release(connection)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row."""
        with self._use:
            connection = await self._take()
            try:
                return await connection.fetchrow(query, *args)
            finally:
                await self._pool.release(connection)

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any SQL type
        """The first value of the first row."""
        with self._use:
            connection = await self._take()
            try:
                return await connection.fetchval(query, *args)
            finally:
                await self._pool.release(connection)

    def _take(self) -> Awaitable[PoolConnectionProxy[asyncpg.Record]]:
        return self._use.acquired(self._pool.acquire())

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()
