"""Personal tokens for scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from synergy_api.authentication import client_of
from synergy_api.documentation import errors
from synergy_api.lists import ItemList, whole
from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import ApiTokenInput, ApiTokenView, NewApiTokenView
from synergy_platform.database import Reader, UnitOfWork

AnyRequest = Request[Any, Any, Any]


@get("/me/tokens", tags=["me"], opt={"scope": "session"}, responses=errors(400, 401, 403))
async def list_api_tokens(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> ItemList[ApiTokenView]:
    """The caller's personal tokens, the newest first."""
    return whole(await identity.list_api_tokens(db, actor))


@post(
    "/me/tokens",
    tags=["me"],
    opt={"scope": "session", "secret_answer": True},
    responses=errors(400, 401, 403, 409, 415, 422),
)
async def create_api_token(
    data: JSONBody[ApiTokenInput],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> Response[NewApiTokenView]:
    """Make a personal token; the answer holds it, this once. It needs a confirmed email address."""
    made = await identity.create_api_token(uow, actor, data, client_of(request))
    return Response(made, status_code=201, headers={"Cache-Control": "no-store"})


@delete("/me/tokens/{token_id:uuid}", tags=["me"], opt={"scope": "session"}, responses=errors(400, 401, 403, 404))
async def revoke_api_token(
    token_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Revoke a personal token, at once."""
    await identity.revoke_api_token(uow, actor, token_id, client_of(request))


router = Router("", route_handlers=[list_api_tokens, create_api_token, revoke_api_token])
