"""What the rate limits cost: time of a request, and how often Redis is asked for it."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

import msgspec
from figures import Row, milliseconds, ratio_with_interval
from system import API, Services, Target, server
from wire import Wire, raw, raw_sign_in

_COUNTED = 200
_WARM_UP = 50
_LIMIT = "1000000000/m"


def measure_limits(services: Services, name: str, *, requests: int) -> list[Row]:
    """Two servers of one process each, asked in turns; then one more, whose way to Redis is watched."""
    with (
        server("limits", API, services.settings, services.folder, SYNERGY_RATE_LIMIT_API=_LIMIT) as counting,
        server("no-limits", API, services.settings, services.folder, SYNERGY_RATE_LIMIT_API="0") as free,
    ):
        rows = _time_rows(counting, free, name, requests)
    with watched(services.settings.redis_url) as watch:
        settings = msgspec.structs.replace(services.settings, redis_url=watch.url)
        with server("watched", API, settings, services.folder, SYNERGY_RATE_LIMIT_API=_LIMIT) as target:
            return [*rows, *_trip_rows(target, watch, name)]


def _time_rows(counting: Target, free: Target, name: str, requests: int) -> list[Row]:
    request = raw("GET", "/api/v1/me", token=_token(counting, name))
    wires = {target.name: Wire(target.host, target.port) for target in (counting, free)}
    seconds: dict[str, list[float]] = {name: [] for name in wires}
    rng = random.Random(5)  # noqa: S311 - no secret
    for number in range(_WARM_UP + requests):
        for server_name in rng.sample(list(wires), 2):
            answer = wires[server_name].ask(request)
            if answer.status != 200 or ("ratelimit" in answer.headers) != (server_name == counting.name):
                raise SystemExit(f"GET /me of {server_name}: {answer.status} {answer.headers}")
            if number >= _WARM_UP:
                seconds[server_name].append(answer.seconds)
    for wire in wires.values():
        wire.close()
    with_limit, without = seconds[counting.name], seconds[free.name]
    return [
        Row("GET /me with the limit: p50 / p95", f"{milliseconds(with_limit, 0.5, 0.95)} ms"),
        Row("GET /me without: p50 / p95", f"{milliseconds(without, 0.5, 0.95)} ms"),
        Row("p50 with the limit : without", ratio_with_interval(with_limit, without, median)),
    ]


def _token(target: Target, name: str) -> str:
    wire = Wire(target.host, target.port)
    answer = wire.ask(raw_sign_in(name))
    wire.close()
    if answer.status != 200:
        raise SystemExit(f"Sign-in of {name}: {answer.status} {answer.body.decode(errors='replace')}")
    return msgspec.json.decode(answer.body)["access_token"]


def _trip_rows(target: Target, watch: Watch, name: str) -> list[Row]:
    token = _token(target, name)
    wire = Wire(target.host, target.port)
    kinds = {
        "GET /me": (raw("GET", "/api/v1/me", token=token), _COUNTED),
        "GET /me with a bad token": (raw("GET", "/api/v1/me", token="no"), _COUNTED),  # noqa: S106 - a bad one
        "a sign-in": (raw_sign_in(name), 10),
        "health": (raw("GET", "/api/health/live"), _COUNTED),
    }
    rows: list[Row] = []
    for kind, (request, count) in kinds.items():
        wire.ask(request)
        before = watch.trips
        for _ in range(count):
            wire.ask(request)
        each = (watch.trips - before) / count
        is_goal = kind.startswith("GET /me")
        rows.append(
            Row(f"Redis, round trips for {kind}", f"{each:g}", "1" if is_goal else "", each == 1 if is_goal else None)
        )
    wire.close()
    before = watch.trips
    time.sleep(3)
    return [*rows, Row("Redis, round trips in 3 s of an idle process", str(watch.trips - before))]


class Watch:
    """Passes everything on between one side and the other, and counts how often the first one sends."""

    def __init__(self, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        self._server = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends = threading.Event()
        port = self._listener.getsockname()[1]
        self.url = parts._replace(netloc=f":{parts.password}@127.0.0.1:{port}").geturl()
        # requests here come one after the other, so that what arrives together was sent together
        self.trips = 0

    def run(self) -> None:
        """Until it is ended."""
        others: dict[socket.socket, socket.socket] = {}
        clients: set[socket.socket] = set()
        while not self._ends.is_set():
            for ready in select.select([self._listener, *others], [], [], 0.1)[0]:
                if ready is self._listener:
                    client, upstream = self._listener.accept()[0], socket.create_connection(self._server)
                    for end in (client, upstream):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    others |= {client: upstream, upstream: client}
                    clients.add(client)
                elif ready in others:
                    self._pass_on(ready, others, clients)
        for end in (self._listener, *others):
            end.close()

    def _pass_on(
        self, ready: socket.socket, others: dict[socket.socket, socket.socket], clients: set[socket.socket]
    ) -> None:
        data = ready.recv(1 << 16)
        if data:
            self.trips += ready in clients
            others[ready].sendall(data)
            return
        other = others.pop(ready)
        del others[other]
        for end in (ready, other):
            end.close()
            clients.discard(end)

    def end(self) -> None:
        """Close everything."""
        self._ends.set()


@contextlib.contextmanager
def watched(redis_url: str) -> Iterator[Watch]:
    """Another way to this Redis, which counts."""
    watch = Watch(redis_url)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()
