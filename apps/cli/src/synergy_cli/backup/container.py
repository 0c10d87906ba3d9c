"""What the stack's verbs ask of the backup container, and its loop; nobody types these."""

from __future__ import annotations

import os
from pathlib import Path

import click

from synergy_cli.backup.commands import finish, moment_of, read_settings, told
from synergy_cli.backup.errors import BackupError
from synergy_platform.crashes import log_crashes
from synergy_platform.settings import Settings

_CLUSTER = Path("/restored")
_FILES = Path("/media-restored")

_backup = click.option("--backup", "backup_id", metavar="ID")
_to = click.option("--to", "moment", metavar="TIME")
_despite = click.option("--despite-damage", is_flag=True)


@click.group("container", hidden=True)
def container() -> None:
    """Inside the backup container of the compose stack."""


def _settings() -> Settings:
    return read_settings(os.environ)


@container.command("serve")
def serve() -> None:
    """Take backups and try them, each at its hour, until told to end."""
    log_crashes("synergy-backup")
    with told():
        from synergy_cli.backup.serving import Loop
        from synergy_cli.backup.shape import container_engine

        settings = _settings()
        Loop(container_engine(settings), settings, os.environ).run()


@container.command("restore")
@_backup
@_to
@_despite
def restore(*, backup_id: str | None, moment: str | None, despite_damage: bool) -> None:
    """Into the empty volume that is mounted for it, proven; it stays."""
    with told():
        from synergy_cli.backup.proving import choose, prove
        from synergy_cli.backup.shape import container_engine
        from synergy_cli.backup.taking import soon_alone

        settings = _settings()
        engine = container_engine(settings, _CLUSTER)
        if any(_CLUSTER.iterdir()):
            raise BackupError(f"{_CLUSTER} holds something: a restore goes into an empty volume only.")
        with soon_alone(engine.root):
            engine.clean()
            try:
                manifest, to = choose(engine, backup_id, moment_of(moment))
                proof = prove(engine, settings, os.environ, manifest, to, task="restore", whole=not despite_damage)
            finally:
                engine.clean()
        finish(proof)


@container.command("choose")
@_backup
@_to
def choose_backup(*, backup_id: str | None, moment: str | None) -> None:
    """Say which backup a restore of that begins with."""
    with told():
        from synergy_cli.backup.proving import choose
        from synergy_cli.backup.shape import container_engine

        manifest, _ = choose(container_engine(_settings()), backup_id, moment_of(moment))
        click.echo(manifest.id)


@container.command("restore-files")
@click.argument("backup_id")
def restore_files(backup_id: str) -> None:
    """Put back uploaded files that are missing or changed; as root, as whom pgBackRest would not run."""
    with told():
        from synergy_cli.backup.manifest import read_manifest
        from synergy_cli.backup.shape import container_engine
        from synergy_cli.backup.taking import soon_alone

        engine = container_engine(_settings())
        if engine.media is not None:
            with soon_alone(engine.root):
                manifest = read_manifest(engine.root, backup_id, engine.key)
                engine.restore_media(manifest, _FILES)
                engine.restore_latest_media(_FILES)


@container.command("escrowed")
def escrowed() -> None:
    """Record that the keys were written to a file."""
    with told():
        from synergy_cli.backup.escrow import record_escrow
        from synergy_cli.backup.hints import keys_hint

        settings = _settings()
        record_escrow(settings, keys_hint(settings.secret_keys, settings.backup_key))


@container.command("fetch")
def fetch() -> None:
    """Copy the backups from the bucket."""
    with told():
        from synergy_cli.backup.offsite import Offsite

        settings = _settings()
        Offsite(settings, settings.backup_path).fetch()


@container.command("copy")
def copy() -> None:
    """Copy the backups to the bucket now."""
    with told():
        from synergy_cli.backup.offsite import copy_away

        settings = _settings()
        copy_away(settings, settings.backup_path)
