"""Whether the worker or the scheduler of this machine is alive, for a container's health check.

It runs every few seconds in each container, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

# A beat comes every 5 seconds, every 10 while the database is away; a dead child is replaced within 10 more.
SILENT_AFTER_SECONDS = 30.0


def probe(environ: Mapping[str, str]) -> int:
    """0 when `SYNERGY_HEARTBEAT_FILE` was touched lately, else 1 and a sentence on standard error."""
    path = environ.get("SYNERGY_HEARTBEAT_FILE", "")
    if not path:
        sys.stderr.write("SYNERGY_HEARTBEAT_FILE is not set: the process leaves no sign of life to look at.\n")
        return 1
    try:
        age = time.time() - os.stat(path).st_mtime  # noqa: PTH116 - pathlib costs as much as all the rest
    except OSError as error:
        sys.stderr.write(f"{path} cannot be read: {error.strerror}. The process has not beaten yet.\n")
        return 1
    if age > SILENT_AFTER_SECONDS:
        sys.stderr.write(f"The last heartbeat in {path} is {age:.0f} seconds old.\n")
        return 1
    return 0
