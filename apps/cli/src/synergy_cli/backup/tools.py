"""PostgreSQL's programs, run without a password where others could read it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from synergy_cli.backup.errors import BackupError
from synergy_platform.embedded.process import launcher

_SHOWN = 3
_END_SECONDS = 10.0
_HOLD = "SELECT 'kept' FROM pg_create_physical_replication_slot('backup_' || pg_backend_pid(), true, true);\n"


def libpq(dsn: str) -> tuple[str, dict[str, str]]:
    """The address without its password, which others could see in a command line, and the environment that has it."""
    parts = urlsplit(dsn)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "10"}
    if password:
        environment["PGPASSWORD"] = unquote(password)
    return urlunsplit(parts._replace(netloc=f"{name}@{place}")), environment


def of_database(dsn: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(name, safe='')}"))


def run(what: str, command: Sequence[str], environment: dict[str, str]) -> str:
    """Its standard output; BackupError with its last lines when it fails.

    It ends with this process, and what it writes is for nobody else.
    """
    try:
        done = subprocess.run(
            [*launcher(), *command], env=environment, capture_output=True, text=True, errors="replace", check=False,
            stdin=subprocess.DEVNULL, umask=0o077,
        )  # fmt: skip
    except OSError as error:
        raise BackupError(f"{what} could not be started: {error}.") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = " ".join(lines[-_SHOWN:]) or "it said nothing"
        raise BackupError(f"{what} failed with status {done.returncode}: {said}")
    return done.stdout


def ask(psql: str, dsn: str, sql: str) -> str:
    """What the database answers, by the program `psql`: columns behind each other, a row each line."""
    address, environment = libpq(dsn)
    return run("psql", [psql, "-XqAt", f"--dbname={address}", "-c", sql], environment).strip()


class HeldLog:
    """A session that has the server keep its log from now on, until it is let go or this process ends.

    By a temporary slot: without one a server that is written to deletes segments that nobody has received yet.
    """

    def __init__(self, psql: str, dsn: str) -> None:
        """BackupError when the server refuses."""
        address, environment = libpq(dsn)
        self._session = subprocess.Popen(
            [*launcher(), psql, "-XqAt", f"--dbname={address}"], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = ""
        # of a session that ended at once, both are closed
        with contextlib.suppress(BrokenPipeError):
            if self._session.stdin and self._session.stdout:
                self._session.stdin.write(_HOLD)
                self._session.stdin.flush()
                said = self._session.stdout.readline().strip()
        if said != "kept":
            self.let_go()
            raise BackupError(f"The database does not keep its log for a backup: {said or 'it cannot be reached'}")

    def let_go(self) -> None:
        """End the session."""
        try:
            self._session.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._session.kill()


def close_segment(psql: str, dsn: str, lsn: str) -> str:
    """The name of the log's file with that place, which the server gives away now although it is not full."""
    name = ask(psql, dsn, f"SELECT pg_walfile_name('{lsn}')")
    ask(psql, dsn, "SELECT pg_switch_wal()")
    return name
