"""`hatch run` starts a command below a shell and passes no signal on."""

from __future__ import annotations

import os
from pathlib import Path


def find_hatch() -> int | None:
    """The Hatch process above this one: its own parent, or its shell's; None without one or without /proc."""
    pid = os.getppid()
    for _ in range(2):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return None
        if any(os.path.basename(word) == b"hatch" for word in words[:3]):  # noqa: PTH119 - bytes
            return pid
        pid = int(parent)
    return None
