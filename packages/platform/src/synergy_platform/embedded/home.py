"""The folder that holds everything an embedded SynergyOS keeps."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from synergy_platform.embedded.errors import EmbeddedError, from_os_error
from synergy_platform.embedded.process import FolderLock, ProcessRecord, birth

MIN_FREE_BYTES = 256 * 1024 * 1024


def write_private(path: Path, text: str) -> None:
    """Write whole or not at all, readable by this user only."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def kept_secret(path: Path) -> str:
    """The secret in the file; made (256 random bits) when the file is missing."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(32))
        return path.read_text().strip()


class Home:
    """`SYNERGY_HOME`: `postgres/`, `broker/`, `cache/`, `media/`, `secret-key`, and what runs while it runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = FolderLock(
            path / "lock",
            f"SynergyOS already runs on {path} (process {{pid}}): stop that one, "
            "or give this one a home and a port of its own (SYNERGY_HOME, SYNERGY_PORT).",
        )

    def prepare(self) -> None:
        """Make the folder (mode 0700); EmbeddedError when it cannot be used or its disk is almost full."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            raise from_os_error(error, self.path) from None
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise EmbeddedError(
                f"{self.path} cannot be written by this user: give this user the folder, "
                "or set SYNERGY_HOME to another one."
            )
        if free < MIN_FREE_BYTES:
            raise EmbeddedError(
                f"Only {free // 2**20} MiB are free on the disk that holds {self.path}, and "
                f"{MIN_FREE_BYTES // 2**20} MiB are needed: free some space, or set SYNERGY_HOME to another disk."
            )

    def secret_key(self) -> str:
        """The key that signs tokens where the operator gave none."""
        try:
            return kept_secret(self.path / "secret-key")
        except OSError as error:
            raise from_os_error(error, self.path) from None

    def record(self, name: str) -> ProcessRecord:
        """The record of a child process."""
        return ProcessRecord(self.path / "run" / name)

    def publish(self, environment: dict[str, str]) -> None:
        """Let other commands on this machine reach what this process runs."""
        pid = os.getpid()
        text = json.dumps({"pid": pid, "birth": birth(pid), "environment": environment}, indent=1)
        try:
            write_private(self.path / "running.json", text)
        except OSError as error:
            raise from_os_error(error, self.path) from None

    def withdraw(self) -> None:
        """Take back `publish`."""
        (self.path / "running.json").unlink(missing_ok=True)

    def running_environment(self) -> dict[str, str] | None:
        """Settings by which to reach the services of a running `synergy up` on this home; None when none runs."""
        try:
            content: dict[str, Any] = json.loads((self.path / "running.json").read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise EmbeddedError(
                f"{self.path / 'running.json'} cannot be read ({error}): start SynergyOS again."
            ) from None
        return content["environment"] if birth(content["pid"]) == content["birth"] else None
