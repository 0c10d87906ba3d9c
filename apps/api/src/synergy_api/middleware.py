"""The outermost layer: request id, security headers, one log line for each request."""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from synergy_platform.ids import new_id

log = structlog.stdlib.get_logger("synergy_api.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_READ_ON_BYTES = 8 * 1024 * 1024
_QUIET = ("/api/health/", "/api/auth/health")

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_CONTENT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_STORE = (b"cache-control", b"no-store")


class RequestContext:
    """Takes or makes the request id, binds it to the log context, and answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        context: dict[str, Any] = {"request.id": request_id.decode()}
        trace = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        if match := _TRACEPARENT.fullmatch(trace):
            context["trace.id"] = match[1].decode()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**context)
        scope.setdefault("state", {})["request_id"] = context["request.id"]
        started = time.perf_counter_ns()
        status = 500

        body = _Body(scope, receive)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400:
                    await body.read_rest()
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                extra = (*SECURITY_HEADERS, _CONTENT_POLICY, _NO_STORE, (b"x-request-id", request_id))
                headers.extend(header for header in extra if header[0] not in present)
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, body.receive, send_with_headers)
        finally:
            path = scope["path"]
            if not (path.startswith(_QUIET) and status < 500):
                log.info(
                    "http.request",
                    **{
                        "http.request.method": scope["method"],
                        "url.path": path,
                        "http.response.status_code": status,
                        "event.duration": time.perf_counter_ns() - started,
                        "client.ip": (scope.get("client") or ("", 0))[0],
                    },
                )


class _Body:
    """The request's body, of which an error may leave a part unread: the server would then close the connection while
    the client still sends, and the client would see that instead of the answer.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._ended = not any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in scope["headers"]
        )

    async def receive(self) -> Any:  # noqa: ANN401 - whatever message the server sends
        """The next message, for the application."""
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self._ended = True
        return message

    async def read_rest(self) -> None:
        """Read on and forget, up to a bound."""
        read = 0
        while not self._ended and read < _READ_ON_BYTES:
            message = await self.receive()
            read += len(message.get("body", b""))


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return str(new_id()).encode()
