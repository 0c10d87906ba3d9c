"""Spans by OpenTelemetry's SDK, sent over OTLP/HTTP; imported only where tracing is configured.

A thread of the SDK sends them in batches. While the collector is away a batch is tried for ten seconds, and what does
not fit into the queue meanwhile is dropped and counted: requests wait for none of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Sequence
from contextvars import Token
from types import TracebackType

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.util.re import parse_env_headers
from prometheus_client import Counter

from synergy_platform.settings import Settings
from synergy_platform.tracing import Attributes, DatabaseTime, SpanKind, database_time, span_id, trace_id
from synergy_platform.version import VERSION

MOST_WAITING = 2048

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_SPANS = Counter("synergy_trace_spans", "Spans by what became of them: sent, failed, dropped", ["outcome"])
_SENT, _FAILED, _DROPPED = (_SPANS.labels(outcome) for outcome in ("sent", "failed", "dropped"))

_KINDS = {
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}
_NO_PARENT = Context()
_PARENT_BASED = "parentbased_"


class Span:
    """One span, begun; as a context manager it ends with the block."""

    __slots__ = ("_span", "_token", "_waited", "trace_parent")

    def __init__(self, span: trace.Span, *, times_database: bool) -> None:
        self._span = span
        context = span.get_span_context()
        self.trace_parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        self._waited: DatabaseTime | None = None
        self._token: Token[DatabaseTime | None] | None = None
        if times_database and span.is_recording():
            self._waited = DatabaseTime()
            self._token = database_time.set(self._waited)

    def rename(self, name: str) -> None:
        """Give it another name, once that is known."""
        self._span.update_name(name)

    def set(self, name: str, value: str | float | bool) -> None:
        """Set an attribute; never what people wrote, nor anything secret."""
        self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """Mark it as failed: by the type of an error, never by its message, which may quote what somebody wrote."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        """It is over."""
        if self._waited is not None and self._token is not None:
            database_time.reset(self._token)
            self._span.set_attribute("synergy.db.statements", self._waited.statements)
            self._span.set_attribute("synergy.db.milliseconds", round(self._waited.nanoseconds / 1e6, 3))
        self._span.end()

    def __enter__(self) -> None:
        """Nothing more: it began when it was made."""

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__name__)
        self.end()


class _Outlet(SpanExporter):
    """Hands batches to the collector, counts them, and says once that it is away."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called by one thread at a time."""
        self.taken += len(spans)
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            _SENT.inc(len(spans))
            if self._away:
                log.info("traces.collector_back")
            self._away = False
        else:
            _FAILED.inc(len(spans))
            if not self._away:
                log.warning("traces.collector_away", spans_lost=len(spans))
            self._away = True
        return result

    def shutdown(self) -> None:
        """End what is being tried again."""
        self._exporter.shutdown()


class _Queue(BatchSpanProcessor):
    """The SDK's queue, which drops the new where it is full: its own would drop the old, and not tell how many."""

    def __init__(self, outlet: _Outlet) -> None:
        super().__init__(outlet, max_queue_size=MOST_WAITING)
        self._outlet = outlet
        self._put = 0

    @property
    def waiting(self) -> int:
        """How many were not handed to the collector yet."""
        return self._put - self._outlet.taken

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that is over."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self.waiting >= MOST_WAITING:
            _DROPPED.inc()
            return
        self._put += 1
        super().on_end(span)


class Tracer:
    """Makes the spans of this process; a thread sends them."""

    def __init__(self, settings: Settings, service: str) -> None:
        # it would say each failed try; `_Outlet` says what matters
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        exporter = OTLPSpanExporter(
            f"{settings.otlp_endpoint.rstrip('/')}/v1/traces",
            headers=parse_env_headers(settings.otlp_headers, liberal=True),
        )
        self._queue = _Queue(_Outlet(exporter))
        self._provider = TracerProvider(
            sampler=_sampler(settings),
            resource=Resource.create({
                "service.name": service,
                "service.version": VERSION,
                "deployment.environment.name": settings.environment,
                "process.pid": os.getpid(),
            }),
            shutdown_on_exit=False,
        )  # fmt: skip
        self._provider.add_span_processor(self._queue)
        self._tracer = self._provider.get_tracer("synergyos", VERSION)

    def start(self, name: str, kind: SpanKind, parent: str | None, attributes: Attributes | None = None) -> Span:
        """Begin a span, as a child of the `traceparent` that is given."""
        context = _NO_PARENT if parent is None else _context(parent)
        span = self._tracer.start_span(name, context, _KINDS[kind], attributes)
        return Span(span, times_database=kind != "client")

    async def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not ended.done():
                ended.set_result(None)

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(tell)

        # a thread that the process does not wait for
        threading.Thread(target=shut_down, name="traces-shutdown", daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                await ended
        except TimeoutError:
            _DROPPED.inc(self._queue.waiting)
            log.warning("traces.not_sent", spans_lost=self._queue.waiting)


def _context(parent: str) -> Context:
    flags = trace.TraceFlags(int(parent[53:], 16))
    ids = trace.SpanContext(int(trace_id(parent), 16), int(span_id(parent), 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(ids), _NO_PARENT)


def _sampler(settings: Settings) -> Sampler:
    """The sampler that `OTEL_TRACES_SAMPLER` names."""
    name = settings.traces_sampler.removeprefix(_PARENT_BASED)
    samplers = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}
    own = samplers.get(name) or TraceIdRatioBased(settings.traces_sampler_arg)
    return ParentBased(own) if settings.traces_sampler.startswith(_PARENT_BASED) else own
