"""Measure `synergy up`: seconds to the first healthy answer, and the memory of the idle system.

Starts it twice on a temporary home (the first start makes the database and may build the web app), waits, and sums
the proportional set size of every process below it; memory that processes share counts once. Ends with status 1
when the second start or the memory is over the limit. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from synergy_platform.embedded.process import free_port

START_LIMIT_SECONDS = 8.0
MEMORY_LIMIT_MB = 450.0


def healthy(port: int) -> bool:
    """Whether the public port answers that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health/ready", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def start(home: Path, port: int, arguments: list[str]) -> tuple[subprocess.Popen[bytes], float]:
    """Start it; the process and the seconds until it was healthy."""
    environment = os.environ | {"SYNERGY_HOME": str(home), "SYNERGY_PORT": str(port), "SYNERGY_LOG_FORMAT": "json"}
    began = time.monotonic()
    with (home.parent / "lines").open("ab") as lines:
        command = [sys.executable, "-m", "synergy_cli", "up", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=lines)  # noqa: S603 - our own program
    while not healthy(port):
        if process.poll() is not None:
            raise SystemExit(f"synergy up ended with status {process.returncode}: its lines are in {lines.name}")
        time.sleep(0.02)
    return process, time.monotonic() - began


def stop(process: subprocess.Popen[bytes]) -> float:
    """End it; the seconds that took."""
    began = time.monotonic()
    process.terminate()
    process.wait(30)
    return time.monotonic() - began


def tree(root: int) -> list[tuple[int, int]]:
    """All processes below `root` and itself, as (process, the ancestor directly below root)."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    found = [(root, root)]
    for pid in parents:
        chain = [pid]
        while chain[-1] in parents and chain[-1] != root:
            chain.append(parents[chain[-1]])
        if chain[-1] == root and len(chain) > 1:
            found.append((pid, chain[-2]))
    return found


def pss_mb(pid: int) -> float:
    """Proportional set size in MB (2**20 bytes)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def names(home: Path, root: int) -> dict[int, str]:
    """What `synergy up` calls its children."""
    found = {root: "up"}
    for record in [*(home / "run").iterdir(), *(home / name / "process" for name in ("postgres", "broker", "cache"))]:
        found[int(record.read_text().split()[0])] = record.name if record.parent.name == "run" else record.parent.name
    return found


def measure_memory(home: Path, root: int) -> float:
    """Print a table by process; the sum in MB."""
    called = names(home, root)
    sizes: dict[str, list[float]] = {}
    for pid, top in tree(root):
        sizes.setdefault(called.get(top, str(top)), []).append(pss_mb(pid))
    for name, parts in sorted(sizes.items(), key=lambda item: -sum(item[1])):
        shown = " + ".join(f"{part:.1f}" for part in sorted(parts, reverse=True))
        print(f"  {name:<10} {sum(parts):7.1f} MB   {shown if len(parts) > 1 else ''}".rstrip())
    total = sum(sum(parts) for parts in sizes.values())
    print(f"  {'total':<10} {total:7.1f} MB   (limit {MEMORY_LIMIT_MB:.0f})")
    return total


def main() -> int:
    """Measure and print; 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description="Start time and idle memory of `synergy up`.")
    parser.add_argument(
        "--idle", type=float, default=20, metavar="SECONDS", help="wait so long before measuring memory"
    )
    parser.add_argument("--no-web", action="store_true", help="without the web app")
    options = parser.parse_args()
    arguments = ["--no-web"] if options.no_web else []
    with tempfile.TemporaryDirectory(prefix="synergy-footprint-") as folder:
        home = Path(folder) / "home"
        port = free_port()
        process, first = start(home, port, arguments)
        print(f"first start:  {first:5.1f} s to the first healthy answer")
        print(f"stop:         {stop(process):5.1f} s")
        process, second = start(home, port, arguments)
        print(f"second start: {second:5.1f} s to the first healthy answer (limit {START_LIMIT_SECONDS:.0f})")
        try:
            time.sleep(options.idle)
            print(f"memory after {options.idle:.0f} s (sum of PSS):")
            memory = measure_memory(home, process.pid)
        finally:
            print(f"stop:         {stop(process):5.1f} s")
    return int(second > START_LIMIT_SECONDS or memory > MEMORY_LIMIT_MB)


if __name__ == "__main__":
    raise SystemExit(main())
