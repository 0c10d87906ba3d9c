"""The Litestar application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from synergy_api import documentation
from synergy_api.answers import finish_answer
from synergy_api.audit import Audit
from synergy_api.authentication import has_credentials, needing_actor, provide_actor
from synergy_api.bodies import body_decoders, read_body
from synergy_api.drain import Drain
from synergy_api.hub import EventHub
from synergy_api.idempotency import Replayed, idempotent_handlers, replay, unit_of_work
from synergy_api.limits import RequestLimits
from synergy_api.middleware import RequestContext
from synergy_api.params import check_request, known_parameters
from synergy_api.problems import handle_error
from synergy_api.routes import (
    administration,
    attachments,
    auth,
    avatars,
    background,
    credentials,
    events,
    health,
    imports,
    instance,
    invitations,
    mails,
    maintenance,
    mfa,
    notifications,
    offboarding,
    oidc,
    projects,
    sessions,
    tasks,
    tokens,
    unsubscribe,
    webhooks,
)
from synergy_api.routes.health import HealthChecks
from synergy_domain.common import Actor
from synergy_domain.identity import Authenticator
from synergy_domain.identity.oidc import Providers
from synergy_domain.instance import Inspection
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotFound
from synergy_platform.runtime import Runtime
from synergy_platform.vitals import keep_looking

MAX_BODY_BYTES = 1024 * 1024


def provide_reader(state: State) -> Reader:
    """Queries of this request."""
    runtime: Runtime = state.runtime
    return runtime.database.reader()


async def provide_uow(request: Request[Any, Any, Any], actor: NamedDependency[Actor]) -> AsyncIterator[UnitOfWork]:
    """The transaction of this request: Litestar ends it, and so commits, before the answer is sent.

    It waits for the actor: Litestar resolves dependencies side by side otherwise, and would leave the transaction open
    when the actor is refused.
    """
    async with unit_of_work(request, actor) as uow:
        yield uow


async def before_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Before a handler runs: count the request if nobody else will, refuse what no handler takes, read the body."""
    state, handler = request.app.state, request.scope["route_handler"]
    if handler not in state.needing_actor or not has_credentials(request):
        await state.limits.count_address(request.scope)
    if request.method == "OPTIONS":
        return Response(None, status_code=204, headers={"Allow": state.allowed_methods[handler]})
    if request.scope["path"].startswith(f"{documentation.ADDRESS}/"):  # Litestar would answer with a page of its own
        raise NotFound("There is nothing at this address.")
    check_request(request)
    await read_body(request)
    return None


def allowed_methods(app: Litestar) -> dict[HTTPRouteHandler, str]:
    """What each OPTIONS handler says. Litestar's own answer knows the address's first handler only."""
    return {
        handler: ", ".join(sorted({*route.methods, *(["HEAD"] if "GET" in route.methods else [])}))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "OPTIONS" in handler.http_methods
    }


@contextlib.asynccontextmanager
async def _live(app: Litestar) -> AsyncGenerator[None]:
    runtime: Runtime = app.state.runtime
    await runtime.open()
    app.state.health = HealthChecks(runtime)
    app.state.inspection = Inspection(runtime)
    app.state.hub = EventHub(runtime)
    await app.state.hub.start()
    app.state.drain.on_sigterm(app.state.hub.drain)
    looking = asyncio.create_task(keep_looking(runtime)) if runtime.settings.metrics_port else None
    try:
        yield
    finally:
        if looking is not None:
            looking.cancel()
            await asyncio.wait([looking])
        await app.state.hub.stop()
        await app.state.authenticator.close()
        await app.state.health.close()
        await app.state.inspection.close()
        await runtime.close()


def create_app(runtime: Runtime) -> Litestar:
    """The application for an opened runtime; it closes nothing that it did not open."""
    app = build_app()
    attach(app, runtime)
    return app


def build_app() -> Litestar:
    """All routes, and what is known of them; whatever settings say, it is the same. `attach` makes it serve."""
    app = Litestar(
        route_handlers=[
            health.router,
            Router(
                "/api/v1",
                route_handlers=[
                    auth.router,
                    oidc.router,
                    mfa.router,
                    credentials.router,
                    avatars.router,
                    sessions.router,
                    tokens.router,
                    projects.router,
                    invitations.router,
                    tasks.router,
                    attachments.router,
                    notifications.router,
                    unsubscribe.router,
                    mails.router,
                    background.router,
                    instance.router,
                    maintenance.router,
                    administration.router,
                    offboarding.router,
                    events.router,
                    imports.router,
                    webhooks.router,
                ],
            ),
            documentation.docs_page,
            documentation.docs_asset,
        ],
        lifespan=[_live],
        dependencies={
            "db": Provide(provide_reader, sync_to_thread=False),
            "uow": Provide(provide_uow),
            "actor": Provide(provide_actor),
        },
        exception_handlers={Exception: handle_error, Replayed: replay},
        before_request=before_request,
        after_request=finish_answer,
        openapi_config=documentation.openapi_config(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    app.state.known_parameters = known_parameters(app)
    app.state.allowed_methods = allowed_methods(app)
    app.state.body_decoders = body_decoders(app)
    app.state.needing_actor = needing_actor(app)
    app.state.idempotent = idempotent_handlers(app)
    return app


def attach(app: Litestar, runtime: Runtime) -> None:
    """Give an application its runtime, and what is around all of it; once."""
    settings, state = runtime.settings, app.state
    state.runtime = runtime
    state.authenticator = Authenticator(runtime)
    state.limits = RequestLimits(runtime.limiter, settings.rate_limit_api)
    state.audit = Audit(runtime)
    state.oidc_providers = Providers(settings)
    state.drain = Drain()
    # Litestar's own middleware does not see addresses that no route has
    app.asgi_handler = RequestContext(
        app.asgi_handler, settings, state.drain, state.limits, state.audit, runtime.tracing
    )
