"""Signing in, measured on a system of its own: whether it tells who has an account, and what many at once do.

    hatch run load:signin            everything, some 10 minutes
    hatch run load:signin --quick    a tenth of it, with less certain figures

Ends with 1 where a goal is missed. Timings are compared within one run only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from accounts import Accounts, add_accounts
from cases import people
from figures import Row, table
from signin_alike import TRIES_OF_EACH_NAME, measure_alike, measure_share
from signin_crowd import measure_beside, measure_queue
from signin_limits import measure_limits
from system import API, Services, server, services

PARTS = ("share", "alike", "beside", "queue", "limits")
_CROWD = 500
# as compose.yaml has them, for 2 cores
_PROCESSES = 4
_POOL = "3"
# counted, and never too many; the growing delays by name cannot be turned off and are not met
_LIMITS = {"SYNERGY_RATE_LIMIT_LOGIN": "1000000/m"}


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    options = options_of()
    # ended by a signal, it ends what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = measure(options)
    report = (
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[2]:.1f} in 15 minutes, {options.processes} API processes where nothing else is said.\n\n"
        f"{table(rows)}\n"
    )
    print(report)
    if options.output:
        options.output.write_text(report)
    return 1 if any(row.reached is False for row in rows) else 0


def measure(options: Any) -> list[Row]:  # noqa: ANN401 - argparse
    """The parts that the options name; a table of each on standard error."""
    rows: list[Row] = []
    with services(options.data.absolute()) as given:
        known = max(1, options.tries // TRIES_OF_EACH_NAME)
        accounts = asyncio.run(add_accounts(given.settings, known=known, others=max(1, known // 4), crowd=_CROWD))
        for part in PARTS:
            if not options.only or part in options.only:
                print(f"{part} …", file=sys.stderr)
                found = _measure(part, given, accounts, options)
                print(table(found), file=sys.stderr)
                rows += found
    return rows


def options_of(words: list[str] | None = None) -> Any:  # noqa: ANN401 - argparse
    """The options of the command line, or of these words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 tries, one round of 10 s")
    parser.add_argument("--tries", type=int, default=2000, help="wrong passwords of known and of unknown names (2000)")
    parser.add_argument("--seconds", type=float, default=20, help="length of a round beside sign-ins (20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds with sign-ins; one more without (3)")
    parser.add_argument("--processes", type=int, default=_PROCESSES, help=f"processes of the API ({_PROCESSES})")
    parser.add_argument("--requests", type=int, default=3000, help="GET /me with and without the rate limit (3000)")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these parts only")
    parser.add_argument("--output", type=Path, help="write the table to this file too")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(tempfile.gettempdir(), "synergy-load"),
        help="folder that keeps the reference set",
    )
    options = parser.parse_args(words)
    if options.quick:
        options.tries, options.seconds, options.rounds, options.requests = 200, 10.0, 1, 500
    return options


def _measure(part: str, given: Services, accounts: Accounts, options: Any) -> list[Row]:  # noqa: ANN401 - argparse
    if part == "limits":
        return measure_limits(given, accounts.crowd[0], requests=options.requests)
    processes = 1 if part == "queue" else options.processes
    settings = msgspec.structs.replace(given.settings, web_workers=processes)
    with server(part, API, settings, given.folder, SYNERGY_DB_POOL_SIZE=_POOL, **_LIMITS) as target:
        match part:
            case "share":
                return measure_share(target, accounts)
            case "alike":
                return measure_alike(target, accounts)
            case "queue":
                return asyncio.run(measure_queue(target, accounts.crowd))
            case _:
                persons = asyncio.run(people(given.settings, target, 10))
                return asyncio.run(
                    measure_beside(target, accounts.crowd, persons, seconds=options.seconds, rounds=options.rounds)
                )


if __name__ == "__main__":
    raise SystemExit(main())
