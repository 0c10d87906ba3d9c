"""A real `synergy up` for the doctor's tests, and faults put into it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from synergy_platform.embedded.home import Home


def environment(**more: str) -> dict[str, str]:
    """This one without settings, and more."""
    prefixes = ("SYNERGY_", "DB_", "COV", "REDIS_", "TASKIQ_", "SECRET_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)} | more


def doctor(*arguments: str, **environ: str) -> tuple[int, dict[str, dict[str, str]], str]:
    """Exit status, the checks by `group/name`, and all that was written."""
    done = subprocess.run(
        [sys.executable, "-m", "synergy_cli", "doctor", "--json", *arguments], env=environment(**environ),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["status"] == done.returncode, done.stderr
    return done.returncode, {f"{each['group']}/{each['name']}": each for each in told["checks"]}, done.stdout


class Running:
    """`synergy up`, and what the doctor says of it."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, port: int) -> None:
        self.process = process
        self.home = Home(home)
        self.url = f"http://127.0.0.1:{port}"

    def is_healthy(self) -> bool:
        """Whether the API says that all is well."""
        try:
            return httpx.get(f"{self.url}/api/auth/health", timeout=2).json()["status"] == "healthy"
        except (httpx.HTTPError, ValueError):
            return False

    @property
    def services(self) -> dict[str, str]:
        """The settings of its services."""
        return self.home.running_environment() or {}

    def doctor(self, *arguments: str, **environ: str) -> tuple[int, dict[str, dict[str, str]], str]:
        """Of this system."""
        return doctor(*arguments, **{"SYNERGY_HOME": str(self.home.path)} | environ)

    def tree(self, name: str) -> list[psutil.Process]:
        """A process and its children."""
        pid = self.home.record(name).living()
        assert pid is not None
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]

    @contextmanager
    def unattended(self) -> Iterator[None]:
        """Nothing is started again inside the block."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """SIGSTOP for a process and its children."""
        processes = self.tree(name)
        for each in processes:
            each.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for each in processes:
                each.send_signal(signal.SIGCONT)

    def postmaster(self) -> psutil.Process:
        """PostgreSQL's first process."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if str(self.home.path / "postgres" / "data") in child.cmdline())

    def wait_well(self, seconds: float = 60) -> None:
        """Until the doctor finds nothing."""
        wait_for(lambda: self.doctor()[0] == 0, seconds)


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """Its first true value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)
    return value


def faults(checks: dict[str, dict[str, str]]) -> dict[str, str]:
    """The runbook of each check that is a fault."""
    return {name: each["runbook"] for name, each in checks.items() if each["status"] == "fault"}
