"""Keeps uploaded files beside the backups soon after they came: `synergy up` looks for new ones now and then.

A backup names all files; of those that came after it only the content is here, by its SHA-256, and the database's rows
say whose it is.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from synergy_cli.backup.files import copy_private, settle

LOOK_SECONDS = 20.0
# clocks of file systems are coarse
_OVERLAP_SECONDS = 5.0


def object_path(root: Path, sha256: str) -> Path:
    """Where the folder of the backups keeps a content."""
    return root / "media" / sha256[:2] / sha256


class NewUploads:
    """Copies what is new below `media` into the folder of the backups; `since` in seconds of the epoch."""

    def __init__(self, media: Path, root: Path, since: float) -> None:
        self._media = media
        self._root = root
        self._since = since

    def look(self) -> int:
        """Copy those that came since the last look; how many. OSError when the folder cannot be written."""
        now, count = time.time(), 0
        for path in self._new_files():
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                count += self._keep(path)
        self._since = now - _OVERLAP_SECONDS
        return count

    def _new_files(self) -> Iterator[Path]:
        # keys are AREA/xx/NAME; a file gets its name when it is whole, which changes its folder: others are not read
        for folder in self._media.glob("*/*/"):
            if folder.stat().st_mtime >= self._since:
                for path in folder.iterdir():
                    with contextlib.suppress(FileNotFoundError):
                        if path.suffix != ".part" and path.stat().st_ctime >= self._since:
                            yield path

    def _keep(self, path: Path) -> int:
        draft = self._root / "media" / "incoming"  # one at a time; a kill leaves it to be written over
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = object_path(self._root, copy_private(path, draft))
        if kept.exists():
            draft.unlink()
            return 0
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        settle(draft, kept)
        return 1

    def keep_looking(self, failed: Callable[[str], None]) -> None:
        """Look now and then, in a thread of its own that ends with the program; what goes wrong is told."""

        def look() -> None:
            while True:
                time.sleep(LOOK_SECONDS)
                try:
                    self.look()
                except OSError as error:
                    failed(f"{error.filename}: {error.strerror}")

        threading.Thread(target=look, name="uploads", daemon=True).start()


def since_backup(root: Path) -> float:
    """When the newest backup was begun, in seconds of the epoch; now, where there is none to add to."""
    begun = (path.stat().st_mtime for path in root.glob("sets/*/base/backup_manifest"))
    return max(begun, default=time.time())
