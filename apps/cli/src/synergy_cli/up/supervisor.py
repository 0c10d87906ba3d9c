"""Keeps child processes running, carries their lines out, and ends them in order: one thread, one loop."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from synergy_cli.up.lines import Output
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import ProcessRecord, signal_group

STABLE_SECONDS = 60.0  # a child that ran so long is well again
FAILURES_TO_REPORT = 5
SLOW_RETRY_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 0.25
_MAX_LINE_BYTES = 1 << 20
_TAIL_CHARACTERS = 500
_POLL_SECONDS = 0.05


class StopRequested(Exception):
    """Ctrl-C, SIGTERM, or the reader of our output or the program that started us has gone."""


@dataclass
class Child:
    """A program to run. `start` returns it with pipes as its outputs; `end_steps` are the signals that end it."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    restarts: bool = True
    end_steps: Sequence[signal.Signals] = (signal.SIGTERM,)
    record: ProcessRecord | None = None
    process: subprocess.Popen[bytes] | None = None
    status: int | None = None  # of the run before this one
    tail: deque[str] = field(default_factory=lambda: deque[str](maxlen=200))
    failures: int = 0
    started_at: float = 0.0
    restart_at: float | None = None

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.process is not None


@dataclass
class _Stream:
    child: Child
    descriptor: int
    is_error: bool
    rest: bytes = b""


class Supervisor:
    """All children of this process. Everything happens inside `pump` and `shut_down`."""

    def __init__(self, output: Output) -> None:
        self.children: list[Child] = []
        self._output = output
        self._selector = selectors.DefaultSelector()
        self._streams: dict[int, _Stream] = {}
        self._signals = 0
        self._patience = 0
        self._stopping = False
        self._launcher: int | None = None
        self._orphaned = False
        self._reap = False
        self._wake_read, self._wake_write = socket.socketpair()
        for end in (self._wake_read, self._wake_write):
            end.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def watch_signals(self) -> None:
        """Take over the signals that end a program, and the one that tells of a child's end."""
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # without a handler it would wake nobody

    def end_with(self, pid: int) -> None:
        """Treat the end of that process as the wish to stop (Linux)."""
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(pid)
                self._launcher = self._selector.register(descriptor, selectors.EVENT_READ).fd

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def start(self, child: Child) -> None:
        """Start it now; raises what its `start` raises."""
        if child not in self.children:
            self.children.append(child)
        child.restart_at = None
        child.tail.clear()
        child.process = process = child.start()
        child.started_at = time.monotonic()
        if child.record:
            child.record.write(process.pid)
        for pipe, is_error in ((process.stdout, False), (process.stderr, True)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._streams[pipe.fileno()] = _Stream(child, pipe.fileno(), is_error)
                self._selector.register(pipe.fileno(), selectors.EVENT_READ)
        self._output.event("info", "child.started", child=child.name, pid=process.pid)

    def pump(self, until: Callable[[], bool] | None = None, seconds: float | None = None) -> bool:
        """Serve all children until `until` holds or the time is over (False). Raises StopRequested."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            if self._signals or self._orphaned or self._output.closed:
                raise StopRequested
            if until is not None and until():
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            rest = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._turn(_POLL_SECONDS if until is not None else rest)
            self._restart_due()

    def shut_down(self, stages: Sequence[tuple[Sequence[str], float]]) -> None:
        """End all children, stage after stage (names, seconds); one more signal meanwhile makes it immediate.

        A name in two stages is asked to end in the first and has until the end of the second.
        """
        self._stopping = True
        self._patience = self._signals
        named = {name for names, _ in stages for name in names}
        plan = [([child.name for child in self.children if child.name not in named], 0.5), *stages]
        asked: set[str] = set()
        for number, (names, seconds) in enumerate(plan):
            group = [child for child in self.children if child.name in names and child.runs]
            for child in group:
                if child.process and child.name not in asked and self._signals == self._patience:
                    child.process.send_signal(child.end_steps[0])
            asked.update(names)
            self._await_end(group, seconds, impatient=False)
            later = {name for others, _ in plan[number + 1 :] for name in others}
            self._force_end([child for child in group if child.name not in later])

    def _force_end(self, group: list[Child]) -> None:
        harder = [child for child in group if child.process and len(child.end_steps) > 1]
        for child in harder:
            if child.process:
                child.process.send_signal(child.end_steps[-1])
        self._await_end(harder, 0.5, impatient=True)
        for child in group:
            if child.process:
                self._output.event("warning", "child.killed", child=child.name)
                signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()
                self._ended(child, child.process)

    def _await_end(self, group: list[Child], seconds: float, *, impatient: bool) -> None:
        deadline = time.monotonic() + seconds
        while any(child.runs for child in group) and time.monotonic() < deadline:
            if not impatient and self._signals != self._patience:
                return
            self._reap = True
            self._turn(_POLL_SECONDS)

    def _turn(self, seconds: float | None) -> None:
        """Wait for something to happen, and deal with it."""
        due = [child.restart_at - time.monotonic() for child in self.children if child.restart_at is not None]
        waits = [max(0.0, wait) for wait in (*due, *([] if seconds is None else [seconds]))]
        for key, _ in self._selector.select(min(waits) if waits else None):
            if key.fileobj is self._wake_read:
                self._reap = True
                self._wake_read.recv(4096)
            elif key.fd == self._launcher:
                self._orphaned = True
                self._selector.unregister(key.fd)
            else:
                self._read(self._streams[key.fd])
        if self._reap:
            self._reap = False
            for child in self.children:
                if child.process and child.process.poll() is not None:
                    self._ended(child, child.process)

    def _read(self, stream: _Stream) -> bool:
        """Carry out what is there; False when there is nothing now."""
        try:
            part = os.read(stream.descriptor, 1 << 16)
        except BlockingIOError:
            return False
        *lines, stream.rest = (stream.rest + part).split(b"\n")
        if not part or len(stream.rest) > _MAX_LINE_BYTES:
            lines, stream.rest = [*lines, stream.rest], b""
        for line in lines:
            if line.strip():
                text = self._output.child_line(stream.child.name, line, is_error=stream.is_error)
                stream.child.tail.append(text[:_TAIL_CHARACTERS])
        if not part:
            self._forget(stream)
        return bool(part)

    def _forget(self, stream: _Stream) -> None:
        self._selector.unregister(stream.descriptor)
        del self._streams[stream.descriptor]

    def _ended(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        signal_group(process.pid, signal.SIGKILL)  # what it left behind
        for stream in [stream for stream in self._streams.values() if stream.child is child]:
            while self._read(stream):
                pass
            if stream.descriptor in self._streams:
                self._forget(stream)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        if child.record:
            child.record.clear()
        child.process, child.status = None, process.returncode
        child.restart_at = None
        level = "error" if child.restarts and not self._stopping else "info"
        self._output.event(level, "child.ended", child=child.name, status=child.status)
        if child.restarts and not self._stopping:
            self._plan_restart(child, time.monotonic() - child.started_at)

    def _plan_restart(self, child: Child, ran_seconds: float) -> None:
        child.failures = 1 if ran_seconds >= STABLE_SECONDS else child.failures + 1
        slow = child.failures >= FAILURES_TO_REPORT
        delay = SLOW_RETRY_SECONDS if slow else _FIRST_RETRY_SECONDS * 2 ** (child.failures - 1)
        child.restart_at = time.monotonic() + delay
        if child.failures == FAILURES_TO_REPORT:
            last = "\n".join(f"  {line}" for line in list(child.tail)[-5:])
            self._output.event(
                "error", "child.failing", child=child.name, attempts=child.failures, last_lines=list(child.tail)
            )
            self._output.complain(
                f"{child.name} ended {child.failures} times in a row and is tried every {SLOW_RETRY_SECONDS:.0f} s "
                f"from now on. Its last lines:\n{last or '  (none)'}"
            )

    def _restart_due(self) -> None:
        for child in self.children:
            if child.restart_at is not None and child.restart_at <= time.monotonic():
                try:
                    self.start(child)
                except (EmbeddedError, OSError) as error:
                    child.tail.append(str(error))
                    self._output.event("error", "child.not_started", child=child.name, reason=str(error))
                    self._plan_restart(child, 0.0)
