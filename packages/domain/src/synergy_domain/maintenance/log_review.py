"""The weekly review of the logs: what a person reads instead of a million lines.

It takes the lines of all processes as `docker compose logs` or a file has them, holds only counts in memory, and keeps
names: events, levels, kinds of errors, templates of routes. What stands in the lines otherwise may be personal.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from synergy_domain.maintenance.contracts import RecordView
from synergy_domain.maintenance.finding import Finding, conclude, counted, is_much, iso

MOST_EVENTS = 60
MOST_KINDS = 200
MOST_ROUTES = 15
# of each kind of thing that is counted; whatever more there is, is counted as one
MOST_NAMES = 2000
MOST_SERVER_ERRORS = 0.01
# durations in steps of a tenth: near enough for a percentile, and few to keep
STEP = math.log(1.1)
PERCENTILE = 0.95

_EVENT = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_STREAM = "/api/v1/events"
_SERVER_ERROR, _CLIENT_ERROR = 500, 400


class _Line(msgspec.Struct):
    """What is read of a line; all else is skipped."""

    at: datetime | None = msgspec.field(default=None, name="@timestamp")
    level: str = msgspec.field(default="", name="log.level")
    message: str = ""
    service: str = msgspec.field(default="?", name="service.name")
    logger: str | None = msgspec.field(default=None, name="log.logger")
    error_type: str | None = msgspec.field(default=None, name="error.type")
    route: str | None = msgspec.field(default=None, name="http.route")
    method: str | None = msgspec.field(default=None, name="http.request.method")
    status: int | None = msgspec.field(default=None, name="http.response.status_code")
    duration: int | None = msgspec.field(default=None, name="event.duration")


class _Route:
    """The durations of one route, in milliseconds."""

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0
        self.slowest = 0.0
        self._steps = Counter[int]()

    def add(self, milliseconds: float, status: int) -> None:
        self.count += 1
        self.errors += status >= _SERVER_ERROR
        self.slowest = max(self.slowest, milliseconds)
        self._steps[round(math.log(max(milliseconds, 0.01)) / STEP)] += 1

    def percentile(self) -> float:
        wanted, seen = math.ceil(self.count * PERCENTILE), 0
        for step, count in sorted(self._steps.items()):
            seen += count
            if seen >= wanted:
                return math.exp(step * STEP)
        return 0.0


class LogReview:
    """Counts lines as they come; `summary` is what the record keeps."""

    def __init__(self) -> None:
        self.lines = 0
        self.other_lines = 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._levels = Counter[str]()
        self._events = Counter[tuple[str, str, str]]()
        self._kinds = Counter[str]()
        self._requests: dict[str, Counter[str]] = {}
        self._routes: dict[str, _Route] = {}
        self._decoder = msgspec.json.Decoder(_Line)

    def read(self, lines: Iterable[str]) -> None:
        """Count these lines; a prefix before the JSON, as `docker compose logs` writes it, is skipped."""
        for text in lines:
            start = text.find("{")
            if not text.strip():
                continue
            try:
                line = self._decoder.decode(text[start:]) if start >= 0 else None
            except (msgspec.MsgspecError, UnicodeError):
                line = None
            if line is None or not line.level:
                self.other_lines += 1
            else:
                self._count(line)

    def _count(self, line: _Line) -> None:
        self.lines += 1
        if line.at is not None and line.at.tzinfo is not None:
            self._first = line.at if self._first is None else min(self._first, line.at)
            self._last = line.at if self._last is None else max(self._last, line.at)
        self._levels[line.level] += 1
        # a library says a sentence, in which anything may stand; its own name is enough
        event = line.message if _EVENT.fullmatch(line.message) else (line.logger or "a sentence")
        _bump(self._events, (line.level, line.service, event), (line.level, line.service, "other"))
        if line.level in ("error", "critical"):
            error = f" ({line.error_type})" if line.error_type else ""
            _bump(self._kinds, f"{line.service}: {event}{error}", "other")
        if line.message == "http.request" and line.status is not None:
            self._count_request(line, line.status)

    def _count_request(self, line: _Line, status: int) -> None:
        counts = self._requests.setdefault(line.service, Counter[str]()) if len(self._requests) < MOST_NAMES else None
        if counts is not None:
            counts["requests"] += 1
            counts["client_errors"] += _CLIENT_ERROR <= status < _SERVER_ERROR
            counts["server_errors"] += status >= _SERVER_ERROR
        # the proxy's and the web app's lines are of the same requests; an event stream lasts as long as its page
        if line.service != "synergy-api" or line.route is None or line.duration is None or line.route == _STREAM:
            return
        name = f"{line.method} {line.route}"
        if name not in self._routes and len(self._routes) >= MOST_NAMES:
            name = "other"
        self._routes.setdefault(name, _Route()).add(line.duration / 1e6, status)

    def conclude(self, earlier: list[RecordView]) -> Finding:
        """What was found, against the records before it."""
        known = {kind for record in earlier for kind in record.detail.get("error_kinds", {})}
        kinds = dict(self._kinds.most_common(MOST_KINDS))
        new = [kind for kind in kinds if kind not in known]
        # what users met: as the proxy saw it, and where there is none, the API
        seen = self._requests.get("synergy-proxy") or self._requests.get("synergy-api") or Counter[str]()
        http = {name: seen[name] for name in ("requests", "client_errors", "server_errors")}
        detail: dict[str, Any] = {
            "from": iso(self._first),
            "to": iso(self._last),
            "lines": self.lines, "other_lines": self.other_lines, "levels": dict(self._levels),
            "events": [
                {"level": level, "service": service, "event": event, "count": count}
                for (level, service, event), count in self._events.most_common(MOST_EVENTS)
            ],
            "error_kinds": kinds, "new_error_kinds": new, "http": http,
            "requests": {service: dict(counts) for service, counts in self._requests.items()},
            "slow_routes": self._slow_routes(),
        }  # fmt: skip
        troubles: list[str] = []
        if new:
            troubles.append(f"{counted(len(new), 'new kind')} of errors: {'; '.join(new[:5])}.")
        troubles += server_error_troubles(http)
        covered = "" if self._first is None or self._last is None else f" of {_span(self._last - self._first)}"
        errors = self._levels["error"] + self._levels["critical"]
        return conclude(
            detail, troubles, f"{counted(self.lines, 'line')}{covered}: {counted(errors, 'error')}, none new."
        )

    def _slow_routes(self) -> list[dict[str, Any]]:
        slowest = sorted(self._routes.items(), key=lambda each: -each[1].percentile())
        return [
            {
                "route": name,
                "requests": route.count,
                "p95_ms": round(route.percentile(), 1),
                "slowest_ms": round(route.slowest, 1),
                "server_errors": route.errors,
            }
            for name, route in slowest[:MOST_ROUTES]
        ]


def server_error_troubles(http: dict[str, int]) -> list[str]:
    """What to say of the requests that a review counted."""
    if is_much(http["server_errors"], http["requests"], MOST_SERVER_ERRORS):
        return [f"{http['server_errors']} of {http['requests']} requests were answered with 5xx."]
    return []


def _bump(counter: Counter[Any], name: object, other: object) -> None:
    counter[name if name in counter or len(counter) < MOST_NAMES else other] += 1


def _span(length: timedelta) -> str:
    days = length / timedelta(days=1)
    return counted(round(days), "day") if days >= 1 else counted(round(days * 24), "hour")
