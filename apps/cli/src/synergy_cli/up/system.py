"""SynergyOS in one place: which services and processes there are, in which order they start and end."""

from __future__ import annotations

import hashlib
import importlib.util
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from synergy_cli.backup.clock import LOOK_SECONDS, clock_of
from synergy_cli.backup.swap import finish_swap
from synergy_cli.backup.uploads import NewUploads, since_backup
from synergy_cli.backup.wal import SERVER_SETTINGS, LogArchive
from synergy_cli.up.build import Build
from synergy_cli.up.environment import Environments, ignored, make_environments, public_url, without, without_secrets
from synergy_cli.up.hatch import find_hatch
from synergy_cli.up.lines import Output
from synergy_cli.up.supervisor import Child, StopRequested, Supervisor
from synergy_cli.up.web import WebApp
from synergy_platform.embedded.errors import EmbeddedError, from_os_error
from synergy_platform.embedded.home import Home, write_private
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import LOOPBACK, free_port, reached_at, require_free_port, spawn
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.embedded.service import EmbeddedService
from synergy_platform.settings import Settings

# who may still need whom: (names, seconds they have); 10.5 s in all. The web server's last connections are event
# streams, which end when the API does.
SHUTDOWN = (
    (("web",), 1.0),
    (("web", "api"), 3.5),
    (("worker", "scheduler"), 2.0),
    (("broker", "cache"), 1.0),
    (("postgres",), 1.0),
    # it ends with the server, once it has the last of its log
    (("receivewal",), 0.5),
)
_PROCESSES = ("web", "api", "worker", "scheduler")
_LEFTOVER_SECONDS = 3.0
_SILENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Programs:
    """The command lines; a test puts small programs of its own in their place."""

    migrate: Sequence[str] = (sys.executable, "-m", "synergy_cli", "migrate")
    demo: Sequence[str] = (sys.executable, "-m", "synergy_cli", "demo", "--size", "small")
    api: Sequence[str] = (sys.executable, "-m", "synergy_api")
    worker: Sequence[str] = (sys.executable, "-m", "synergy_worker", "worker")
    scheduler: Sequence[str] = (sys.executable, "-m", "synergy_worker", "scheduler")
    backup: Sequence[str] = (sys.executable, "-m", "synergy_cli", "backup")
    drill: Sequence[str] = (sys.executable, "-m", "synergy_cli", "drill")


class System:
    """The system of one home."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        output: Output,
        *,
        web: WebApp | None,
        with_demo: bool = False,
        programs: Programs | None = None,
    ) -> None:
        """`web` None: the API alone answers the public port."""
        self._settings = settings
        self._environ = environ
        self._output = output
        self._web = web
        self._with_demo = with_demo
        self._programs = programs or Programs()
        self._home = Home(settings.home_path)
        self._supervisor = Supervisor(output)
        self._postgres = EmbeddedPostgres(self._home.path / "postgres", settings=SERVER_SETTINGS)
        self._log_archive = LogArchive(settings.backup_path)
        self._clock = clock_of(self._home.path, settings.backup_time, settings.drill_time)
        self._daily: Child | None = None
        self._broker = EmbeddedRedis(self._home.path / "broker", kind="broker")
        self._cache = EmbeddedRedis(self._home.path / "cache", kind="cache")
        self._build: Build | None = None
        self._next_look = 0.0
        self._address = public_url(environ, settings)

    def run(self) -> None:
        """Start everything and keep it running until somebody wants it to end; EmbeddedError when it cannot start."""
        self._home.prepare()
        with self._home.lock:
            self._supervisor.watch_signals()
            hatch = find_hatch()
            if hatch is not None:  # a signal sent to it reaches nobody else
                self._supervisor.end_with(hatch)
            finish_swap(self._home)
            try:
                environments = self._start()
                while True:
                    self._supervisor.pump(seconds=LOOK_SECONDS)
                    self._begin_what_is_due(environments)
            except StopRequested:
                self._output.say("Stopping …")
            except OSError as error:
                raise from_os_error(error, self._home.path) from None
            finally:
                self._output.event("info", "up.stopping")
                self._supervisor.shut_down(SHUTDOWN)
                self._home.withdraw()
                self._output.event("info", "up.stopped")

    def _start(self) -> Environments:
        names = ignored(self._environ)
        if names:
            self._output.say(f"{', '.join(names)}: set, and not used, because `up` runs PostgreSQL and Redis itself.")
        for name in (*_PROCESSES, "npm", "migrate", "demo", "receivewal", "backup", "drill"):
            self._home.record(name).end_leftover(signal.SIGTERM, _LEFTOVER_SECONDS)
        advice = "choose another port or address (SYNERGY_PORT, SYNERGY_HOST)"
        require_free_port(self._settings.host, self._settings.port, advice)
        if self._web:
            self._build = Build(
                self._web, self._supervisor, self._output, self._home.record("npm"), without_secrets(self._environ)
            )
            self._build.advance()
        self._start_services()
        self._start_log_archive()
        if self._settings.storage == "disk":
            root = self._settings.backup_path
            uploads = NewUploads(self._settings.media_path, root, since_backup(root))
            uploads.keep_looking(lambda why: self._output.event("error", "backup.uploads_not_kept", reason=why))
        environments = self._environments()
        self._home.publish(environments.shared)
        self._migrate(environments)
        self._start_processes(environments)
        self._announce()
        if self._with_demo:
            self._fill(environments)
        return environments

    def _start_services(self) -> None:
        first_time = not (self._home.path / "postgres" / "data").exists()
        self._output.say("Making the database …" if first_time else "Starting PostgreSQL and Redis …")
        services = {"broker": self._broker, "cache": self._cache, "postgres": self._postgres}
        children = [_service_child(name, service) for name, service in services.items()]
        for child in children:
            self._supervisor.start(child)
        for child, service in zip(children, services.values(), strict=True):
            self._wait(_ready_check(child, service))

    def _start_log_archive(self) -> None:
        """A copy of the database's log as it is written; nobody waits for it."""

        def start() -> subprocess.Popen[bytes]:
            return self._log_archive.launch(self._postgres, subprocess.PIPE, subprocess.PIPE)

        self._supervisor.start(Child("receivewal", start, record=self._home.record("receivewal")))

    def _begin_what_is_due(self, environments: Environments) -> None:
        """Backup and drill, one at a time."""
        now = datetime.now(UTC)
        if self._daily is not None:
            if self._daily.runs:
                return
            self._clock.ended(self._daily.name, now, well=self._daily.status == 0)
            self._supervisor.children.remove(self._daily)
            self._daily = None
        if (name := self._clock.due(now)) is None:
            return
        self._clock.begun(name, now)
        command = {"backup": self._programs.backup, "drill": self._programs.drill}[name]
        # by DB_HOST a command takes the database for another one than ours
        self._daily = self._process(name, command, without(environments.python, ("DB_HOST",)), restarts=False)
        self._supervisor.start(self._daily)

    def _environments(self) -> Environments:
        services = {
            "DB_HOST": self._postgres.host,
            "DB_PORT": str(self._postgres.port),
            "DB_USER": self._postgres.user,
            "DB_PASSWORD": self._postgres.password,
            "DB_NAME": self._postgres.database,
            "REDIS_URL": self._cache.url(),
            "TASKIQ_BROKER_URL": self._broker.url(),
        }
        if self._web is None:
            api_address = (self._settings.host, self._settings.port)
        elif self._environ.get("SYNERGY_API_PORT"):
            api_address = (LOOPBACK, self._settings.api_port)
            require_free_port(*api_address, "choose another for the API (SYNERGY_API_PORT)")
        else:
            api_address = (LOOPBACK, free_port())
        return make_environments(
            self._environ,
            self._settings,
            services=services,
            secret_key=self._home.secret_key(),
            api_address=api_address,
        )

    def _migrate(self, environments: Environments) -> None:
        """Bring the schema up to date; nothing to do when neither the migrations nor the database changed since."""
        stamp = self._home.path / "migrated"
        fingerprint = _migrations_fingerprint()
        revision = self._schema_revision()
        if revision and stamp.exists() and stamp.read_text() == f"{fingerprint} {revision}":
            return
        self._output.say("Bringing the database's schema up to date …")
        child = self._process("migrate", self._programs.migrate, environments.python, restarts=False)
        self._supervisor.start(child)
        self._wait(lambda: not child.runs)
        if child.status != 0:
            raise EmbeddedError(f"The database's schema cannot be brought up to date: {_last(child)}")
        write_private(stamp, f"{fingerprint} {self._schema_revision()}")

    def _schema_revision(self) -> str:
        known = (
            self._postgres.run_sql("SELECT to_regclass('alembic_version') IS NOT NULL", self._postgres.database) == "t"
        )
        return (
            self._postgres.run_sql("SELECT version_num FROM alembic_version", self._postgres.database) if known else ""
        )

    def _start_processes(self, environments: Environments) -> None:
        self._output.say("Starting the API, the worker and the scheduler …")
        self._supervisor.start(self._process("api", self._programs.api, environments.python))
        web_runs = self._start_web_when_built(environments)
        api_host, api_port = environments.shared["SYNERGY_API_HOST"], int(environments.shared["SYNERGY_API_PORT"])
        self._wait(lambda: self._is_healthy(api_host, api_port))
        self._supervisor.start(self._process("worker", self._programs.worker, environments.worker))
        self._supervisor.start(self._process("scheduler", self._programs.scheduler, environments.python))
        if not web_runs:
            self._wait(lambda: self._start_web_when_built(environments))
        self._wait(lambda: self._is_healthy(self._settings.host, self._settings.port))

    def _start_web_when_built(self, environments: Environments) -> bool:
        if self._web is None:
            return True
        if self._build is not None and not self._build.advance():
            return False
        web = self._process("web", self._web.serve_command(), environments.web, folder=self._web.folder)
        self._supervisor.start(web)
        return True

    def _is_healthy(self, host: str, port: int) -> bool:
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _LOOK_SECONDS
        request = (
            f"GET /api/health/ready HTTP/1.1\r\nHost: {urlsplit(self._address).netloc}\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        try:
            with socket.create_connection((reached_at(host), port), timeout=5) as connection:
                connection.sendall(request.encode())
                while part := connection.recv(4096):
                    answer += part
        except OSError:
            return False
        return answer.split(b" ", 2)[1:2] == [b"200"]

    def _announce(self) -> None:
        self._output.event("info", "up.ready", url=self._address)
        lines = ["", f"SynergyOS is up: {self._address}", f"  register:        {self._address}/register"]
        lines += ["  first admin:     hatch run synergy create-admin", "  stop:            Ctrl-C", ""]
        self._output.say("\n".join(lines))

    def _fill(self, environments: Environments) -> None:
        self._output.say("Filling it with demo data …")
        child = self._process("demo", self._programs.demo, environments.python, restarts=False)
        self._supervisor.start(child)
        self._wait(lambda: not child.runs)
        if child.status == 0:
            self._output.say("\n".join([*(() if self._output.pretty else child.tail), "The demo data is there."]))
        else:
            self._output.complain(f"The demo data could not be made: {_last(child)}")

    def _process(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path | None = None,
        restarts: bool = True,
    ) -> Child:
        def start() -> subprocess.Popen[bytes]:
            pipe = subprocess.PIPE
            return spawn(command, environment=environment, folder=folder, stdout=pipe, stderr=pipe)

        return Child(name, start, restarts=restarts, record=self._home.record(name))

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds, the build goes on meanwhile."""

        def check() -> bool:
            if self._build:
                self._build.advance()
            return condition()

        while not self._supervisor.pump(check, _SILENCE_SECONDS):
            waiting = [child.name for child in self._supervisor.children if child.failures] or ["all that was started"]
            self._output.say(f"Still waiting for {', '.join(waiting)} …")


def _service_child(name: str, service: EmbeddedService) -> Child:
    return Child(
        name,
        lambda: service.launch(subprocess.PIPE, subprocess.PIPE),
        end_steps=tuple(number for number, _ in service.end_steps if number != signal.SIGKILL),
    )


def _ready_check(child: Child, service: EmbeddedService) -> Callable[[], bool]:
    """Whether the service answers; raises what kept it from starting, unless that passes."""

    def check() -> bool:
        if child.failures and not child.runs and not service.may_start_later(list(child.tail)):
            raise service.explain(list(child.tail))
        return service.is_ready()

    return check


def _last(child: Child) -> str:
    return child.tail[-1] if child.tail else f"it ended with status {child.status} and said nothing."


def _migrations_fingerprint() -> str:
    """Of the migrations' files, found without importing what they need."""
    domain = importlib.util.find_spec("synergy_domain")
    digest = hashlib.blake2b(digest_size=16)
    for place in (domain.submodule_search_locations or []) if domain else []:
        for path in sorted(Path(place, "migrations").rglob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
