"""Where what runs now stands in a trace, and its spans where tracing is configured.

A trace's parent is a W3C `traceparent`: it comes with a request, goes into the rows of events and jobs, and from there
to whoever does them. That holds without tracing too, so that the lines of one request are found by the id that its
caller gave. OpenTelemetry is imported only where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Awaitable, Generator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import structlog

from synergy_platform.settings import Settings

if TYPE_CHECKING:
    import asyncpg

    from synergy_platform.database import Connection
    from synergy_platform.spans import Span, Tracer

_T = TypeVar("_T")

SpanKind = Literal["server", "client", "producer", "consumer"]
Attributes = Mapping[str, "str | int | float | bool"]

# version 00, without the ids of zeros that stand for none
_TRACE_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# the `traceparent` of what runs now: what it causes carries on from there
trace_parent: ContextVar[str | None] = ContextVar("trace_parent", default=None)


def parse_trace_parent(text: str) -> str | None:
    """The text if it is a `traceparent` that can be carried on."""
    return text if _TRACE_PARENT.fullmatch(text) else None


def trace_id(parent: str) -> str:
    """The trace that a `traceparent` belongs to."""
    return parent[3:35]


def span_id(parent: str) -> str:
    """The span that a `traceparent` names."""
    return parent[36:52]


class DatabaseTime:
    """What a span waited for the database: `statements`, and their time in nanoseconds; a COMMIT is in neither."""

    __slots__ = ("nanoseconds", "statements")

    def __init__(self) -> None:
        self.statements = self.nanoseconds = 0

    def add(self, began: int) -> None:
        """Count a statement that began at this moment of `time.perf_counter_ns`."""
        self.statements += 1
        self.nanoseconds += time.perf_counter_ns() - began


database_time: ContextVar[DatabaseTime | None] = ContextVar("database_time", default=None)


def count_statement(began: int) -> None:
    """Add a statement that began at this moment of `time.perf_counter_ns` to the time of the span that runs."""
    if (waited := database_time.get()) is not None:
        waited.add(began)


async def _counted(statement: Awaitable[_T]) -> _T:
    began = time.perf_counter_ns()
    try:
        return await statement
    finally:
        count_statement(began)


class TimedConnection:
    """A connection or pool whose statements are counted for the span that runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        return await _counted(self._connection.fetch(query, *args))

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row."""
        return await _counted(self._connection.fetchrow(query, *args))

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any SQL type
        """The first value of the first row."""
        return await _counted(self._connection.fetchval(query, *args))


class Tracing:
    """The spans of one process; `tracer` is there between `open` and `close`, where a collector is named."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._service = service
        self.tracer: Tracer | None = None

    def open(self) -> None:
        """Begin to send spans, from a thread of this process: to be called where no fork follows."""
        if self._settings.otlp_endpoint and self.tracer is None:
            from synergy_platform.spans import Tracer

            self.tracer = Tracer(self._settings, self._service)

    async def close(self, seconds: float) -> None:
        """Send what is there, for so long at most; the rest is lost, and counted."""
        if self.tracer is not None:
            tracer, self.tracer = self.tracer, None
            await tracer.close(seconds)

    @contextlib.contextmanager
    def span(
        self, name: str, kind: SpanKind, parent: str | None, attributes: Attributes | None = None
    ) -> Generator[Span | None]:
        """What happens in the block, as a child of `parent`; log lines and what it causes carry its ids.

        Without tracing it only carries `parent` on, and gives None. An exception is recorded by its type.
        """
        span = self.tracer.start(name, kind, parent, attributes) if self.tracer is not None else None
        here = parent if span is None else span.trace_parent
        fields: dict[str, str] = {}
        if here is not None:
            fields["trace.id"] = trace_id(here)
            if span is not None:
                fields["span.id"] = span_id(here)
        token = trace_parent.set(here)
        try:
            with structlog.contextvars.bound_contextvars(**fields), span or contextlib.nullcontext():
                yield span
        finally:
            trace_parent.reset(token)
