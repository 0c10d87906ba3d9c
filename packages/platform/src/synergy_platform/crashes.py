"""What ends a process that nobody expected to end, as a line of its log. Needs the standard library only.

Set before anything else is imported: an installation that lacks a file tells so in the form of all other lines.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from synergy_platform.version import VERSION


def log_crashes(service: str) -> None:
    """Have an exception that nothing catches written to stdout as JSON; people at a terminal get Python's own text."""
    wanted = os.environ.get("SYNERGY_LOG_FORMAT", "auto")
    if wanted == "pretty" or (wanted == "auto" and sys.stdout.isatty()):
        return

    def write(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
        if not issubclass(kind, Exception):  # Ctrl-C
            sys.__excepthook__(kind, error, place)
            return
        frames = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(place)]
        line = {
            "@timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "log.level": "critical",
            "message": "process.crashed",
            "service.name": service,
            "service.version": VERSION,
            "error.type": kind.__name__,
            "error.message": _message(error),
            "error.stack_trace": "\n".join(frames),
        }
        sys.stdout.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        sys.stdout.flush()

    sys.excepthook = write


def _message(error: BaseException) -> str:
    try:
        from synergy_platform.logs import without_values
    except ImportError:  # what is installed is broken, and no database was asked yet
        return str(error)
    return without_values(str(error))
