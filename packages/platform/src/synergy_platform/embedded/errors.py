"""What keeps an embedded service from running."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class EmbeddedError(Exception):
    """The text is a sentence for the operator: what is wrong, and what to do."""


class PortInUseError(EmbeddedError):
    """Another program listens on the port."""


def from_os_error(error: OSError, path: Path) -> EmbeddedError:
    """The sentence for a file operation below `path` that the system refused."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return EmbeddedError(
            f"{error.filename or path} cannot be written ({os.strerror(error.errno)}): "
            "give this user the folder, or set SYNERGY_HOME to another one."
        )
    if error.errno in {errno.ENOTDIR, errno.EEXIST}:
        return EmbeddedError(f"{path} is not a folder: move it away, or set SYNERGY_HOME to another place.")
    return EmbeddedError(f"{error.filename or path} cannot be used: {error.strerror}.")


def disk_full(path: Path) -> EmbeddedError:
    """The sentence for a disk without space."""
    return EmbeddedError(f"The disk that holds {path} is full: free some space, or set SYNERGY_HOME to another disk.")
