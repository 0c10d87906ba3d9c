"""How soon a change is seen by open event streams: `hatch run load:python ops/load/streams.py`.

500 streams over 50 projects on two API processes, and 200 commits a second; from right before the commit to the line
that the client reads, all on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import uvloop
from figures import Row, at_most, percentile, table
from servers import answers, environment_of, processes, servers

from synergy_domain import projects
from synergy_domain.common import Actor
from synergy_domain.identity import Client, Credentials, Registration, create_account, sign_in
from synergy_domain.projects import ProjectInput
from synergy_platform.embedded.process import free_port
from synergy_platform.events import Event
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

PROJECTS = 50
PASSWORD = "a phrase of this measurement that is long enough"  # noqa: S105 - guards what lives for seconds
NOBODY = Client(ip="127.0.0.1", user_agent=None)


class ThingChanged(Event, frozen=True, kw_only=True):
    """A change; `committed` is the time right before its commit, in seconds."""

    TYPE: ClassVar[str] = "thing.changed"
    OBJECT: ClassVar[str] = "thing"

    committed: float


class Streams:
    """Clients that read, and how late each event was, in milliseconds."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.open = 0
        self.late: list[float] = []

    async def follow(self, token: str) -> None:
        """Read one stream until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(
            f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"A stream was refused: {head[:200]!r}")
        self.open += 1
        while line := await reader.readline():
            if line.startswith(b"data: ") and b'"thing.changed"' in line:
                self.late.append((time.time() - json.loads(line[6:])["data"]["committed"]) * 1000)


async def _people(runtime: Runtime) -> list[tuple[UUID, str]]:
    """A project each, with a token of its owner."""
    found: list[tuple[UUID, str]] = []
    for number in range(PROJECTS):
        name = f"person{number}"
        registration = Registration(
            username=name, email=f"{name}@example.org", password=PASSWORD, first_name="Some", last_name="Body"
        )
        user = await create_account(runtime, registration, role="member", client=NOBODY)
        signed_in = await sign_in(runtime, Credentials(identifier=name, password=PASSWORD), NOBODY)
        actor = Actor(user_id=user.id, username=name, role="member")
        async with runtime.database.unit_of_work() as uow:
            project = await projects.create_project(uow, actor, ProjectInput(name=f"Project {number}"))
        found.append((project.id, str(signed_in.access_token)))
    return found


async def _change(runtime: Runtime, targets: list[UUID], rate: float, seconds: float) -> int:
    """Commit `rate` changes a second, each on its time; returns how many."""
    began, number, running = time.perf_counter(), 0, set[asyncio.Task[None]]()

    async def commit(project_id: UUID) -> None:
        async with runtime.database.unit_of_work() as uow:
            uow.emit(ThingChanged(object_id=project_id, project_id=project_id, committed=time.time()), by=None)

    while (now := time.perf_counter() - began) < seconds:
        while number < now * rate:
            task = asyncio.create_task(commit(targets[number % len(targets)]))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*running)
    return number


async def _measure(settings: Settings, port: int, *, streams_open: int, rate: float, seconds: float) -> list[Row]:
    runtime = Runtime(settings, application="synergy-load", writers=4)
    await runtime.open()
    people = await _people(runtime)
    streams = Streams(port)
    readers = [asyncio.create_task(streams.follow(people[number % PROJECTS][1])) for number in range(streams_open)]
    while streams.open < streams_open:
        for reader in readers:
            if reader.done():
                reader.result()
        await asyncio.sleep(0.05)
    targets = [project_id for project_id, _ in people]
    await _change(runtime, targets, rate, 2)  # caches and plans
    await asyncio.sleep(1)
    streams.late.clear()
    changes = await _change(runtime, targets, rate, seconds)
    expected = changes * streams_open // PROJECTS
    deadline = time.monotonic() + 30
    while len(streams.late) < expected and time.monotonic() < deadline:  # noqa: ASYNC110 - a look now and then will do
        await asyncio.sleep(0.1)
    late = sorted(streams.late)
    print(
        f"{changes} changes in {seconds:.0f} s, {streams_open} streams: {len(late)} of {expected} lines read",
        file=sys.stderr,
    )
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await runtime.close()
    where = f"commit to event stream, {rate:g} changes/s, {streams_open} streams"
    return [
        at_most(f"{where}, p50", percentile(late, 0.5), 50, " ms"),
        at_most(f"{where}, p99", percentile(late, 0.99), 250, " ms"),
        at_most(f"{where}, lines that never came", expected - len(late), 0, ""),
    ]


def measure(*, streams_open: int = 500, rate: float = 200, seconds: float = 20) -> list[Row]:
    """On servers and two API processes of its own."""
    with tempfile.TemporaryDirectory(prefix="synergy-load-") as temporary:
        folder, port = Path(temporary), free_port()
        log = folder / "log"

        def is_ready() -> bool:
            return "relay.elected" in log.read_text() and answers(port, "/api/health/ready")

        with servers(folder, "load") as settings:
            environment = environment_of(settings, WEB_WORKERS="2", SYNERGY_API_PORT=str(port))
            programs = [[sys.executable, "-m", *words] for words in (["synergy_api"], ["synergy_worker", "worker"])]
            with processes(programs, environment, log, is_ready):
                return uvloop.run(_measure(settings, port, streams_open=streams_open, rate=rate, seconds=seconds))


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    print(table(measure(streams_open=options.streams, rate=options.rate, seconds=options.seconds)))


if __name__ == "__main__":
    main()
