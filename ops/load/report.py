"""The dated report of a load test: Markdown for people, JSON beside it, and what is worse than in the last one."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from figures import Row, table

from synergy_domain.maintenance import RecordInput
from synergy_platform.version import VERSION

_PACKAGES = ("granian", "litestar", "msgspec", "asyncpg", "sqlalchemy", "taskiq")
# goals of the specification that another command measures, or none yet
ELSEWHERE = (
    "ten times the data: not measured",
    "search: there is none yet",
    "uploads, downloads, import and export: tests of each",
    "start and memory of the embedded system: `just footprint`",
    "pages of the web app: not measured",
    "500 kills: `just chaos --kills 500`",
)


class Report(msgspec.Struct, kw_only=True):
    """What was measured, on what; `system` says whether two reports can be compared."""

    format: int = 1
    system: str
    profile: str
    started_at: datetime
    finished_at: datetime
    machine: dict[str, str]
    versions: dict[str, str]
    data: dict[str, str]
    rows: list[Row]
    sections: dict[str, str]
    detail: dict[str, Any] = {}
    compared_with: str | None = None
    regressions: list[str] = []

    @property
    def short(self) -> list[str]:
        """Goals that were not reached."""
        return [row.what for row in self.rows if row.reached is False]

    @property
    def summary(self) -> str:
        """A sentence."""
        goals = [row for row in self.rows if row.reached is not None]
        text = f"{len(goals) - len(self.short)} of {len(goals)} goals reached"
        worse = (
            f"{len(self.regressions)} regression(s) since {self.compared_with}"
            if self.compared_with
            else "no report before"
        )
        return f"Load test ({self.profile}) of {self.system}: {text}; {worse}."


def machine() -> dict[str, str]:
    """Where the client runs, and how busy it is now."""
    cpu, memory = platform.processor() or platform.machine(), ""
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            memory = f"{int(line.split()[1]) / (1 << 20):.1f} GiB"
    return {
        "cores": str(os.cpu_count()), "cpu": cpu, "memory": memory, "system": platform.platform(),
        "load average before": " ".join(f"{one:.2f}" for one in os.getloadavg()),
    }  # fmt: skip


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def versions() -> dict[str, str]:
    """Of what runs here."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)  # noqa: S607 - whichever is there
    return {
        "synergyos": VERSION, "revision": done.stdout.strip() or "unknown", "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }  # fmt: skip


def finish(report: Report, folder: Path) -> Path:
    """Compare it with the last one of the same system and profile, and write it; the path of the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    before = last_of(folder, report)
    if before:
        report.compared_with = before.started_at.strftime("%Y-%m-%d %H:%M")
        report.regressions = regressions(before.rows, report.rows)
    stem = f"{report.started_at.strftime('%Y-%m-%d-%H%M%S')}-{report.profile}"
    path = folder / f"{stem}.md"
    path.write_text(markdown(report, before))
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return path


def last_of(folder: Path, report: Report) -> Report | None:
    """The latest earlier report that can be compared with this one."""
    found: list[Report] = []
    for path in folder.glob("*.json"):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Report))
        except (msgspec.DecodeError, OSError):  # not ours, or of another format
            continue
    alike = [
        one
        for one in found
        if (one.system, one.profile, one.format) == (report.system, report.profile, report.format)
        and one.machine["cores"] == report.machine["cores"] and one.started_at < report.started_at
    ]  # fmt: skip
    return max(alike, key=lambda one: one.started_at, default=None)


def regressions(before: Sequence[Row], now: Sequence[Row]) -> list[str]:
    """Figures that are worse than before by more than their tolerance."""
    old = {row.what: row.value for row in before}
    found: list[str] = []
    for row in now:
        earlier = old.get(row.what)
        if row.value is None or earlier is None:
            continue
        worst = earlier * (1 - row.tolerance) if row.better == "higher" else earlier * (1 + row.tolerance)
        if (row.value < worst) if row.better == "higher" else (row.value > worst):
            found.append(f"{row.what}: {row.value:.4g}, before {earlier:.4g}")
    return found


def record_of(report: Report) -> RecordInput:
    """For the list of maintenance: somebody has to look where a goal is short or a figure worse than before."""
    return RecordInput(
        task="quarterly.load_test",
        outcome="attention" if report.short or report.regressions else "ok",
        started_at=report.started_at,
        finished_at=report.finished_at,
        done_by=f"{getpass.getuser()}@{socket.gethostname()}"[:100],
        summary=report.summary,
        detail={
            "machine": report.machine,
            "versions": report.versions,
            "short": report.short,
            "regressions": report.regressions,
            "figures": {row.what: row.value for row in report.rows if row.value is not None},
        },
    )


def markdown(report: Report, before: Report | None) -> str:
    """The report for people."""
    lines = [f"# Load test, {report.started_at.strftime('%Y-%m-%d %H:%M')} UTC", "", report.summary, ""]
    for title, values in (("Machine", report.machine), ("Versions", report.versions), ("Data", report.data)):
        lines += [f"- {title}: " + ", ".join(f"{name} {value}" for name, value in values.items())]
    took = (report.finished_at - report.started_at).total_seconds()
    lines += [f"- Took {took:.0f} s", "", "## Goals and figures", "", table(report.rows), ""]
    if before:
        lines += [f"## Since {report.compared_with}", ""]
        lines += [f"- worse: {one}" for one in report.regressions] or ["Nothing is worse by more than its tolerance."]
        busy = before.machine["load average before"], report.machine["load average before"]
        lines += ["", f"Load average before this run {busy[1]}, before that one {busy[0]}.", ""]
    for title, text in report.sections.items():
        lines += [f"## {title}", "", text, ""]
    lines += ["## Not in this report", "", *(f"- {one}" for one in ELSEWHERE), ""]
    return "\n".join(lines)
