"""Clients under way beside a test: the program of traffic.py, and what became of its requests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from conftest import Lab

# requests a second; less on a machine that others use at the same time
RATE = int(os.environ.get("SYNERGY_COMPOSE_RATE") or 300)
RATE_REACHED = 1 / 3  # clients, stack and engine share the cores of a small machine


class Clients:
    """The program of traffic.py, under way; `result` is there after the block."""

    def __init__(self, process: subprocess.Popen[str], prefix: str, project: str) -> None:
        self.process = process
        self.prefix = prefix
        self.project = project
        self.result: dict[str, Any] = {}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            output, _ = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.result = json.loads(output)

    @property
    def summary(self) -> str:
        shown = {name: self.result[name] for name in ("requests", "seconds", "statuses", "p50", "p99", "longest")}
        return f"{shown} {self.result['failures'][:5]}"


@contextlib.contextmanager
def under_way(lab: Lab, rate: float = RATE) -> Iterator[Clients]:
    """Requests at that rate for as long as the block takes, and three seconds before and after."""
    prefix = f"load {uuid4().hex[:8]}"
    with lab.signed_in() as client:
        project = lab.new_project(client)
        # 19 has no divisor in common with the kinds of requests: each task gets all of them
        tasks = [lab.new_task(client, project) for _ in range(19)]
    options = {
        "host": "localhost", "port": lab.https_port, "token": lab.tokens["ada"], "project": project,
        "prefix": prefix, "rate": rate,
    }  # fmt: skip
    words = ["--tasks", *tasks, *(f"--{name}={value}" for name, value in options.items())]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("traffic.py")), *words], stdout=subprocess.PIPE, text=True
    )
    under = Clients(process, prefix, project)
    time.sleep(3)
    try:
        yield under
        time.sleep(3)
    finally:
        under.stop()
    print(f"\n{under.summary}")


def stored_titles(lab, under: Clients) -> list[str]:
    """Titles of the tasks that those clients made, as the database has them."""
    found = lab.sql(f"SELECT title FROM tasks WHERE title LIKE '{under.prefix} %'")  # noqa: S608 - a prefix of our own
    return found.splitlines()


def assert_nothing_acknowledged_is_lost(lab, under: Clients) -> None:
    stored = stored_titles(lab, under)
    assert set(under.result["acknowledged"]) <= set(stored)
    assert len(stored) == len(set(stored))
