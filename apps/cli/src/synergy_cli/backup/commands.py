"""`synergy backup`, `backups`, `restore`, `drill`, `escrow` and `recover`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.local import local_environment
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, Settings, load_settings

if TYPE_CHECKING:
    from synergy_cli.backup.engine import Engine
    from synergy_cli.backup.proving import Proof

EXIT_FAILED = 1
EXIT_REFUSED = 3


@contextmanager
def told() -> Generator[None]:
    """What goes wrong is one sentence and an exit status: 1, or 3 for a backup that is not what was written."""
    os.umask(0o077)  # a dump is for nobody else, wherever the folder is
    try:
        yield
    except (BackupError, EmbeddedError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_REFUSED if isinstance(error, BackupRefused) else EXIT_FAILED) from None
    except OSError as error:
        click.echo(f"{error.filename or 'Something'} cannot be used: {error.strerror or error}.", err=True)
        raise SystemExit(EXIT_FAILED) from None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings, with the log set up; a sentence for each fault and exit status 78 when they cannot be used."""
    from synergy_platform.logs import configure_logging
    from synergy_platform.version import VERSION

    try:
        settings = load_settings(environ)
    except InvalidSettings as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_BAD_SETTINGS) from None
    configure_logging(settings, service="synergy-backup", version=VERSION)
    return settings


def running_engine() -> tuple[Engine, Settings, Mapping[str, str]]:
    """Of a system that runs, with its settings and its whole environment; BackupError when none does."""
    from synergy_cli.backup.shape import engine_for

    environ = local_environment(os.environ)
    settings = read_settings(environ)
    engine = engine_for(settings, os.environ)
    if not engine.dsn or not settings.secret_keys:
        raise BackupError(
            f"No SynergyOS runs on {settings.home_path}. Start it with `synergy up`, in another terminal and with the "
            "same SYNERGY_HOME."
        )
    return engine, settings, environ


@click.command("backup")
@click.option("--full", is_flag=True, help="All of the database's files, also where an incremental copy would do.")
def backup(full: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Take a backup of the running system: database, its log, a dump, uploaded files."""
    with told():
        from synergy_cli.backup.taking import take_backup

        engine, settings, _ = running_engine()
        manifest = take_backup(engine, settings, full=full)
        _say(
            f"Backup {manifest.id}: {manifest.rows} rows in {len(manifest.tables)} tables and {len(manifest.media)} files, "
            f"{_size(manifest.stored_bytes)}, in {engine.root}. Writers waited for {manifest.held_ms:.0f} ms."
        )


@click.command("drill")
def drill() -> None:
    """Restore the last backup into a new cluster, compare all of it, and throw that away."""
    with told():
        from synergy_cli.backup.proving import drill as prove_newest

        engine, settings, environ = running_engine()
        proof = prove_newest(engine, settings, environ)
        _tell(proof)
        if proof.differences:
            raise SystemExit(EXIT_FAILED)


def _tell(proof: Proof) -> None:
    if proof.differences:
        _say(f"Backup {proof.backup} does NOT give back what was there:")
        for said in proof.differences[:20]:
            _say(f"  - {said}")
    else:
        _say(
            f"Backup {proof.backup}: {proof.rows} rows in {proof.tables} tables and {proof.files} files came back as they "
            f"were. {_size(proof.bytes)} of database answered {proof.rto_seconds:.1f} s after the begin."
        )
    for said in proof.without_file[:20]:
        _say(f"  no file: {said}")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
