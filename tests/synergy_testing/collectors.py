"""Receivers of what the product tells others: a collector of traces by OTLP/HTTP, and a Sentry of its own.

Both decode what comes with the format's own means, and keep it.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Served:
    """An HTTP server on loopback that answers each POST with 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Collector(Served):
    """Takes spans."""

    def spans(self) -> list[dict[str, Any]]:
        """All that came, ids in hex, attributes and those of the resource as mappings."""
        found = []
        for path, _, body in self.requests:
            assert path == "/v1/traces"
            request = ExportTraceServiceRequest.FromString(body)
            for group in request.resource_spans:
                resource = _mapping(group.resource.attributes)
                for scope in group.scope_spans:
                    found += [
                        {
                            "name": span.name, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(), "kind": span.kind, "failed": span.status.code == 2,
                            "attributes": _mapping(span.attributes), "resource": resource,
                            "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                            "events": len(span.events),
                        }
                        for span in scope.spans
                    ]  # fmt: skip
        return found


class Sentry(Served):
    """Takes envelopes."""

    @property
    def dsn(self) -> str:
        return f"http://{'0' * 32}@127.0.0.1:{self.port}/7"

    def events(self) -> list[dict[str, Any]]:
        """The events that came: of each envelope the lines behind its own and its item's header."""
        found = []
        for path, _, body in self.requests:
            assert path == "/api/7/envelope/"
            lines = body.split(b"\n")
            assert json.loads(lines[1])["type"] == "event"
            found.append(json.loads(lines[2]))
        return found

    def wait(self, condition: Callable[[list[dict[str, Any]]], object], seconds: float = 15) -> list[dict[str, Any]]:
        """The events, once they are as the condition wants."""
        end = time.monotonic() + seconds
        while not condition(self.events()):
            assert time.monotonic() < end, self.events()
            time.sleep(0.05)
        return self.events()


def _mapping(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of traces."""
    started = Collector()
    yield started
    started.close()


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    """A Sentry."""
    started = Sentry()
    yield started
    started.close()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port where connections are taken, and nothing is ever answered: worse than nobody there."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]
