"""Metrics of the API, as Prometheus reads them from an internal port of Granian's main process.

The worker processes keep their figures in files of a folder (Prometheus' multiprocess mode), and each answer adds them
up. `PROMETHEUS_MULTIPROC_DIR` has to name the folder before this is imported; without it, figures stay in the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

STREAMS = Gauge("synergy_streams_open", "Event streams that are open", multiprocess_mode="livesum")
STREAMS_DROPPED = Counter("synergy_streams_dropped", "Event streams that were ended because their client did not read")
STREAM_EVENTS = Counter("synergy_stream_events", "Events that were put before streams, once for each stream")


class _Workers(MultiProcessCollector):
    """Adds up what the workers say; what a dead one had open is not open any more."""

    def collect(self) -> Iterable[Metric]:
        """The sums, at this moment."""
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        for file in folder.glob("gauge_live*.db"):
            process = int(file.stem.rsplit("_", 1)[1])
            if not _lives(process):
                file.unlink(missing_ok=True)
        return cast("Iterable[Metric]", super().collect())  # Prometheus' client does not type it


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def serve_metrics(port: int) -> None:
    """Answer Prometheus on this port, from a thread that ends with the process."""
    registry = CollectorRegistry()
    _Workers(registry)
    try:
        server, _ = start_http_server(port, registry=registry)
    except OSError as error:
        # requests are served without metrics; a missing target is what the watching side has an alert for
        log.error("metrics.not_served", port=port, error=str(error))  # noqa: TRY400 - the address says all
        return
    # a worker that listens counts as ready, and this is not what it is to listen on
    os.register_at_fork(after_in_child=server.socket.close)
