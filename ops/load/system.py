"""What the load test runs on: servers of its own, on free ports, and the reference set, kept for the next run."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from servers import answers, environment_of, postgres_pid, processes, settings_for

import synergy_domain
from synergy_domain import migrations
from synergy_domain.demo import fill
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import free_port
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

_LOADED = "load"
API = ["-m", "synergy_api"]
# what the event hub of an idle process asks now and then
_BACKGROUND = ("FROM events e LEFT JOIN users u", "FROM ledger_head")


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


class Services(msgspec.Struct, frozen=True):
    """What an API needs, with the reference set; logs go into the folder, which is removed at the end."""

    postgres: EmbeddedPostgres
    settings: Settings
    folder: Path


class System(msgspec.Struct, frozen=True):
    """All that runs."""

    postgres: EmbeddedPostgres
    settings: Settings
    database_pid: int
    ours: Target
    floor: Target


@contextlib.contextmanager
def services(folder: Path, *, postgres_settings: dict[str, str] | None = None) -> Iterator[Services]:
    """Start PostgreSQL and both Redis; `folder` keeps the reference set, and this run works on a copy of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="synergy-load-") as temporary,
        EmbeddedPostgres(folder / "postgres", settings=postgres_settings) as postgres,
        EmbeddedRedis(Path(temporary, "broker"), kind="broker") as broker,
        EmbeddedRedis(Path(temporary, "cache"), kind="cache") as cache,
    ):
        settings = settings_for(Path(temporary), _LOADED, postgres, broker, cache)
        _prepare_database(postgres, settings)
        yield Services(postgres, settings, Path(temporary))


@contextlib.contextmanager
def running(folder: Path, *, processes_of_each: int) -> Iterator[System]:
    """Start everything."""
    # the application's name before each line, so that statements can be counted by it
    with services(folder, postgres_settings={"log_line_prefix": "%a|"}) as given, contextlib.ExitStack() as stack:
        settings = msgspec.structs.replace(given.settings, web_workers=processes_of_each)
        floor_program = str(Path(__file__).with_name("floor.py"))
        ours = stack.enter_context(server("ours", API, settings, given.folder))
        floor = stack.enter_context(server("floor", [floor_program], settings, given.folder))
        yield System(
            postgres=given.postgres, settings=settings, database_pid=postgres_pid(given.postgres), ours=ours,
            floor=floor,
        )  # fmt: skip


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
def server(
    name: str, command: list[str], settings: Settings, logs: Path, *, python: str = sys.executable, **more: str
) -> Iterator[Target]:
    """A server on a port of its own, with the settings and what else is to be in its environment."""
    port = free_port()
    environment = environment_of(
        settings, **{"WEB_WORKERS": str(settings.web_workers), "SYNERGY_API_PORT": str(port), **more}
    )

    def is_ready() -> bool:
        return answers(port, "/api/health/live")

    with processes([[python, *command]], environment, logs / f"{name}.log", is_ready) as (process,):
        yield Target(name, settings.api_host, port, process.pid)


def count_statements(postgres: EmbeddedPostgres, application: str, send: Callable[[], object]) -> int:
    """What an application sends to PostgreSQL for one request, BEGIN and COMMIT included; the most frequent of seven.

    The server has to be started with `log_line_prefix` `%a|`.
    """
    postgres.run_sql("ALTER SYSTEM SET log_statement = 'all'")
    postgres.run_sql("SELECT pg_reload_conf()")
    time.sleep(0.3)
    counts: list[int] = []
    for _ in range(7):
        before = postgres.log.stat().st_size
        send()
        time.sleep(0.1)
        with postgres.log.open("rb") as log:
            log.seek(before)
            lines = log.read().decode(errors="replace").split(f"{application}|")
        sent = [line for line in lines[1:] if line.startswith(("LOG:  statement", "LOG:  execute"))]
        counts.append(sum(not any(words in line for words in _BACKGROUND) for line in sent))
    postgres.run_sql("ALTER SYSTEM RESET log_statement")
    postgres.run_sql("SELECT pg_reload_conf()")
    time.sleep(0.2)
    return statistics.mode(counts)


def pss_mib(pid: int) -> dict[int, float]:
    """MiB that each process of a tree holds; what several share counts once, in parts (PSS)."""
    found: dict[int, float] = {}
    for process in _tree(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            line = next(line for line in text.splitlines() if line.startswith("Pss:"))
            found[process] = int(line.split()[1]) / 1024
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and all below it have used so far."""
    # each one's own, and that of its children which ended
    used = [sum(int(field) for field in fields[11:15]) for fields in _tree(pid).values()]
    return sum(used) / os.sysconf("SC_CLK_TCK")


class Memory(msgspec.Struct, frozen=True):
    """KiB that a process and all below it hold, and held at most; what they share counts for each."""

    now: int
    most: int

    @classmethod
    def of(cls, pid: int, *, anew: bool = False) -> Memory:
        """As it is; `anew` counts the most from here."""
        now = most = 0
        for process in _tree(pid):
            folder = Path(f"/proc/{process}")
            if anew:
                (folder / "clear_refs").write_text("5")
            lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            now += int(lines["VmRSS"].split()[0])
            most += int(lines["VmHWM"].split()[0])
        return cls(now, most)


def _tree(pid: int) -> dict[int, list[str]]:
    """What the kernel says of a process and of all below it: the fields of `stat` behind the name."""
    known: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            known[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    wanted = {pid}
    while more := {child for child, fields in known.items() if int(fields[1]) in wanted} - wanted:
        wanted |= more
    return {process: known[process] for process in wanted if process in known}


def remove(folder: Path) -> None:
    """Forget the reference set."""
    shutil.rmtree(folder, ignore_errors=True)
