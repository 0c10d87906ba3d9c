"""Everything that lets somebody act as a user, ended.

All of it holds from the commit on, in every process: each request looks its session or token up, and open event
streams are told.
"""

from __future__ import annotations

from uuid import UUID

from synergy_domain.common.actor import Actor
from synergy_platform.database import REVOKED_CHANNEL, UnitOfWork


async def end_session(uow: UnitOfWork, user_id: UUID, session_id: UUID) -> bool:
    """End one session; False when the user has no such one that is alive."""
    return await _end_sessions(uow, user_id, "id = $3", session_id) > 0


async def end_other_sessions(uow: UnitOfWork, actor: Actor) -> int:
    """End all sessions of the actor but the one that they act in; returns how many."""
    return await _end_sessions(uow, actor.user_id, "id IS DISTINCT FROM $3", actor.session_id)


async def end_all_sessions(uow: UnitOfWork, user_id: UUID) -> int:
    """End all sessions of a user; returns how many."""
    return await _end_sessions(uow, user_id, "$3::uuid IS NULL", None)


async def end_what_is_under_way(uow: UnitOfWork, user_id: UUID) -> None:
    """Void links that were mailed, codes, and sign-ins that wait for their second factor."""
    await uow.value(
        """WITH links AS (UPDATE one_time_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL),
                codes AS (DELETE FROM email_codes WHERE user_id = $1)
           DELETE FROM mfa_challenges WHERE user_id = $1""",
        user_id, uow.now,
    )  # fmt: skip


async def revoke_everything(uow: UnitOfWork, user_id: UUID) -> None:
    """End all sessions, personal tokens, and what is under way.

    Hold the lock of the user's row (FOR UPDATE): it waits for what is just being made.
    """
    await uow.value("UPDATE api_tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL", user_id, uow.now)
    await end_what_is_under_way(uow, user_id)
    await end_all_sessions(uow, user_id)
    await tell_streams(uow, user_id)


async def tell_streams(uow: UnitOfWork, user_id: UUID) -> None:
    """Have open event streams of the user look again whether they may go on."""
    await uow.value("SELECT pg_notify($1, $2)", REVOKED_CHANNEL, str(user_id))


async def _end_sessions(uow: UnitOfWork, user_id: UUID, which: str, session_id: UUID | None) -> int:
    ended: int = await uow.value(
        f"""WITH ended AS (
              UPDATE sessions SET revoked_at = $2
              -- in one order, so that no two who end the same ones wait for each other
              WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
                           AND {which} ORDER BY id FOR UPDATE)
              RETURNING 1
            ) SELECT count(*) FROM ended""",  # noqa: S608 - one of the constants above
        user_id, uow.now, session_id,
    )  # fmt: skip
    if ended:
        await tell_streams(uow, user_id)
    return ended
