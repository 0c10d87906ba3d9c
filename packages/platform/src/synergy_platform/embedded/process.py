"""Child processes that end with their parent, and the leftovers of a parent that was killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from synergy_platform.embedded.errors import EmbeddedError, PortInUseError, from_os_error

LOOPBACK = "127.0.0.1"
_LOOPBACK_OF = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - read from settings, nothing is bound
FREE_PORTS = (15000, 32768)
Output = int | IO[bytes] | None
_LAUNCHER = Path(__file__).with_name("launch.py")


def launcher(identity: str = "same", death_signal: signal.Signals = signal.SIGTERM) -> list[str]:
    """The words to put before a command line so that launch.py starts it."""
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(death_signal)), identity]


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    identity: str = "same",
    death_signal: signal.Signals = signal.SIGTERM,
    stdout: Output = None,
    stderr: Output = None,
) -> subprocess.Popen[bytes]:
    """Start `command` as the leader of a session of its own: Ctrl-C reaches the parent only.

    The kernel sends it `death_signal` when the thread that called this ends (Linux).
    """
    return subprocess.Popen(
        [*launcher(identity, death_signal), *command],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send to the process and all of its group; nothing happens when they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def end(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> int:
    """Send each signal and wait its seconds; SIGKILL to the whole group is the last step. The exit status."""
    for number, seconds in steps:
        if process.poll() is None:
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def birth(pid: int) -> str | None:
    """What tells a process from a later one with the same id; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if sys.platform == "linux":
            return None
        answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return answer.stdout.strip() or None
    state, *fields = stat.rpartition(")")[2].split()
    if state in {"Z", "X"}:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {fields[18]}"  # start time in clock ticks since boot


class ProcessRecord:
    """A file that names a running process, so that a later start can end it if its supervisor was killed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pid: int) -> None:
        """Remember the process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(f"{pid} {birth(pid)}\n")

    def clear(self) -> None:
        """Forget it: it has ended."""
        self.path.unlink(missing_ok=True)

    def living(self) -> int | None:
        """The recorded process, if it still runs."""
        try:
            pid, _, born = self.path.read_text().strip().partition(" ")
        except FileNotFoundError:
            return None
        return int(pid) if pid.isdigit() and born and birth(int(pid)) == born else None

    def end_leftover(self, number: signal.Signals, seconds: float) -> bool:
        """End the recorded process if it still runs: `number`, after `seconds` SIGKILL. Whether there was one."""
        pid = self.living()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if not self._gone_within(seconds):
                signal_group(pid, signal.SIGKILL)
                if not self._gone_within(5):
                    raise EmbeddedError(
                        f"Process {pid} of an earlier start does not end: end it by hand (kill -9 {pid})."
                    )
        self.clear()
        return pid is not None

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.living() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


class FolderLock:
    """Keeps a second program out of a folder; the kernel opens it when its holder dies."""

    def __init__(self, path: Path, refusal: str) -> None:
        """`refusal` is the sentence for the second one; `{pid}` in it becomes the holder's process id."""
        self._path = path
        self._refusal = refusal
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raise EmbeddedError with the refusal when another program holds the folder."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_os_error(error, self._path.parent) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode().strip()
            os.close(descriptor)
            raise EmbeddedError(self._refusal.format(pid=holder or "unknown")) from None
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(descriptor)
            raise from_os_error(error, self._path.parent) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others in; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def free_port() -> int:
    """A loopback port that nobody listens on at this moment.

    Chosen at random below the ports that Linux gives to outgoing connections (32768 on, by default): one of those could
    be taken by any program between this call and the listening.
    """
    while True:
        port = random.randrange(*FREE_PORTS)  # noqa: S311 - nothing secret about a port
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def reached_at(host: str) -> str:
    """Where this machine reaches a process of its own that listens on `host`."""
    return _LOOPBACK_OF.get(host, host)


def require_free_port(host: str, port: int, advice: str) -> None:
    """Raise EmbeddedError when `port` cannot be listened on; `advice` says how to choose another."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)  # two sockets may bind with SO_REUSEADDR, only one may listen
    except socket.gaierror:
        raise EmbeddedError(f"{host} is not an address of this machine: {advice}.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"Port {port} on {host} is in use by another program: end that program, or {advice}."
            ) from None
        if error.errno == errno.EACCES:
            raise EmbeddedError(f"Port {port} needs root: {advice}.") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise EmbeddedError(f"{host} is not an address of this machine: {advice}.") from None
        raise
