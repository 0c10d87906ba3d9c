"""`synergy backup`, `backups`, `restore`, `drill`, `escrow` and `recover`."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.moment import read_moment
from synergy_cli.local import home_of, local_environment, settings_or_exit
from synergy_cli.up.environment import is_set, without
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.settings import Settings

if TYPE_CHECKING:
    from synergy_cli.backup.engine import Engine
    from synergy_cli.backup.proving import Proof
    from synergy_platform.embedded.home import Home

EXIT_FAILED = 1
EXIT_REFUSED = 3


@contextmanager
def told() -> Generator[None]:
    """What goes wrong is one sentence and an exit status: 1, or 3 for a backup that is not what was written."""
    try:
        yield
    except (BackupError, EmbeddedError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(EXIT_REFUSED if isinstance(error, BackupRefused) else EXIT_FAILED) from None
    except OSError as error:
        click.echo(f"{error.filename or 'Something'} cannot be used: {error.strerror or error}.", err=True)
        raise SystemExit(EXIT_FAILED) from None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """As `settings_or_exit`, with the log set up."""
    from synergy_platform.logs import configure_logging
    from synergy_platform.version import VERSION

    settings = settings_or_exit(environ)
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
def backup(full: bool) -> None:
    """Take a backup of the running system: database, its log, a dump, uploaded files."""
    with told():
        from synergy_cli.backup.taking import take_backup
        from synergy_domain.maintenance import readable

        engine, settings, _ = running_engine()
        manifest = take_backup(engine, settings, full=full)
        _say(
            f"Backup {manifest.id}: {manifest.rows} rows in {len(manifest.tables)} tables, {len(manifest.media)} files,"
            f" {readable(manifest.stored_bytes)}, in {engine.root}. Writers waited for {manifest.held_ms:.0f} ms."
        )


@click.command("drill")
def drill() -> None:
    """Restore the last backup into a new cluster, compare all of it, and throw that away."""
    with told():
        from synergy_cli.backup.proving import drill as prove_newest

        engine, settings, environ = running_engine()
        proof = prove_newest(engine, settings, environ)
        finish(proof)


@click.command("backups")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def backups(as_json: bool) -> None:
    """List the backups: when, kind, size, rows, files, and when it was last proven that they can be restored."""
    with told():
        import msgspec

        from synergy_cli.backup.listing import list_backups
        from synergy_cli.backup.shape import engine_for
        from synergy_domain.maintenance import readable

        environ = local_environment(os.environ)
        settings = read_settings(environ)
        listed = list_backups(engine_for(settings, os.environ), settings)
        if as_json:
            click.echo(msgspec.json.encode(listed))
            return
        for entry in listed.backups:
            proven = f"proven {_local(entry.proven_at)}" if entry.proven_at else "not proven"
            fault = f"  REFUSED: {entry.refused}" if entry.refused else f"  {proven}"
            click.echo(
                f"{entry.id}  {_local(entry.taken_at)}  {entry.kind:<11}  {readable(entry.bytes):>10}"
                f"  {entry.rows:>9} rows  {entry.files:>6} files{fault}"
            )
        if listed.start and listed.end:
            _say(f"Any moment from {_local(listed.start)} to {_local(listed.end)} can be restored.")
        if not listed.backups:
            _say("There is no backup yet: `synergy backup` takes one.")


@click.command("restore")
@click.option("--backup", "backup_id", metavar="ID", help="Begin with this one, and end there unless --to says more.")
@click.option("--to", "moment", metavar="TIME", help="2026-11-30T14:05:00+01:00, or without a zone in local time.")
@click.option("--verify", is_flag=True, help="Restore beside the system, compare, and throw it away.")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="HOME", help="Into a new home; this one is left alone."
)
@click.option("--discard-old", is_flag=True, help="Only delete what earlier restores have kept aside.")
# only where backups share what they keep, and so only for the stack's `restore --verify`
@click.option("--despite-damage", is_flag=True, hidden=True)
def restore(
    *,
    backup_id: str | None,
    moment: str | None,
    verify: bool,
    into: Path | None,
    discard_old: bool,
    despite_damage: bool,
) -> None:
    """Restore into a new cluster, compare it, and swap it in; without options up to the last commit that is kept.

    `synergy up` must not run, except with --verify and --into. The old cluster is kept aside.
    """
    with told():
        from synergy_cli.backup import restoring
        from synergy_cli.backup.proving import try_restore
        from synergy_cli.backup.shape import engine_for, is_embedded
        from synergy_cli.backup.swap import discard_aside

        to = moment_of(moment)
        environ = local_environment(os.environ)
        home = home_of(environ)
        if discard_old:
            with home.lock:
                gone = discard_aside(home)
            _say(f"Deleted: {', '.join(map(str, gone))}." if gone else "No restore has kept anything aside.")
            return
        environ = _with_secret_key(environ, home)
        settings = read_settings(environ)
        engine = engine_for(settings, os.environ)
        if verify:
            finish(try_restore(engine, settings, environ, backup_id, to, whole=not despite_damage))
            return
        if not is_embedded(os.environ):
            raise BackupError("Here a restore can only be tried (--verify); `just restore`, on the server, does it.")
        if into is not None:
            fresh = restoring.prepare_new(into, restoring.secrets_of(home))
            environ = {**environ, "SYNERGY_HOME": str(fresh.path), "SYNERGY_BACKUP_DIR": str(settings.backup_path)}
            settings = read_settings(without(environ, ("SYNERGY_MEDIA_ROOT",)))
            home = fresh
        _swap_in(settings, environ, home, backup_id, to)


@click.command("escrow")
@click.argument("file", type=click.Path(path_type=Path))
def escrow(file: Path) -> None:
    """Write the keys to FILE, to be kept apart from the data: without them backups are of no use."""
    with told():
        from synergy_cli.backup.escrow import embedded_keys, record_escrow, write_escrow
        from synergy_cli.backup.shape import is_embedded

        if not is_embedded(os.environ):
            raise BackupError("The keys of the stack are in its .env: `just escrow`, on the server, writes them.")
        engine, settings, environ = running_engine()
        keys = embedded_keys(settings, home_of(environ))
        write_escrow(keys, file, {"the backups": engine.root, "uploaded files": settings.media_path})
        record_escrow(settings, keys.hint)
        _say(f"{file} holds the keys. Keep it where neither this machine nor the backups are.")


@click.command("recover")
@click.option("--escrow", "escrow_file", type=click.Path(path_type=Path), required=True, metavar="FILE")
@click.option("--from", "folder", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="The backups.")
@click.option(
    "--home", "place", type=click.Path(path_type=Path), metavar="HOME", help="The new home; else SYNERGY_HOME."
)
@click.option("--backup", "backup_id", metavar="ID", help="Begin with this one instead of the newest.")
@click.option("--to", "moment", metavar="TIME", help="Up to this moment instead of the last one that is kept.")
@click.option("--up", "start", is_flag=True, help="Start it then.")
def recover(
    *, escrow_file: Path, folder: Path, place: Path | None, backup_id: str | None, moment: str | None, start: bool
) -> None:
    """From a bare machine, the backups and the keys to a system that can be started."""
    with told():
        from synergy_cli.backup import restoring
        from synergy_cli.backup.escrow import read_escrow

        to = moment_of(moment)
        keys = read_escrow(escrow_file)
        files = {
            **keys.files,
            "secret-key": keys.settings["SECRET_KEY"],
            "backup-key": keys.settings["SYNERGY_BACKUP_KEY"],
        }
        home = restoring.prepare_new(place or home_of(os.environ).path, files)
        environ = {
            **os.environ, **keys.settings, "SYNERGY_HOME": str(home.path), "SYNERGY_BACKUP_DIR": str(folder.absolute()),
        }  # fmt: skip
        _swap_in(read_settings(environ), environ, home, backup_id, to)
        environ = {name: value for name, value in environ.items() if name not in keys.settings}
        if start:
            sys.stdout.flush()
            os.execve(sys.executable, [sys.executable, "-m", "synergy_cli", "up"], environ)  # noqa: S606 - Python itself, by its path; nothing of a user is in it
        _say(f"Start it: SYNERGY_HOME={home.path} SYNERGY_BACKUP_DIR={folder.absolute()} synergy up")


def _swap_in(
    settings: Settings, environ: Mapping[str, str], home: Home, backup_id: str | None, to: datetime | None
) -> None:
    from synergy_cli.backup import restoring
    from synergy_cli.backup.shape import embedded_engine

    proof, aside = restoring.restore(embedded_engine(settings, home), settings, environ, backup_id, to)
    finish(proof)
    _say(f"{home.path} has the restored system. `synergy up` starts it, and takes a backup of it soon.")
    if aside:
        _say(f"What was there before is in {aside}; `synergy restore --discard-old` deletes it.")


def finish(proof: Proof) -> None:
    """Tell how it went; exit status 1 where something is not as it was."""
    from synergy_domain.maintenance import readable

    if proof.differences:
        _say(f"Backup {proof.backup} does NOT give back what was there:")
        for said in proof.differences[:20]:
            _say(f"  - {said}")
    else:
        until = f"up to {_local(proof.to)}" if proof.to else "as they were"
        _say(
            f"Backup {proof.backup}: {proof.rows} rows in {proof.tables} tables and {proof.files} files came back, "
            f"{until}. {readable(proof.bytes)} of database answered {proof.rto_seconds:.1f} s after the begin."
        )
    for said in proof.without_file[:20]:
        _say(f"  no file: {said}")
    if proof.differences:
        raise SystemExit(EXIT_FAILED)


def _with_secret_key(environ: Mapping[str, str], home: Home) -> dict[str, str]:
    """As `synergy up` would start: with the home's key where the operator gives none."""
    return dict(environ) if is_set(environ, "SECRET_KEY") else {**environ, "SECRET_KEY": home.secret_key()}


def moment_of(text: str | None) -> datetime | None:
    """A time as an operator writes it; BackupError for anything else."""
    if not text:
        return None
    try:
        return read_moment(text)
    except ValueError as error:
        raise BackupError(str(error)) from None


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S%z")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
