"""All SQL of two-factor."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from synergy_domain.common.actor import GlobalRole
from synergy_platform.database import Reader, UnitOfWork

_FACTORS = """
    SELECT u.id, u.username, u.first_name, u.email, u.role, u.is_active, u.password_hash,
           u.password_changed_at, u.totp_secret,
           u.totp_confirmed_at IS NOT NULL AS totp, u.email_mfa_at IS NOT NULL AS email_codes,
           (SELECT count(*) FROM recovery_codes c WHERE c.user_id = u.id AND c.used_at IS NULL) AS recovery_codes_left,
           EXISTS (SELECT 1 FROM mfa_roles r WHERE r.role = u.role) AS required
    FROM users u WHERE u.id = $1
"""


async def factors(db: Reader, user_id: UUID) -> asyncpg.Record | None:
    """The user's second factors, and whether their role needs one."""
    return await db.row(_FACTORS, user_id)


async def lock_factors(uow: UnitOfWork, user_id: UUID) -> asyncpg.Record | None:
    """The same, and nobody else changes them meanwhile."""
    return await uow.row(f"{_FACTORS} FOR NO KEY UPDATE OF u", user_id)


async def add_challenge(
    uow: UnitOfWork, token_hash: bytes, user_id: UUID, *, first_method: str, provider: str | None, methods: list[str],
    device_id: UUID | None, lifetime: timedelta,
) -> None:  # fmt: skip
    """Store a sign-in that waits for its second factor."""
    await uow.value(
        """INSERT INTO mfa_challenges
               (token_hash, user_id, first_method, provider, methods, device_id, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        token_hash, user_id, first_method, provider, methods, device_id, uow.now, uow.now + lifetime,
    )  # fmt: skip


async def find_challenge(db: Reader, token_hash: bytes, now: datetime) -> asyncpg.Record | None:
    """The sign-in, unless it is over or took too long."""
    return await db.row(
        """SELECT user_id, first_method, provider, methods, device_id FROM mfa_challenges
           WHERE token_hash = $1 AND expires_at > $2""",
        token_hash, now,
    )  # fmt: skip


async def end_challenge(uow: UnitOfWork, token_hash: bytes) -> bool:
    """Use the sign-in up; False when somebody else did."""
    return await uow.value("DELETE FROM mfa_challenges WHERE token_hash = $1 RETURNING true", token_hash) is True


async def end_challenges(uow: UnitOfWork, user_id: UUID) -> None:
    """End all sign-ins of a user that wait for their second factor, with the codes that were mailed for them."""
    await uow.value(
        """WITH challenges AS (DELETE FROM mfa_challenges WHERE user_id = $1)
           DELETE FROM email_codes WHERE user_id = $1""",
        user_id,
    )


async def take_step(uow: UnitOfWork, user_id: UUID, step: int) -> bool:
    """Use a time step up, and all before it; False when it was used already."""
    return (
        await uow.value(
            """UPDATE users SET totp_last_step = $2
               WHERE id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2) RETURNING true""",
            user_id, step,
        )
        is True
    )  # fmt: skip


async def store_secret(uow: UnitOfWork, user_id: UUID, secret: bytes) -> None:
    """Store the secret of a set-up that waits for its first code."""
    await uow.value(
        "UPDATE users SET totp_secret = $2, totp_confirmed_at = NULL, totp_last_step = NULL WHERE id = $1",
        user_id, secret,
    )  # fmt: skip


async def turn_totp(uow: UnitOfWork, user_id: UUID, *, on: bool) -> None:
    """Turn codes of an authenticator app on, or off and forget the secret."""
    if on:
        await uow.value("UPDATE users SET totp_confirmed_at = $2 WHERE id = $1", user_id, uow.now)
    else:
        await uow.value(
            "UPDATE users SET totp_secret = NULL, totp_confirmed_at = NULL, totp_last_step = NULL WHERE id = $1",
            user_id,
        )


async def turn_email(uow: UnitOfWork, user_id: UUID, *, on: bool) -> None:
    """Turn codes by mail on or off."""
    await uow.value("UPDATE users SET email_mfa_at = $2 WHERE id = $1", user_id, uow.now if on else None)


async def verify_address(uow: UnitOfWork, user_id: UUID) -> None:
    """A mailed code came back: the address is theirs."""
    await uow.value(
        "UPDATE users SET email_verified_at = $2, updated_at = $2 WHERE id = $1 AND email_verified_at IS NULL",
        user_id, uow.now,
    )  # fmt: skip


async def replace_recovery_codes(uow: UnitOfWork, user_id: UUID, code_hashes: list[bytes]) -> None:
    """Store new codes (or none) in the place of all others."""
    await uow.value("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
    await uow.value(
        "INSERT INTO recovery_codes (code_hash, user_id, created_at) SELECT h, $2, $3 FROM unnest($1::bytea[]) AS h",
        code_hashes, user_id, uow.now,
    )  # fmt: skip


async def use_recovery_code(uow: UnitOfWork, user_id: UUID, code_hash: bytes) -> bool:
    """Use a code up; False when it is none, or was used."""
    return (
        await uow.value(
            """UPDATE recovery_codes SET used_at = $3
               WHERE code_hash = $1 AND user_id = $2 AND used_at IS NULL RETURNING true""",
            code_hash, user_id, uow.now,
        )
        is True
    )  # fmt: skip


async def begin_email_code(
    uow: UnitOfWork, user_id: UUID, purpose: str, *, lifetime: timedelta, pause: timedelta
) -> datetime | None:
    """Make room for a code that a job will draw; when the last was asked for, if that is less than `pause` ago."""
    row = await uow.row(
        """WITH begun AS (
             INSERT INTO email_codes AS c (user_id, purpose, code_hash, attempts, created_at, expires_at)
             VALUES ($1, $2, '', 0, $3, $4)
             ON CONFLICT (user_id, purpose) DO UPDATE SET
               code_hash = '', attempts = 0, created_at = $3, expires_at = $4
             WHERE c.created_at <= $5
             RETURNING created_at
           )
           SELECT EXISTS (SELECT 1 FROM begun) AS begun,
                  (SELECT created_at FROM email_codes WHERE user_id = $1 AND purpose = $2) AS before""",
        user_id, purpose, uow.now, uow.now + lifetime, uow.now - pause,
    )  # fmt: skip
    if row is None or row["begun"]:
        return None
    # asked for in this very moment, it is not seen yet
    return row["before"] or uow.now


async def store_email_code(
    uow: UnitOfWork, user_id: UUID, purpose: str, *, begun_at: datetime, code_hash: bytes
) -> bool:
    """Store the code that was drawn; False when a newer one was asked for meanwhile, or the time is up."""
    return (
        await uow.value(
            """UPDATE email_codes SET code_hash = $4
               WHERE user_id = $1 AND purpose = $2 AND created_at = $3 AND expires_at > $5 RETURNING true""",
            user_id, purpose, begun_at, code_hash, uow.now,
        )
        is True
    )  # fmt: skip


async def try_email_code(uow: UnitOfWork, user_id: UUID, purpose: str, *, attempts: int) -> bytes | None:
    """Count a try; what is stored of the code, or None when it is expired or was tried too often."""
    return await uow.value(
        """UPDATE email_codes SET attempts = attempts + 1
           WHERE user_id = $1 AND purpose = $2 AND attempts < $3 AND expires_at > $4 RETURNING code_hash""",
        user_id, purpose, attempts, uow.now,
    )  # fmt: skip


async def delete_email_code(uow: UnitOfWork, user_id: UUID, purpose: str) -> None:
    """Use a code up."""
    await uow.value("DELETE FROM email_codes WHERE user_id = $1 AND purpose = $2", user_id, purpose)


async def add_method(uow: UnitOfWork, session_id: UUID | None, method: str) -> None:
    """Note that the session has proved a factor."""
    await uow.value(
        "UPDATE sessions SET methods = array_append(methods, $2) WHERE id = $1 AND NOT ($2 = ANY (methods))",
        session_id, method,
    )  # fmt: skip


async def required_roles(db: Reader) -> list[GlobalRole]:
    """Roles that need a second factor."""
    return [row["role"] for row in await db.rows("SELECT role FROM mfa_roles ORDER BY role")]


async def set_required_roles(uow: UnitOfWork, roles: list[str], by: UUID | None) -> None:
    """Have these roles need one, and no others."""
    await uow.value("DELETE FROM mfa_roles WHERE role <> ALL ($1::text[])", roles)
    await uow.value(
        """INSERT INTO mfa_roles (role, required_since, required_by) SELECT r, $2, $3 FROM unnest($1::text[]) AS r
           ON CONFLICT (role) DO NOTHING""",
        roles, uow.now, by,
    )  # fmt: skip


async def secrets_of_all(uow: UnitOfWork) -> list[asyncpg.Record]:
    """Every stored secret, locked, to be encrypted anew."""
    return await uow.rows("SELECT id, totp_secret FROM users WHERE totp_secret IS NOT NULL FOR NO KEY UPDATE")


async def replace_secret(uow: UnitOfWork, user_id: UUID, secret: bytes) -> None:
    """Store the same secret, encrypted anew."""
    await uow.value("UPDATE users SET totp_secret = $2 WHERE id = $1", user_id, secret)


async def delete_expired(uow: UnitOfWork) -> int:
    """Delete sign-ins that took too long and codes that are void; returns how many."""
    return await uow.value(
        """WITH challenges AS (DELETE FROM mfa_challenges WHERE expires_at < $1 RETURNING 1),
                codes AS (DELETE FROM email_codes WHERE expires_at < $1 RETURNING 1)
           SELECT (SELECT count(*) FROM challenges) + (SELECT count(*) FROM codes)""",
        uow.now,
    )
