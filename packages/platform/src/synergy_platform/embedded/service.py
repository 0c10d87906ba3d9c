"""What PostgreSQL and Redis have in common: one server, one folder, one loopback port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from synergy_platform.embedded.errors import EmbeddedError, PortInUseError, disk_full, from_os_error
from synergy_platform.embedded.process import (
    LOOPBACK,
    FolderLock,
    Output,
    ProcessRecord,
    end,
    free_port,
    require_free_port,
    spawn,
)

# what a server that was killed leaves in the kernel goes within moments
_TRANSIENT = "pre-existing shared memory block"


class EmbeddedService(ABC):
    """`start` and `stop`, or `with`.

    `launch` and `wait_ready` are the halves of `start`, so that several servers can start at the same time. Call
    them from a thread that lives as long as the server: the kernel ends the server with that thread.
    """

    host = LOOPBACK
    name: ClassVar[str]  # as in sentences
    end_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]  # signals that end it, with the seconds each may take

    def __init__(self, folder: Path, port: int | None) -> None:
        self.folder = folder.absolute()
        self._given_port = port
        self._port = port
        self._identity = "same"
        self._process: subprocess.Popen[bytes] | None = None
        self._record = ProcessRecord(self.folder / "process")
        self._lock = FolderLock(
            self.folder / "lock",
            f"Another program (process {{pid}}) runs {self.name} on {self.folder}: stop that one first.",
        )

    @property
    def port(self) -> int:
        """The port, once launched."""
        if self._port is None:
            raise RuntimeError("the server was not started")
        return self._port

    @property
    def log(self) -> Path:
        """Where its lines go unless `launch` was told otherwise."""
        return self.folder / "log"

    def start(self) -> None:
        """Start and wait until it answers; EmbeddedError says what keeps it from that."""
        for attempt in range(5):
            self.launch()
            try:
                self.wait_ready()
            except PortInUseError:
                # somebody took the free port in between
                if self._given_port is not None or attempt == 4:
                    raise
                self._port = None
            else:
                return

    def launch(self, stdout: Output = None, stderr: Output = None) -> subprocess.Popen[bytes]:
        """Start without waiting; the first time makes the data. Once chosen, the port stays."""
        if self._process is not None and self._process.poll() is not None:
            self._forget()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, self.folder) from None
        self._lock.acquire()
        try:
            self._process = self._launch(stdout, stderr)
        except OSError as error:
            self._lock.release()
            raise from_os_error(error, self.folder) from None
        except BaseException:
            self._lock.release()
            raise
        return self._process

    def _launch(self, stdout: Output, stderr: Output) -> subprocess.Popen[bytes]:
        first_signal, seconds = self.end_steps[0]
        self._record.end_leftover(first_signal, seconds)
        self._prepare()
        if self._port is None:
            self._port = free_port()
        else:
            require_free_port(self.host, self._port, f"choose another for {self.name}")
        own_log = None if stdout is not None else self.log.open("wb")
        try:
            process = spawn(
                self._command(),
                environment={"LC_ALL": "C", "PATH": os.defpath},
                folder=self.folder,
                identity=self._identity,
                death_signal=first_signal,
                stdout=own_log or stdout,
                stderr=stderr if stderr is not None else own_log or stdout,
            )
        finally:
            if own_log:
                own_log.close()
        self._record.write(process.pid)
        return process

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until it answers; after a crash it may read or repair its data first."""
        process = self._process
        if process is None:
            raise RuntimeError("the server was not started")
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if process.poll() is not None:
                lines = self.log.read_text(errors="replace").splitlines()
                if self.may_start_later(lines) and time.monotonic() < deadline:
                    time.sleep(0.2)
                    process = self.launch()
                    continue
                self._forget()
                raise self.explain(lines)
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedError(f"{self.name} was not ready after {seconds:.0f} s: see {self.log}.")
            time.sleep(0.01)

    def stop(self) -> None:
        """Shut down with everything written; harmless when it does not run."""
        if self._process is not None:
            end(self._process, self.end_steps)
            self._forget()

    def is_ready(self) -> bool:
        """Whether it answers now."""
        return self._process is not None and self._process.poll() is None and self._answers(self._process.pid)

    def may_start_later(self, lines: list[str]) -> bool:
        """Whether what it wrote before it ended is a state that passes."""
        return any(_TRANSIENT in line for line in lines)

    def explain(self, lines: list[str]) -> EmbeddedError:
        """The error for a server that ended before it was ready, from the lines that it wrote."""
        text = "\n".join(lines)
        if "No space left on device" in text:
            return disk_full(self.folder)
        if "Address already in use" in text:
            return PortInUseError(f"Port {self.port} was taken while {self.name} started: start again.")
        serious = [match[0] for line in lines if (match := re.search(r"(FATAL|PANIC): .*", line))]
        serious = serious or [line for line in lines if line.strip()]
        return EmbeddedError(
            f"{self.name} on {self.folder} did not start: {serious[-1].strip() if serious else 'it said nothing'}"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _forget(self) -> None:
        self._process = None
        self._record.clear()
        self._lock.release()

    @abstractmethod
    def _prepare(self) -> None:
        """Make or check the data."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Whether the server with this process id answers."""
