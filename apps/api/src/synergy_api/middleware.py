"""The outermost layer: host, request id, deadline, headers that each answer has, one log line for each request."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from synergy_api.answers import request_scope
from synergy_api.audit import Audit
from synergy_api.cors import Cors, Headers, OriginRefused, is_preflight
from synergy_api.deadline import Deadline, Deadlines
from synergy_api.drain import Drain
from synergy_api.head import HeadOnly, as_get
from synergy_api.limits import RequestLimits, is_health, limit_headers
from synergy_api.metrics import LIMITED, METHODS, UNMATCHED, count_request
from synergy_api.problems import OUR_FAULT, send_problem, shown_path
from synergy_platform.errors import ProductError
from synergy_platform.ids import new_id
from synergy_platform.ratelimit import noted_limits
from synergy_platform.reporting import report
from synergy_platform.settings import Settings
from synergy_platform.tracing import Tracing, parse_trace_parent, span_id, trace_id, trace_parent

if TYPE_CHECKING:
    from synergy_platform.spans import Span

log = structlog.stdlib.get_logger("synergy_api.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_PORT = re.compile(rb":\d*\Z")
_READ_ON_BYTES = 8 * 1024 * 1024
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
# of an answer that says nothing else
_DEFAULT_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cache-control", b"no-store"),
)
_CLOSE = (b"connection", b"close")


class UnknownHost(ProductError):
    """A Host that this installation does not go by."""

    status, code, title = 421, "unknown_host", "This server does not answer for that host"


class RequestContext:
    """Takes or makes the request id, binds it to the log context, and answers it; ends what takes too long."""

    def __init__(
        self, app: ASGIApp, settings: Settings, drain: Drain, limits: RequestLimits, audit: Audit, tracing: Tracing
    ) -> None:
        self._app = app
        self.tracing = tracing
        self.drain = drain
        self.limits = limits
        self.audit = audit
        self._cors = Cors(settings.cors_origins)
        self._deadlines = Deadlines(settings.request_deadline)
        self._hosts = None if "*" in settings.allowed_hosts else _Hosts(settings.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given: dict[bytes, bytes] = dict(scope["headers"])
        request_id, context = _identity(given)
        of_health = is_health(scope)
        span = self._span(given, context, traced=not of_health)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(**context)
        scope.setdefault("state", {})["request_id"] = context["request.id"]
        started = time.perf_counter_ns()
        path, method = scope["path"], scope["method"]
        if method == "HEAD":
            scope, head = as_get(scope), HeadOnly(receive, send)
            receive, send = head.receive, head.send
        noted_limits.set([])
        request_scope.set(scope)
        deadline = Deadline(self._deadlines)
        body = _Body(given, receive, deadline)
        headers = [(b"x-request-id", request_id), *self._cors.headers(given)]
        answer = _Answer(self, scope, send, body, deadline, headers)
        try:
            if not (self._hosts is None or of_health or self._hosts.know(given.get(b"host", b""))):
                work = send_problem(scope, answer.send, UnknownHost("Its names are in ALLOWED_HOSTS."))
            elif is_preflight(method, given):
                work = self._preflight(scope, given, answer.send)
            else:
                work = self._app(scope, body.receive, answer.send)
            late = await _stopped(deadline, work)
            if late is not None:
                body.give_up()
                await send_problem(scope, answer.send, late)
        except Exception as error:
            if answer.began:
                raise
            log.exception("http.failed")  # where Litestar could not make a problem of it
            report(error, route=scope.get("path_template"))
            await send_problem(scope, answer.send, ProductError(OUR_FAULT))
        finally:
            duration = time.perf_counter_ns() - started
            count_request(scope, method, answer.status, duration / 1e9)
            route = scope.get("path_template", UNMATCHED)
            if not (of_health and answer.status < 500):
                log.info(
                    "http.request",
                    **{
                        "http.request.method": method,
                        "http.route": route,
                        "url.path": shown_path(path),
                        "http.response.status_code": answer.status,
                        "event.duration": duration,
                        "client.ip": (scope.get("client") or ("", 0))[0],
                    },
                )
            _finish(span, route, method, answer.status)

    def _span(self, given: dict[bytes, bytes], context: dict[str, str], *, traced: bool) -> Span | None:
        """The request's span, where traces are recorded; the ids of its place in a trace go into the `context`."""
        header, span, tracer = given.get(b"traceparent"), None, self.tracing.tracer
        here = None if header is None else parse_trace_parent(header.decode("latin-1"))
        if tracer is not None and traced:
            span = tracer.start("HTTP", "server", here)  # its route, and so its name, is not known yet
            here = span.trace_parent
            context["span.id"] = span_id(here)
        if here is not None:
            context["trace.id"] = trace_id(here)
        trace_parent.set(here)
        return span

    async def _preflight(self, scope: Scope, given: dict[bytes, bytes], send: Send) -> None:
        try:
            await self._cors.answer_preflight(given, send)
        except OriginRefused as refused:
            await send_problem(scope, send, refused)


class _Answer:
    """What goes out: the application's answer with the headers that each has, or what takes its place."""

    __slots__ = ("_body", "_context", "_deadline", "_headers", "_replaced", "_scope", "_send", "began", "status")

    def __init__(
        self, context: RequestContext, scope: Scope, send: Send, body: _Body, deadline: Deadline, headers: Headers
    ) -> None:
        self._context = context
        self._scope = scope
        self._send = send
        self._body = body
        self._deadline = deadline
        self._headers = headers
        self._replaced = self.began = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """One message of the application."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if message["status"] >= 400:
                await self._body.read_rest()
            self._deadline.lift()
            instead = await self._context.limits.count_refused(self._scope, message["status"])
            instead = instead or await self._context.audit.record(self._scope, message["status"])
            if instead is not None:
                await send_problem(self._scope, self.send, instead)
                self._replaced = True
                return
            self.status, self.began = message["status"], True
            if self.status == 429:
                used_up = [state.name for state in noted_limits.get() or () if state.remaining == 0]
                LIMITED.labels(used_up[-1] if used_up else "account").inc()  # an account waits after wrong passwords
            headers = list(message.get("headers", []))
            present = {name.lower() for name, _ in headers}
            for header in (*self._headers, *SECURITY_HEADERS, *_DEFAULT_HEADERS):
                if header[0] not in present:
                    headers.append(header)
                    present.add(header[0])
            headers.extend(limit_headers())
            if self._context.drain.started:
                headers.append(_CLOSE)
            message["headers"] = headers
        await self._send(message)


def _identity(headers: dict[bytes, bytes]) -> tuple[bytes, dict[str, str]]:
    """The request's id, taken or made, and what every line of its log says."""
    request_id = headers.get(b"x-request-id", b"")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = str(new_id()).encode()
    return request_id, {"request.id": request_id.decode()}


def _finish(span: Span | None, route: str, method: str, status: int) -> None:
    """End the span of a request: the template of its route, never its path, and nothing that somebody sent."""
    if span is None:
        return
    method = method if method in METHODS else "HTTP"
    span.rename(f"{method} {route}")
    span.set("http.request.method", method)
    span.set("http.route", route)
    span.set("http.response.status_code", status)
    if status >= 500:
        span.fail(str(status))
    span.end()


async def _stopped(deadline: Deadline, work: Awaitable[None]) -> ProductError | None:
    """Do the work of a request; what to answer if it was stopped for being late."""
    deadline.start()
    try:
        await work
    except asyncio.CancelledError as stopped:
        late = deadline.stop()
        if late is None:
            raise
        # the traceback ends where the request stood
        level = logging.ERROR if late.status >= 500 else logging.INFO
        log.log(level, "http.stopped", reason=late.code, exc_info=stopped)
        return late
    finally:
        deadline.lift()
    deadline.stop()
    return None


class _Hosts:
    """The names that are answered; `.example.org` stands for itself and all below."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        names = {name.lower().encode() for name in allowed}
        self._suffixes = tuple(name for name in names if name.startswith(b"."))
        self._names = names | {suffix[1:] for suffix in self._suffixes} | _LOCAL_HOSTS

    def know(self, given: bytes) -> bool:
        """Whether this Host names one of them."""
        if given in self._names:
            return True
        host = _PORT.sub(b"", given).lower()
        return host in self._names or host.endswith(self._suffixes)


class _Body:
    """The request's body, of which an error may leave a part unread: the server would then close the connection while
    the client still sends, and the client would see that instead of the answer.
    """

    def __init__(self, headers: dict[bytes, bytes], receive: Receive, deadline: Deadline) -> None:
        self._receive = receive
        self._deadline = deadline
        self._ended = b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0"
        self._upload = headers.get(b"content-type", b"").startswith(b"multipart/")

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
