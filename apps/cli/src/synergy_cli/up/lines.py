"""What `synergy up` writes: JSON lines for programs, readable ones on a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from synergy_platform.version import VERSION

# before it has read its settings it puts time and process in front
_POSTGRES = re.compile(
    r"^(?:\S+ \S+ \S+ \[\d+\] )?"
    r"(DEBUG\d|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT): +(.*)$"
)
_POSTGRES_LEVELS = {"WARNING": "warning", "ERROR": "error", "FATAL": "error", "PANIC": "critical"}
_REDIS = re.compile(r"^\d+:\S+ (?:\(\d+\)|\d+ \w+ \d+ \S+ ([.\-*#])) (.*)$")
# Redis writes its coming and going at the level of its warnings
_REDIS_LIFE = (
    "oO0OoO0OoO0Oo",
    "Redis version",
    "Configuration loaded",
    "Server initialized",
    "User requested",
    "Redis is now",
)
_REDIS_LEVELS = {".": "debug", "#": "warning"}
_COMMANDS = ("migrate", "demo", "npm", "backup", "drill")
_SHOWN_APART = ("@timestamp", "log.level", "message", "service.name", "service.version", "log.logger")


def wrap(source: str, text: str, *, is_error: bool) -> dict[str, Any]:
    """The log object for a line of a program that does not write JSON."""
    # commands that run once tell people on stderr what they did
    level = "warning" if is_error and source not in _COMMANDS else "info"
    if source == "postgres":
        match = _POSTGRES.match(text)
        level, text = (_POSTGRES_LEVELS.get(match[1], "info"), match[2]) if match else ("info", text.strip())
    elif source in {"broker", "cache"}:
        match = _REDIS.match(text)
        level, text = (_REDIS_LEVELS.get(match[1], "info"), match[2]) if match else ("info", text)
        level = "info" if text.startswith(_REDIS_LIFE) else level
    return _object(source, level, text)


def _object(source: str, level: str, message: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"@timestamp": now, "log.level": level, "message": message, "service.name": f"synergy-{source}",
            "service.version": VERSION}  # fmt: skip


def readable(source: str, entry: dict[str, Any]) -> str:
    """One line for a person."""
    fields = " ".join(
        f"{name.removeprefix('synergy.')}={value}" for name, value in entry.items() if name not in _SHOWN_APART
    )
    clock = str(entry.get("@timestamp", ""))[11:19]
    return f"{clock} {source:<9} {entry.get('log.level', 'info'):<8} {entry.get('message', '')} {fields}".rstrip()


class Output:
    """Standard output and standard error of the supervisor."""

    def __init__(self, *, pretty: bool) -> None:
        self.pretty = pretty
        self.closed = False

    def child_line(self, source: str, line: bytes, *, is_error: bool) -> str:
        """Write a line of a child; the text of it, for a report of its last lines."""
        entry: dict[str, Any] | None = None
        with contextlib.suppress(msgspec.DecodeError):
            entry = msgspec.json.decode(line, type=dict[str, Any])
        if entry is None:
            text = line.decode(errors="replace").rstrip()
            if not text:
                return ""
            entry = wrap(source, text, is_error=is_error)
            line = msgspec.json.encode(entry)
        self._write(sys.stdout.fileno(), readable(source, entry).encode() if self.pretty else line)
        return str(entry.get("error.message") or entry.get("message") or "")

    def event(self, level: str, name: str, **fields: object) -> None:
        """Write a log event of the supervisor itself."""
        entry = _object("up", level, name) | {f"synergy.{key}": value for key, value in fields.items()}
        self._write(sys.stdout.fileno(), readable("up", entry).encode() if self.pretty else msgspec.json.encode(entry))

    def say(self, sentence: str) -> None:
        """Tell a person; never on the JSON lines' stream."""
        self._write((sys.stdout if self.pretty else sys.stderr).fileno(), sentence.encode())

    def complain(self, sentence: str) -> None:
        """Tell a person what went wrong."""
        self._write(sys.stderr.fileno(), sentence.encode())

    def _write(self, descriptor: int, line: bytes) -> None:
        view = memoryview(line + b"\n")
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:  # the reader has gone: the loop ends everything
            self.closed = True
