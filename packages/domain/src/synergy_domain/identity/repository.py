"""All SQL of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from advanced_alchemy.repository import SQLAlchemyAsyncRepository

from synergy_domain.common.actor import Actor
from synergy_domain.identity.contracts import UserView
from synergy_domain.identity.models import RefreshToken, SecurityEvent, Session, User
from synergy_platform.database import Reader, UnitOfWork


def avatar_url(users: str) -> str:
    """A column of `users`, as the query calls that table: the address of the picture; another picture has another."""
    return f"'/api/v1/users/' || {users}.id || '/avatar?v=' || right({users}.avatar_key, 8) AS avatar_url"


USER_COLUMNS = """
    id, username, email, first_name, last_name, role, phone, department, position, bio, timezone, locale, theme,
    is_active, password_hash IS NOT NULL AS has_password, email_verified_at, last_login_at, created_at, updated_at,
    version,
""" + avatar_url("users")


class Users(SQLAlchemyAsyncRepository[User]):
    """Users, to change them."""

    model_type = User


async def find_actor(db: Reader, user_id: UUID, session_id: UUID | None, now: datetime) -> Actor | None:
    """The user of a session that is still good."""
    row = await db.row(
        """SELECT u.username, u.role FROM sessions s JOIN users u ON u.id = s.user_id
           WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 AND u.is_active""",
        session_id, user_id, now,
    )  # fmt: skip
    if row is None:
        return None
    return Actor(user_id=user_id, username=row["username"], role=row["role"], session_id=session_id)


async def find_token_actor(db: Reader, token_hash: bytes, now: datetime) -> asyncpg.Record | None:
    """A personal token that is still good, and its user."""
    return await db.row(
        """SELECT t.id, t.user_id, t.scopes, t.last_used_at, u.username, u.role
           FROM api_tokens t JOIN users u ON u.id = t.user_id
           WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
             AND u.is_active""",
        token_hash, now,
    )  # fmt: skip


async def is_token_good(db: Reader, token_id: UUID, now: datetime) -> bool:
    """Whether a personal token is still good."""
    return await db.value(
        """SELECT EXISTS (SELECT 1 FROM api_tokens t JOIN users u ON u.id = t.user_id
                          WHERE t.id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
                            AND u.is_active)""",
        token_id, now,
    )  # fmt: skip


async def find_user(db: Reader, user_id: UUID) -> UserView | None:
    """A user as a contract."""
    row = await db.row(f"SELECT {USER_COLUMNS} FROM users WHERE id = $1", user_id)
    return UserView(**row) if row else None


async def find_login(db: Reader, identifier: str) -> asyncpg.Record:
    """Id, password hash and state of the account with this username or email address; all null when there is none.

    `name` is the identifier in the form in which it was compared.
    """
    column = "email" if "@" in identifier else "username"
    rows = await db.rows(
        f"""SELECT typed.name, u.id, u.password_hash, u.password_changed_at, u.is_active
            FROM (SELECT lower($1::text) AS name) AS typed LEFT JOIN users u ON lower(u.{column}) = typed.name""",
        identifier,
    )
    return rows[0]


async def find_password(db: Reader, user_id: UUID, session_id: UUID | None) -> asyncpg.Record | None:
    """The user's password hash, and when their session began."""
    return await db.row(
        """SELECT u.password_hash, (SELECT created_at FROM sessions WHERE id = $2) AS session_began_at
           FROM users u WHERE u.id = $1""",
        user_id, session_id,
    )  # fmt: skip


async def replace_password_hash(uow: UnitOfWork, user_id: UUID, encoded: str) -> None:
    """Store the same password, hashed with today's parameters."""
    await uow.value("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, encoded)


async def note_sign_in(uow: UnitOfWork, user_id: UUID) -> None:
    """The user signed in now."""
    await uow.value("UPDATE users SET last_login_at = $2 WHERE id = $1", user_id, uow.now)


async def taken(db: Reader, username: str, email: str, *, but: UUID | None = None) -> list[str]:
    """Which of `username` and `email` somebody has, other than user `but`."""
    row = await db.row(
        """SELECT EXISTS (SELECT 1 FROM users WHERE lower(username) = lower($1) AND id IS DISTINCT FROM $3) AS username,
                  EXISTS (SELECT 1 FROM users WHERE lower(email) = lower($2) AND id IS DISTINCT FROM $3) AS email""",
        username, email, but,
    )  # fmt: skip
    return [name for name, exists in row.items() if exists] if row else []


async def lock_refresh_token(uow: UnitOfWork, token_hash: bytes) -> asyncpg.Record | None:
    """The token with its session and user, both rows locked, so that parallel refreshes follow one another.

    `lacks_factor`: the user's role needs a second factor, and the session began without one.
    """
    return await uow.row(
        """SELECT t.expires_at, t.used_at, t.session_id, s.user_id, s.revoked_at, s.created_at AS began_at,
                  s.expires_at AS session_expires_at, u.is_active,
                  NOT s.methods && ARRAY['totp', 'email', 'recovery_code', 'oidc_mfa']::varchar[]
                  AND EXISTS (SELECT 1 FROM mfa_roles r WHERE r.role = u.role) AS lacks_factor
           FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
           WHERE t.token_hash = $1 FOR UPDATE OF t, s""",
        token_hash,
    )


async def use_refresh_token(uow: UnitOfWork, token_hash: bytes, session_id: UUID) -> None:
    """Mark the token as used and its session as alive."""
    await uow.value(
        """WITH used AS (UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1)
           UPDATE sessions SET last_used_at = $2 WHERE id = $3""",
        token_hash, uow.now, session_id,
    )  # fmt: skip


async def add_refresh_token(uow: UnitOfWork, token_hash: bytes, session_id: UUID, expires_at: datetime) -> None:
    """Store a token and let its session live as long."""
    uow.session.add(
        RefreshToken(token_hash=token_hash, session_id=session_id, created_at=uow.now, expires_at=expires_at)
    )
    await uow.flush()
    await uow.value("UPDATE sessions SET expires_at = $2 WHERE id = $1", session_id, expires_at)


async def add_session(
    uow: UnitOfWork, user_id: UUID, *, ip: str | None, user_agent: str | None, methods: list[str], expires_at: datetime
) -> UUID:
    """Begin a session, entered by `methods`."""
    session = Session(
        user_id=user_id, created_at=uow.now, last_used_at=uow.now, expires_at=expires_at, revoked_at=None,
        ip=ip, user_agent=user_agent[:300] if user_agent else None, methods=methods,
    )  # fmt: skip
    uow.session.add(session)
    await uow.flush()
    return session.id


def add_security_event(
    uow: UnitOfWork,
    kind: str,
    *,
    user_id: UUID | None,
    ip: str | None,
    user_agent: str | None,
    username_tried: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Record what happened; the list of kinds stands in product.md."""
    uow.session.add(
        SecurityEvent(
            type=kind, user_id=user_id, username_tried=username_tried[:254] if username_tried else None, ip=ip,
            user_agent=user_agent[:300] if user_agent else None, detail=detail or {}, created_at=uow.now,
        )
    )  # fmt: skip


async def delete_expired(uow: UnitOfWork) -> dict[str, int]:
    """Delete what can never be used again; returns how many of each.

    A used refresh token is kept as long as it would have been good: its second use ends the session.
    """
    conditions = {
        "sessions": "expires_at < $1",
        "refresh_tokens": "expires_at < $1",
        "one_time_links": "expires_at < $1",
        # in sight of their users for a while
        "api_tokens": "coalesce(revoked_at, expires_at) < $1::timestamptz - interval '30 days'",
    }
    return {
        table: await uow.value(
            f"WITH gone AS (DELETE FROM {table} WHERE {condition} RETURNING 1) SELECT count(*) FROM gone", uow.now
        )
        for table, condition in conditions.items()
    }
