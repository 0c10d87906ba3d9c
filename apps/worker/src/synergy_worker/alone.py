"""One job in a process of its own.

What was in hand when a worker died is tried again here: should it be what killed it, it kills nothing else, and what
only ran beside it is never blamed for it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from synergy_platform.jobs import HardLimitExceeded, Lease, Registry, WorkerDied, run_io_job, run_job
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_worker.process import die_with_parent

EXIT_NOT_DONE = 75  # EX_TEMPFAIL of sysexits.h: told to end, or the database is away; the job is not to blame
END_SECONDS = 3.0
# a terminal or a supervisor sends them to all processes at once, perhaps before this one handles them
_TOLD_TO_END = {-signal.SIGTERM, -signal.SIGINT}

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def do_job(settings: Settings, registry: Registry, job_id: UUID, request_id: str | None, *, is_io: bool) -> int:
    """Do this job and nothing else; returns the exit status."""
    die_with_parent(os.getppid())
    try:
        asyncio.run(_do_job(settings, registry, job_id, request_id, is_io=is_io))
    except asyncio.CancelledError:
        return EXIT_NOT_DONE
    except Exception as error:  # noqa: BLE001 - only what keeps it from the job gets here; the row waits
        log.warning("job.not_reached", job_id=str(job_id), error=repr(error))
        return EXIT_NOT_DONE
    return 0


async def _do_job(settings: Settings, registry: Registry, job_id: UUID, request_id: str | None, *, is_io: bool) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is a coroutine
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    runtime = Runtime(settings, application="synergy-worker", writers=1)
    lease = Lease(runtime)
    await runtime.open()
    try:
        if is_io:
            await run_io_job(runtime, registry, await lease.owner(), job_id, request_id, alone=True)
        else:
            await run_job(runtime, registry, job_id, request_id, alone=True)
    finally:
        await lease.end()
        await runtime.close()


class JobsApart:
    """Starts such processes; whoever holds `turn` may start one."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], hard_limit: float) -> None:
        self.turn = asyncio.Lock()
        self._command = command
        self._environ = environ
        self._hard_limit = hard_limit

    async def run(self, job_id: UUID, request_id: str | None, *, is_io: bool) -> Exception | None:
        """Have the job done; returns what it is to blame for, if the process did not live to record it itself.

        When this is cancelled the process is told to end.
        """
        arguments = ["io-job" if is_io else "job", str(job_id), *([request_id] if request_id else [])]
        process = await asyncio.create_subprocess_exec(*self._command, *arguments, env=dict(self._environ))
        try:
            async with asyncio.timeout(self._hard_limit):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return HardLimitExceeded(f"did not end within {self._hard_limit:.0f} s, and was killed")
        except asyncio.CancelledError:
            await _end(process)
            raise
        if status in {0, EXIT_NOT_DONE, *_TOLD_TO_END}:
            return None
        return WorkerDied(f"the process that did this alone died (exit status {status})")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
                return
        process.kill()
    await process.wait()
