"""The keys without which backups are of no use, written to one file that is kept apart from the data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.hints import keys_hint
from synergy_cli.backup.recording import record
from synergy_cli.backup.shape import backup_key
from synergy_platform.embedded.home import Home
from synergy_platform.settings import Settings

# of the embedded system: a restored database knows its roles by these
PASSWORDS = ("postgres/password", "postgres/superuser-password")


class Escrow(msgspec.Struct):
    """`settings` by their names, `files` by their place in SYNERGY_HOME."""

    made_at: datetime
    settings: dict[str, str]
    files: dict[str, str]

    @property
    def hint(self) -> str:
        """Tells whether the keys are still these, and nothing else of them."""
        return keys_hint([self.settings["SECRET_KEY"]], self.settings["SYNERGY_BACKUP_KEY"])


def embedded_keys(settings: Settings, home: Home) -> Escrow:
    """What a home needs to start elsewhere on a restored database."""
    return Escrow(
        made_at=datetime.now(UTC),
        settings={
            "SECRET_KEY": ",".join(settings.secret_keys) or home.secret_key(),
            "SYNERGY_BACKUP_KEY": backup_key(settings, home),
        },
        files=files_of(home, PASSWORDS),
    )


def files_of(home: Home, names: Iterable[str]) -> dict[str, str]:
    """The secrets in these files of a home, as far as they are there."""
    return {name: (home.path / name).read_text().strip() for name in names if (home.path / name).exists()}


def write_escrow(escrow: Escrow, path: Path, not_in: Mapping[str, Path]) -> None:
    """Write it, mode 0600; BackupError where it would lie beside the data (`not_in`: what, folder), or is there."""
    path = path.absolute()
    for what, folder in not_in.items():
        if path.resolve().is_relative_to(folder.resolve()):
            raise BackupError(
                f"{path} is in the folder of {what}: whoever takes that would have the keys too. Choose another."
            )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupError(f"{path} is there already: choose another name, and delete the old one yourself.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(escrow), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def record_escrow(settings: Settings, hint: str) -> None:
    """Keep in the database that the keys with this hint were written to a file."""
    record(settings, "escrow", "ok", datetime.now(UTC), "The keys were written to a file.", {"hint": hint})


def read_escrow(path: Path) -> Escrow:
    """Its content; BackupError when it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Escrow)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BackupError(f"{path} is not a file of `synergy escrow`.") from None
