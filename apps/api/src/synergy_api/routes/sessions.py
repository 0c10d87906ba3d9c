"""Where one is signed in, and what happened to one's account."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from synergy_api import params
from synergy_api.authentication import client_of
from synergy_api.documentation import errors
from synergy_api.lists import ItemList, whole
from synergy_api.params import CursorParam, Limit
from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import SecurityEventQuery, SecurityEventType, SecurityEventView, SessionView
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]


@get("/me/sessions", tags=["me"], opt={"scope": "session"}, responses=errors(400, 401, 403))
async def list_sessions(
    state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[SessionView]:
    """The caller's sessions: this one first, then by when they were used last."""
    return whole(await identity.list_sessions(state.runtime, db, actor))


@delete("/me/sessions/{session_id:uuid}", tags=["me"], opt={"scope": "session"}, responses=errors(400, 401, 403, 404))
async def revoke_session(
    session_id: FromPath[UUID],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> None:
    """End one session, at once."""
    await identity.revoke_session(uow, actor, session_id, client_of(request))


@post(
    "/me/sessions/revoke-others",
    tags=["me"],
    status_code=204,
    opt={"scope": "session", "takes_any_body": True},
    responses=errors(400, 401, 403),
)
async def revoke_other_sessions(
    request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """End all sessions but this one, at once."""
    await identity.revoke_other_sessions(uow, actor, client_of(request))


@get("/me/security-events", tags=["me"], opt={"scope": "session"}, responses=errors(400, 401, 403))
async def list_my_security_events(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    kind: Annotated[
        str | None, QueryParameter(name="type", max_length=500, description="Types, separated by commas")
    ] = None,
    since: Annotated[str | None, QueryParameter(name="from", description="RFC 3339")] = None,
    until: Annotated[str | None, QueryParameter(name="to", description="RFC 3339, not included")] = None,
) -> Page[SecurityEventView]:
    """What happened to the caller's account, the newest first."""
    query = SecurityEventQuery(
        types=params.choices("type", kind, SecurityEventType), since=params.moment("from", since),
        until=params.moment("to", until), cursor=cursor, limit=limit,
    )  # fmt: skip
    return await identity.list_my_security_events(db, state.runtime.cursors, actor, query)


router = Router("", route_handlers=[list_sessions, revoke_session, revoke_other_sessions, list_my_security_events])
