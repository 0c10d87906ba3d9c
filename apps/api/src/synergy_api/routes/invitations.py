"""Invitations: what managers send, what those who got one do with it; and how one gets in at all."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, PathParameter

from synergy_api.authentication import client_of, provide_actor
from synergy_api.documentation import READ, WRITE, errors
from synergy_api.lists import ItemList, whole
from synergy_domain import identity, projects
from synergy_domain.common import Actor
from synergy_domain.identity import SignInOptions
from synergy_domain.projects import (
    AcceptedInvitation,
    InvitationAcceptance,
    InvitationInput,
    InvitationPreview,
    InvitationView,
)
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotAuthenticated
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]
_PUBLIC: list[dict[str, list[str]]] = [{}]
_Token = Annotated[
    str,
    PathParameter(
        description="The link's token; or, for whoever is signed in and has confirmed the invited address, the id"
    ),
]


async def provide_caller(request: AnyRequest, state: State, db: NamedDependency[Reader]) -> Actor | None:
    """Who is signed in, if anybody. Cookies of a session that has ended are nobody; a bearer has to be good."""
    try:
        return await provide_actor(request, state, db)
    except NotAuthenticated:
        if "authorization" in request.headers:
            raise
        return None


@get("/auth/options", tags=["auth"], security=_PUBLIC, responses=errors(400))
async def get_sign_in_options(state: State) -> SignInOptions:
    """Whether strangers may register, and where else one may sign in from."""
    return identity.sign_in_options(state.runtime)


@get("/projects/{project_id:uuid}/invitations", tags=["projects"], responses={**READ, **errors(403)})
async def list_invitations(
    project_id: FromPath[UUID], state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[InvitationView]:
    """The invitations that nobody has accepted, for the project's managers."""
    runtime: Runtime = state.runtime
    return whole(await projects.list_invitations(db, actor, project_id, runtime.clock.now()))


@post("/projects/{project_id:uuid}/invitations", tags=["projects"], responses={**WRITE, **errors(429)})
async def create_invitation(
    project_id: FromPath[UUID],
    data: JSONBody[InvitationInput],
    state: State,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> InvitationView:
    """Mail somebody a link into the project. The answer does not tell whether they have an account."""
    return await projects.invite(state.runtime, uow, actor, project_id, data)


@post(
    "/projects/{project_id:uuid}/invitations/{invitation_id:uuid}/resend",
    tags=["projects"],
    status_code=200,
    responses={**WRITE, **errors(429)},
)
async def resend_invitation(
    project_id: FromPath[UUID],
    invitation_id: FromPath[UUID],
    state: State,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> InvitationView:
    """Mail a new link, good for seven days again; the one before is void. At most once a minute."""
    return await projects.resend_invitation(state.runtime, uow, actor, project_id, invitation_id)


@delete("/projects/{project_id:uuid}/invitations/{invitation_id:uuid}", tags=["projects"], responses=WRITE)
async def revoke_invitation(
    project_id: FromPath[UUID],
    invitation_id: FromPath[UUID],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> None:
    """Withdraw an invitation."""
    await projects.revoke_invitation(uow, actor, project_id, invitation_id)


@get("/invitations/{token:str}", tags=["people"], security=_PUBLIC, responses=errors(400, 401, 404))
async def get_invitation(token: _Token, state: State, caller: NamedDependency[Actor | None]) -> InvitationPreview:
    """What the link invites to; nobody need be signed in, and it changes nothing."""
    return await projects.preview_invitation(state.runtime, token, caller)


@post("/invitations/{token:str}/accept", tags=["people"], status_code=200, security=_PUBLIC, responses=WRITE)
async def accept_invitation(
    token: _Token,
    data: JSONBody[InvitationAcceptance],
    request: AnyRequest,
    state: State,
    caller: NamedDependency[Actor | None],
) -> AcceptedInvitation:
    """Join the project: with the account one is signed in as, or with a new one whose address is confirmed by this."""
    return await projects.accept_invitation(state.runtime, token, caller, data, client_of(request))


router = Router(
    "",
    route_handlers=[
        get_sign_in_options, list_invitations, create_invitation, resend_invitation, revoke_invitation, get_invitation,
        accept_invitation,
    ],
    dependencies={"caller": Provide(provide_caller)},
)  # fmt: skip
