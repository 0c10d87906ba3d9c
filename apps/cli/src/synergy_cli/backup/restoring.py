"""Puts a restored cluster in the place of the embedded system's, once it is proven; never onto a live database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from synergy_cli.backup.clock import clock_of
from synergy_cli.backup.embedded import EmbeddedEngine
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.escrow import PASSWORDS, files_of
from synergy_cli.backup.proving import Proof, choose, prove
from synergy_cli.backup.swap import begin_swap, finish_swap, require_no_server
from synergy_cli.backup.taking import alone
from synergy_platform.embedded.home import Home, write_private
from synergy_platform.settings import Settings


def restore(
    engine: EmbeddedEngine, settings: Settings, environ: Mapping[str, str], backup_id: str | None, to: datetime | None
) -> tuple[Proof, Path | None]:
    """Restore into a new cluster, prove it, and swap it in; how it went, and where the old cluster is now.

    The home must be at rest. What was there stays as it was when the proof finds a difference.
    """
    home = Home(engine.home)
    with home.lock, alone(engine.root):
        finish_swap(home)  # one that was killed
        require_no_server(home.path / "postgres" / "data")
        engine.clean()
        try:
            manifest, until = choose(engine, backup_id, to)
            proof = prove(engine, settings, environ, manifest, until, task="restore", media=engine.media)
            if proof.differences:
                return proof, None
            aside = begin_swap(home)
            finish_swap(home)
        finally:
            engine.clean()
        # from here on the log goes another way, and a backup of it is due
        clock_of(home.path, settings.backup_time, settings.drill_time).bring_forward("backup")
    return proof, aside if aside.exists() else None


def prepare_new(folder: Path, secrets: Mapping[str, str]) -> Home:
    """A home that holds no database yet, with its secrets by their file's names; BackupError when it holds one."""
    home = Home(folder.absolute())
    home.prepare()
    if (home.path / "postgres" / "data").exists():
        raise BackupError(f"{home.path} holds a database already: choose a folder that is not there yet.")
    for name, value in secrets.items():
        (home.path / name).parent.mkdir(mode=0o700, exist_ok=True)
        write_private(home.path / name, value)
    return home


def secrets_of(home: Home) -> dict[str, str]:
    """What a home on the same backups needs of this one, by file."""
    return files_of(home, ("secret-key", "backup-key", *PASSWORDS))
