"""`tune`: looks at the machine and says what to set, and why; `--write` puts it into .env."""

from __future__ import annotations

import argparse
import os
import re
import shutil
from pathlib import Path

from synergy_cli.stack.compose import Stack, say
from synergy_cli.stack.sizing import MIB_OF_GIB, Machine, Plan, plan, smallest, users_of

SIZES = (10, 100, 1000, 10_000)
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([MG])i?B?", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{(\w+):-([^}]+)\}")
_CGROUP = Path("/sys/fs/cgroup")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--users", type=int, help="people with an account; as many as it carries when not given")
    parser.add_argument("--cores", type=float, help="of another machine than this one")
    parser.add_argument("--memory", type=memory_in_mib, help="such as 32G")
    parser.add_argument("--disk", type=int, help="free GiB")
    parser.add_argument("--write", action="store_true", help="put it into .env, and show what changes")
    parser.add_argument("--table", action="store_true", help="the table of docs/capacity.md instead")


def memory_in_mib(text: str) -> int:
    """`32G` or `512M` as MiB; ArgumentTypeError for anything else."""
    match = _MEMORY.fullmatch(text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read. Write memory as 32G or 512M.")
    return round(float(match[1]) * (MIB_OF_GIB if match[2].upper() == "G" else 1))


def this_machine(folder: Path, *, cgroup: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> Machine:
    """Cores and memory that this process may use, and the free disk below `folder`."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota = _words(cgroup / "cpu.max") or [
        *_words(cgroup / "cpu/cpu.cfs_quota_us"),
        *_words(cgroup / "cpu/cpu.cfs_period_us"),
    ]
    if len(quota) == 2 and quota[0].isdigit():
        cores = min(cores, int(quota[0]) / int(quota[1]))
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines()) if meminfo.exists() else {}
    memory = int(lines["MemTotal"].split()[0]) // 1024 if "MemTotal" in lines else _physical_memory()
    for path in (cgroup / "memory.max", cgroup / "memory/memory.limit_in_bytes"):
        limit = _words(path)
        if limit and limit[0].isdigit():
            memory = min(memory, int(limit[0]) >> 20)
    return Machine(cores, memory, shutil.disk_usage(folder).free >> 30)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def tune(stack: Stack, arguments: argparse.Namespace) -> int:
    """Say it; 1 where something does not fit."""
    if arguments.table:
        say(table())
        return 0
    here = this_machine(stack.root)
    machine = Machine(arguments.cores or here.cores, arguments.memory or here.memory, arguments.disk or here.disk)
    users = arguments.users or users_of(machine)
    found = plan(machine, users)
    _describe(found, chosen=not arguments.users)
    changes = _changes(stack, found)
    for setting in found.settings:
        say(f"{setting.name}={setting.value}  # {setting.why}")
    for warning in found.warnings:
        say(f"! {warning}")
    if stack.setting("DB_HOST", "db") != "db":
        say(
            "! The database is not compose's own: set max_connections and its memory there; SYNERGY_DB_* sizes nothing."
        )
    if arguments.write:
        _write(stack, changes)
    elif changes:
        say(f"{len(changes)} differ from what holds now. `just tune --write` puts them there.")
    return 1 if found.warnings else 0


def _describe(found: Plan, *, chosen: bool) -> None:
    machine, demand = found.machine, found.demand
    gib = machine.memory / MIB_OF_GIB
    say(f"Machine: {machine.cores:g} cores, {gib:.1f} GiB of memory, {machine.disk} GiB of disk free.")
    say(
        ("It carries some " if chosen else "Wanted: ")
        + f"{demand.users:,} users: {demand.active} active at the peak, {demand.requests:.1f} requests a second, "
        f"{demand.active} event streams."
    )
    say(
        f"Expected: {demand.cores:.2f} cores busy, {found.memory / MIB_OF_GIB:.1f} GiB in use, "
        f"{found.disk_a_year:.1f} GiB more on disk each year, {found.connections} connections at most."
    )
    say("The figures behind this, and which are measured: docs/capacity.md.")


def _changes(stack: Stack, found: Plan) -> dict[str, tuple[str, str]]:
    """What differs from .env, or from compose.yaml's default where .env says nothing: the old value and the new one."""
    compose = stack.root / "compose.yaml"
    defaults = dict(_DEFAULT.findall(compose.read_text())) if compose.exists() else {}
    present = {each.name: stack.setting(each.name, defaults.get(each.name, "")) for each in found.settings}
    return {each.name: (present[each.name], each.value) for each in found.settings if present[each.name] != each.value}


def _write(stack: Stack, changes: dict[str, tuple[str, str]]) -> None:
    stack.require_init()
    if not changes:
        say("All of it holds already.")
        return
    for name, (old, new) in changes.items():
        say(f".env: {name}: {old or '(nothing)'} -> {new}")
    with stack.lock():
        stack.save({name: new for name, (_, new) in changes.items()})
    if any(
        name.startswith("SYNERGY_DB_M") or name.endswith(("_BUFFERS", "_CACHE_SIZE", "_DB_CPUS")) for name in changes
    ):
        say("First `just restart db`: some seconds without a database.")
    say("`just deploy` takes over the rest.")
    if any(name.startswith("SYNERGY_PROXY") for name in changes):
        say("Then `just restart proxy`, some seconds too.")


_SOURCES = {
    "WEB_WORKERS": "compose's default; measured with 1 and 2",
    "SYNERGY_API_REPLICAS": "chosen: two, so that one may fail",
    "SYNERGY_WORKER_REPLICAS": "extrapolated from CPU for a change",
    "SYNERGY_SCHEDULER_REPLICAS": "chosen: two, so that one may fail",
    "SYNERGY_WEB_REPLICAS": "chosen; CPU for a page is an estimate",
    "SYNERGY_WORKER_CONCURRENCY": "chosen: most jobs wait for others",
    "SYNERGY_DB_POOL_SIZE": "measured with 3",
    "SYNERGY_WORKER_DB_POOL_SIZE": "counted: jobs and one",
    "SYNERGY_DB_MAX_CONNECTIONS": "counted",
    "SYNERGY_DB_SHARED_BUFFERS": "measured with 256 MB; above it the usual share",
    "SYNERGY_PROXY_REQUESTS_PER_SECOND": "extrapolated: three times the peak",
}


def table() -> str:
    """The settings for the sizes of docs/capacity.md, as Markdown, and where each line is from."""
    plans = [plan(smallest(users), users) for users in SIZES]
    names = ["", *(f"{users:,} users" for users in SIZES), "from"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]

    def row(name: str, cells: list[str], source: str) -> None:
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {source} |")

    row("active at the peak", [f"{each.demand.active:,}" for each in plans], "assumed: one in ten, three at least")
    row("requests a second", [f"{each.demand.requests:.1f}" for each in plans], "assumed: one each 5 s and active user")
    row("cores busy then", [f"{each.demand.cores:.2f}" for each in plans], "extrapolated from CPU for a request")
    row("**cores**", [f"{each.machine.cores:g}" for each in plans], "at most half of them busy")
    row("memory in use, GiB", [f"{each.memory / MIB_OF_GIB:.1f}" for each in plans], "extrapolated from processes")
    row("**memory**, GiB", [f"{each.machine.memory / MIB_OF_GIB:g}" for each in plans], "at most 80 % in use")
    row(
        "more on disk each year, GiB",
        [f"{each.disk_a_year:.0f}" for each in plans],
        "extrapolated from bytes of a change",
    )
    row("database's log of a week, GiB", [f"{each.disk_of_log:.0f}" for each in plans], "the same, not compressed")
    row("**disk** for three years, GiB", [f"{each.machine.disk:,}" for each in plans], "sum, and 20 for the system")
    row("connections at most", [str(each.connections) for each in plans], "counted, with one API container more")
    for setting in plans[0].settings:
        source = _SOURCES.get(setting.name, "limit, follows from the machine")
        row(f"`{setting.name}`", [each.value(setting.name) for each in plans], source)
    return "\n".join(lines)
