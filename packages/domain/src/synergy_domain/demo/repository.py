"""All SQL of demo data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.ids import new_id

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the demo; they sign in with the demo's password."""

    username: str
    first_name: str
    last_name: str
    role: str
    department: str
    position: str
    timezone: str


_LOCK = 7_310_002  # any number that nothing else locks


async def lock_demo(uow: UnitOfWork) -> bool:
    """Be the only one who makes demo data, until the commit; False when somebody else is."""
    return await uow.value("SELECT pg_try_advisory_xact_lock($1)", _LOCK)


async def is_empty(db: Reader) -> bool:
    """Whether nobody has used the system yet."""
    return await db.value("SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM projects)")


async def is_demo(db: Reader, username: str) -> bool:
    """Whether this account of a demo is there."""
    return await db.value("SELECT EXISTS (SELECT 1 FROM users WHERE email = $1)", _address(username))


async def any_user(db: Reader, usernames: Sequence[str]) -> bool:
    """Whether somebody has one of these names or their addresses."""
    return await db.value(
        """SELECT EXISTS (SELECT 1 FROM users
                          WHERE lower(username) = ANY($1::text[]) OR lower(email) = ANY($2::text[]))""",
        list(usernames), [_address(name) for name in usernames],
    )  # fmt: skip


async def is_key_taken(db: Reader, key: str) -> bool:
    """Whether a project has or had this key."""
    return await db.value(
        """SELECT EXISTS (SELECT 1 FROM projects WHERE key = $1)
               OR EXISTS (SELECT 1 FROM retired_project_keys WHERE key = $1)""",
        key,
    )


async def any_project(db: Reader) -> bool:
    """Whether there is a project, be it in the trash."""
    return await db.value("SELECT EXISTS (SELECT 1 FROM projects)")


async def add_person(uow: UnitOfWork, person: DemoPerson, password_hash: str) -> UUID:
    """An account whose address counts as verified."""
    return await uow.value(
        """INSERT INTO users (id, username, email, password_hash, first_name, last_name, role, department, position,
                              timezone, locale, theme, is_active, is_person_only, email_verified_at, created_at,
                              updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'en', 'system', true, false, $11, $11, $11) RETURNING id""",
        new_id(), person.username, _address(person.username), password_hash, person.first_name, person.last_name,
        person.role, person.department, person.position, person.timezone, uow.now,
    )  # fmt: skip


async def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Insert many rows at once."""
    await connection.copy_records_to_table(table, records=rows, columns=columns)


async def lock_ledger(connection: Connection) -> int:
    """Keep others from numbering events until the commit; the last number given."""
    return await connection.fetchval("SELECT last_seq FROM ledger_head WHERE id = 1 FOR UPDATE")


async def set_ledger_head(connection: Connection) -> None:
    """The head is the last number that an event has; who follows the ledger is told."""
    await connection.execute(
        """WITH head AS (
             UPDATE ledger_head SET last_seq = (SELECT max(seq) FROM events) WHERE id = 1 RETURNING last_seq)
           SELECT pg_notify('synergy_ledger', last_seq::text) FROM head"""
    )


async def refresh_statistics(connection: Connection, tables: Iterable[str]) -> None:
    """Tell the planner what the tables hold, and mark their pages as visible to all."""
    await connection.execute(f"VACUUM ANALYZE {', '.join(tables)}")


def _address(username: str) -> str:
    return f"{username}@example.com"
