"""What a database holds at one moment: rows and a checksum of every table, and a place in its log that is that moment.

For some milliseconds nobody may write: in them a restore point is put into the log and a snapshot is exported. Whatever
is recovered up to that point must then equal what the snapshot shows, to the last row, however busy the system was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import msgspec

from synergy_cli.backup.errors import BackupError

# shorter than what others wait for a lock (2 s), so that nobody fails because of a backup
_LOCK_TIMEOUT_MS = 400
_GIVE_UP_SECONDS = 120.0
# the text of a row must not depend on who asks
_PLAIN_TEXT = {
    "timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex",
    "extra_float_digits": "1", "statement_timeout": "0",
}  # fmt: skip


class TableFingerprint(msgspec.Struct, frozen=True):
    """How many rows, and the sum of the first 64 bits of each row's MD5: in no order, and it sees every change."""

    rows: int
    checksum: str


Fingerprint = dict[str, TableFingerprint]


class QuietPoint(msgspec.Struct, frozen=True):
    """The moment: name of the restore point, its place in the log, when it was by the database's clock, the exported
    snapshot, how long writers waited.
    """

    name: str
    lsn: str
    at: datetime
    snapshot: str
    held_ms: float
    tables: Fingerprint


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection whose rows read the same everywhere; BackupError when there is none, or what it is asked fails."""
    try:
        connection = await asyncpg.connect(dsn, server_settings=dict(_PLAIN_TEXT))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise BackupError(f"The database cannot be reached ({error}). Is it running?") from None
    try:
        yield connection
        await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise BackupError(f"The database does not answer as it should: {error}. Its log says more.") from None
    finally:
        connection.terminate()


@asynccontextmanager
async def quiet_point(dsn: str, name: str) -> AsyncGenerator[QuietPoint]:
    """The moment, with its fingerprint; the snapshot may be imported by others inside the block."""
    async with connected(dsn) as reader:
        async with connected(dsn) as locker:
            lsn, at, snapshot, held = await _hold_still(locker, reader, name)
        yield QuietPoint(name, lsn, at, snapshot, held, await _fingerprint(reader))


@asynccontextmanager
async def as_of(dsn: str, snapshot: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection that sees what that exported snapshot shows."""
    async with connected(dsn) as connection:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        yield connection


async def fingerprint(dsn: str) -> Fingerprint:
    """Of what the database holds now."""
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await _fingerprint(connection)


def differences(expected: Mapping[str, TableFingerprint], found: Mapping[str, TableFingerprint]) -> list[str]:
    """A sentence for each table that is not as expected."""
    said: list[str] = []
    for table in sorted(expected.keys() | found.keys()):
        before, after = expected.get(table), found.get(table)
        if before == after:
            continue
        if before is None or after is None:
            said.append(f"table {table} is {'missing' if after is None else 'not in the backup'}")
        elif before.rows != after.rows:
            said.append(f"table {table} has {after.rows} rows in the place of {before.rows}")
        else:
            said.append(f"table {table} has as many rows, with another content")
    return said


async def _hold_still(
    locker: asyncpg.Connection, reader: asyncpg.Connection, name: str
) -> tuple[str, datetime, str, float]:
    tables = ", ".join(f'"{table}"' for table in await _tables(locker))
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while True:
        try:
            return await _try_to_hold_still(locker, reader, name, tables)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if time.monotonic() > deadline:
                raise BackupError(
                    f"For {_GIVE_UP_SECONDS:.0f} s there was no moment without a long write. "
                    "Look for it in pg_stat_activity (`just psql`), and try again."
                ) from None
            await asyncio.sleep(0.5)


async def _try_to_hold_still(
    locker: asyncpg.Connection, reader: asyncpg.Connection, name: str, tables: str
) -> tuple[str, datetime, str, float]:
    began = time.monotonic()
    async with locker.transaction():
        await locker.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
        # a vacuum in the way gives way after this
        await locker.execute("SET LOCAL deadlock_timeout = '100ms'")
        if tables:
            await locker.execute(f"LOCK TABLE {tables} IN SHARE MODE")
        snapshot: str = await locker.fetchval("SELECT pg_export_snapshot()")
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await reader.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        # this one outlives the locks, for pg_dump
        exported: str = await reader.fetchval("SELECT pg_export_snapshot()")
        lsn: str = await locker.fetchval("SELECT pg_create_restore_point($1)::text", name)
        at: datetime = await locker.fetchval("SELECT clock_timestamp()")
    return lsn, at, exported, (time.monotonic() - began) * 1000


async def _tables(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1"
    )
    return [row["relname"] for row in rows]


async def _fingerprint(connection: asyncpg.Connection) -> Fingerprint:
    found: Fingerprint = {}
    for table in await _tables(connection):
        (row,) = await connection.fetch(
            f"""SELECT count(*) AS rows,
                       coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint), 0)::text AS checksum
                FROM "{table}" AS t"""  # noqa: S608 - a name from the catalogue
        )
        found[table] = TableFingerprint(row["rows"], row["checksum"])
    return found
