"""Which web clients elsewhere may read our answers: those of the configured origins, and exactly those.

It is done in the outermost layer, so that every answer can be read, also that a request was refused or came too late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from litestar.types import Send

from synergy_platform.errors import Forbidden

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_ASKED = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, X-Request-ID, "
    b"traceparent"
)
_SHOWN = (
    b"access-control-expose-headers",
    (
        b"Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, RateLimit, "
        b"RateLimit-Policy, Retry-After, X-Request-ID"
    ),
)
_PREFLIGHT_SECONDS = b"600"
_VARY = (b"vary", b"Origin")
# what a page elsewhere may load: without it the answer to a request of the right origin could be read and not shown
_RESOURCE_POLICY = (b"cross-origin-resource-policy", b"cross-origin")

Headers = list[tuple[bytes, bytes]]


class OriginRefused(Forbidden):
    """A page asks whether it may, and may not."""

    code, title = "origin_not_allowed", "Not from this origin"

    def __init__(self) -> None:
        super().__init__("Pages of this origin may not use the API. Its operator can allow it (CORS_ALLOWED_ORIGINS).")


class Cors:
    """The rules of one process."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        # in development: whoever it is, but without their cookies
        self._any = b"*" in self._origins

    def headers(self, request: Mapping[bytes, bytes]) -> Headers:
        """What the answer to a request says of who may read it."""
        if not self._origins:
            return []
        origin = request.get(b"origin", b"")
        if self._any:
            return [_RESOURCE_POLICY, (b"access-control-allow-origin", b"*"), _SHOWN]
        if origin not in self._origins:
            return [_VARY]
        allowed = (b"access-control-allow-origin", origin)
        return [_VARY, _RESOURCE_POLICY, allowed, (b"access-control-allow-credentials", b"true"), _SHOWN]

    async def answer_preflight(self, request: Mapping[bytes, bytes], send: Send) -> None:
        """Say what a page may send; OriginRefused when it may send nothing."""
        if not self._any and request.get(b"origin", b"") not in self._origins:
            raise OriginRefused
        headers = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _ASKED),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def is_preflight(method: str, request: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks before it sends what a page wants sent."""
    return method == "OPTIONS" and b"origin" in request and b"access-control-request-method" in request
