"""Processes, memory, disks, files that others must not read."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

from synergy_cli.doctor.facts import Facts
from synergy_cli.doctor.findings import Finding, NotSeen, NotUsed, fault, graded, ok, warning

_GB = 1 << 30
_RELEASED = 1_790_000_000  # no clock that is right shows less: SynergyOS is younger


def running(facts: Facts) -> Finding:
    """There is something to look at."""
    if trouble := facts.not_running:
        return fault(trouble.text, trouble.fix, trouble.runbook)
    return ok("It runs.")


def processes(facts: Facts) -> Finding:
    """Each that was started is there."""
    missing = [each.name for each in facts.the_processes() if not each.runs]
    if missing:
        return fault(
            f"Not running: {', '.join(missing)}.",
            "Its last lines in the log of `synergy up` say why; mend that, and it is tried again by itself.",
            "process-does-not-start",
        )
    return ok(f"Running: {', '.join(each.name for each in facts.the_processes())}.")


def stopped(facts: Facts) -> Finding:
    """A stopped process holds its connections and answers nobody."""
    held = [each.name for each in facts.the_processes() if each.stopped]
    if held:
        return fault(f"Stopped by a signal: {', '.join(held)}.", "Send it SIGCONT, or kill it.", "responses-slow")
    return ok("No process is stopped.")


def process_memory(facts: Facts) -> Finding:
    """Of each process with all that came of it, against its limit."""
    limited = [each for each in facts.the_processes() if each.limit_mb]
    if not limited:
        raise NotSeen("the memory of processes is not told here")
    worst = max(limited, key=lambda each: each.memory_mb / each.limit_mb)
    text = f"The fullest process is {worst.name}: {worst.memory_mb:.0f} of {worst.limit_mb:.0f} MiB."
    return graded(
        worst.memory_mb / worst.limit_mb, 0.85, 0.95, text,
        "Raise its limit, or run fewer processes (WEB_WORKERS, SYNERGY_WORKER_CONCURRENCY).", "memory-high",
    )  # fmt: skip


def open_files(facts: Facts) -> Finding:
    """Connections are files too."""
    counted = [each for each in facts.the_processes() if each.most_files]
    if not counted:
        raise NotSeen("open files are not told here")
    worst = max(counted, key=lambda each: each.open_files / each.most_files)
    text = f"The process with most open files is {worst.name}: {worst.open_files} of {worst.most_files}."
    return graded(worst.open_files / worst.most_files, 0.8, 0.95, text, "Raise its limit (ulimit -n), start it again.")


def machine_memory(_: Facts, read: Callable[[], str] = Path("/proc/meminfo").read_text) -> Finding:
    """What is left for everybody."""
    try:
        rows = dict(line.split(":", 1) for line in read().splitlines())
    except OSError:
        raise NotSeen("this machine does not tell its memory") from None
    all_kb, left_kb = (int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    text = f"{left_kb / 2**20:.1f} of {all_kb / 2**20:.1f} GiB of memory are available."
    return graded(
        1 - left_kb / all_kb, 0.92, 0.97, text, "Find what takes it (top, sorted by M), or add memory.", "memory-high"
    )


def group_memory(_: Facts, folder: Path = Path("/sys/fs/cgroup")) -> Finding:
    """A container or service of this machine may have a limit of its own."""
    try:
        most = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        rows = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        raise NotUsed("no control group limits it") from None
    if most == "max":
        raise NotUsed("its control group has no limit")
    used -= int(rows.get("inactive_file", 0))  # goes as soon as it is wanted
    text = f"The control group uses {used / 2**20:.0f} of {int(most) / 2**20:.0f} MiB."
    return graded(used / int(most), 0.85, 0.95, text, "Raise its limit, or run fewer processes.", "memory-high")


def disk_free(facts: Facts) -> Finding:
    """Of each disk that holds something of ours."""
    if not facts.disks:
        raise NotSeen("no folder of this system is on this machine")
    used = {what: shutil.disk_usage(path) for what, path in facts.disks.items()}
    what, worst = min(used.items(), key=lambda each: each[1].free)
    share = worst.free / worst.total
    text = f"The disk of the {what} has {worst.free / _GB:.1f} GiB free ({100 * share:.0f} %)."
    remedy = "Make room, or move it to a larger disk: PostgreSQL ends when it cannot write."
    if worst.free < _GB // 2 or (share < 0.03 and worst.free < 10 * _GB):
        return fault(text, remedy, "disk-low")
    is_low = worst.free < 2 * _GB or (share < 0.1 and worst.free < 20 * _GB)
    return warning(text, remedy, "disk-low") if is_low else ok(text)


def free_bytes(folder: Path) -> int | None:
    """Of its disk; None when there is no such folder here."""
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def inodes(facts: Facts) -> Finding:
    """A disk can be full of small files."""
    if not facts.disks:
        raise NotSeen("no folder of this system is on this machine")
    counts = [os.statvfs(path) for path in facts.disks.values()]
    shares = [1 - each.f_favail / each.f_files for each in counts if each.f_files]
    if not shares:
        raise NotUsed("its disks do not count files")
    return graded(
        max(shares), 0.9, 0.98, f"{100 * max(shares):.0f} % of the disk's files (inodes) are used.",
        "Delete small files that nobody needs, or move to another disk.",
    )  # fmt: skip


def clock(_: Facts, now: Callable[[], float] = time.time) -> Finding:
    """Certificates, codes and schedules need it."""
    if now() < _RELEASED:
        return fault("This machine's clock shows a year before this release.", "Set it, and keep it by NTP.")
    return ok("The clock is later than this release.")


def storage(facts: Facts) -> Finding:
    """A file was written, read and deleted."""
    if facts.storage is None:
        raise NotSeen(facts.unseen)
    if isinstance(facts.storage, str):
        return ok(facts.storage)
    return fault(facts.storage.text, facts.storage.fix, facts.storage.runbook)


def private_files(facts: Facts) -> Finding:
    """Secrets are for their owner."""
    wide: list[str] = []
    seen = 0
    for each in facts.private_files:
        try:
            mode = stat.S_IMODE(each.path.stat().st_mode)
        except OSError:
            continue
        seen += 1
        if mode & ~each.allowed:
            wide.append(f"{each.path} ({mode:04o}, at most {each.allowed:04o})")
    if not seen:
        raise NotUsed("no file with secrets is on this machine")
    if wide:
        return fault(f"Others may read or change {'; '.join(wide)}.", "Take the rights away with chmod.")
    return ok(f"{seen} files and folders with secrets are for their owner only.")
