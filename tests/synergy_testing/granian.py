"""The API on Granian, as it runs in production: real processes, on the database of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from synergy_platform.embedded.process import free_port
from synergy_platform.settings import Settings, documented_settings, written


class Server:
    """A running `python -m synergy_api`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.environ: dict[str, str] = {}

    def lines(self, message: str) -> list[dict]:
        """What it has logged under this name."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["message"] == message]

    def workers(self) -> set[int]:
        """Its worker processes."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    async def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited too long\n{self.log.read_text()[-2000:]}"
            await asyncio.sleep(0.05)

    async def until_ready(self, workers: int = 1) -> None:
        """Wait until so many workers listen."""
        await self.until(lambda: self.process.poll() is not None or len(self._listening()) >= workers, 120)
        assert self.process.poll() is None, self.log.read_text()

    def _listening(self) -> set[int]:
        found = set()
        for pid in self.workers():
            with contextlib.suppress(psutil.Error):
                for connection in psutil.Process(pid).net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found.add(pid)
        return found

    async def ended(self, seconds: float = 20) -> float:
        """Wait for its end; returns the seconds."""
        began = time.monotonic()
        await self.until(lambda: self.process.poll() is not None, seconds)
        assert self.process.returncode == 0
        return time.monotonic() - began


@pytest.fixture
async def serve(own_settings: Settings, tmp_path: Path) -> AsyncIterator[Callable[..., Server]]:
    """Start the API with further settings; it ends with the test."""
    started: list[Server] = []
    fields = {setting.field: setting for setting in documented_settings()}
    inherited = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "PYTHON", "COVERAGE"))}
    # counted, but never too many
    limits = {"SYNERGY_RATE_LIMIT_API": "1000000/m", "SYNERGY_RATE_LIMIT_REGISTER": "1000000/m"}
    environ = inherited | limits | {"SECRET_KEY": "k" * 40} | {
        fields[field].name: written(getattr(own_settings, field))
        for field in (
            "home", "db_name", "db_user", "db_password", "db_host", "db_port", "redis_url", "broker_url",
            "log_format",
        )
    }  # fmt: skip

    async def start(*command: str, **more: str) -> Server:
        port = free_port()
        log = tmp_path / f"api-{len(started)}.log"
        settings = environ | {"SYNERGY_API_PORT": str(port)} | more
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - forking takes a moment
                [sys.executable, *(command or ("-m", "synergy_api"))], env=settings, stdout=output, stderr=output
            )
        server = Server(process, port, log)
        server.environ = settings
        started.append(server)
        await server.until_ready(int(more.get("WEB_WORKERS", "1")))
        return server

    yield start
    for server in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (*psutil.Process(server.process.pid).children(), server.process):
                process.kill()
        server.process.wait(10)
