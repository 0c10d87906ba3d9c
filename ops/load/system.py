"""What the load test runs on: servers of its own, on free ports, and the reference set, kept for the next run."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from servers import answers, environment_of, processes, settings_for

import synergy_domain
from synergy_domain import migrations
from synergy_domain.demo import fill
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import free_port
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

_LOADED = "load"


class Target(msgspec.Struct, frozen=True):
    """A server under load."""

    name: str
    host: str
    port: int
    pid: int

    def request(self, method: str, path: str, body: bytes | None = None, token: str | None = None) -> tuple[int, bytes]:
        """One request on a connection of its own."""
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


class System(msgspec.Struct, frozen=True):
    """All that runs."""

    postgres: EmbeddedPostgres
    settings: Settings
    database_pid: int
    ours: Target
    floor: Target


@contextlib.contextmanager
def running(folder: Path, *, processes_of_each: int) -> Iterator[System]:
    """Start everything; `folder` keeps the reference set. Each run works on a copy of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="synergy-load-") as temporary,
        # the application's name before each line, so that statements can be counted by it
        EmbeddedPostgres(folder / "postgres", settings={"log_line_prefix": "%a|"}) as postgres,
        EmbeddedRedis(Path(temporary, "broker"), kind="broker") as broker,
        EmbeddedRedis(Path(temporary, "cache"), kind="cache") as cache,
    ):
        settings = msgspec.structs.replace(
            settings_for(Path(temporary), _LOADED, postgres, broker, cache), web_workers=processes_of_each
        )
        _prepare_database(postgres, settings)
        database_pid = int((postgres.data / "postmaster.pid").read_text().split()[0])
        with contextlib.ExitStack() as stack:
            logs = Path(temporary)
            ours = stack.enter_context(_server("ours", ["-m", "synergy_api"], settings, logs))
            floor = stack.enter_context(_server("floor", [str(Path(__file__).with_name("floor.py"))], settings, logs))
            yield System(postgres=postgres, settings=settings, database_pid=database_pid, ours=ours, floor=floor)


def _prepare_database(postgres: EmbeddedPostgres, settings: Settings) -> None:
    name = f"reference_{_fingerprint()}"
    present = postgres.run_sql("SELECT datname FROM pg_database").split()
    if name not in present:
        print("Making the reference set (a minute or two; it is kept for the next run) …", file=sys.stderr)
        for old in present:
            if old.startswith("reference_"):
                postgres.drop_database(old)
        postgres.drop_database("draft")
        postgres.create_database("draft")
        asyncio.run(_fill(msgspec.structs.replace(settings, db_name="draft")))
        postgres.run_sql(f"ALTER DATABASE draft RENAME TO {name}")
    postgres.drop_database(_LOADED)
    postgres.create_database(_LOADED, template=name)
    postgres.run_sql("CHECKPOINT")


async def _fill(settings: Settings) -> None:
    await migrations.migrate(settings)
    runtime = Runtime(settings, application="synergy-load")
    await runtime.open()
    try:
        await fill(runtime, "reference")
    finally:
        await runtime.close()


def _fingerprint() -> str:
    """Changes with the schema and with the code that makes the data."""
    root = Path(synergy_domain.__file__).parent
    digest = hashlib.sha256()
    for folder in ("demo", "migrations/versions"):
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _server(name: str, command: list[str], settings: Settings, logs: Path) -> Iterator[Target]:
    port = free_port()
    environment = environment_of(settings, WEB_WORKERS=str(settings.web_workers), SYNERGY_API_PORT=str(port))

    def is_ready() -> bool:
        return answers(port, "/api/health/live")

    with processes([[sys.executable, *command]], environment, logs / f"{name}.log", is_ready) as (process,):
        yield Target(name, settings.api_host, port, process.pid)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and all below it have used so far."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number] = int(fields[1])
            # its own, and that of children which ended
            used[number] = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    wanted = {pid}
    while more := {child for child, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return sum(used.get(process, 0.0) for process in wanted)


def remove(folder: Path) -> None:
    """Forget the reference set."""
    shutil.rmtree(folder, ignore_errors=True)
