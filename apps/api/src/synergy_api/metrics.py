"""Metrics of the API, as Prometheus reads them from an internal port of Granian's main process.

The worker processes keep their figures in files of a folder (Prometheus' multiprocess mode), and each answer adds them
up. `PROMETHEUS_MULTIPROC_DIR` has to name the folder before this is imported; without it, figures stay in the process.
The main process imports this too: a gauge that starts at 0 and is no sum belongs elsewhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from synergy_platform.machine import Machine

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

STREAMS = Gauge("synergy_streams_open", "Event streams that are open", multiprocess_mode="livesum")
STREAMS_DROPPED = Counter("synergy_streams_dropped", "Event streams that were ended because their client did not read")
STREAM_EVENTS = Counter("synergy_stream_events", "Events that were put before streams, once for each stream")
LIMITED = Counter("synergy_rate_limited", "Requests that were refused by a rate limit, by its name", ["limit"])
REQUESTS = Counter("synergy_http_requests", "Requests by route and its status", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "synergy_http_request_seconds", "How long requests took; not event streams, which stay open", ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ENDED = "ended"

# to ask for the same labels again takes longer than to count
_counted: dict[tuple[str, str, int], tuple[Counter, Histogram | None]] = {}


def count_request(scope: Any, method: str, status: int, seconds: float) -> None:  # noqa: ANN401 - Litestar's type wants a route in it
    """Count a request under the template of its route: never under its path, which anybody may make up.

    Litestar's type of a scope says that there is always a route; of a request that meets none there is not.
    """
    key = (scope.get("path_template", UNMATCHED), method if method in METHODS else "other", status)
    found = _counted.get(key)
    if found is None:
        route, method, _ = key
        handler = scope.get("route_handler")
        is_stream = handler is not None and handler.opt.get("stream")
        found = (
            REQUESTS.labels(route, method, str(status)),
            None if is_stream else REQUEST_SECONDS.labels(route, method),
        )
        _counted[key] = found
    requests, durations = found
    requests.inc()
    if durations is not None:
        durations.observe(seconds)


class _Workers(MultiProcessCollector):
    """Adds up what the workers say; what a dead one had open is not open any more, and what it counted stays."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)  # pyright: ignore[reportUnknownMemberType]  # Prometheus' client does not type it
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """The sums, at this moment."""
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        with self._lock:
            for file in folder.glob("*.db"):
                kind, process = file.stem.rsplit("_", 1)
                if process == _ENDED or _lives(int(process)):
                    continue
                if not kind.startswith("gauge"):
                    _keep(file, folder / f"{kind}_{_ENDED}.db")
                file.unlink()
            return list(cast("Iterable[Metric]", super().collect()))  # pyright: ignore[reportUnknownMemberType]  # not typed


def _keep(file: Path, ended: Path) -> None:
    """Add the counts of a dead worker to those of the others: else there would be files of all that ever lived."""
    client = cast("Any", MmapedDict)  # not typed
    sums = client(str(ended))
    for name, value, _time, _place in client.read_all_values_from_file(str(file)):
        sums.write_value(name, sums.read_value(name)[0] + value, 0.0)
    sums.close()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def serve_metrics(port: int, media: Path) -> None:
    """Answer Prometheus on this port, from a thread that ends with the process."""
    registry = CollectorRegistry()
    _Workers(registry)
    ProcessCollector(registry=registry)
    registry.register(Machine(media))
    try:
        server, _ = start_http_server(port, registry=registry)
    except OSError as error:
        # requests are served without metrics; a missing target is what the watching side has an alert for
        log.error("metrics.not_served", port=port, error=str(error))  # noqa: TRY400 - the address says all
        return
    # a worker that listens counts as ready, and this is not what it is to listen on
    os.register_at_fork(after_in_child=server.socket.close)
