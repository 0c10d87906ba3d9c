"""Going down without hurting anybody.

On SIGTERM the process first says that it is not ready, for long enough that a proxy sees it, and ends its event
streams, which Granian would wait for without end. Then Granian's own shutdown runs: it finishes what is under way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import structlog

from synergy_api.hub import EventHub

log = structlog.stdlib.get_logger(__name__)

NOT_READY_SECONDS = 2.0


def drain_on_sigterm(hub: EventHub) -> None:
    """Put the drain before Granian's handler of SIGTERM; its handler of SIGINT stays and is what ends the process."""
    if threading.current_thread() is not threading.main_thread():
        return  # a test client runs the application in a thread, where no signal arrives
    loop = asyncio.get_running_loop()

    def drain() -> None:
        if hub.draining:
            return
        log.info("api.draining")
        hub.drain()
        loop.call_later(NOT_READY_SECONDS, os.kill, os.getpid(), signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, drain)
