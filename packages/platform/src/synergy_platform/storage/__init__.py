"""Files, written in a stream and never held in memory: on a disk, or with an S3-compatible server."""

from __future__ import annotations

from synergy_platform.settings import Settings
from synergy_platform.storage.base import Storage, StoredFile
from synergy_platform.storage.disk import DiskStorage

__all__ = ["DiskStorage", "Storage", "StoredFile", "make_storage"]


def make_storage(settings: Settings) -> Storage:
    """The storage that the settings name; nothing has to be there yet."""
    if settings.storage == "disk":
        return DiskStorage(settings.media_path)
    # its library is 15 MB that a storage on disk does not need
    from synergy_platform.storage.s3 import S3Storage

    return S3Storage(settings)
