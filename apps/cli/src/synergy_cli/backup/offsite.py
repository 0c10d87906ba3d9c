"""A copy of the backups in a bucket elsewhere, by rclone. What it copies is encrypted and signed already."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir

import structlog

from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.recording import record
from synergy_cli.backup.tools import run
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger("synergy_cli.backup")

_REMOTE = "offsite"
_SETS = "sets/**"


class Offsite:
    """The bucket of SYNERGY_BACKUP_S3_*; BackupError, with rclone's own words, when it cannot be reached."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._root = root
        self._bucket = settings.backup_s3_bucket
        remote = {
            "type": "s3", "provider": "Other" if settings.backup_s3_endpoint else "AWS", "no_check_bucket": "true",
            "endpoint": settings.backup_s3_endpoint, "region": settings.backup_s3_region,
            "access_key_id": settings.backup_s3_access_key_id,
            "secret_access_key": settings.backup_s3_secret_access_key,
        }  # fmt: skip
        self._config = "\n".join(
            [f"[{_REMOTE}]", *(f"{name} = {value}" for name, value in remote.items() if value), ""]
        )

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
        return f"{_REMOTE}:{self._bucket}/{folder}"

    def _rclone(self, *words: str, missing_is_empty: bool = False) -> str:
        # a file of our user in memory: the environment of a process is where secrets are looked for first
        with NamedTemporaryFile("w", prefix="rclone-") as config:
            config.write(self._config)
            config.flush()
            command = ["/usr/bin/rclone", f"--config={config.name}", "--retries=2", *words]
            # rclone keeps nothing in its home
            environment = {"PATH": os.environ["PATH"], "HOME": gettempdir()}
            try:
                return run("The copy to the bucket", command, environment)
            except BackupError as error:
                if missing_is_empty and "not found" in str(error):
                    return ""
                raise


def copy_away(settings: Settings, root: Path) -> None:
    """Copy all of it to the bucket, and record how it went; BackupError when it did not, or there is no bucket."""
    offsite = Offsite(settings, root)
    if not offsite.configured:
        raise BackupError("There is no bucket to copy to: set SYNERGY_BACKUP_S3_BUCKET.")
    started_at = datetime.now(UTC)
    reason = ""
    try:
        offsite.copy_all()
    except BackupError as error:
        reason = str(error)
    if reason:
        log.error("backup.not_copied", reason=reason)
        record(settings, "offsite_copy", "failed", started_at, reason, {})
        raise BackupError(reason)
    seconds = round((datetime.now(UTC) - started_at).total_seconds(), 1)
    log.info("backup.copied", seconds=seconds)
    record(
        settings, "offsite_copy", "ok", started_at, f"The bucket is as the backups are, in {seconds} s.",
        {"seconds": seconds, "bucket": settings.backup_s3_bucket},
    )  # fmt: skip
