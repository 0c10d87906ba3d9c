"""A copy of the backups in a bucket elsewhere, by rclone. What it copies is encrypted and signed already."""

from __future__ import annotations

import os
from pathlib import Path

from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.tools import run
from synergy_platform.settings import Settings

_REMOTE = "offsite:"
_SETS = "sets/**"


class Offsite:
    """The bucket of SYNERGY_BACKUP_S3_*; BackupError, with rclone's own words, when it cannot be reached."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._root = root
        self._bucket = settings.backup_s3_bucket
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": "/tmp",  # noqa: S108 - rclone keeps nothing there
            "RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_OFFSITE_TYPE": "s3", "RCLONE_CONFIG_OFFSITE_PROVIDER": "Other",
            "RCLONE_CONFIG_OFFSITE_REGION": settings.backup_s3_region,
            "RCLONE_CONFIG_OFFSITE_ACCESS_KEY_ID": settings.backup_s3_access_key_id,
            "RCLONE_CONFIG_OFFSITE_SECRET_ACCESS_KEY": settings.backup_s3_secret_access_key,
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
        }  # fmt: skip
        if settings.backup_s3_endpoint:
            self._environment["RCLONE_CONFIG_OFFSITE_ENDPOINT"] = settings.backup_s3_endpoint
        else:
            self._environment["RCLONE_CONFIG_OFFSITE_PROVIDER"] = "AWS"

    @property
    def configured(self) -> bool:
        """Whether there is a bucket to copy to."""
        return bool(self._bucket)

    def copy_log(self, since_seconds: float) -> None:
        """Copy the database's log, and uploads, of the last so many seconds; cheap enough for every minute.

        The daily copy has everything.
        """
        for folder in ("pgbackrest/archive", "restic"):
            self._rclone(
                "copy", f"--max-age={since_seconds:.0f}s", "--no-traverse", str(self._root / folder), self._path(folder)
            )

    def copy_all(self) -> None:
        """Make the bucket as this folder is, manifests last, so that what it says is always there."""
        here = {path.name for path in (self._root / "sets").glob("*")}
        there = {line.rstrip("/") for line in self._rclone("lsf", self._path("sets"), missing_is_empty=True).split()}
        if there and not here & there:
            raise BackupError(
                f"The bucket {self._bucket} holds {len(there)} backups of which none is here, so it is not touched. "
                "Get them first (`just recover`), or name an empty bucket (SYNERGY_BACKUP_S3_BUCKET)."
            )
        self._rclone("copy", f"--exclude={_SETS}", "--exclude=/lock", str(self._root), self._path(""))
        self._rclone("sync", "--delete-after", "--exclude=/lock", str(self._root), self._path(""))

    def fetch(self) -> None:
        """Copy everything back into this folder."""
        self._rclone("copy", self._path(""), str(self._root))

    def _path(self, folder: str) -> str:
        return f"{_REMOTE}{self._bucket}/{folder}"

    def _rclone(self, *words: str, missing_is_empty: bool = False) -> str:
        try:
            return run("The copy to the bucket", ["/usr/bin/rclone", "--retries=2", *words], self._environment)
        except BackupError as error:
            if missing_is_empty and "not found" in str(error):
                return ""
            raise
