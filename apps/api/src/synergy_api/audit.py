"""What is recorded of answers before they leave: administrators' reach, and refusals.

What an administrator reached that is not theirs (`Actor.foreign_projects`) is in the security events before the answer
is sent; when it cannot be, there is no answer. Refusals (403 of somebody signed in, 429 of anybody) are sampled.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

import structlog
from litestar import Request
from litestar.types import HTTPScope, Scope

from synergy_domain.common import Actor
from synergy_domain.identity import Client, record_security_event
from synergy_domain.projects import record_admin_access
from synergy_platform.addresses import client_network
from synergy_platform.database import DATABASE_ERRORS
from synergy_platform.errors import TooManyRequests, Unavailable
from synergy_platform.ratelimit import noted_limits
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit

log = structlog.stdlib.get_logger(__name__)

# one refusal for each user (or address) and route in ten minutes, in all processes
_SAMPLE = RateLimit(1, 600)


class Audit:
    """Writes for one process, and remembers what it has written in the present hour."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hour: datetime | None = None
        self._written: set[tuple[UUID, UUID]] = set()

    async def record(self, scope: Scope, status: int) -> Unavailable | None:
        """Record what there is to record of an answer; what to answer instead, if it cannot leave unrecorded."""
        actor: Actor | None = scope["state"].get("actor")
        if actor is not None and actor.foreign_projects:
            try:
                await self.record_reach(actor, *_request(scope))
            except DATABASE_ERRORS as error:
                log.warning("audit.reach_not_recorded", error=_sentence(error))
                actor.foreign_projects.clear()  # nobody gets to see it
                return Unavailable("What administrators see is recorded, and that is not possible at the moment.")
        if status in {403, 429} and (actor is not None or status == 429):
            await self._record_refusal(status, actor, *_request(scope))
        return None

    async def record_reach(self, actor: Actor, client: Client, request: str) -> None:
        """Write what the actor reached and nobody has recorded in this hour."""
        now = self._runtime.clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._written = hour, set()
        new = {project_id for project_id in actor.foreign_projects if (actor.user_id, project_id) not in self._written}
        if new:
            db = self._runtime.database.reader()
            await record_admin_access(db, actor.user_id, client, new, request=request, now=now)
            self._written |= {(actor.user_id, project_id) for project_id in new}

    async def _record_refusal(self, status: int, actor: Actor | None, client: Client, request: str) -> None:
        who = str(actor.user_id) if actor else client_network(client.ip)
        noted = noted_limits.set(None)  # this limit is not one that the caller met
        try:
            await self._runtime.limiter.hit("refusals", _SAMPLE, str(status), who, request)
            await record_security_event(
                self._runtime.database.reader(),
                "permission_denied" if status == 403 else "rate_limited",
                actor.user_id if actor else None,
                client,
                {"request": request},
                now=self._runtime.clock.now(),
            )
        except TooManyRequests:
            return
        except DATABASE_ERRORS as error:
            log.warning("audit.refusal_not_recorded", error=_sentence(error))
        finally:
            noted_limits.reset(noted)


def _request(scope: Scope) -> tuple[Client, str]:
    """Where the request came from, and its method and route; not its path, which may have a secret in it."""
    request: Request[Any, Any, Any] = Request(cast("HTTPScope", scope))
    client = Client(request.client.host if request.client else None, request.headers.get("user-agent"))
    return client, f"{request.method} {cast('dict[str, Any]', scope).get('path_template', '')}"


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
