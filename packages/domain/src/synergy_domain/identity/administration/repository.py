"""SQL of the administration of accounts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from synergy_domain.identity.administration.contracts import AdminUserView, UserQuery
from synergy_domain.identity.repository import USER_COLUMNS
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.sql import Keyset, Where

_COLUMNS = f"""{USER_COLUMNS}, is_person_only, deactivated_at,
    totp_confirmed_at IS NOT NULL OR email_mfa_at IS NOT NULL AS has_second_factor"""

_ADMINISTRATORS = 7_310_006  # any number that nothing else locks

_NAME = "lower(first_name || ' ' || last_name)"
# who never signed in comes last, whichever way
_LOGIN_ASC = "coalesce(last_login_at, '9999-12-31'::timestamptz)"
_LOGIN_DESC = "coalesce(last_login_at, '1900-01-01'::timestamptz)"

SORTS: dict[str, Keyset] = {
    "username": Keyset((("lower(username)", "text", "asc"),), "id"),
    "-username": Keyset((("lower(username)", "text", "desc"),), "id"),
    "name": Keyset(((_NAME, "text", "asc"),), "id"),
    "-name": Keyset(((_NAME, "text", "desc"),), "id"),
    "created_at": Keyset((("created_at", "timestamp", "asc"),), "id"),
    "-created_at": Keyset((("created_at", "timestamp", "desc"),), "id"),
    "last_login_at": Keyset(((_LOGIN_ASC, "timestamp", "asc"),), "id"),
    "-last_login_at": Keyset(((_LOGIN_DESC, "timestamp", "desc"),), "id"),
}


async def list_users(
    db: Reader, query: UserQuery, after: list[Any] | None
) -> tuple[list[tuple[AdminUserView, Any]], int | None]:
    """Accounts with what they are sorted by, one more than the limit; and the total if asked."""
    where = Where()
    where.add("deleted_at IS NULL")
    where.among("role", query.roles)
    if query.is_active is not None:
        where.add(f"is_active = {where.param(query.is_active)}")
    if query.is_person_only is not None:
        where.add(f"is_person_only = {where.param(query.is_person_only)}")
    if query.text:
        where.matches(("username", "email", "first_name || ' ' || last_name"), query.text)
    total: int | None = None
    if query.count:
        total = await db.value(f"SELECT count(*) FROM users WHERE {where.sql}", *where.args)
    keyset = SORTS[query.sort]
    keyset.after(where, after)
    rows = await db.rows(
        f"""SELECT {_COLUMNS}, {keyset.key} AS sort_key FROM users WHERE {where.sql}
            ORDER BY {keyset.order} LIMIT {query.limit + 1}""",
        *where.args,
    )
    return [(_to_view(row), row["sort_key"]) for row in rows], total


async def find_user(db: Reader, user_id: UUID) -> AdminUserView | None:
    """An account that is not deleted."""
    row = await db.row(f"SELECT {_COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL", user_id)
    return _to_view(row) if row else None


async def lock_user(uow: UnitOfWork, user_id: UUID) -> AdminUserView | None:
    """An account that is not deleted, its row locked: also against what would come to refer to it, like a session."""
    row = await uow.row(f"SELECT {_COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", user_id)
    return _to_view(row) if row else None


async def lock_administrators(uow: UnitOfWork) -> None:
    """Let one at a time take administrators away, until the commit."""
    await uow.value("SELECT pg_advisory_xact_lock($1)", _ADMINISTRATORS)


async def is_last_admin(db: Reader, user_id: UUID) -> bool:
    """Whether the user is an active administrator, and the only one."""
    return await db.value(
        """SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND role = 'admin' AND is_active)
              AND NOT EXISTS (SELECT 1 FROM users WHERE id <> $1 AND role = 'admin' AND is_active)""",
        user_id,
    )


async def has_password(db: Reader, user_id: UUID) -> bool:
    """Whether the user has set a password."""
    return await db.value("SELECT password_hash IS NOT NULL FROM users WHERE id = $1", user_id)


async def set_fields(uow: UnitOfWork, user_id: UUID, fields: dict[str, Any]) -> None:
    """Write columns of an account, whose version grows."""
    names = ", ".join(f"{name} = ${number}" for number, name in enumerate(fields, start=3))
    await uow.value(
        f"UPDATE users SET {names}, updated_at = $2, version = version + 1 WHERE id = $1",
        user_id, uow.now, *fields.values(),
    )  # fmt: skip


def _to_view(row: asyncpg.Record) -> AdminUserView:
    return AdminUserView(**{name: row[name] for name in AdminUserView.__struct_fields__})
