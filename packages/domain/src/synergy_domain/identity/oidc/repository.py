"""All SQL of single sign-on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from synergy_domain.identity.models import ExternalIdentity, ExternalSignIn
from synergy_platform.database import Reader, UnitOfWork


async def add_sign_in(
    uow: UnitOfWork,
    *,
    state_hash: bytes,
    browser_hash: bytes,
    provider: str,
    secrets: bytes,
    user_id: UUID | None,
    expires_at: datetime,
) -> None:
    """Remember a sign-in that goes to a provider."""
    uow.session.add(
        ExternalSignIn(
            state_hash=state_hash, browser_hash=browser_hash, provider=provider, secrets=secrets, user_id=user_id,
            created_at=uow.now, expires_at=expires_at,
        )
    )  # fmt: skip
    await uow.flush()


async def take_sign_in(uow: UnitOfWork, state_hash: bytes) -> asyncpg.Record | None:
    """The sign-in of this state, which is gone with that: a state comes back once."""
    return await uow.row(
        """DELETE FROM external_sign_ins WHERE state_hash = $1
           RETURNING provider, secrets, browser_hash, user_id, expires_at""",
        state_hash,
    )


async def find_identity(db: Reader, issuer: str, subject: str) -> asyncpg.Record | None:
    """The identity with the state of its user."""
    return await db.row(
        """SELECT i.id, i.user_id, u.is_active FROM external_identities i JOIN users u ON u.id = i.user_id
           WHERE i.issuer = $1 AND i.subject = $2""",
        issuer, subject,
    )  # fmt: skip


async def add_identity(
    uow: UnitOfWork, *, user_id: UUID, provider: str, issuer: str, subject: str, email: str | None
) -> None:
    """Link; a conflict when somebody has it."""
    uow.session.add(
        ExternalIdentity(
            user_id=user_id, provider=provider, issuer=issuer, subject=subject, email=email, created_at=uow.now,
            last_used_at=uow.now,
        )
    )  # fmt: skip
    await uow.flush()


async def use_identity(uow: UnitOfWork, identity_id: UUID, *, provider: str, email: str | None) -> bool:
    """Note that somebody signed in by it, and what the provider calls them now; False when it is gone."""
    return (
        await uow.value(
            """UPDATE external_identities SET last_used_at = $2, provider = $3, email = coalesce($4, email)
               WHERE id = $1 RETURNING true""",
            identity_id, uow.now, provider, email,
        )
        is True
    )  # fmt: skip


async def is_address_taken(db: Reader, email: str) -> bool:
    """Whether an account has this address."""
    return bool(await db.value("SELECT EXISTS (SELECT 1 FROM users WHERE lower(email) = lower($1))", email))


async def list_identities(db: Reader, user_id: UUID) -> list[asyncpg.Record]:
    """The identities of a user, oldest first."""
    return await db.rows(
        """SELECT id, provider, issuer, email, created_at, last_used_at FROM external_identities
           WHERE user_id = $1 ORDER BY created_at, id""",
        user_id,
    )


async def delete_identity(uow: UnitOfWork, identity_id: UUID) -> None:
    """Unlink."""
    await uow.value("DELETE FROM external_identities WHERE id = $1", identity_id)


async def delete_expired_sign_ins(uow: UnitOfWork) -> int:
    """Delete sign-ins that nobody came back from; returns how many."""
    return int(
        await uow.value(
            """WITH gone AS (DELETE FROM external_sign_ins WHERE expires_at < $1 RETURNING 1)
               SELECT count(*) FROM gone""",
            uow.now,
        )
    )
