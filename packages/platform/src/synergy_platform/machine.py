"""Metrics of where a process runs: its version, the memory and the disk that it has. Read when Prometheus asks.

Memory is that of the container, where it has a limit, as the kernel counts it before it kills; else of the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from synergy_platform.version import VERSION

CONTAINER = Path("/sys/fs/cgroup")
MACHINE = Path("/proc/meminfo")


class Machine(Collector):
    """`folder` is where files are kept; it need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """What is true now."""
        build = GaugeMetricFamily("synergy_build_info", "1, and the version that runs", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        memory = memory_of(CONTAINER, MACHINE)
        if memory is not None:
            used, limit = memory
            yield GaugeMetricFamily("synergy_memory_used_bytes", "Memory in use, of the container or machine", used)
            yield GaugeMetricFamily("synergy_memory_limit_bytes", "Memory that there is", limit)
        size, free = disk_of(self._folder)
        yield GaugeMetricFamily("synergy_disk_free_bytes", "Free on the disk of uploaded files", free)
        yield GaugeMetricFamily("synergy_disk_size_bytes", "Size of the disk of uploaded files", size)


def disk_of(folder: Path) -> tuple[int, int]:
    """Size of the disk that a folder is on, or will be, and what is free there, in bytes."""
    disk = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists()))
    return disk.total, disk.free


def memory_of(container: Path, machine: Path) -> tuple[int, int] | None:
    """Used and there, in bytes; None where the system does not tell."""
    try:
        limit = int((container / "memory.max").read_text())
        used = int((container / "memory.current").read_text())
        # what the kernel gives back as soon as somebody needs it
        return used - _number((container / "memory.stat").read_text(), "inactive_file"), limit
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass
    try:
        table = machine.read_text()
    except OSError:
        return None
    total, available = _number(table, "MemTotal:") * 1024, _number(table, "MemAvailable:") * 1024
    return total - available, total


def _number(table: str, name: str) -> int:
    return next(int(line.split()[1]) for line in table.splitlines() if line.split()[0] == name)
