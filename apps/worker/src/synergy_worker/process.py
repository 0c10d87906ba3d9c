"""One child process, kept running.

The parent has imported everything, does nothing and stays clean, so that a fresh child is there within some
milliseconds: when the old one has done its share, or died, or had to be killed because a job did not end.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from synergy_platform.reporting import flush_reports_now, report
from synergy_worker.running import RunningJob, RunningJobs

HARD_LIMIT_SECONDS = 600.0

_CHECK_SECONDS = 1.0
_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_PR_SET_PDEATHSIG = 1
_SHORTEST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 60.0
# Who keeps the others from ending at their soft limit, half of the hard one, blocks since then. Who blocks for a moment
# just when another one is overdue is not to blame for that.
_BLOCKS_FROM = 0.25

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Victims(msgspec.Struct, frozen=True):
    """Jobs that the child before this one did not end: for which it was `killed`, and those in which it `died`."""

    killed: Sequence[RunningJob] = ()
    died: Sequence[RunningJob] = ()


def keep_child(work: Callable[[Victims], None], running: RunningJobs, *, hard_limit: float = HARD_LIMIT_SECONDS) -> int:
    """Do `work` in a child process, and again in a new one whenever that ends, until SIGTERM or SIGINT.

    A child that ended well is replaced at once, one that died after a growing pause, and told what died with it. One
    whose job takes longer than `hard_limit` seconds is killed: only so can code be ended that blocks or ignores its
    cancellation. The signal is passed on, and the child's end waited for. Returns the exit status.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    gc.collect()
    gc.freeze()  # the collector of the child then leaves these pages shared
    pause, victims = 0.0, Victims()
    while True:
        started = time.monotonic()
        running.clear()
        child = _fork(work, victims)
        status, told, killed = _wait_for_end(child, running, hard_limit)
        if told:
            return 0 if status in {0, -signal.SIGTERM} else 1
        victims = Victims(killed=killed, died=[] if killed or status == 0 else running.read())
        if status == 0:
            log.info("worker.renewed")
            continue
        if killed:
            log.info("worker.replaced")
            continue
        pause = 0.0 if time.monotonic() - started > _HEALTHY_AFTER_SECONDS else pause
        pause = min(_LONGEST_PAUSE_SECONDS, max(_SHORTEST_PAUSE_SECONDS, pause * 2))
        log.error("worker.died", exit_status=status, restart_in_seconds=pause)
        report("A worker process died", exit_status=str(status))
        if signal.sigtimedwait(_WATCHED - {signal.SIGCHLD}, pause) is not None:
            return 0


def _fork(work: Callable[[Victims], None], victims: Victims) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        work(victims)
        status = 0
    except BaseException as error:
        log.exception("worker.failed")
        report(error)
    finally:
        flush_reports_now()
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


def _wait_for_end(child: int, running: RunningJobs, hard_limit: float) -> tuple[int, bool, list[RunningJob]]:
    """How the child ended.

    Its exit status (negative: the signal that killed it), whether this process was told to end, and the jobs for which
    the child was killed.
    """
    told, killed = False, list[RunningJob]()
    while True:
        received = signal.sigtimedwait(_WATCHED, _CHECK_SECONDS)
        if received is None:
            blocker = running.blocker(hard_limit * _BLOCKS_FROM)
            overdue = [job for job in running.read() if job.seconds > hard_limit]
            if overdue and not killed:
                # what could not go on because another one blocks is not to blame
                killed = [blocker] if blocker else overdue
                log.error("worker.hard_limit", job_ids=[str(job.id) for job in killed])
                os.kill(child, signal.SIGKILL)
        elif received.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), told, killed
        else:
            told = True
            os.kill(child, signal.SIGTERM)
