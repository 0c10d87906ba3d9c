"""What the doctor has seen of a system; how it came to see it: `embedded.py`, and `synergy_cli/stack/doctor.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synergy_cli.doctor.findings import NotSeen, NotUsed, Runbook
from synergy_cli.doctor.http import Site


@dataclass(frozen=True)
class Trouble:
    """Why a part could not be seen: `text` for people, `fix` what mends it."""

    text: str
    fix: str
    runbook: Runbook = ""


@dataclass(frozen=True)
class Process:
    """A process and all that came of it: memory in MiB, its limit (0: none), states as in /proc, open files."""

    name: str
    runs: bool
    memory_mb: float = 0.0
    limit_mb: float = 0.0
    stopped: bool = False
    open_files: int = 0
    most_files: int = 0


@dataclass(frozen=True)
class PrivateFile:
    """A file that others must not read; `allowed` is the widest mode that is fine."""

    path: Path
    allowed: int


@dataclass(frozen=True)
class SettingsFacts:
    """The settings that checks look at."""

    secret_keys: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    public_url: str = ""
    cookies_secure: bool = False
    mail_backend: str = ""
    mail_from: str = ""
    same_redis: bool = False
    # of the keys that belong into escrow
    keys_hint: str = ""
    # that all processes together may open
    connections: int = 0


@dataclass
class Facts:
    """All of it. A part that is None could not be seen or is not there; the properties say which."""

    # rules of production
    production: bool
    # how to start it, in the words of this shape
    start: str
    version: str
    settings_faults: list[str] = field(default_factory=list[str])
    production_faults: list[str] = field(default_factory=list[str])
    known_settings: SettingsFacts | None = None
    not_running: Trouble | None = None
    # why nothing was asked, where nothing was
    unseen: str = "the settings cannot be used"
    database: Mapping[str, Any] | None = None
    database_trouble: Trouble | None = None
    broker: Mapping[str, str] | None = None
    broker_trouble: Trouble | None = None
    cache: Mapping[str, str] | None = None
    cache_trouble: Trouble | None = None
    api: Site | None = None
    web: Site | None = None
    # None where processes are in containers or elsewhere
    processes: list[Process] | None = None
    private_files: list[PrivateFile] = field(default_factory=list[PrivateFile])
    disks: dict[str, Path] = field(default_factory=dict[str, Path])
    storage: Trouble | str | None = None
    mail: Trouble | str | None = None

    @property
    def settings(self) -> SettingsFacts:
        """The settings; NotSeen where they cannot be read."""
        if self.known_settings is None:
            raise NotSeen(self.unseen)
        return self.known_settings

    def sql(self, name: str) -> Any:  # noqa: ANN401 - what a query of queries.py gives
        """What a query gave; NotSeen where the database could not be asked, or not that."""
        if self.database is None:
            raise NotSeen("the database cannot be reached" if self.database_trouble else self.unseen)
        if name not in self.database:
            raise NotSeen("the database does not answer this: its schema, the role's rights or a lock is in the way")
        return self.database[name]

    def redis(self, name: str) -> Mapping[str, str]:
        """What `broker` or `cache` said of itself."""
        told = self.broker if name == "broker" else self.cache
        if told is None:
            asked = self.known_settings is not None and self.not_running is None
            raise NotSeen(f"the {name} cannot be reached" if asked else self.unseen)
        return told

    def the_api(self) -> Site:
        """Where the API is asked."""
        if self.api is None:
            raise NotSeen(self.unseen)
        return self.api

    def the_web(self) -> Site:
        """Where pages are asked for."""
        if self.api is None:
            raise NotSeen(self.unseen)
        if self.web is None:
            raise NotUsed("no web app runs here")
        return self.web

    def the_processes(self) -> list[Process]:
        """The processes on this machine."""
        if self.processes is None:
            raise NotUsed("the processes run elsewhere")
        return self.processes
