"""One child process, kept running.

The parent has imported everything, does nothing and stays clean, so that a fresh child is there within some
milliseconds: when the old one has done its share, or died.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable

import structlog

_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_PR_SET_PDEATHSIG = 1
_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 60.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def keep_child(work: Callable[[], None]) -> int:
    """Do `work` in a child process, and again in a new one whenever that ends, until SIGTERM or SIGINT.

    A child that ended well is replaced at once, one that died after a growing pause. The signal is passed on, and the
    child's end waited for. Returns the exit status.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    gc.collect()
    gc.freeze()  # the collector of the child then leaves these pages shared
    pause = 0.0
    while True:
        started = time.monotonic()
        child = _fork(work)
        status, told = _wait_for_end(child)
        if told:
            return 0 if status in {0, -signal.SIGTERM} else 1
        if status == 0:
            log.info("worker.renewed")
            continue
        pause = 0.0 if time.monotonic() - started > _HEALTHY_AFTER_SECONDS else pause
        pause = min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, pause * 2))
        log.error("worker.died", exit_status=status, restart_in_seconds=pause)
        if signal.sigtimedwait(_WATCHED - {signal.SIGCHLD}, pause) is not None:
            return 0


def _fork(work: Callable[[], None]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        work()
        status = 0
    except BaseException:
        log.exception("worker.failed")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)  # the parent's own clean-up is not the child's business
    return 0


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the kernel knew
            os._exit(1)


def _wait_for_end(child: int) -> tuple[int, bool]:
    """The child's exit status (negative: the signal that killed it), and whether this process was told to end."""
    told = False
    while True:
        received = signal.sigwait(_WATCHED)
        if received != signal.SIGCHLD:
            told = True
            os.kill(child, signal.SIGTERM)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), told
