"""The system that the doctor looks at: a real `synergy up`, with what faults need of it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from synergy_cli.backup.tools import libpq
from synergy_cli.doctor.http import files_of
from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries
from synergy_platform.embedded.process import free_port
from synergy_testing.doctored import Running, environment, wait_for

ROOT = Path(__file__).parents[2]
# the first start installs and builds the web app
START_SECONDS = 600.0
WELL_SECONDS = 120.0
Checks = dict[str, dict[str, str]]


class Patient(Running):
    """All processes, the web app too; its keys are written down, as an operator does on the first day."""

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path) -> Iterator[Patient]:
        """Run it in `folder`, and end it."""
        home, port = folder / "home", free_port()
        told = environment(SYNERGY_HOME=str(home), SYNERGY_PORT=str(port))
        with (folder / "up.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "synergy_cli", "up"], env=told, stdout=log, stderr=log)
        patient = cls(process, home, port)
        try:
            wait_for(patient._is_there, START_SECONDS)
            # as a system that is used: somebody is there
            person = {"username": "ada", "email": "ada@example.org", "first_name": "Ada", "last_name": "Lovelace"}
            body = {**person, "password": "a quiet river bends"}
            httpx.post(f"{patient.url}/api/v1/auth/register", json=body, timeout=30).raise_for_status()
            command = [sys.executable, "-m", "synergy_cli", "escrow", str(folder / "keys")]
            subprocess.run(command, env=told, check=True, capture_output=True)
            yield patient
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def _is_there(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"It ended with status {self.process.returncode}: see up.log in its folder.")
        with contextlib.suppress(httpx.HTTPError):
            return self.is_healthy() and httpx.get(f"{self.url}/login", timeout=5).status_code == 200
        return False

    def until_well(self) -> Checks:
        """Until the doctor says nothing; what it still says after WELL_SECONDS."""
        end = time.monotonic() + WELL_SECONDS
        while (alarms := alarms_of(self.doctor()[1])) and time.monotonic() < end:
            time.sleep(0.5)
        return alarms

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The server that runs."""
        return EmbeddedPostgres(self.home.path / "postgres", port=int(self.services["DB_PORT"]))

    def sql(self, statement: str) -> str:
        """Run as the superuser."""
        return self.postgres.run_sql(statement, self.services["DB_NAME"])

    @contextlib.contextmanager
    def session(self, statement: str) -> Iterator[None]:
        """A session of psql's that ran the statement and stays, with its transaction, until the block ends."""
        address, told = libpq(self.postgres.url(self.services["DB_NAME"], superuser=True))
        command = [binaries() / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", address]
        with subprocess.Popen(command, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
            assert psql.stdin is not None
            assert psql.stdout is not None
            psql.stdin.write(f"{statement};\n\\echo done\n")
            psql.stdin.flush()
            while "done" not in (line := psql.stdout.readline()):
                assert line, "psql ended"
            try:
                yield
            finally:
                psql.terminate()

    @contextlib.contextmanager
    def changed(self, change: str, back: str) -> Iterator[None]:
        """With a change to the database, by the superuser, and the statement that takes it back."""
        self.sql(change)
        try:
            yield
        finally:
            self.sql(back)

    @contextlib.contextmanager
    def server_setting(self, name: str, value: str) -> Iterator[None]:
        """A setting of PostgreSQL's that a reload takes."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.sql(f"ALTER SYSTEM RESET {name}")
            self.sql("SELECT pg_reload_conf()")

    @contextlib.contextmanager
    def killed(self, name: str) -> Iterator[None]:
        """A process with all that came of it; nothing is started again inside the block."""
        with self.unattended():
            for process in reversed(self.tree(name)):
                process.kill()
            yield

    @contextlib.contextmanager
    def without_server(self, name: str) -> Iterator[None]:
        """Without `postgres`, `broker` or `cache`."""
        folder = str(self.home.path / name)
        server = next(
            child for child in psutil.Process(self.process.pid).children(recursive=True)
            if folder == child.cwd() or any(folder in word for word in child.cmdline())
        )  # fmt: skip
        with self.unattended():
            server.send_signal(signal.SIGINT if name == "postgres" else signal.SIGKILL)
            wait_for(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, 20)
            yield

    def record(self, task: str, outcome: str) -> None:
        """A record of maintenance, as the program that does it writes one."""
        self.sql(
            "INSERT INTO maintenance_records (id, task, outcome, started_at, finished_at, done_by, summary, detail)"
            f" VALUES (gen_random_uuid(), '{task}', '{outcome}', now(), now(), 'doctor', 'made up', '{{}}')"
        )

    def first_file_of_a_page(self) -> Path:
        """What the sign-in page loads, where the web server reads it."""
        named = files_of(httpx.get(f"{self.url}/login", timeout=10).content)
        name = next(name for name in named if name.endswith((".js", ".css")))
        return min((ROOT / "apps/web/build").rglob(Path(name).name))


def alarms_of(checks: Checks) -> Checks:
    """The checks that are not well."""
    return {name: each for name, each in checks.items() if each["status"] not in {"ok", "skipped"}}
