"""Requests made up from the served description, as every kind of caller, against a real server.

    hatch run fuzz:run                        2,000 cases and more, under 4 minutes
    hatch run fuzz:run --cases 10000          by hand
    hatch run fuzz:run --role owner --seed 7  one role, and other requests

Beside what is drawn at random, the owner's requests take every bound that the description names. Exits with 1 when an
answer is an error of ours, when its status or content is not described, or when it takes what the description refuses.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import structlog
from servers import answers, environment_of, processes, servers
from world import ROLES, Known, ends_session, fresh_sessions, prepare

from synergy_platform.embedded.process import LOOPBACK, free_port
from synergy_platform.settings import Settings
from synergy_testing.matrix import ROUTES

# they end the caller's own session: each request is another user's
ENDING = "ending"
BOUNDS_FOR = "owner"
# how many of the cases know what they ask for
REAL = 0.9
AT_A_TIME = 2
LIMITS = ("API", "LOGIN", "REGISTER", "FORGOT", "RESET", "MFA")
# events, as a list or as a stream
_STREAM = "GET /api/v1/events"
# what the description allows may still be refused for what it means: two equal names, a date before another
NOT_ASKED = "positive_data_acceptance"


class Report(msgspec.Struct):
    """What came of one role."""

    role: str
    status: int
    seconds: float
    output: str
    summary: dict[str, Any]

    @property
    def cases(self) -> int:
        """How many requests there were."""
        return self.summary["test_cases"]["generated"]

    @property
    def accepted(self) -> int:
        """How many of them were good, and allowed."""
        return sum(rate["accepted"] for rates in self.summary["valid_rates"].values() for rate in rates.values())

    def line(self) -> str:
        """The role in a line."""
        found = self.summary["test_cases"]["unique_failures"]
        return (
            f"{'ok   ' if self.status == 0 else 'FAULT'}  {self.role:<12} {self.cases:>6} cases, {self.accepted:>5} of "
            f"them accepted, {found:>3} findings, {self.seconds:.0f} s"
        )


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000, help="how many at least are drawn at random (2000)")
    parser.add_argument("--role", choices=[*ROLES, ENDING], action="append", help="only as this caller")
    parser.add_argument("--seed", type=int, default=1, help="other requests (1)")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the server's log and all reports")
    options = parser.parse_args()
    # the server's lines go to its own file; those of making the world are of no interest
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    roles = options.role or [*ROLES, ENDING]
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="synergy-fuzz-"))
    examples = max(1, -(-options.cases // (len(ROUTES) * len(roles))))
    print(
        f"{len(ROUTES)} routes, {len(roles)} roles, {examples} cases of each at random, seed {options.seed}", flush=True
    )
    with servers(folder, "fuzz") as settings:
        port = free_port()
        unlimited = {f"SYNERGY_RATE_LIMIT_{name}": "0" for name in LIMITS}
        environment = environment_of(settings, SYNERGY_API_PORT=str(port), WEB_WORKERS="1", **unlimited)
        command = [sys.executable, "-m", "synergy_api"]
        with (
            processes([command], environment, folder / "api.log", lambda: answers(port, "/api/health/ready")),
            ThreadPoolExecutor(AT_A_TIME) as pool,
        ):
            base_url = f"http://{LOOPBACK}:{port}"
            roles.sort(key=lambda role: role != BOUNDS_FOR)  # the longest first
            running = [
                pool.submit(try_role, role, folder / role, settings, base_url, examples, options.seed) for role in roles
            ]
            reports = []
            for report in running:
                reports.append(report.result())
                print(reports[-1].line(), flush=True)
    for report in reports:
        if report.status != 0:
            print(f"\n==== {report.role}\n{report.output}")
    total, accepted = sum(report.cases for report in reports), sum(report.accepted for report in reports)
    print(f"{total} cases, {accepted} of them accepted, {time.monotonic() - started:.0f} s")
    if options.keep:
        print(f"Kept: {folder}")
    return max(report.status for report in reports)


def try_role(role: str, folder: Path, settings: Settings, base_url: str, examples: int, seed: int) -> Report:
    """All cases of one role."""
    folder.mkdir()
    started = time.monotonic()
    known = asyncio.run(prepare(settings, base_url, "owner" if role == ENDING else role))
    environment = {**os.environ}
    if role == ENDING:
        tokens = folder / "tokens"
        count = 40 * sum(ends_session(route) for route in ROUTES)
        tokens.write_text("\n".join(asyncio.run(fresh_sessions(settings, count))))
        environment |= {"FUZZ_TOKENS": str(tokens), "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py"))}
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(configuration(role, known, examples=examples, seed=seed))
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run",
        f"{base_url}/api/openapi.json", "--no-color", "--report", "json", "--report-json-path", str(report),
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - a program of this environment
        command, env=environment, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if not report.exists():
        raise SystemExit(done.stdout)
    return Report(role, done.returncode, time.monotonic() - started, done.stdout, json.loads(report.read_text()))


def configuration(role: str, known: Known, *, examples: int, seed: int) -> str:
    """The file of settings; values are written as JSON, which TOML reads the same way."""
    takes_bounds = role in {BOUNDS_FOR, ENDING}
    lines = [
        f"seed = {seed}",
        "continue-on-failure = true",
        "request-timeout = 30",
        "max-stream-events = 1",
        'suppress-health-check = ["all"]',
        "warnings = false",
    ]
    headers = {"Authorization": known.authorization} if known.authorization and role != ENDING else {}
    lines.append(_headers(headers))
    lines += ["[cache]", "enabled = false", "[checks]", f"{NOT_ASKED} = {{ enabled = false }}"]
    lines += ["[generation]", f"max-examples = {examples}", 'database = "none"', "no-shrink = true"]
    lines += ["[phases]", "examples = { enabled = false }", "stateful = { enabled = false }"]
    lines += ["[phases.coverage]", f"enabled = {json.dumps(takes_bounds)}", "unexpected-methods = []"]
    lines += ["extra-data-sources = { responses = false }"]
    lines += ["[phases.fuzzing]", "extra-data-sources = { responses = false }"]
    names = {what: f"known{number}" for number, what in enumerate(known.values)}
    for what, name in names.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(known.values[what])}"]
    for route in ROUTES:
        method, _, path = route.partition(" ")
        lines += ["[[operations]]", f"include-name = {json.dumps(f'{method} {path}')}"]
        if ends_session(route) != (role == ENDING):
            lines += ["enabled = false"]
            continue
        if route == _STREAM:
            # as a stream they have no end, and each request would wait until it gives up
            lines.append(_headers({**headers, "Accept": "application/json"}))
        places = {f"path.{name}": what for name, what in known.paths.get(route, {}).items()}
        for field, what in known.fields.get(route, {}).items():
            places[f"body.{field}{'[*]' if field.endswith('_ids') else ''}"] = what
        bound = [
            f"{json.dumps(place)} = {{ dictionary = {json.dumps(names[what])}, probability = {REAL} }}"
            for place, what in places.items()
        ]
        lines += [f"parameters = {{ {', '.join(bound)} }}"]
    return "\n".join(lines) + "\n"


def _headers(headers: dict[str, str]) -> str:
    return f"headers = {{ {', '.join(f'{name} = {json.dumps(value)}' for name, value in headers.items())} }}"


if __name__ == "__main__":
    raise SystemExit(main())
