"""What /proc tells of processes (Linux)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from synergy_cli.doctor.facts import Process

_PROC = Path("/proc")
_MB = 1 << 20


def tree(root: int) -> list[int]:
    """A process and all that came of it."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = list[int](), [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def process(name: str, pid: int, limit_mb: float, *, each: bool = False) -> Process:
    """The facts of its tree; `each`: the limit is of one process, so the largest one counts."""
    pids = tree(pid)
    memory = [_memory_mb(one) for one in pids]
    files, most = max(((_open_files(one), _most_files(one)) for one in pids), key=lambda pair: pair[0])
    return Process(
        name,
        runs=True,
        memory_mb=max(memory) if each else sum(memory),
        limit_mb=limit_mb,
        stopped=any((_stat(one) or [""])[0] in {"T", "t"} for one in pids),
        open_files=files,
        most_files=most,
    )


def _stat(pid: int) -> list[str] | None:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _memory_mb(pid: int) -> float:
    """Its share (PSS) where that is told, else what it has in memory."""
    try:
        match = re.search(r"^Pss:\s+(\d+) kB", (_PROC / str(pid) / "smaps_rollup").read_text(), re.MULTILINE)
        if match:
            return int(match[1]) / 1024
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB
    except (OSError, IndexError):
        return 0.0


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(_PROC / str(pid) / "fd"))  # noqa: PTH208 - only their number
    except OSError:
        return 0


def _most_files(pid: int) -> int:
    try:
        match = re.search(r"^Max open files\s+(\d+)", (_PROC / str(pid) / "limits").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
