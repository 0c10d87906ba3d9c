"""Sessions, as their user sees them: where they are signed in, and how to end that."""

from __future__ import annotations

from uuid import UUID

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client, device_name
from synergy_domain.identity.contracts import SessionView
from synergy_domain.identity.errors import SessionNotFound
from synergy_domain.identity.revoking import end_other_sessions, end_session
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)


async def list_sessions(runtime: Runtime, db: Reader, actor: Actor) -> list[SessionView]:
    """The actor's sessions that are alive: this one first, then by when they were used last."""
    rows = await db.rows(
        """SELECT id, user_agent, host(ip) AS ip, methods, created_at, last_used_at, id = $2 AS current FROM sessions
           WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3
           ORDER BY current DESC, last_used_at DESC, id""",
        actor.user_id, actor.session_id, runtime.clock.now(),
    )  # fmt: skip
    return [SessionView(device=device_name(row["user_agent"]), **row) for row in rows]


async def revoke_session(uow: UnitOfWork, actor: Actor, session_id: UUID, client: Client) -> None:
    """End one of the actor's sessions, at once; raises SessionNotFound."""
    if not await end_session(uow, actor.user_id, session_id):
        raise SessionNotFound
    repository.add_security_event(
        uow, "session_revoked", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
        detail={"session_id": str(session_id)},
    )  # fmt: skip
    log.info("identity.session_revoked", user_id=str(actor.user_id), session_id=str(session_id))


async def revoke_other_sessions(uow: UnitOfWork, actor: Actor, client: Client) -> None:
    """End all of the actor's sessions but this one."""
    ended = await end_other_sessions(uow, actor)
    if ended:
        repository.add_security_event(
            uow, "session_revoked", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
            detail={"others": ended},
        )  # fmt: skip
        log.info("identity.other_sessions_revoked", user_id=str(actor.user_id), count=ended)
