"""Which rate limit a request counts against, and what its answer says of it.

Whoever is signed in counts by user, all sessions and tokens together. Everything else counts by address: requests
without credentials before they are handled, and those that were refused before anybody knew who sent them, such as with
a bad token, when they are. Health is not counted, and an event stream only tells what is left.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import Scope

from synergy_domain.common import Actor
from synergy_platform.addresses import client_network
from synergy_platform.errors import TooManyRequests
from synergy_platform.ratelimit import RateLimiter, noted_limits
from synergy_platform.settings import RateLimit

AnyRequest = Request[Any, Any, Any]
API = "api"
_HEALTH = ("/api/health/", "/api/auth/health")


class RequestLimits:
    """Counts the requests of one process."""

    def __init__(self, limiter: RateLimiter, limit: RateLimit) -> None:
        self._limiter = limiter
        self._limit = limit

    async def count_user(self, request: AnyRequest, actor: Actor) -> None:
        """Count a request of somebody who is signed in."""
        cost = 0 if _is_stream(request) else 1
        await self._limiter.hit(API, self._limit, "user", str(actor.user_id), cost=cost)

    async def count_address(self, scope: Scope) -> None:
        """Count a request of nobody known, if it was not counted already."""
        if noted_limits.get() or is_health(scope):
            return
        client = scope["client"]
        await self._limiter.hit(API, self._limit, "address", client_network(client[0] if client else None))

    async def count_refused(self, scope: Scope, status: int) -> TooManyRequests | None:
        """Count a request that is answered before anything counted it; what to answer instead, if that was too many."""
        try:
            await self.count_address(scope)
        except TooManyRequests as error:
            # a fault of ours stays one, and a preflight is not the request that it asks for
            return error if 400 <= status < 500 else None
        return None


def is_health(scope: Scope) -> bool:
    """Whether somebody asks how we are, whom nothing may keep from an answer."""
    return scope["path"].startswith(_HEALTH)


def _is_stream(request: AnyRequest) -> bool:
    handler: HTTPRouteHandler = request.route_handler
    return bool(handler.opt.get("stream")) and "application/json" not in request.headers.get("accept", "")


def limit_headers() -> list[tuple[bytes, bytes]]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) for the narrowest limit met."""
    noted = noted_limits.get()
    if not noted:
        return []
    state = min(noted, key=lambda state: (state.name == API, state.remaining))
    policy = f'"{state.name}";q={state.limit.count};w={state.limit.seconds}'
    left = f'"{state.name}";r={state.remaining};t={state.reset_seconds}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
