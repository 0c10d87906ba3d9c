"""Faults that are really there while their context lasts, each with the check that has to name it and what mends it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg
import trustme
from redis import Redis
from system import Patient

from synergy_platform.embedded.process import LOOPBACK, free_port

# what the doctor is given beside SYNERGY_HOME: settings, and options, which have no value
Given: TypeAlias = Mapping[str, str]
Making: TypeAlias = Callable[[Patient], AbstractContextManager[Given]]


@dataclass(frozen=True)
class Fault:
    """`check` names it, with `fix` in what mends it; `also` are checks, or whole groups, that see a part of it."""

    text: str
    check: str
    fix: str
    also: frozenset[str]
    make: Making


FAULTS: list[Fault] = []
_REDIS = "broker and cache/"
_MB = 1 << 20


def fault(check: str, fix: str, *also: str) -> Callable[[Callable[[Patient], Iterator[Given]]], None]:
    """Put what follows into the list; it makes the fault that its docstring tells, yields, and mends it."""

    def keep(make: Callable[[Patient], Iterator[Given]]) -> None:
        text = (make.__doc__ or "").rstrip(".")
        FAULTS.append(Fault(text, check, fix, frozenset(also), contextlib.contextmanager(make)))

    return keep


# --- settings ---------------------------------------------------------------------------------------------------------


@fault("settings/can be read", "Correct them where they are set")
def bad_setting(_: Patient) -> Iterator[Given]:
    """A setting that is no number."""
    yield {"WEB_WORKERS": "many"}


@fault("settings/safe for production", "Correct each of them before users come", "settings")
def unsafe(_: Patient) -> Iterator[Given]:
    """Settings of development, looked at as production."""
    yield {"--prod": ""}


@fault("settings/two Redis servers", "Run a second Redis server", "broker and cache")
def one_redis(system: Patient) -> Iterator[Given]:
    """One Redis server for both uses."""
    yield {"REDIS_URL": system.services["TASKIQ_BROKER_URL"]}


@fault("database/reachable", "Put the right DB_PASSWORD")
def other_password(_: Patient) -> Iterator[Given]:
    """Another password for the database."""
    yield {"DB_PASSWORD": "not-the-password"}


@fault("database/reachable", "Correct DB_NAME")
def other_database(_: Patient) -> Iterator[Given]:
    """A database that does not exist."""
    yield {"DB_NAME": "nowhere"}


@fault("mail/way out", "Correct EMAIL_HOST", "settings/mail")
def no_mail_server(_: Patient) -> Iterator[Given]:
    """A mail server that is away."""
    yield {"EMAIL_BACKEND": "smtp", "EMAIL_HOST": LOOPBACK, "EMAIL_PORT": str(free_port())}


@fault("certificate/at the public address", "Get one", "settings/cookies", "settings/hosts")
def expired(_: Patient) -> Iterator[Given]:
    """A certificate that has expired."""
    now = dt.datetime.now(dt.UTC)
    days = dt.timedelta(days=1)
    certified = trustme.CA().issue_cert("localhost", not_before=now - 30 * days, not_after=now - days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certified.configure_cert(context)
    with socket.create_server((LOOPBACK, 0)) as listening:
        threading.Thread(target=_greet, args=(listening, context), daemon=True).start()
        yield {"SYNERGY_PUBLIC_URL": f"https://localhost:{listening.getsockname()[1]}"}


def _greet(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Until the socket is closed; a client that refuses the certificate breaks off."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)


@fault("backups/keys elsewhere", "Run `synergy escrow FILE`")
def other_key(_: Patient) -> Iterator[Given]:
    """A SECRET_KEY that was never written down."""
    yield {"SECRET_KEY": "another-key-of-enough-letters-and-digits-0123456789"}


@fault("system/runs", "Start it with `synergy up`")
def nothing_runs(system: Patient) -> Iterator[Given]:
    """A home on which nothing runs."""
    yield {"SYNERGY_HOME": str(system.home.path.parent / "nobody")}


# --- processes --------------------------------------------------------------------------------------------------------


@fault("API/live", "Look at its log, and start it", "API", "processes/all there", "web")
def api_killed(system: Patient) -> Iterator[Given]:
    """The API is killed."""
    with system.killed("api"):
        yield {}


@fault("processes/all there", "Its last lines in the log", "background/worker", "API/parts")
def worker_killed(system: Patient) -> Iterator[Given]:
    """The worker is killed."""
    with system.killed("worker"):
        yield {}


@fault("processes/all there", "Its last lines in the log", "background/scheduler", "API/parts")
def scheduler_killed(system: Patient) -> Iterator[Given]:
    """The scheduler is killed."""
    with system.killed("scheduler"):
        yield {}


@fault("web/page", "Look at its log, and start it", "web", "processes/all there")
def web_killed(system: Patient) -> Iterator[Given]:
    """The web app is killed."""
    with system.killed("web"):
        yield {}


@fault("API/latency", "See whether its processes are stopped", "API", "web", "processes/none stopped")
def api_stopped(system: Patient) -> Iterator[Given]:
    """The API answers nobody."""
    with system.stopped("api"):
        yield {}


@fault("processes/none stopped", "Send it SIGCONT", "background/worker", "API/parts")
def worker_stopped(system: Patient) -> Iterator[Given]:
    """The worker stands still."""
    with system.stopped("worker"):
        yield {}


@fault("processes/memory", "Raise its limit")
def little_memory(_: Patient) -> Iterator[Given]:
    """Processes above their memory limit."""
    yield {"SYNERGY_API_MAX_MB": "30"}


@fault("web/files", "Build the web app anew")
def file_missing(system: Patient) -> Iterator[Given]:
    """A script or style of the sign-in page is missing."""
    file = system.first_file_of_a_page()
    away = file.with_name(f"{file.name}.away")
    file.rename(away)
    try:
        yield {}
    finally:
        away.rename(file)


# --- database ---------------------------------------------------------------------------------------------------------


@fault("database/reachable", "See that PostgreSQL runs", "API", "background", "web", "processes")
def database_stopped(system: Patient) -> Iterator[Given]:
    """The database is stopped."""
    with system.without_server("postgres"):
        yield {}


@fault("database/connections", "End what holds them", "database/pools")
def no_connection_left(system: Patient) -> Iterator[Given]:
    """Nearly all connections are taken."""
    most = int(system.sql("SHOW max_connections")) - int(system.sql("SHOW superuser_reserved_connections"))
    used = int(system.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    url = system.postgres.url(system.services["DB_NAME"], superuser=True)
    with asyncio.Runner() as runner:
        held = [runner.run(asyncpg.connect(url)) for _ in range(most - used - 1)]
        try:
            yield {}
        finally:
            for connection in held:
                runner.run(connection.close())


# what asks that table waits, too
_WAITS = ("database/role", "database/lock waits", "API", "background", "backups", "mail")


@fault("database/locked tables", "Find who in pg_locks", *_WAITS)
def table_locked(system: Patient) -> Iterator[Given]:
    """A table is locked for one alone."""
    with system.session("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"):
        yield {}


@fault("database/lock waits", "Find who holds it with pg_blocking_pids", "database/locked tables")
def lock_waited_for(system: Patient) -> Iterator[Given]:
    """A statement waits for a row that another session holds."""
    hold = "SELECT 1 FROM users FOR UPDATE"
    postgres = system.postgres
    with system.session(f"BEGIN; {hold}"), asyncio.Runner() as runner:
        url = postgres.url(system.services["DB_NAME"], superuser=True)
        connection = runner.run(asyncpg.connect(url))

        async def send() -> asyncio.Task[str]:
            task = asyncio.create_task(connection.execute(hold))
            await asyncio.sleep(2)
            return task

        waiting = runner.run(send())
        try:
            yield {}
        finally:
            waiting.cancel()
            connection.terminate()


@fault("database/role", "Run `synergy migrate` as the role that owns the tables", "API", "background")
def table_of_another(system: Patient) -> Iterator[Given]:
    """A table that the application's role may not use."""
    owner = system.services["DB_USER"]
    with system.changed("ALTER TABLE imports OWNER TO postgres", f"ALTER TABLE imports OWNER TO {owner}"):
        yield {}


@fault("database/schema", "Run `synergy migrate`", "API")
def old_schema(system: Patient) -> Iterator[Given]:
    """The schema is older than this version needs."""
    before = system.sql("SELECT version_num FROM alembic_version")
    change = "UPDATE alembic_version SET version_num = '{}'"
    with system.changed(change.format("0001"), change.format(before)):
        yield {}


@fault("database/durable", "Set it to on")
def not_durable(system: Patient) -> Iterator[Given]:
    """Commits do not reach the disk."""
    with system.server_setting("fsync", "off"):
        yield {}


@fault("database/autovacuum", "Set autovacuum=on")
def no_autovacuum(system: Patient) -> Iterator[Given]:
    """Autovacuum is off."""
    with system.server_setting("autovacuum", "off"):
        yield {}


@fault("database/indexes", "Run REINDEX INDEX CONCURRENTLY")
def invalid_index(system: Patient) -> Iterator[Given]:
    """An index whose making was broken off."""
    # its rows are no keys, so it cannot be made
    with contextlib.suppress(Exception):
        system.sql("CREATE UNIQUE INDEX CONCURRENTLY doctored ON schedules (is_paused)")
    try:
        yield {}
    finally:
        system.sql("DROP INDEX IF EXISTS doctored")


@fault("database/newest event", "Correct this machine's clock")
def from_the_future(system: Patient) -> Iterator[Given]:
    """An event of the future."""
    with _event(system, "now() + interval '1 hour'", quiet=True):
        yield {}


def _event(system: Patient, at: str, *, quiet: bool) -> AbstractContextManager[None]:
    return system.changed(
        "INSERT INTO events (id, type, version, occurred_at, object_type, object_id, quiet, data) VALUES"
        f" (gen_random_uuid(), 'doctored', 1, {at}, 'none', gen_random_uuid(), {quiet}, '{{}}')",
        "DELETE FROM events WHERE type = 'doctored'",
    )


# --- broker and cache -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _configured(system: Patient, variable: str, **values: str) -> Iterator[None]:
    with Redis.from_url(system.services[variable]) as redis:
        before = {name: redis.config_get(name)[name] for name in values}
        for name, value in values.items():
            redis.config_set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                redis.config_set(name, value)


@fault(f"{_REDIS}broker reachable", "See that it runs", "API", "background", "processes")
def broker_gone(system: Patient) -> Iterator[Given]:
    """The Redis server of queued work is gone."""
    with system.without_server("broker"):
        yield {}


@fault(f"{_REDIS}cache reachable", "See that it runs", "API", "processes")
def cache_gone(system: Patient) -> Iterator[Given]:
    """The Redis server of the cache is gone."""
    with system.without_server("cache"):
        yield {}


@fault(f"{_REDIS}broker memory", "See why the queue is not worked off")
def broker_full(system: Patient) -> Iterator[Given]:
    """The broker is almost full."""
    with Redis.from_url(system.services["TASKIQ_BROKER_URL"]) as redis:
        # so much that what the system itself takes and gives back changes nothing
        redis.setrange("ballast", 30 * _MB, b"x")
        try:
            most = redis.info()["used_memory"] + _MB // 2
            with _configured(system, "TASKIQ_BROKER_URL", maxmemory=str(most)):
                yield {}
        finally:
            redis.delete("ballast")


@fault(f"{_REDIS}broker policy", "Set maxmemory-policy noeviction")
def broker_evicts(system: Patient) -> Iterator[Given]:
    """The broker may throw queued work away."""
    with _configured(system, "TASKIQ_BROKER_URL", **{"maxmemory-policy": "allkeys-lru"}):
        yield {}


@fault(f"{_REDIS}broker file", "Set appendonly yes")
def broker_forgets(system: Patient) -> Iterator[Given]:
    """The broker writes nothing to its disk."""
    with _configured(system, "TASKIQ_BROKER_URL", appendonly="no"):
        yield {}


@fault(f"{_REDIS}cache policy", "Set maxmemory-policy allkeys-lru")
def cache_keeps(system: Patient) -> Iterator[Given]:
    """The cache refuses writes when it is full."""
    with _configured(system, "REDIS_URL", **{"maxmemory-policy": "noeviction"}):
        yield {}


@fault(f"{_REDIS}cache memory", "Set maxmemory")
def cache_without_limit(system: Patient) -> Iterator[Given]:
    """The cache may take all memory."""
    with _configured(system, "REDIS_URL", maxmemory="0"):
        yield {}


# --- background work and mails ----------------------------------------------------------------------------------------

_STOPPED = ("processes/none stopped", "background/worker", "background/scheduler", "API/parts")


@fault("background/oldest job", "See that worker and broker run", *_STOPPED)
def job_not_done(system: Patient) -> Iterator[Given]:
    """A job that nobody does, for an hour."""
    with system.stopped("worker"), _jobs(system, "waiting", 1):
        yield {}


@fault("background/dead letters", "Read their errors")
def dead_letters(system: Patient) -> Iterator[Given]:
    """A hundred jobs that were given up."""
    with _jobs(system, "dead", 100):
        yield {}


def _jobs(system: Patient, state: str, count: int) -> AbstractContextManager[None]:
    return system.changed(
        "INSERT INTO jobs (id, name, queue, payload, state, attempts, run_at, created_at, died_at)"
        f" SELECT gen_random_uuid(), 'doctored', 'fast', '{{}}', '{state}', 1, now() - interval '1 hour', now(), now()"
        f" FROM generate_series(1, {count})",
        "DELETE FROM jobs WHERE name = 'doctored'",
    )


@fault("background/outbox", "See that a worker runs", "database/lock waits", "API/parts")
def outbox_stands(system: Patient) -> Iterator[Given]:
    """Nobody is told of a change, for five minutes."""
    lock, at = "BEGIN; SELECT 1 FROM ledger_head FOR UPDATE", "now() - interval '5 minutes'"
    with system.session(lock), _event(system, at, quiet=False):
        yield {}


@fault("background/schedules", "See that a scheduler runs", *_STOPPED)
def schedule_late(system: Patient) -> Iterator[Given]:
    """A schedule is an hour late."""
    with system.stopped("scheduler"):
        system.sql(
            "UPDATE schedules SET next_run_at = now() - interval '1 hour'"
            " WHERE name = (SELECT min(name) FROM schedules)"
        )
        yield {}


@fault("mail/queued", "See that the worker runs")
def mail_waits(system: Patient) -> Iterator[Given]:
    """A mail waits for five hours."""
    with system.changed(
        "INSERT INTO mails (id, to_address, kind, subject, state, attempts, created_at) VALUES"
        " (gen_random_uuid(), 'ada@example.org', 'doctored', 'x', 'queued', 3, now() - interval '5 hours')",
        "DELETE FROM mails WHERE kind = 'doctored'",
    ):
        yield {}


# --- backups, disks, files --------------------------------------------------------------------------------------------


@fault("backups/taken", "run `synergy backup`")
def backup_failed(system: Patient) -> Iterator[Given]:
    """The last backup failed."""
    system.record("backup", "failed")
    yield {}
    system.record("backup", "ok")


@fault("backups/proven", "run `synergy drill`")
def drill_failed(system: Patient) -> Iterator[Given]:
    """The last drill failed."""
    system.record("drill", "failed")
    yield {}
    system.record("drill", "ok")


@contextlib.contextmanager
def _mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)  # noqa: S607 - our own words
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)  # noqa: S607 - our own words


@fault("machine/disk", "Make room", "machine/inodes")
def disk_full(system: Patient) -> Iterator[Given]:
    """The disk of uploaded files is 97 % full."""
    media = system.home.path / "media"
    with _mounted(media, "size=64m"):
        (media / "filler").write_bytes(os.urandom(62 * _MB))
        yield {}


@fault("storage/writes and reads", "Give the folder to the user", "machine/disk", "machine/inodes")
def files_read_only(system: Patient) -> Iterator[Given]:
    """The disk of uploaded files takes no writes."""
    with _mounted(system.home.path / "media", "ro,size=64m"):
        yield {}


@fault("machine/private files", "Take the rights away with chmod")
def secret_for_all(system: Patient) -> Iterator[Given]:
    """A secret that everybody can read."""
    secret = system.home.path / "secret-key"
    secret.chmod(0o644)
    try:
        yield {}
    finally:
        secret.chmod(0o600)
