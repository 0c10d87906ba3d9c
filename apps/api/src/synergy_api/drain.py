"""Going down without hurting anybody.

On SIGTERM the process first says that it is not ready, asks for each kept connection to be closed, and ends its event
streams, which Granian would wait for without end. Then it takes no new connection, and once those that the kernel has
already set up are taken too, Granian's own shutdown runs: it finishes what is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.stdlib.get_logger(__name__)

# A proxy must drop the connections that it keeps idle sooner than this (nginx: keepalive_timeout of the upstream), so
# that none is left when Granian closes them.
NOT_READY_SECONDS = 2.0
# From "no new connection" to the stop: for handshakes under way, and for requests on connections just taken.
SETTLE_SECONDS = 0.1
_LONGEST_SETTLE_SECONDS = 5.0

# A socket filter sees a segment from its TCP header on; byte 13 holds the flags, 2 is SYN. Dropped SYNs are sent again
# a second later, and refused then, because nobody listens any more. A refused connection is safe for a proxy to repeat
# elsewhere, whatever the request; one that was set up and then closed is not.
_REFUSE_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load byte 13
    (0x45, 0, 1, 0x02),  # is SYN set?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # let through
)
_SO_ATTACH_FILTER = 26
_TCP_INFO_QUEUED = slice(24, 28)  # tcpi_unacked: of a listening socket, the connections that nobody has taken yet


class Drain:
    """Whether this process is going down; `started` is what readiness and the answers' headers follow."""

    def __init__(self) -> None:
        self.started = False
        self._task: asyncio.Task[None] | None = None

    def on_sigterm(self, end_streams: Callable[[], None]) -> None:
        """Put the drain before Granian's handler of SIGTERM; its handler of SIGINT stays and ends the process."""
        if threading.current_thread() is not threading.main_thread():
            return  # a test client runs the application in a thread, where no signal arrives
        if signal.SIGTERM in signal.sigpending():
            os._exit(0)  # told to end while it started: it has taken nothing yet
        loop = asyncio.get_running_loop()

        def begin() -> None:
            if self.started:
                return
            log.info("api.draining")
            self.started = True
            end_streams()
            self._task = loop.create_task(self._run(), name="drain")

        loop.add_signal_handler(signal.SIGTERM, begin)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    async def _run(self) -> None:
        try:
            await asyncio.sleep(NOT_READY_SECONDS)
            await _take_no_new_connections()
        except Exception:
            log.exception("api.drain_failed")
        finally:
            os.kill(os.getpid(), signal.SIGINT)


async def _take_no_new_connections() -> None:
    """Have the kernel set up none, and wait until Granian has taken those that are there."""
    if sys.platform != "linux":
        return
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in _listening_sockets()]
        try:
            for listener in listeners:
                _attach_filter(listener)
        except OSError as error:  # a sandbox may forbid it; then a connection in the queue may be lost
            log.warning("api.new_connections_not_held_back", error=str(error))
            return
        loop = asyncio.get_running_loop()
        latest = loop.time() + _LONGEST_SETTLE_SECONDS
        await asyncio.sleep(SETTLE_SECONDS)
        while any(_queued(listener) for listener in listeners) and loop.time() < latest:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(SETTLE_SECONDS)


def _listening_sockets() -> list[socket.socket]:
    """Those of this process, under descriptors of our own; Granian does not hand out its."""
    found: list[socket.socket] = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if not entry.readlink().name.startswith("socket:"):
                continue
            candidate = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:  # closed meanwhile
            continue
        if candidate.family != socket.AF_UNIX and candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.append(candidate)
        else:
            candidate.close()
    return found


def _attach_filter(listener: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _REFUSE_NEW_CONNECTIONS)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(_REFUSE_NEW_CONNECTIONS), ctypes.addressof(instructions))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def _queued(listener: socket.socket) -> int:
    """How many connections wait to be taken."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_QUEUED.stop)
    return struct.unpack("I", info[_TCP_INFO_QUEUED])[0]
