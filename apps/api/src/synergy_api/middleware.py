"""The outermost layer: host, request id, deadline, security headers, one log line for each request."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from synergy_api.deadline import Deadline
from synergy_api.drain import Drain
from synergy_api.problems import send_problem
from synergy_platform.errors import ProductError
from synergy_platform.ids import new_id
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger("synergy_api.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_PORT = re.compile(rb":\d*\Z")
_READ_ON_BYTES = 8 * 1024 * 1024
_HEALTH = ("/api/health/", "/api/auth/health")
# of this machine, and of probes; no foreign page gets there by a name of its own
_LOCAL_HOSTS = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})

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
_CLOSE = (b"connection", b"close")


class UnknownHost(ProductError):
    """A Host that this installation does not go by."""

    status, code, title = 421, "unknown_host", "This server does not answer for that host"


class RequestContext:
    """Takes or makes the request id, binds it to the log context, and answers it; ends what takes too long."""

    def __init__(self, app: ASGIApp, settings: Settings, drain: Drain) -> None:
        self._app = app
        self._drain = drain
        self._deadline_seconds = settings.request_deadline
        self._hosts = None if "*" in settings.allowed_hosts else _Hosts(settings.allowed_hosts)

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
        path = scope["path"]
        drain = self._drain
        deadline = Deadline(self._deadline_seconds)
        body = _Body(scope, receive, deadline)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if message["status"] >= 400:
                    await body.read_rest()
                deadline.lift()
                status = message["status"]
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                extra = (*SECURITY_HEADERS, _CONTENT_POLICY, _NO_STORE, (b"x-request-id", request_id))
                headers.extend(header for header in extra if header[0] not in present)
                if drain.started:
                    headers.append(_CLOSE)
                message["headers"] = headers
            await send(message)

        try:
            async with deadline:
                if self._hosts is None or path.startswith(_HEALTH) or self._hosts.know(scope):
                    await self._app(scope, body.receive, send_with_headers)
                else:
                    await send_problem(scope, send_with_headers, UnknownHost("Its names are in ALLOWED_HOSTS."))
        except ProductError as late:  # Litestar turns those of the application into answers itself
            level = logging.ERROR if late.status >= 500 else logging.INFO
            log.log(level, "http.stopped", reason=late.code, exc_info=late.__cause__)
            body.give_up()
            await send_problem(scope, send_with_headers, late)
        finally:
            if not (path.startswith(_HEALTH) and status < 500):
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


class _Hosts:
    """The names that are answered; `.example.org` stands for itself and all below."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        names = {name.lower().encode() for name in allowed}
        self._suffixes = tuple(name for name in names if name.startswith(b"."))
        self._names = names | {suffix[1:] for suffix in self._suffixes} | _LOCAL_HOSTS

    def know(self, scope: Scope) -> bool:
        """Whether the request names one of them, once."""
        given = [value for name, value in scope["headers"] if name == b"host"]
        host = _PORT.sub(b"", given[0]).lower() if len(given) == 1 else b""
        return host in self._names or host.endswith(self._suffixes)


class _Body:
    """The request's body, of which an error may leave a part unread: the server would then close the connection while
    the client still sends, and the client would see that instead of the answer.
    """

    def __init__(self, scope: Scope, receive: Receive, deadline: Deadline) -> None:
        self._receive = receive
        self._deadline = deadline
        self._ended = True
        self._upload = False
        for name, value in scope["headers"]:
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                self._ended = False
            elif name == b"content-type":
                self._upload = value.startswith(b"multipart/")

    async def receive(self) -> Any:  # noqa: ANN401 - whatever message the server sends
        """The next message, for the application."""
        self._deadline.awaits_body = not self._ended
        message = await self._receive()
        self._deadline.awaits_body = False
        if message["type"] != "http.request" or not message.get("more_body"):
            self._ended = True
        if self._upload:
            self._deadline.restart()
        return message

    async def read_rest(self) -> None:
        """Read on and forget, up to a bound."""
        read = 0
        while not self._ended and read < _READ_ON_BYTES:
            message = await self.receive()
            read += len(message.get("body", b""))

    def give_up(self) -> None:
        """Read no more."""
        self._ended = True


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return str(new_id()).encode()
