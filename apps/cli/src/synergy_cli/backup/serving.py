"""The loop of the backup container: what is due by its clock, and each minute the log to the bucket."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from types import FrameType

import structlog

from synergy_cli.backup.clock import CLOCK_FILE, OFF, Clock
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.manifest import backup_ids, newest_at
from synergy_cli.backup.offsite import Offsite
from synergy_cli.backup.pgbackrest import PgBackRest
from synergy_cli.backup.taking import alone
from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import end, spawn
from synergy_platform.settings import Settings

log = structlog.stdlib.get_logger("synergy_cli.backup")

_ALIVE = Path("/tmp/alive")  # noqa: S108 - the container's health check looks at it, in a memory of its own
_LOOK_SECONDS = 5.0
_LOG_SECONDS = 60.0
_LOG_MARGIN_SECONDS = 900.0
_LOG_FIRST_SECONDS = 86_400.0
_HEARTBEAT_SECONDS = 20
_GRACE = ((signal.SIGTERM, 20.0),)
_COMMANDS = {"backup": ("backup",), "drill": ("drill",), "copy": ("container", "copy")}


class Loop:
    """Runs until it is told to end; one thing at a time, each in a process of its own."""

    def __init__(self, engine: PgBackRest, settings: Settings, environ: Mapping[str, str]) -> None:
        self._engine = engine
        self._settings = settings
        self._environ = environ
        self._offsite = Offsite(settings, engine.root)
        self._ending = False
        self._next_log = 0.0
        # a day: what a container before this one could not copy is copied now
        self._log_copied = time.monotonic() - _LOG_FIRST_SECONDS
        self._next_uploads = 0.0
        self._last_upload = ""

    def run(self) -> None:
        """Until SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        copy = {"copy": None} if self._offsite.configured else {}
        hours = {"backup": self._settings.backup_time, **copy, "drill": self._settings.drill_time}
        clock = Clock(self._engine.work / CLOCK_FILE, hours, tried_again={"backup", "copy"})
        if self._settings.backup_time != OFF and not backup_ids(self._engine.root):
            clock.bring_forward("backup")
        log.info("backup.waiting", backup=self._settings.backup_time, drill=self._settings.drill_time)
        while not self._ending:
            _ALIVE.touch()
            self._look(clock)
            self._keep_uploads()
            self._copy_log()
            time.sleep(_LOOK_SECONDS)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _look(self, clock: Clock) -> None:
        if self._offsite.configured and (newest := newest_at(self._engine.root)) and clock.is_outdated("copy", newest):
            clock.bring_forward("copy")
        now = datetime.now(UTC)
        due = clock.due(now)
        if due is None:
            return
        clock.begun(due, now)
        well = self._do(due)
        clock.ended(due, datetime.now(UTC), well=well)
        if well and due == "backup":
            self.heartbeat()

    def _do(self, command: str) -> bool:
        """Run it to its end, alive meanwhile; it tells by itself what went wrong."""
        words = [sys.executable, "-m", "synergy_cli", *_COMMANDS[command]]
        child = spawn(words, environment=self._environ, stderr=subprocess.PIPE)
        while not self._ending:
            _ALIVE.touch()
            self._copy_log()
            try:
                _, said = child.communicate(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            # what it says to people; its log lines went to where this one's go
            for line in said.decode(errors="replace").splitlines():
                log.info("backup.said", **{"event.original": line})
            return child.returncode == 0
        end(child, _GRACE)
        return False

    def _keep_uploads(self) -> None:
        """Files that came since the last backup, each minute in which some came."""
        if time.monotonic() < self._next_uploads or not backup_ids(self._engine.root):
            return
        self._next_uploads = time.monotonic() + _LOG_SECONDS
        try:
            last = self._engine.last_upload()
            if last != self._last_upload:
                with alone(self._engine.root):
                    self._engine.keep_later_media()
                self._last_upload = last
        except EmbeddedError:  # somebody works on the backups: a minute later
            pass
        except BackupError as error:
            log.error("backup.files_not_kept", reason=str(error))  # noqa: TRY400 - the sentence tells

    def _copy_log(self) -> None:
        if not self._offsite.configured or time.monotonic() < self._next_log:
            return
        self._next_log = time.monotonic() + _LOG_SECONDS
        began = time.monotonic()
        try:
            # since the last time that it went well, and a quarter of an hour before
            self._offsite.copy_log(began - self._log_copied + _LOG_MARGIN_SECONDS)
            self._log_copied = began
        except BackupError as error:
            log.error("backup.log_not_copied", reason=str(error))  # noqa: TRY400 - the sentence tells

    def heartbeat(self) -> None:
        """Ask the operator's address, if there is one."""
        url = self._settings.backup_heartbeat_url
        if not url:
            return
        try:
            with urllib.request.urlopen(url, timeout=_HEARTBEAT_SECONDS):  # noqa: S310 - the operator's own address
                pass
        except (OSError, ValueError, HTTPException) as error:  # an address without https:// too
            log.warning("backup.heartbeat_failed", reason=type(error).__name__)
