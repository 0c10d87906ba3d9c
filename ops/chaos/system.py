"""The system under chaos: every process apart, started anew when it dies, on free ports and a database of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from servers import environment_of, postgres_pid, settings_for

from synergy_domain import migrations
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import free_port
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.embedded.service import EmbeddedService
from synergy_platform.settings import Settings

RESTART_SECONDS = 0.5


class Part:
    """One process that is kept running, as an operator's restart policy does."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self._command, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of it."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """End it for good."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._process is not None:
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self._process.wait()


class Server(Part):
    """PostgreSQL or Redis, with their own way of starting."""

    def __init__(self, name: str, service: EmbeddedService) -> None:
        self.name = name
        self._service = service

    def start(self) -> None:
        """Start it; what is still in its way passes, and the next look tries again."""
        with contextlib.suppress(EmbeddedError):
            self._service.launch()

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._service.is_ready()

    def _pid(self) -> int | None:
        if isinstance(self._service, EmbeddedPostgres):
            with contextlib.suppress(OSError, ValueError, IndexError):
                return postgres_pid(self._service)
            return None
        process = self._service._process  # noqa: SLF001 - to kill it is nobody's business but ours
        return process.pid if process is not None and process.poll() is None else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its main process."""
        pid = self._pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End it for good."""
        self.signal(signal.SIGCONT)
        self._service.stop()


class System:
    """All parts, by name."""

    def __init__(self, folder: Path, settings: Settings, parts: list[Part], api_ports: list[int]) -> None:
        self.folder = folder
        self.settings = settings
        self.parts = {part.name: part for part in parts}
        self.api_ports = api_ports
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        while not self._ended.wait(RESTART_SECONDS):
            for part in self.parts.values():
                if not part.is_alive() and not self._ended.is_set():
                    part.start()

    def shift_clock(self, seconds: float) -> None:
        """Set the clocks of workers and schedulers off by so much."""
        (self.folder / "clock").write_text(str(seconds))

    def stop(self) -> None:
        """End all, servers last."""
        self._ended.set()
        self._keeper.join()
        for part in self.parts.values():
            part.stop()


@contextlib.contextmanager
def running(folder: Path, *, mail_port: int) -> Iterator[System]:
    """Two APIs, two workers, three schedulers, PostgreSQL, broker and cache."""
    postgres = EmbeddedPostgres(folder / "postgres")
    broker = EmbeddedRedis(folder / "broker", kind="broker")
    cache = EmbeddedRedis(folder / "cache", kind="cache")
    for service in (postgres, broker, cache):
        service.start()
    postgres.create_database("chaos")
    api_ports = [free_port(), free_port()]
    settings = settings_for(folder / "home", "chaos", postgres, broker, cache)
    environment = environment_of(
        settings,
        WEB_WORKERS="1",
        SYNERGY_RATE_LIMIT_REGISTER="0",
        SYNERGY_RATE_LIMIT_LOGIN="0",
        SYNERGY_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
        EMAIL_BACKEND="smtp",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=str(mail_port),
        EMAIL_USE_TLS="false",
        CHAOS_CLOCK=str(folder / "clock"),
    )
    asyncio.run(migrations.migrate(settings))
    background = [sys.executable, str(Path(__file__).with_name("background.py"))]
    parts: list[Part] = [Server("database", postgres), Server("broker", broker), Server("cache", cache)]
    for number, port in enumerate(api_ports, 1):
        parts.append(
            Part(f"api-{number}", [sys.executable, "-m", "synergy_api"], environment | {"SYNERGY_API_PORT": str(port)},
                 folder / f"api-{number}.log")
        )  # fmt: skip
    parts += [
        Part(f"worker-{number}", [*background, "worker"], environment, folder / f"worker-{number}.log")
        for number in (1, 2)
    ]
    parts += [
        Part(f"scheduler-{number}", [*background, "scheduler"], environment, folder / f"scheduler-{number}.log")
        for number in (1, 2, 3)
    ]
    system = System(folder, settings, parts, api_ports)
    try:
        _wait(system)
        yield system
    finally:
        system.stop()


def _wait(system: System) -> None:
    deadline = time.monotonic() + 120
    while not all((system.folder / f"worker-{number}.log").read_text().count("worker.started") for number in (1, 2)):
        if time.monotonic() > deadline:
            raise SystemExit(f"The workers did not start: see {system.folder}.")
        time.sleep(0.2)
