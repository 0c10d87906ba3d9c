"""The second factor of a sign-in, one's own factors, and which roles need one."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from synergy_api.authentication import client_of, refuse_foreign, signed_in
from synergy_api.documentation import errors
from synergy_domain.common import Actor
from synergy_domain.identity import SignInView, mfa
from synergy_domain.identity.mfa import (
    CodeInput,
    MfaRoles,
    MfaTokenInput,
    MfaView,
    OwnPassword,
    RecoveryCodes,
    SecondFactor,
    TotpSetUp,
)
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]

_PUBLIC: list[dict[str, list[str]]] = [{}]
_SESSION = {"scope": "session"}
_OWN = errors(400, 401, 403, 409, 415, 422, 429)
_SECRET = {"Cache-Control": "no-store"}


@post("/auth/mfa/email", tags=["auth"], status_code=204, security=_PUBLIC, responses=errors(400, 401, 403, 422, 429))
async def send_mfa_code(data: JSONBody[MfaTokenInput], state: State) -> None:
    """Mail six digits that complete this sign-in; a new one at most every 60 s."""
    await mfa.send_sign_in_code(state.runtime, data.mfa_token)


@post("/auth/mfa/verify", tags=["auth"], status_code=200, security=_PUBLIC, responses=errors(400, 401, 403, 422, 429))
async def verify_mfa(data: JSONBody[SecondFactor], request: AnyRequest, state: State) -> Response[SignInView]:
    """Complete a sign-in by its second factor."""
    runtime: Runtime = state.runtime
    if data.deliver == "cookie":
        refuse_foreign(request, runtime.settings)
    issued = await mfa.complete_sign_in(runtime, data, client_of(request))
    return await signed_in(request, runtime, issued, as_cookies=data.deliver == "cookie")


@get("/me/mfa", tags=["me"], opt=_SESSION, responses=errors(400, 401, 403))
async def get_mfa(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> MfaView:
    """One's own second factors."""
    return await mfa.my_factors(db, actor)


@post("/me/mfa/totp", tags=["me"], status_code=200, opt=_SESSION, responses=_OWN)
async def begin_totp(
    data: JSONBody[OwnPassword], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> Response[TotpSetUp]:
    """A secret for an authenticator app; the factor is on once its first code is confirmed."""
    set_up = await mfa.begin_totp(state.runtime, actor, data.password, client_of(request))
    return Response(set_up, headers=_SECRET)


@post("/me/mfa/totp/confirm", tags=["me"], status_code=200, opt=_SESSION, responses=_OWN)
async def confirm_totp(
    data: JSONBody[CodeInput], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> Response[RecoveryCodes]:
    """Turn the authenticator app on with its first code; the recovery codes are shown this once."""
    codes = await mfa.confirm_totp(state.runtime, actor, data.code, client_of(request))
    return Response(codes, headers=_SECRET)


@delete("/me/mfa/totp", tags=["me"], status_code=204, opt=_SESSION, responses=_OWN)
async def turn_totp_off(
    data: JSONBody[OwnPassword], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> None:
    """Turn the authenticator app off."""
    await mfa.turn_totp_off(state.runtime, actor, data.password, client_of(request))


@post("/me/mfa/email", tags=["me"], status_code=202, opt=_SESSION, responses=_OWN)
async def begin_email_mfa(
    data: JSONBody[OwnPassword], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> None:
    """Mail six digits; codes by mail are on once they are confirmed."""
    await mfa.begin_email(state.runtime, actor, data.password, client_of(request))


@post("/me/mfa/email/confirm", tags=["me"], status_code=200, opt=_SESSION, responses=_OWN)
async def confirm_email_mfa(
    data: JSONBody[CodeInput], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> Response[RecoveryCodes]:
    """Turn codes by mail on with the first of them; the recovery codes are shown this once."""
    codes = await mfa.confirm_email(state.runtime, actor, data.code, client_of(request))
    return Response(codes, headers=_SECRET)


@delete("/me/mfa/email", tags=["me"], status_code=204, opt=_SESSION, responses=_OWN)
async def turn_email_mfa_off(
    data: JSONBody[OwnPassword], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> None:
    """Turn codes by mail off."""
    await mfa.turn_email_off(state.runtime, actor, data.password, client_of(request))


@post("/me/mfa/recovery-codes", tags=["me"], status_code=200, opt=_SESSION, responses=_OWN)
async def renew_recovery_codes(
    data: JSONBody[OwnPassword], request: AnyRequest, state: State, actor: NamedDependency[Actor]
) -> Response[RecoveryCodes]:
    """Ten new recovery codes, shown this once; the old ones are void."""
    codes = await mfa.renew_recovery_codes(state.runtime, actor, data.password, client_of(request))
    return Response(codes, headers=_SECRET)


@get("/admin/mfa-roles", tags=["admin"], opt=_SESSION, responses=errors(400, 401, 403))
async def get_mfa_roles(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> MfaRoles:
    """The global roles whose accounts need a second factor."""
    return await mfa.required_roles(db, actor)


@put("/admin/mfa-roles", tags=["admin"], opt=_SESSION, responses=errors(400, 401, 403, 415, 422))
async def set_mfa_roles(
    data: JSONBody[MfaRoles], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> MfaRoles:
    """Have accounts of these global roles need a second factor: from their next sign-in or refresh on."""
    return await mfa.require_roles(uow, actor, data, client_of(request))


router = Router(
    "",
    route_handlers=[
        send_mfa_code,
        verify_mfa,
        get_mfa,
        begin_totp,
        confirm_totp,
        turn_totp_off,
        begin_email_mfa,
        confirm_email_mfa,
        turn_email_mfa_off,
        renew_recovery_codes,
        get_mfa_roles,
        set_mfa_roles,
    ],
)
