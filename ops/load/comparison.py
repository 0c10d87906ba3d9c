"""Our API against the floor, on the reference set, with one client and in one run.

Both servers run on the same database with the same number of processes and database connections, and are asked in
turns, in short rounds: whatever else the machine does meets both. Only ratios of one run can be compared.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cases import CASES, Case, Person, people
from client import Job, Result, run_apart
from figures import Row, percentile
from system import System, Target, count_statements, cpu_seconds, running

CONNECTIONS = 50
_VOLATILE = re.compile(rb'"(id|key|number|created_at|updated_at)":("[^"]*"|\d+)')

_COLUMNS = (
    "request", "of the floor (least to most)", "goal", "", "requests/s ours, floor", "CPU µs ours: server + PostgreSQL",
    "CPU µs floor", "p50 / p95 / p99 ms ours", "floor", "statements ours, floor", "kB", "errors", "CPU of the client",
)  # fmt: skip


class Round(msgspec.Struct, frozen=True):
    """What the client saw, and the processor time in microseconds for each request: of the server, of PostgreSQL."""

    seen: Result
    server: float
    database: float


class Figures(msgspec.Struct, frozen=True):
    """What was measured of one request: each list has a result for each round."""

    case: Case
    ours: list[Round]
    floor: list[Round]
    statements: int
    floor_statements: int


def measure_against_floor(
    folder: Path, *, names: Sequence[str], seconds: float, rounds: int, processes: int, hold: bool = False
) -> list[Figures]:
    """The cases of these names, or all where none is named; `folder` keeps the reference set."""
    wanted = [case for case in CASES if not names or case.name in names]
    figures: list[Figures] = []
    with running(folder, processes_of_each=processes) as system:
        persons = asyncio.run(people(system.settings, system.ours, CONNECTIONS))
        if hold:
            _hold(system, persons[0])
        for case in wanted:
            _verify(system, case, persons[0])
            statements = [_count_statements(system, target, case, persons[0]) for target in (system.ours, system.floor)]
            ours, floor = [], []
            for _ in range(rounds):
                ours.append(_measure(system, system.ours, case, persons, seconds))
                floor.append(_measure(system, system.floor, case, persons, seconds))
            figures.append(Figures(case, ours, floor, *statements))
            print(_line(figures[-1]), file=sys.stderr)
    return figures


def has_errors(figures: Sequence[Figures]) -> bool:
    """Whether any answer was not the expected one."""
    return any(one.seen.errors for each in figures for one in (*each.ours, *each.floor))


def _verify(system: System, case: Case, person: Person) -> None:
    """Both must give the same body; of a new task, but for its id, number and times."""
    for path in case.paths(person)[:5]:
        bodies: list[bytes] = []
        for target in (system.ours, system.floor):
            token = person.token if case.authenticated else None
            status, body = target.request(case.method, path, case.body, token)
            if status != case.status:
                raise SystemExit(f"{case.name}: {target.name} answers {status}: {body[:500].decode(errors='replace')}")
            bodies.append(body if case.method == "GET" else _VOLATILE.sub(rb'"\1":0', body))
        if bodies[0] != bodies[1]:
            raise SystemExit(f"{case.name}: the bodies differ:\n{bodies[0][:800]!r}\n{bodies[1][:800]!r}")
        forged = person.token[:-4] + "AAAA"
        for target in (system.ours, system.floor) if case.authenticated else ():
            if target.request(case.method, path, case.body, forged)[0] != 401:
                raise SystemExit(f"{case.name}: {target.name} takes a forged token")


def _count_statements(system: System, target: Target, case: Case, person: Person) -> int:
    if case.name == "health/live":
        return 0
    return count_statements(
        system.postgres,
        "synergy-api" if target is system.ours else "synergy-floor",
        lambda: target.request(case.method, case.paths(person)[0], case.body, person.token),
    )


def _measure(system: System, target: Target, case: Case, persons: list[Person], seconds: float) -> Round:
    job = Job(
        host=target.host, port=target.port, requests=[case.raw(target, person) for person in persons], seconds=seconds,
        warm_up=0.7, status=case.status,
    )  # fmt: skip
    before = cpu_seconds(target.pid), cpu_seconds(system.database_pid)
    seen = run_apart(job)
    after = cpu_seconds(target.pid), cpu_seconds(system.database_pid)
    server, database = ((late - early) / max(1, seen.sent) * 1e6 for early, late in zip(before, after, strict=True))
    return Round(seen, server, database)


def _rate(one: Round) -> float:
    return one.seen.requests / one.seen.seconds


def _ratios(one: Figures) -> list[float]:
    pairs = zip(one.ours, one.floor, strict=True)
    return [_rate(ours) / _rate(floor) for ours, floor in pairs if floor.seen.requests] or [0.0]


def _percentiles(rounds: list[Round]) -> str:
    latencies = [latency for one in rounds for latency in one.seen.latencies]
    if not latencies:
        return "no answer in time"
    return " / ".join(f"{percentile(latencies, part) * 1000:.1f}" for part in (0.5, 0.95, 0.99))


def _cpu(rounds: list[Round]) -> str:
    server, database = ([getattr(one, name) for one in rounds] for name in ("server", "database"))
    return f"{statistics.median(server):.0f} + {statistics.median(database):.0f}"


def _errors(one: Figures) -> str:
    seen = [each.seen for each in (*one.ours, *one.floor)]
    first = next((result.first_error for result in seen if result.first_error), None)
    return f"{sum(result.errors for result in seen)}" + (f" ({first})" if first else "")


def _ratio(one: Figures) -> str:
    ratios = _ratios(one)
    return f"{statistics.median(ratios):.0%} ({min(ratios):.0%} to {max(ratios):.0%})"


def _line(one: Figures) -> str:
    return f"{one.case.name}: {_ratio(one)}, CPU {_cpu(one.ours)} against {_cpu(one.floor)}, errors {_errors(one)}"


def rows_of(figures: Sequence[Figures]) -> list[Row]:
    """The goals, and what is compared between reports."""
    rows: list[Row] = []
    for one in figures:
        name, middle = one.case.name, statistics.median(_ratios(one))
        rows.append(
            Row(f"{name}, requests/s of the floor's", _ratio(one), f"{one.case.goal:.0%}", middle >= one.case.goal,
                middle, tolerance=0.15)
        )  # fmt: skip
        rate = statistics.median(_rate(each) for each in one.ours)
        rows.append(Row(f"{name}, requests/s", f"{rate:.0f}", value=rate))
        server, database = (
            statistics.median(getattr(each, part) for each in one.ours) for part in ("server", "database")
        )
        rows.append(
            Row(f"{name}, CPU of API and PostgreSQL", f"{server / 1000:.2f} + {database / 1000:.2f} ms",
                value=(server + database) / 1000, better="lower")
        )  # fmt: skip
        rows.append(Row(f"{name}, p50 / p95 / p99", f"{_percentiles(one.ours)} ms"))
        rows.append(
            Row(f"{name}, statements", f"{one.statements}", value=one.statements, better="lower", tolerance=0.0)
        )
    return rows


def table_of(figures: Sequence[Figures]) -> str:
    """All that was measured, as Markdown."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    for one in figures:
        middle = statistics.median(_ratios(one))
        rates = [statistics.median(_rate(each) for each in rounds) for rounds in (one.ours, one.floor)]
        seen = [each.seen for each in one.ours]
        size = sum(result.bytes for result in seen) / max(1, sum(result.requests for result in seen)) / 1000
        busy = max(each.seen.cpu for each in (*one.ours, *one.floor))
        cells = (
            one.case.name, _ratio(one), f"{one.case.goal:.0%}", "reached" if middle >= one.case.goal else "short",
            f"{rates[0]:.0f}, {rates[1]:.0f}", _cpu(one.ours), _cpu(one.floor), _percentiles(one.ours),
            _percentiles(one.floor), f"{one.statements}, {one.floor_statements}", f"{size:.1f}",
            _errors(one), f"{busy:.0%}",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _hold(system: System, person: Person) -> None:
    """For profiling by hand."""
    print(f"ours   http://{system.ours.host}:{system.ours.port}  process {system.ours.pid}")
    print(f"floor  http://{system.floor.host}:{system.floor.port}  process {system.floor.pid}")
    print(f"database {system.postgres.url(system.settings.db_name)}")
    print(f"token {person.token}", flush=True)
    input("Enter goes on. ")
