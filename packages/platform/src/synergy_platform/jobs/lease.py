"""Leases: which process has a job in hand that no transaction holds.

A lease is an advisory lock on a connection of the process. It ends with the process or its connection, at once and
whatever became of them; so nobody has to guess from a clock whether an owner is alive.
"""

from __future__ import annotations

import asyncio
import random

import asyncpg

from synergy_platform.runtime import Runtime

_CLASS = 0x53594E  # any number that nothing else locks as the first of two

_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
_SESSION = """
    SELECT set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
           set_config('tcp_keepalives_count', '3', false)
"""
# the owners that are alive
LIVING = f"""
    SELECT objid::int8 AS owner FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {_CLASS} AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - a constant of ours
_TAKE_BACK = f"""
    WITH living AS MATERIALIZED ({LIVING}), lost AS (
      SELECT id FROM jobs WHERE owner IS NOT NULL AND state = 'waiting' AND owner NOT IN (SELECT owner FROM living)
      FOR UPDATE SKIP LOCKED
    ), back AS (
      UPDATE jobs SET owner = NULL, published_at = NULL FROM lost WHERE jobs.id = lost.id RETURNING 1
    )
    SELECT count(*) FROM back
"""  # noqa: S608 - a constant of ours


class Lease:
    """The lease of this process, renewed under another number when its connection was lost."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._owner = 0
        self._turn = asyncio.Lock()

    async def owner(self) -> int:
        """The number under which jobs are leased now; raises what asyncpg raises when the database is away."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._runtime.database.connect_directly()
                await self._connection.fetch(_SESSION)
                self._owner = 0
            while self._owner == 0:
                wanted = random.randrange(1, 2**31)  # noqa: S311 - a name, not a secret
                if await self._connection.fetchval(_LOCK, _CLASS, wanted):
                    self._owner = wanted
            return self._owner

    async def end(self) -> None:
        """Let go of all that is leased."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def take_back_lost(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """Have those jobs published again whose owner is gone; returns how many."""
    return await connection.fetchval(_TAKE_BACK)
