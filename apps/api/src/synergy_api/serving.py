"""The API on Granian: one process that looks after `WEB_WORKERS` others.

A worker that dies is replaced at once, and one that is old or large is renewed: its successor serves before it drains.
They are renewed one after the other, and processes of the same age not in the same hour. A worker that dies within
5.5 seconds of being put in another's place ends the server; so something has to start that again: a container's
restart policy, or the supervisor of `synergy up`.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server.mp import MPServer

from synergy_platform.logs import configure_logging, log_config
from synergy_platform.reporting import report, start_reporting
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, Settings, load_settings
from synergy_platform.version import VERSION

WORKER_LIFETIME_SECONDS = 6 * 3600
LIFETIME_JITTER = 0.2
WORKER_KILL_SECONDS = 25
# The longest that the old one waits for its successor.
START_SECONDS = 60.0
_LISTENS = "0A"  # in /proc/net/tcp


class ApiServer(MPServer):
    """Granian's server, where an old worker drains once its successor listens, not after a fixed time.

    A renewal ends at once when the server is told to end.
    """

    def _respawn_workers(self, workers: Sequence[int], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Granian's
        respawn = cast("Callable[..., None]", super()._respawn_workers)
        for index in workers:
            if self.interrupt_signal:
                return
            old = self.wrks[index]
            if not old.is_alive():
                report("A process of the API died", exit_status=str(cast("Any", old).inner.exitcode))
            terminate = old.terminate

            def end_old(index: int = index, terminate: Callable[[], None] = terminate) -> None:
                self._wait_for_successor(index)
                terminate()

            if old.is_alive():
                old.terminate = end_old
            respawn([index], *args, **kwargs)

    def _wait_for_successor(self, index: int) -> None:
        latest = time.monotonic() + START_SECONDS
        successor = self.wrks[index]
        while successor.is_alive() and not self.interrupt_signal and time.monotonic() < latest:
            if _listens(cast("int", cast("Any", successor).inner.pid)):
                return
            time.sleep(0.1)


def _listens(process: int) -> bool:
    """Whether it has a listening TCP socket; taken for granted where the system does not tell."""
    if sys.platform != "linux":
        return True
    listening: set[str] = set()
    try:
        for table in ("tcp", "tcp6"):
            rows = (line.split() for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:])
            listening |= {f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENS}
        return any(str(entry.readlink()) in listening for entry in Path(f"/proc/{process}/fd").iterdir())
    except OSError:  # something was closed, or the process ended, meanwhile
        return False


def make_server(settings: Settings) -> ApiServer:
    """The server, not started yet."""
    lifetime = random.uniform(1 - LIFETIME_JITTER, 1) * WORKER_LIFETIME_SECONDS  # noqa: S311 - no secret
    return ApiServer(
        "synergy_api.asgi:app",
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        workers=settings.web_workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        # an open event stream counts as a request: more of them would wait unseen, and other requests behind them
        backpressure=8192,
        respawn_failed_workers=True,
        respawn_interval=0 if sys.platform == "linux" else START_SECONDS,
        workers_lifetime=round(lifetime),
        workers_max_rss=settings.api_max_mb or None,
        workers_kill_timeout=WORKER_KILL_SECONDS,
        log_access=False,
        log_dictconfig=log_config(settings, service="synergy-api", version=VERSION),
    )


def serve(environ: Mapping[str, str]) -> int:
    """Serve until a signal ends it; 78 for settings that cannot be used."""
    try:
        settings = load_settings(environ)
        if not settings.secret_keys:
            raise InvalidSettings(["SECRET_KEY is not set (`synergy secret` prints one)"])
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    configure_logging(settings, service="synergy-api", version=VERSION)
    start_reporting(settings, service="synergy-api")
    # A worker that is told to end while it still starts would take it for Granian's main process and go on: the signal
    # waits until `Drain.on_sigterm` lets it through.
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
    )
    with tempfile.TemporaryDirectory(prefix="synergy-metrics-") as folder:
        if settings.metrics_port:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            from synergy_api.metrics import serve_metrics  # reads the folder's name when it is imported

            serve_metrics(settings.metrics_port, settings.media_path)
        make_server(settings).serve()
    return 0
