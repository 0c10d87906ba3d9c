"""Deleting accounts, and linking people without one to theirs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, delete, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from synergy_api.authentication import client_of, sign_out_response
from synergy_api.documentation import errors
from synergy_domain import offboarding
from synergy_domain.common import Actor
from synergy_domain.identity.administration import AdminUserView
from synergy_domain.offboarding import AccountDeletion, OwnDeletion, PersonLink
from synergy_platform.database import UnitOfWork

AnyRequest = Request[Any, Any, Any]
_SESSION = {"scope": "session"}
_RESPONSES = errors(400, 401, 403, 404, 409, 415, 422)


@delete("/admin/users/{user_id:uuid}", tags=["admin"], opt=_SESSION, responses=_RESPONSES)
async def delete_account(
    user_id: FromPath[UUID],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
    data: JSONBody[AccountDeletion | None] = None,
) -> None:
    """Delete an account for good; what it wrote stays under "Deleted user".

    409 `owns_projects` lists the projects that it owns, unless the body says who gets them.
    """
    transfer_to = data.transfer_to if data else None
    await offboarding.delete_user(uow, actor, client_of(request), user_id, transfer_to)


@post("/admin/users/{user_id:uuid}/link", tags=["admin"], status_code=200, opt=_SESSION, responses=_RESPONSES)
async def link_person(
    user_id: FromPath[UUID],
    data: JSONBody[PersonLink],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> AdminUserView:
    """Move everything of a person whom an import made to the account that is theirs; the answer is the account."""
    return await offboarding.link_person(uow, actor, client_of(request), user_id, data)


@delete(
    "/me", tags=["me"], status_code=204, opt=_SESSION,
    responses=errors(400, 401, 403, 409, 415, 422, 429),
)  # fmt: skip
async def delete_me(
    data: JSONBody[OwnDeletion], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete one's own account for good; what one wrote stays under "Deleted user".

    409 `owns_projects` lists the projects that one owns, unless the body says who gets them.
    """
    await offboarding.delete_me(state.runtime, actor, client_of(request), data)
    return sign_out_response(state.runtime.settings)


router = Router("", route_handlers=[delete_account, link_person, delete_me])
