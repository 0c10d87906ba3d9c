"""The last step of a restore: the new cluster takes the place of the old, which is kept aside.

A kill leaves it half done. What was begun is told by the file `swap` in the home; `synergy up` and the next restore
bring it to its end first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.files import sync
from synergy_platform.embedded.home import Home, write_private

_ASIDE = "before-restore-"


def begin_swap(home: Home) -> Path:
    """From now on the restored cluster is the one that counts; where the old one goes."""
    aside = home.path / f"{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    write_private(home.path / "swap", aside.name)
    return aside


def finish_swap(home: Home) -> None:
    """Bring a swap to its end, also one that was killed; nothing to do when none was begun. Hold the home's lock."""
    try:
        aside = home.path / (home.path / "swap").read_text()
    except FileNotFoundError:
        return
    data, restored = home.path / "postgres" / "data", home.path / "restored" / "postgres" / "data"
    if restored.exists():
        # queued work goes aside too: the workers queue it again from the database
        for old in (data, home.path / "broker"):
            if old.exists() and not (aside / old.name).exists():
                aside.mkdir(mode=0o700, exist_ok=True)
                old.rename(aside / old.name)
        data.parent.mkdir(mode=0o700, exist_ok=True)
        restored.rename(data)
    sync(data.parent)
    sync(home.path)
    (home.path / "swap").unlink()


def kept_aside(home: Home) -> list[Path]:
    """What restores have replaced."""
    return sorted(home.path.glob(f"{_ASIDE}*"))


def discard_aside(home: Home) -> list[Path]:
    """Delete what restores have replaced; what that was."""
    found = kept_aside(home)
    for folder in found:
        shutil.rmtree(folder)
    return found


def require_no_server(data: Path) -> None:
    """BackupError when a PostgreSQL server works on that data, whoever started it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        with contextlib.suppress(PermissionError):  # somebody else's process
            os.kill(pid, 0)
        name = Path(f"/proc/{pid}/comm").read_text().strip() if sys.platform == "linux" else "postgres"
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    if name == "postgres":
        raise BackupError(
            f"A PostgreSQL server (process {pid}) works on {data}: nothing is restored onto it. Stop it first."
        )
