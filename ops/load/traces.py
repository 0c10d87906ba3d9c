"""What traces cost: GET /me without them, with all of them, with a tenth of them, and of another installation.

    hatch run load:traces                      some 2 minutes
    hatch run load:traces --before PYTHON      also against the API that this interpreter has, of a release before

Servers of one process each, on one database, asked in turns in short rounds: only ratios of one run can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import msgspec
from client import Job, run_apart
from servers import servers
from system import API, Target, cpu_seconds, server
from wire import raw

CONNECTIONS = 50
_PERSON = {
    "username": "anna", "email": "anna@example.org", "first_name": "Anna", "last_name": "A",
    "password": "look-around-freely",
}  # fmt: skip


class _Collector(BaseHTTPRequestHandler):
    """Takes spans and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Round(msgspec.Struct, frozen=True):
    """Requests a second, and processor time of the server for one, in microseconds."""

    rate: float
    cpu: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="PYTHON", help="interpreter of another installation")
    parser.add_argument("--seconds", type=float, default=3, help="length of a round (3)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each server (10)")
    options = parser.parse_args()
    collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    on = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_address[1]}"}
    kinds: dict[str, tuple[str, dict[str, str]]] = {
        "no traces": (sys.executable, {}),
        "all traces": (sys.executable, on),
        "a tenth of them": (sys.executable, on | {"OTEL_TRACES_SAMPLER_ARG": "0.1"}),
    }
    if options.before:
        kinds["before"] = (options.before, {})
    with tempfile.TemporaryDirectory(prefix="synergy-traces-") as folder, contextlib.ExitStack() as stack:
        settings = stack.enter_context(servers(Path(folder), "load"))
        # of another installation everything is its own
        targets = {
            name: stack.enter_context(server(name, API, settings, Path(folder), python=python, PYTHONPATH="", **more))
            for name, (python, more) in kinds.items()
        }
        token = _token(targets["no traces"])
        rounds: dict[str, list[Round]] = {name: [] for name in targets}
        for number in range(options.rounds):
            # each is first, second, … as often as the others
            names = [*targets][number % len(targets) :] + [*targets][: number % len(targets)]
            for name in names:
                rounds[name].append(_measure(targets[name], token, options.seconds))
    print(_table(rounds))
    return 0


def _token(target: Target) -> str:
    credentials = {"identifier": _PERSON["username"], "password": _PERSON["password"]}
    answer = b""
    for path, sent in (("register", _PERSON), ("login", credentials)):
        status, answer = target.request("POST", f"/api/v1/auth/{path}", json.dumps(sent).encode())
        if status >= 300:
            raise SystemExit(f"{path}: {status} {answer.decode()}")
    return json.loads(answer)["access_token"]


def _measure(target: Target, token: str, seconds: float) -> Round:
    request = raw("GET", "/api/v1/me", token=token).decode()
    job = Job(
        host=target.host, port=target.port, requests=[[request]] * CONNECTIONS, seconds=seconds, warm_up=0.5, status=200
    )
    before = cpu_seconds(target.pid)
    seen = run_apart(job)
    if seen.errors:
        raise SystemExit(f"{target.name}: {seen.errors} errors, the first: {seen.first_error}")
    return Round(seen.requests / seen.seconds, (cpu_seconds(target.pid) - before) / max(1, seen.sent) * 1e6)


def _table(rounds: dict[str, list[Round]]) -> str:
    lines = [
        "| `GET /me` | requests/s | of those without traces (least to most) | CPU µs of the server |",
        "|---|---|---|---|",
    ]
    for name, seen in rounds.items():
        lines.append(
            f"| {name} | {median(one.rate for one in seen):.0f} | {_ratio(seen, rounds['no traces'])} "
            f"| {median(one.cpu for one in seen):.0f} |"
        )
    return "\n".join(lines)


def _ratio(seen: Sequence[Round], base: Sequence[Round]) -> str:
    ratios = [one.rate / other.rate for one, other in zip(seen, base, strict=True)]
    return f"{median(ratios):.0%} ({min(ratios):.0%} to {max(ratios):.0%})"


if __name__ == "__main__":
    raise SystemExit(main())
