"""One's own account: profile, password, email address."""

from __future__ import annotations

from typing import Any

from litestar import Request, Router, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from synergy_api.authentication import client_of
from synergy_api.documentation import CHANGE, READ, errors
from synergy_api.etags import expected_version
from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import (
    EmailChange,
    ForgotPassword,
    PasswordChange,
    PasswordReset,
    ProfileChange,
    UserView,
    VerifyEmailInput,
)
from synergy_platform.database import Reader, UnitOfWork

AnyRequest = Request[Any, Any, Any]

_PUBLIC: list[dict[str, list[str]]] = [{}]
_CONFIRMED = errors(400, 401, 403, 415, 422, 429)
_BY_LINK = errors(400, 415, 422, 429)


@get("/me", tags=["me"], responses=READ)
async def get_me(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> UserView:
    """The signed-in user."""
    return await identity.my_profile(db, actor)


@patch("/me", tags=["me"], responses=CHANGE)
async def change_me(
    data: JSONBody[ProfileChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> UserView:
    """Change one's own profile; with If-Match only the version that it names."""
    return await identity.change_profile(uow, actor, data, expected_version=expected_version(request))


@post("/auth/password/forgot", tags=["auth"], status_code=202, security=_PUBLIC, responses=_BY_LINK)
async def forgot_password(data: JSONBody[ForgotPassword], request: AnyRequest, state: State) -> None:
    """Have a link mailed that sets a new password. The answer is the same whether there is such an account or not."""
    await identity.ask_for_reset(state.runtime, data, client_of(request))


@post("/auth/password/reset", tags=["auth"], status_code=204, security=_PUBLIC, responses=_BY_LINK)
async def reset_password(data: JSONBody[PasswordReset], request: AnyRequest, state: State) -> None:
    """Set a new password by the token of a link. All sessions and personal tokens of the account end."""
    await identity.reset_password(state.runtime, data, client_of(request))


@post("/auth/password/change", tags=["auth"], status_code=204, opt={"scope": "session"}, responses=_CONFIRMED)
async def change_password(
    data: JSONBody[PasswordChange], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> None:
    """Set another password. All other sessions end."""
    await identity.change_password(state.runtime, actor, data, client_of(request))


@post("/auth/email/verify", tags=["auth"], status_code=204, security=_PUBLIC, responses=_BY_LINK)
async def verify_email(data: JSONBody[VerifyEmailInput], request: AnyRequest, state: State) -> None:
    """Take the token of a link that confirms the address of an account, or changes it for another one."""
    await identity.verify_email(state.runtime, data.token, client_of(request))


@post(
    "/auth/email/resend",
    tags=["auth"],
    status_code=202,
    opt={"scope": "session", "takes_any_body": True},
    responses=errors(400, 401, 403, 429),
)
async def resend_verification(state: State, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]) -> None:
    """Have the link that confirms the present address sent again; none is sent when it is confirmed."""
    await identity.resend_verification(state.runtime, uow, actor)


@post("/me/email", tags=["me"], status_code=202, opt={"scope": "session"}, responses=_CONFIRMED)
async def change_email(
    data: JSONBody[EmailChange], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> None:
    """Have a link mailed to a new address, which the account has once that is followed. The old one is told.

    The answer is the same whether somebody has that address or not.
    """
    await identity.change_email(state.runtime, actor, data, client_of(request))


router = Router(
    "",
    route_handlers=[
        get_me, change_me, forgot_password, reset_password, change_password, verify_email, resend_verification,
        change_email,
    ],
)  # fmt: skip
