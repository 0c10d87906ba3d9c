"""Sign-in and what belongs to it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from synergy_api.authentication import (
    client_of,
    cookie_names,
    cookie_of,
    device_cookie,
    refuse_foreign,
    refuse_forged,
    sign_in_response,
    sign_out_response,
    signed_in,
)
from synergy_api.bodies import DOES_NOT_FIT, decode_body
from synergy_api.documentation import errors
from synergy_api.problems import struct_faults
from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import (
    Credentials,
    RefreshInput,
    Registration,
    SignInView,
    UserView,
)
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import InvalidInput, NotAuthenticated
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]
_REFRESH_INPUT = msgspec.json.Decoder(RefreshInput)
_PUBLIC: list[dict[str, list[str]]] = [{}]


@post("/auth/register", tags=["auth"], security=_PUBLIC, responses=errors(400, 403, 409, 422, 429))
async def register(data: JSONBody[Registration], request: AnyRequest, state: State) -> UserView:
    """Make an account; a mail to verify the address is sent."""
    return await identity.register(state.runtime, data, client_of(request))


@post("/auth/login", tags=["auth"], status_code=200, security=_PUBLIC, responses=errors(400, 401, 403, 422, 429))
async def login(data: JSONBody[Credentials], request: AnyRequest, state: State) -> Response[SignInView]:
    """Sign in by username or email address; with `mfa_required`, `POST /auth/mfa/verify` completes it."""
    runtime: Runtime = state.runtime
    if data.deliver == "cookie":
        refuse_foreign(request, runtime.settings)
    if data.device_id is None:
        data.device_id = request.cookies.get(device_cookie(runtime.settings))
    outcome = await identity.sign_in(runtime, data, client_of(request))
    return await signed_in(request, runtime, outcome, as_cookies=data.deliver == "cookie")


@post("/auth/refresh", tags=["auth"], status_code=200, security=_PUBLIC, responses=errors(400, 401, 403, 422))
async def refresh(request: AnyRequest, state: State) -> Response[SignInView]:
    """Exchange a refresh token, from the body or from the cookie, for new tokens; delivered the way it came."""
    runtime: Runtime = state.runtime
    body = await _refresh_input(request)
    token = body.refresh_token
    if token is not None:
        return sign_in_response(
            runtime.settings, await identity.refresh(runtime, token, client_of(request)), as_cookies=False
        )
    token = cookie_of(request, cookie_names(runtime.settings)[1])
    if not token:
        raise NotAuthenticated("Send the refresh token in the body or as a cookie.")
    refuse_forged(request, runtime.settings)
    return sign_in_response(
        runtime.settings, await identity.refresh(runtime, token, client_of(request)), as_cookies=True
    )


@post("/auth/logout", tags=["auth"], status_code=204, opt={"scope": "session"}, responses=errors(401, 403))
async def logout(
    request: AnyRequest, state: State, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[None]:
    """End this session; its access token is void at once."""
    await identity.sign_out(uow, actor, client_of(request))
    return sign_out_response(state.runtime.settings)


@post("/auth/logout-all", tags=["auth"], status_code=204, opt={"scope": "session"}, responses=errors(401, 403))
async def logout_all(
    request: AnyRequest, state: State, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[None]:
    """End all sessions of the user."""
    await identity.sign_out_everywhere(uow, actor, client_of(request))
    return sign_out_response(state.runtime.settings)


async def _refresh_input(request: AnyRequest) -> RefreshInput:
    """The body may be missing altogether when the cookie is used."""
    raw = await request.body()
    if not raw.strip():
        return RefreshInput()
    body = decode_body(raw, _REFRESH_INPUT)
    if body is DOES_NOT_FIT:
        raise InvalidInput(struct_faults(raw, RefreshInput))
    return body


router = Router("", route_handlers=[register, login, refresh, logout, logout_all])
