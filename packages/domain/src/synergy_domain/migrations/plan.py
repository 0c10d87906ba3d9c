"""What `migrate` would do to a database: statements, and the locks they take, measured on an empty copy of the schema.

The database itself is only read. The copy is made by the migrations in a scratch database; there each statement runs
for real, and PostgreSQL is asked what it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, TypeAlias

import asyncpg
import msgspec

from synergy_domain.migrations.offline import Migration, migrations_between
from synergy_domain.schema import OLDEST_CODE, SUPPORTED_REVISIONS, current_schema, too_new
from synergy_platform.database import Reader

# from here on, people notice that a table cannot be read or written while all of it is gone through
BIG_ROWS = 100_000
BIG_BYTES = 100 * 2**20

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Blocks = Literal["nothing", "writes", "reads and writes"]

# as PostgreSQL names them, the weakest first
_MODES: dict[str, Blocks] = {
    "AccessShareLock": "nothing",
    "RowShareLock": "nothing",
    "RowExclusiveLock": "nothing",
    "ShareUpdateExclusiveLock": "nothing",
    "ShareLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ExclusiveLock": "writes",
    "AccessExclusiveLock": "reads and writes",
}
_STRENGTH = list(_MODES)
_POLL_SECONDS = 0.02

_TABLES = """
SELECT c.oid, c.relname AS name, pg_relation_filenode(c.oid) AS file, coalesce(s.seq_scan, 0) AS scans
FROM pg_class c LEFT JOIN pg_stat_xact_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
_LOCKS = "SELECT relation AS oid, mode FROM pg_locks WHERE pid = $1 AND locktype = 'relation'"
_SIZES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes,
       greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


class Size(msgspec.Struct, frozen=True):
    """What a table holds now: rows by the database's own estimate, bytes with indexes."""

    rows: int
    bytes: int

    @property
    def is_big(self) -> bool:
        """Whether going through it takes long enough to be noticed."""
        return self.rows >= BIG_ROWS or self.bytes >= BIG_BYTES


class TableLock(msgspec.Struct, frozen=True):
    """The strongest lock that a statement takes on a table which is there already."""

    table: str
    mode: str
    blocks: Blocks
    is_read_whole: bool
    is_rewritten: bool


class PlannedStatement(msgspec.Struct, frozen=True):
    """A statement with its locks; None where they were not measured."""

    sql: str
    in_transaction: bool
    locks: tuple[TableLock, ...] | None


class PlannedMigration(msgspec.Struct, frozen=True):
    """A migration that would run. Its transaction holds the locks of all its statements until it ends."""

    revision: str
    title: str
    statements: tuple[PlannedStatement, ...]


class SchemaPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `migrate` would do. `forbidden` is a sentence where it would refuse; `oldest_code` is what it will say."""

    before: str | None
    after: str
    oldest_code: str
    forbidden: str
    database_bytes: int
    sizes: dict[str, Size]
    migrations: tuple[PlannedMigration, ...]
    warnings: tuple[str, ...]


async def plan_migrations(reader: Reader, scratch_url: str | None) -> SchemaPlan:
    """Read the schema and say what would happen. `scratch_url`: an empty database that may be written to."""
    schema = await current_schema(reader)
    sizes = {row["name"]: Size(row["rows"], row["bytes"]) for row in await reader.rows(_SIZES)}
    forbidden = too_new(schema)
    migrations: tuple[PlannedMigration, ...] = ()
    newest = SUPPORTED_REVISIONS[-1]
    if schema.revision is None or schema.revision < newest:
        pending = migrations_between(schema.revision)
        earlier = migrations_between(None, schema.revision) if schema.revision else []
        migrations = await _measured(scratch_url, earlier, pending) if scratch_url else _unmeasured(pending)
    return SchemaPlan(
        before=schema.revision,
        after=max(newest, schema.revision or ""),
        oldest_code=OLDEST_CODE,
        forbidden=forbidden,
        database_bytes=await reader.value("SELECT pg_database_size(current_database())"),
        sizes={name: size for name, size in sizes.items() if name in _touched(migrations)},
        migrations=migrations,
        warnings=tuple(_warnings(migrations, sizes)),
    )


def _touched(migrations: Sequence[PlannedMigration]) -> set[str]:
    return {lock.table for each in migrations for statement in each.statements for lock in statement.locks or ()}


def _unmeasured(pending: Sequence[Migration]) -> tuple[PlannedMigration, ...]:
    return tuple(
        PlannedMigration(
            each.revision, each.title,
            tuple(PlannedStatement(one.sql, one.in_transaction, None) for one in each.statements),
        )
        for each in pending
    )  # fmt: skip


def _warnings(migrations: Sequence[PlannedMigration], sizes: dict[str, Size]) -> list[str]:
    """A sentence for each big table that a migration keeps people from."""
    found: list[str] = []
    for migration in migrations:
        for table in sorted(_touched([migration])):
            size = sizes.get(table)
            taken = [lock for one in migration.statements for lock in one.locks or () if lock.table == table]
            blocking = [lock for lock in taken if lock.blocks != "nothing"]
            if size is None or not size.is_big or not blocking:
                continue
            worst = max(blocking, key=lambda lock: _STRENGTH.index(lock.mode))
            how = "for moments, once it has the lock"
            if any(lock.is_rewritten for lock in taken):
                how = "while all of it is written anew"
            elif any(lock.is_read_whole for lock in blocking):
                how = "while all of it is read"
            found.append(
                f"{migration.revision} keeps others from {worst.blocks} of {table} ({size.rows:,} rows, "
                f"{size.bytes / 2**20:,.0f} MiB) {how}."
            )
    return found


async def _measured(
    url: str, earlier: Sequence[Migration], pending: Sequence[Migration]
) -> tuple[PlannedMigration, ...]:
    connection = await asyncpg.connect(url)
    writer = await asyncpg.connect(url)
    try:
        for migration in earlier:
            for statement in migration.statements:
                await connection.execute(statement.sql)
        planned: list[PlannedMigration] = []
        for migration in pending:
            # nobody waits for a table that this migration makes
            known = {row["oid"]: str(row["name"]) for row in await connection.fetch(_TABLES)}
            measured: list[PlannedStatement] = []
            for statement in migration.statements:
                if statement.in_transaction:
                    locks = await _locks_inside(connection, statement.sql, known)
                else:
                    locks = await _locks_outside(connection, writer, statement.sql, known)
                measured.append(PlannedStatement(statement.sql, statement.in_transaction, locks))
            planned.append(PlannedMigration(migration.revision, migration.title, tuple(measured)))
        return tuple(planned)
    finally:
        await writer.close()
        await connection.close()


async def _locks_inside(connection: _Connection, sql: str, known: dict[int, str]) -> tuple[TableLock, ...]:
    """Run it in a transaction of its own, so that what it takes is told apart from what others took before."""
    async with connection.transaction():
        before = {row["oid"]: row for row in await connection.fetch(_TABLES)}
        await connection.execute(sql)
        after = {row["oid"]: row for row in await connection.fetch(_TABLES)}
        found = await connection.fetch(_LOCKS, connection.get_server_pid())
    both = before.keys() & after.keys()
    read = {oid for oid in both if after[oid]["scans"] > before[oid]["scans"]}
    written = {oid for oid in both if after[oid]["file"] != before[oid]["file"]}
    return _strongest(found, known, read, written)


async def _locks_outside(
    connection: _Connection, writer: _Connection, sql: str, known: dict[int, str]
) -> tuple[TableLock, ...]:
    """Such a statement (CREATE INDEX CONCURRENTLY) gives its locks back by itself: a writer lets it wait meanwhile."""
    pid = connection.get_server_pid()
    found: list[asyncpg.Record] = []
    transaction = writer.transaction()
    await transaction.start()
    for name in known.values():
        await writer.execute(f'LOCK TABLE public."{name}" IN ROW EXCLUSIVE MODE')
    task = asyncio.create_task(connection.execute(sql))
    try:
        while not task.done() and not found:
            await asyncio.sleep(_POLL_SECONDS)
            if await writer.fetchval("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pid):
                found = await writer.fetch(_LOCKS, pid)
    finally:
        await transaction.rollback()
        await task
    return _strongest(found, known, set(), set())


def _strongest(
    found: Sequence[asyncpg.Record], known: dict[int, str], read: set[int], written: set[int]
) -> tuple[TableLock, ...]:
    taken: dict[int, str] = {}
    for row in found:
        oid, mode = row["oid"], str(row["mode"])
        if oid in known:
            taken[oid] = max(mode, taken.get(oid, mode), key=_STRENGTH.index)
    locks = [TableLock(known[oid], mode, _MODES[mode], oid in read, oid in written) for oid, mode in taken.items()]
    return tuple(sorted(locks, key=lambda lock: lock.table))
