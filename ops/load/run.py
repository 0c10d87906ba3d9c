"""The load test: how fast, and how many users it carries; ends with a dated report, Markdown and JSON.

    just load-test                    everything, some 30 minutes, on a machine that does nothing else
    just load-test --quick            the same in 5 minutes at most, with less certain figures
    just load-test --parts floor      some parts: floor, users, background, streams, webhooks, signin
    just load-test --url https://work.example.org --token-file tokens --yes-write-into work.example.org
                                      a system that runs, as it is: more and more users until it is slow

Without --url it starts a system of its own, with the reference set, and touches no other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import background
import elsewhere
import msgspec
import report
import signin
import streams
import webhooks
from capacity import POSTGRES, Capacity, capacity_table, measure_capacity
from capacity import rows_of as capacity_rows
from cases import CASES
from comparison import CONNECTIONS, has_errors, measure_against_floor, rows_of, table_of
from figures import table
from system import remove, services
from users import Refused

PARTS = ("floor", "users", "background", "streams", "webhooks", "signin")
_QUICK = ("floor", "users", "background")


def main() -> int:
    """Measure, print, write the report; 1 when an answer was wrong, 2 when it was not allowed to measure."""
    options = _options()
    # ended by a signal, it ends what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made = report.Report(
        system="its own", profile="quick" if options.quick else "full", started_at=datetime.now(UTC),
        finished_at=datetime.now(UTC), machine=report.machine(), versions=report.versions(), data={}, rows=[],
        sections={},
    )  # fmt: skip
    try:
        failed = _elsewhere(made, options) if options.url else _own(made, options)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    made.finished_at = datetime.now(UTC)
    made.machine["load average after"] = " ".join(f"{one:.2f}" for one in os.getloadavg())
    path = report.finish(made, options.reports)
    print(table(made.rows))
    for one in made.regressions:
        print(f"worse: {one}")
    print(f"\n{made.summary}\nReport: {path}, and {path.with_suffix('.json').name} beside it.")
    if options.record:
        _record(made)
    return 1 if failed else 0


def _own(made: report.Report, options: Any) -> bool:  # noqa: ANN401 - argparse
    """A system of its own; whether an answer was wrong."""
    folder, failed = options.data.absolute(), False
    if options.fresh:
        remove(folder)
    parts = options.parts or (("floor",) if options.only or options.hold else _QUICK if options.quick else PARTS)
    if parts != (_QUICK if options.quick else PARTS):
        made.profile += "-" + "-".join(parts)
    made.data = {"set": "reference: 100 users, 1,000 projects, 100,000 tasks, 300,000 comments and events"}
    if "floor" in parts:
        seconds, rounds = (options.seconds or (2.0 if options.quick else 4.0), 2 if options.quick else options.rounds)
        figures = measure_against_floor(
            folder, names=options.only or (), seconds=seconds, rounds=rounds, processes=options.processes,
            hold=options.hold,
        )  # fmt: skip
        failed = has_errors(figures)
        made.rows += rows_of(figures)
        title = (
            f"Against the floor: {options.processes} process(es) of each server, {CONNECTIONS} connections, {rounds} "
            f"rounds of {seconds:g} s in turns"
        )
        made.sections[title] = table_of(figures)
    if "users" in parts:
        found = _users(folder, options)
        made.rows += capacity_rows(found)
        made.sections["Active users"] = capacity_table(found)
        made.detail["users"] = msgspec.to_builtins(found)
    for name, measure in (
        ("background", background.measure), ("streams", streams.measure), ("webhooks", webhooks.measure),
    ):  # fmt: skip
        if name in parts:
            print(f"{name} …", file=sys.stderr)
            made.rows += measure()
    if "signin" in parts:
        words = ["--data", str(folder), *(["--quick"] if options.quick else [])]
        made.rows += signin.measure(signin.options_of(words))
    return failed


def _users(folder: Path, options: Any) -> list[Capacity]:  # noqa: ANN401 - argparse
    counts, most, first, seconds = ([1], 600, 100, 6.0) if options.quick else ([1, 2, 4], 2000, 100, 15.0)
    with services(folder, postgres_settings=POSTGRES) as given:
        return measure_capacity(
            given, options.api_processes or counts, most=options.most or most, first=options.first or first,
            seconds=options.seconds or seconds,
        )  # fmt: skip


def _elsewhere(made: report.Report, options: Any) -> bool:  # noqa: ANN401 - argparse
    address = elsewhere.address_of(options.url, insecure=options.insecure)
    elsewhere.require_word(address, options.yes_write_into)
    tokens = elsewhere.tokens_of(options.token_file)
    made.system, made.data = address.host, {"set": "what is there", "accounts": str(len(tokens))}
    made.rows, levels = elsewhere.measure_elsewhere(
        address, tokens, first=options.first or 10, most=options.most or (200 if options.quick else 2000),
        seconds=options.seconds or (8.0 if options.quick else 20.0),
    )  # fmt: skip
    made.sections["Levels"] = elsewhere.level_table(levels)
    made.detail["levels"] = msgspec.to_builtins(levels)
    return False


def _record(made: report.Report) -> None:
    """Keep in the database that DB_HOST and its companions name that this was done."""
    from synergy_cli.local import local_environment
    from synergy_domain.maintenance import add_record
    from synergy_platform.runtime import Runtime
    from synergy_platform.settings import load_settings

    async def keep() -> None:
        runtime = Runtime(load_settings(local_environment(os.environ)), application="synergy-load")
        await runtime.open()
        try:
            async with runtime.database.unit_of_work() as uow:
                add_record(uow, report.record_of(made))
        finally:
            await runtime.close()

    asyncio.run(keep())
    print("Recorded as quarterly.load_test.")


def _options() -> Any:  # noqa: ANN401 - argparse
    parser = argparse.ArgumentParser(
        prog="just load-test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5 minutes at most")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="these parts only")
    parser.add_argument(
        "--reports", type=Path, default=Path("load-reports"), help="folder of the reports (load-reports)"
    )
    parser.add_argument("--record", action="store_true", help="note it in the database of DB_HOST, or of `synergy up`")
    floor = parser.add_argument_group("against the floor")
    floor.add_argument("--only", nargs="*", choices=[case.name for case in CASES], help="these requests only")
    floor.add_argument(
        "--seconds", type=float, help="length of a round (4, quick 2), or of a level of users (15, quick 6)"
    )
    floor.add_argument("--rounds", type=int, default=5, help="rounds of each server (5)")
    floor.add_argument("--processes", type=int, default=1, help="processes of each server (1)")
    floor.add_argument("--hold", action="store_true", help="start everything, print how to reach it, and wait")
    floor.add_argument("--fresh", action="store_true", help="make the reference set again")
    floor.add_argument(
        "--data", type=Path, default=Path(tempfile.gettempdir(), "synergy-load"),
        help="folder that keeps the reference set",
    )  # fmt: skip
    users = parser.add_argument_group("users")
    users.add_argument("--api-processes", type=int, nargs="+", help="of the own system (1 2 4)")
    users.add_argument("--first", type=int, help="users at first (100; 10 with --url)")
    users.add_argument("--most", type=int, help="users at most (2000; 200 or 600 with --quick)")
    url = parser.add_argument_group("a system that runs")
    url.add_argument("--url", help="its address")
    url.add_argument("--token-file", type=Path, help=f"personal tokens, one a line; else {elsewhere.TOKEN_VARIABLE}")
    url.add_argument("--yes-write-into", metavar="HOST", help="your word that it may be written into")
    url.add_argument("--insecure", action="store_true", help="do not verify its certificate (a self-signed one)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
