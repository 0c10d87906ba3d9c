"""From a request to an Actor: a bearer token, or the access cookie of the web app."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from synergy_api.limits import RequestLimits
from synergy_domain import identity
from synergy_domain.common import Actor, Scope
from synergy_domain.identity import (
    DEVICE_LIFETIME,
    Authenticator,
    Client,
    IssuedTokens,
    SecondFactorNeeded,
    SignInView,
)
from synergy_platform.database import Reader
from synergy_platform.errors import Forbidden, NotAuthenticated, ProductError
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

AnyRequest = Request[Any, Any, Any]
NeededScope = Literal["read", "write", "admin", "session"]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ForgedRequest(Forbidden):
    """An unsafe request with cookies that did not come from our own pages."""

    code, title = "cross_site_request", "Request from elsewhere"

    def __init__(self) -> None:
        super().__init__("A request with cookies must come from the same origin. Scripts use a bearer token instead.")


class ScopeMissing(Forbidden):
    """A personal token that does not reach as far as the operation."""

    code, title = "scope_missing", "The token does not allow this"

    def __init__(self, needed: NeededScope) -> None:
        super().__init__(
            "This needs a session: sign in. A personal token does not do."
            if needed == "session"
            else f"This needs a token with the scope {needed!r}."
        )


def needed_scope(handler: HTTPRouteHandler) -> NeededScope:
    """The scope that a personal token needs for an operation; `write` holds `read`.

    A handler says another one by `opt={"scope": …}`; `session` is for what steers the account itself.
    """
    said: NeededScope | None = handler.opt.get("scope")
    if said is not None:
        return said
    if any(path.startswith("/admin/") for path in handler.paths):
        return "admin"
    return "read" if handler.http_methods <= _SAFE_METHODS else "write"


def _allows(scopes: frozenset[Scope], needed: NeededScope) -> bool:
    return needed in scopes or (needed == "read" and "write" in scopes)


def cookie_names(settings: Settings) -> tuple[str, str]:
    """Names of the access and the refresh cookie; `__Host-` binds them to this host, and needs HTTPS."""
    prefix = "__Host-" if settings.cookies_secure else ""
    return f"{prefix}synergy_access", f"{prefix}synergy_refresh"


def device_cookie(settings: Settings) -> str:
    """Name of the cookie by which a browser that signed in before is known."""
    return f"{'__Host-' if settings.cookies_secure else ''}synergy_device"


def client_of(request: AnyRequest) -> Client:
    """Address and user agent; the address is the proxy's word where the proxy is trusted, if it is one."""
    host = request.client.host if request.client else ""
    try:
        ip = str(ip_address(host))
    except ValueError:
        ip = None
    return Client(ip, request.headers.get("user-agent"))


def has_credentials(request: AnyRequest) -> bool:
    """Whether the request says who sends it; whether that is true shows later."""
    if "authorization" in request.headers:
        return True
    return cookie_names(request.app.state.runtime.settings)[0] in request.cookies


def needing_actor(app: Litestar) -> frozenset[HTTPRouteHandler]:
    """The handlers that somebody has to be signed in for."""
    return frozenset(
        handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler, model in route.route_handler_map.values()
        if any(dependency.key == "actor" for batch in model.dependency_batches for dependency in batch)
    )


async def provide_actor(request: AnyRequest, state: State, db: NamedDependency[Reader]) -> Actor:
    """The signed-in user of the request, which is counted; raises NotAuthenticated or TooManyRequests.

    A bearer wins, and the cookie is then ignored.

    It asks for the reader rather than making one: Litestar resolves dependencies that do not need each other in a task
    group, which costs more than both.
    """
    limits: RequestLimits = state.limits
    try:
        actor = await _authenticate(request, state, db)
    except ProductError:
        # a limit that is used up says so in the place of what was wrong
        await limits.count_address(request.scope)
        raise
    request.scope["state"]["actor"] = actor  # for what is recorded of the answer
    await limits.count_user(request, actor)
    structlog.contextvars.bind_contextvars(**{"actor.id": str(actor.user_id)})
    if actor.scopes is not None:
        needed = needed_scope(request.route_handler)
        if not _allows(actor.scopes, needed):
            raise ScopeMissing(needed)
    return actor


async def _authenticate(request: AnyRequest, state: State, db: Reader) -> Actor:
    authenticator: Authenticator = state.authenticator
    runtime: Runtime = state.runtime
    header = request.headers.get("authorization")
    if header is not None:
        if len(request.headers.getall("authorization")) > 1:
            raise NotAuthenticated("Send one Authorization header.", headers={"WWW-Authenticate": "Bearer"})
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotAuthenticated("Send `Authorization: Bearer <token>`.", headers={"WWW-Authenticate": "Bearer"})
    else:
        token = cookie_of(request, cookie_names(runtime.settings)[0])
        if not token:
            raise NotAuthenticated("Sign in first.", headers={"WWW-Authenticate": "Bearer"})
        refuse_forged(request, runtime.settings)
    # no personal token in a cookie: nobody of ours puts one there
    actor = await (
        authenticator.session_actor(db, token)
        if header is None
        else authenticator.actor(db, token.strip(), client_of(request).ip)
    )
    if actor is None:
        raise NotAuthenticated(
            "The access token is expired or was revoked. Refresh it, or sign in again.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    return actor


def cookie_of(request: AnyRequest, name: str) -> str | None:
    """A cookie's value. Of two with the same name one was put there by somebody else, from a neighbouring host."""
    value = request.cookies.get(name)
    if value is not None:
        given = ";".join(request.headers.getall("cookie")).split(";")
        if sum(cookie.partition("=")[0].strip() == name for cookie in given) > 1:
            raise NotAuthenticated("The same cookie is there twice. Delete this site's cookies, and sign in again.")
    return value


def refuse_forged(request: AnyRequest, settings: Settings) -> None:
    """Unsafe requests with cookies: same origin. `check_request` refuses the bodies of plain forms."""
    if request.method in _SAFE_METHODS:
        return
    headers = request.headers
    if "origin" not in headers and headers.get("sec-fetch-site") != "same-origin":
        raise ForgedRequest
    refuse_foreign(request, settings)


def refuse_foreign(request: AnyRequest, settings: Settings) -> None:
    """Requests whose answer sets cookies: not from a page of another origin, which could sign people in as somebody.

    Programs that are no browsers send neither header.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origin in settings.csrf_origins:
        return
    if site not in {None, "same-origin"} or not (origin is None or _is_ours(request, settings, origin, site)):
        raise ForgedRequest


def _is_ours(request: AnyRequest, settings: Settings, origin: str, site: str | None) -> bool:
    if origin == settings.public_origin:
        return True
    parts = urlsplit(origin)
    # the browser's word on the scheme, where it gives it; it knows better than who stands behind proxies
    same_scheme = site == "same-origin" or parts.scheme == request.scope["scheme"]
    return same_scheme and parts.netloc == request.headers.get("host")


async def signed_in(
    request: AnyRequest, runtime: Runtime, outcome: IssuedTokens | SecondFactorNeeded, *, as_cookies: bool
) -> Response[SignInView]:
    """The answer to a sign-in; the session that a browser had before ends when cookies of another take its place."""
    if as_cookies and isinstance(outcome, IssuedTokens):
        await end_replaced(request, runtime)
    return sign_in_response(runtime.settings, outcome, as_cookies=as_cookies)


async def end_replaced(request: AnyRequest, runtime: Runtime) -> None:
    """End the session whose cookies the request carries, since the answer has those of another."""
    before = request.cookies.get(cookie_names(runtime.settings)[1])
    if before:
        await identity.end_replaced_session(runtime, before, client_of(request))


def sign_in_response(
    settings: Settings, outcome: IssuedTokens | SecondFactorNeeded, *, as_cookies: bool
) -> Response[SignInView]:
    """The tokens in the body, or as cookies that no script can read; or that a second factor is needed."""
    if isinstance(outcome, SecondFactorNeeded):
        return Response(_unfinished(outcome), status_code=200)
    issued = outcome
    view = SignInView(
        access_token=None if as_cookies else issued.access_token,
        token_type="Bearer",  # noqa: S106 - the name of a scheme
        expires_in=issued.expires_in,
        user=issued.user,
        refresh_token=None if as_cookies else issued.refresh_token,
        mfa_required=False,
        mfa_token=None,
        methods=None,
        device_id=None if as_cookies else issued.device_id,
    )
    return Response(view, status_code=200, cookies=token_cookies(settings, issued) if as_cookies else None)


def _unfinished(needed: SecondFactorNeeded) -> SignInView:
    return SignInView(
        access_token=None, token_type="Bearer", expires_in=None, user=None, refresh_token=None,  # noqa: S106 - as above
        mfa_required=True, mfa_token=needed.mfa_token, methods=needed.methods, device_id=None,
    )  # fmt: skip


def sign_out_response(settings: Settings) -> Response[None]:
    """No content; the cookies of the session are gone, and what the browser kept of it.

    Not "cookies": that this browser has signed in before outlives the session.
    """
    gone = [make_cookie(settings, name, "", 0) for name in cookie_names(settings)]
    return Response(None, status_code=204, cookies=gone, headers={"Clear-Site-Data": '"cache", "storage"'})


def token_cookies(settings: Settings, issued: IssuedTokens) -> list[Cookie]:
    """The tokens as cookies that no script can read."""
    access, refresh = cookie_names(settings)
    cookies = [
        make_cookie(settings, access, issued.access_token, issued.expires_in),
        make_cookie(settings, refresh, issued.refresh_token, issued.refresh_expires_in),
    ]
    if issued.device_id is not None:
        seconds = int(DEVICE_LIFETIME.total_seconds())
        cookies.append(make_cookie(settings, device_cookie(settings), issued.device_id, seconds))
    return cookies


def make_cookie(settings: Settings, name: str, value: str, seconds: int) -> Cookie:
    """A cookie for the server only; it comes along when a link elsewhere leads here, and not with what pages embed."""
    return Cookie(
        key=name, value=value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=settings.cookies_secure
    )
