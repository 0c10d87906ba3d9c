"""Single sign-on: through a provider and back, and one's accounts elsewhere.

The browser itself comes by `start` and `callback`, so what goes wrong there ends at a page of ours, never at JSON.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from synergy_api.authentication import (
    client_of,
    cookie_names,
    device_cookie,
    end_replaced,
    make_cookie,
    token_cookies,
)
from synergy_api.documentation import READ, WRITE, errors
from synergy_api.lists import ItemList, whole
from synergy_api.params import bad_parameter
from synergy_domain import identity
from synergy_domain.common import Actor
from synergy_domain.identity import Authenticator, OidcProviderView, oidc
from synergy_domain.identity.mfa import OwnPassword
from synergy_domain.identity.oidc import (
    Answer,
    HalfSignedIn,
    IdentityView,
    Linked,
    LinkInput,
    LinkView,
    ProviderUnavailable,
    SignedIn,
    SignInRefused,
)
from synergy_platform.database import Reader
from synergy_platform.errors import InvalidInput, TooManyRequests
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
_PUBLIC: list[dict[str, list[str]]] = [{}]


def _to_error_page(request: AnyRequest, error: Exception) -> Response[None]:
    """The page that tells what went wrong on the way back."""
    settings: Settings = request.app.state.runtime.settings
    match error:
        case SignInRefused():
            refused = error
        case TooManyRequests():
            refused = SignInRefused("rate_limited")
        case _:
            log.error("oidc.failed", exc_info=error)
            refused = SignInRefused("unavailable")
    log.info("oidc.refused", code=refused.code, reason=str(refused))
    page = (
        f"/login?error={refused.code}" if refused.back_to is None else _with(refused.back_to, link_error=refused.code)
    )
    return _redirect(page, cookies=[make_cookie(settings, _cookie_name(settings), "", 0)])


@get("/auth/oidc/providers", tags=["auth"], security=_PUBLIC, responses=errors(400), sync_to_thread=False)
def list_oidc_providers(state: State) -> ItemList[OidcProviderView]:
    """The providers of single sign-on."""
    return whole(identity.sign_in_options(state.runtime).oidc_providers)


@get("/auth/oidc/{provider:str}/start", tags=["auth"], status_code=302, security=_PUBLIC, responses=errors(400, 404))
async def start_oidc(
    provider: FromPath[str],
    request: AnyRequest,
    state: State,
    next_page: Annotated[
        str, QueryParameter(name="next", description="The page of ours to go to afterwards, such as /projects")
    ] = "/",
) -> Response[None]:
    """Send the browser to the provider. When that does not answer: to `/login?error=provider_unavailable`."""
    runtime: Runtime = state.runtime
    if not oidc.is_own_page(next_page):
        raise bad_parameter("next", "must be a page of this installation, such as /projects")
    if request.headers.get("sec-fetch-site") == "cross-site":
        # a page elsewhere signs nobody in: it leads to our button
        return _redirect(f"/login?{urlencode({'next': next_page}, quote_via=quote)}")
    try:
        begun = await oidc.begin(runtime, state.oidc_providers, provider, next_page=next_page)
    except ProviderUnavailable as error:
        return _redirect(f"/login?error={error.code}")
    return _redirect(begun.url, status=302, cookies=[_browser_cookie(runtime.settings, begun.browser)])


@post(
    "/auth/oidc/{provider:str}/link",
    tags=["auth"],
    status_code=200,
    opt={"scope": "session"},
    responses=errors(400, 401, 403, 404, 415, 422),
)
async def link_oidc(
    provider: FromPath[str],
    data: JSONBody[LinkInput],
    request: AnyRequest,
    state: State,
    actor: NamedDependency[Actor],
) -> Response[LinkView]:
    """Begin to link an account elsewhere to one's own; the answer's cookie must stay in the browser that goes there.

    The way back ends at `next`, with `linked=<provider>` or `link_error=<code>` added.
    """
    runtime: Runtime = state.runtime
    if not oidc.is_own_page(data.next):
        raise InvalidInput.at("/next", "must be a page of this installation, such as /settings/security")
    begun = await oidc.begin_link(runtime, state.oidc_providers, provider, data, actor=actor, client=client_of(request))
    return Response(LinkView(url=begun.url), cookies=[_browser_cookie(runtime.settings, begun.browser)])


@get(
    "/auth/oidc/{provider:str}/callback",
    tags=["auth"],
    status_code=303,
    security=_PUBLIC,
    opt={"takes_any_parameters": True},
    exception_handlers={Exception: _to_error_page},
)
async def finish_oidc(
    provider: FromPath[str], request: AnyRequest, state: State, db: NamedDependency[Reader]
) -> Response[None]:
    """Where the provider sends the browser back to: it is signed in, with cookies, and goes on to its page.

    Everything else goes to `/login?error=<code>`; docs/accounts.md has the codes.
    """
    runtime: Runtime = state.runtime
    settings = runtime.settings
    authenticator: Authenticator = state.authenticator
    access = request.cookies.get(cookie_names(settings)[0])
    outcome = await oidc.finish(
        runtime,
        state.oidc_providers,
        provider,
        _answer(request),
        browser=request.cookies.get(_cookie_name(settings)),
        device=request.cookies.get(device_cookie(settings)),
        actor=await authenticator.session_actor(db, access) if access else None,
        client=client_of(request),
    )
    gone = make_cookie(settings, _cookie_name(settings), "", 0)
    match outcome:
        case SignedIn():
            await end_replaced(request, runtime)
            return _redirect(outcome.next, cookies=[*token_cookies(settings, outcome.issued), gone])
        case HalfSignedIn():
            page = _with("/login", next=outcome.next)
            # in the fragment, which no server and no log sees
            token = urlencode(
                {"mfa_token": outcome.needed.mfa_token, "methods": ",".join(outcome.needed.methods)}, safe=","
            )
            return _redirect(f"{page}#{token}", cookies=[gone])
        case Linked():
            return _redirect(_with(outcome.next, linked=outcome.provider), cookies=[gone])


@get("/me/identities", tags=["me"], opt={"scope": "session"}, responses=READ)
async def list_identities(
    state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[IdentityView]:
    """The accounts elsewhere that sign in as the user."""
    return whole(await oidc.list_identities(db, state.runtime.settings, actor))


@delete("/me/identities/{identity_id:uuid}", tags=["me"], opt={"scope": "session"}, responses=WRITE)
async def delete_identity(
    identity_id: FromPath[UUID],
    data: JSONBody[OwnPassword],
    request: AnyRequest,
    state: State,
    actor: NamedDependency[Actor],
) -> None:
    """Unlink an account elsewhere; 409 `last_way_in` when nothing else could sign in to the user's account."""
    await oidc.unlink_identity(state.runtime, actor, data.password, identity_id, client_of(request))


def _answer(request: AnyRequest) -> Answer:
    """What the provider put into the address; whatever is there twice is not there."""
    query = request.query_params

    def once(name: str) -> str | None:
        values = query.getall(name, [])
        return values[0] if len(values) == 1 else None

    return Answer(state=once("state"), code=once("code"), error=once("error"), issuer=once("iss"))


def _redirect(url: str, *, status: int = 303, cookies: list[Cookie] | None = None) -> Response[None]:
    return Response(None, status_code=status, headers={"Location": url}, cookies=cookies)


def _with(page: str, **parameters: str) -> str:
    page, mark, fragment = page.partition("#")
    return f"{page}{'&' if '?' in page else '?'}{urlencode(parameters, quote_via=quote)}{mark}{fragment}"


def _cookie_name(settings: Settings) -> str:
    return f"{'__Host-' if settings.cookies_secure else ''}synergy_oidc"


def _browser_cookie(settings: Settings, value: str) -> Cookie:
    return make_cookie(settings, _cookie_name(settings), value, int(oidc.LIFETIME.total_seconds()))


router = Router(
    "",
    route_handlers=[list_oidc_providers, start_oidc, link_oidc, finish_oidc, list_identities, delete_identity],
)
