"""Servers and processes of a script's own, for load, chaos and fuzz: on free ports, in a folder that it gives."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from synergy_domain import migrations
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import LOOPBACK, end, spawn
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.settings import Settings

START_SECONDS = 60
STOP_SECONDS = 60


def settings_for(
    home: Path, database: str, postgres: EmbeddedPostgres, broker: EmbeddedRedis, cache: EmbeddedRedis
) -> Settings:
    """Settings with a new key that name these servers."""
    return Settings(
        secret_keys=(secrets.token_urlsafe(32),), home=str(home), db_name=database, db_user=postgres.user,
        db_password=postgres.password, db_host=postgres.host, db_port=postgres.port, redis_url=cache.url(),
        broker_url=broker.url(),
    )  # fmt: skip


@contextlib.contextmanager
def servers(folder: Path, database: str) -> Iterator[Settings]:
    """PostgreSQL with an empty database of this schema, broker and cache; the settings that name them."""
    with (
        EmbeddedPostgres(folder / "postgres") as postgres,
        EmbeddedRedis(folder / "broker", kind="broker") as broker,
        EmbeddedRedis(folder / "cache", kind="cache") as cache,
    ):
        postgres.create_database(database)
        settings = settings_for(folder, database, postgres, broker, cache)
        asyncio.run(migrations.migrate(settings))
        yield settings


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """The environment of a process on the servers that the settings name; nothing of this process's own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "SECRET_KEY": settings.secret_keys[0],
        "SYNERGY_HOME": settings.home,
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password,
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "REDIS_URL": settings.redis_url,
        "TASKIQ_BROKER_URL": settings.broker_url,
        # what production uses
        "SYNERGY_LOG_FORMAT": "json",
        "SYNERGY_LOG_LEVEL": "info",
        # counted, but never too many
        "SYNERGY_RATE_LIMIT_API": "1000000000/m",
        **more,
    }


@contextlib.contextmanager
def processes(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path, is_ready: Callable[[], bool]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the commands, with one log; begins when they are ready. SystemExit with the log's end when they are not."""
    started: list[subprocess.Popen[bytes]] = []
    with log.open("wb") as output:
        try:
            started += [spawn(command, environment=environment, stdout=output, stderr=output) for command in commands]
            deadline = time.monotonic() + START_SECONDS
            while not is_ready():
                if any(process.poll() is not None for process in started) or time.monotonic() > deadline:
                    raise SystemExit(f"It did not start:\n{log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.05)
            yield started
        finally:
            for process in started:
                process.terminate()
            for process in started:
                end(process, [(signal.SIGTERM, STOP_SECONDS)])


def postgres_pid(postgres: EmbeddedPostgres) -> int:
    """Its main process; OSError, ValueError or IndexError when there is none, or it just starts."""
    return int((postgres.data / "postmaster.pid").read_text().split()[0])


def answers(port: int, path: str) -> bool:
    """Whether a server on loopback answers 200."""
    with contextlib.closing(http.client.HTTPConnection(LOOPBACK, port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
