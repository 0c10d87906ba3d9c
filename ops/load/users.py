"""Users at work, more and more of them, until the system is slow: what a machine carries.

A user here is an *active* one: a person who works with it at this moment. Each keeps one event stream open and sends
one request every 5 seconds on the mean, at random times, of the kinds in `MIX`. Ten of them share a project, so that a
change is seen by ten streams. Users sign in once, before; pages of the web app are not asked for.

Of a system elsewhere fewer accounts may be known than users are wanted. Then several users are one account, and only
the first ten of each keep a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import secrets
import ssl
import string
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from figures import percentile
from wire import AsyncWire, raw

# parts of 100
MIX = {"task": 30, "board": 20, "list": 15, "unread": 10, "comment": 10, "move": 10, "create": 5}
CHANGES = ("comment", "move", "create")
THINK_SECONDS = 5.0
TEAM = 10
TASKS_OF_TEAM = 20
SLOW_SECONDS = 0.5
_STATUSES = ("todo", "in_progress", "done")
_AT_ONCE = 8
_OPENING_SECONDS = 3.0
_SETTLING_SECONDS = 2.0
_NEAR_ENOUGH = 1.15
# a server closes a connection that is idle for longer; browsers ask anew, silently
_IDLE_SECONDS = 20.0


class Address(msgspec.Struct, frozen=True):
    """Where the system is; `tls` is None for http."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    async def connect(self) -> AsyncWire:
        """A connection."""
        return await AsyncWire.open(self.host, self.port, self.tls)


class Team(msgspec.Struct):
    """People of one project, and its tasks."""

    tokens: list[str]
    project: str = ""
    tasks: list[str] = []


class Level(msgspec.Struct, kw_only=True):
    """What so many users saw; latencies in milliseconds, `cpu` is the client's own, of one core."""

    users: int
    streams: int
    requests: int
    per_second: float
    p50: float
    p95: float
    p99: float
    p95_of: dict[str, float]
    events_per_second: float
    errors: int
    first_error: str | None
    cpu: float
    load_average: float
    server: dict[str, float] = {}

    @property
    def holds(self) -> bool:
        """Whether the system was quick, and nothing failed."""
        return self.requests > 0 and not self.errors and self.p95 <= SLOW_SECONDS * 1000


class Refused(Exception):
    """The system does not do what the test needs; the text says what to do."""


def _key() -> str:
    """A key that no project has had: keys are never used twice."""
    return "L" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(5))


class Crowd:
    """Users, as many as are wanted at a moment; `changes` counts what they wrote."""

    def __init__(self, address: Address, teams: list[Team]) -> None:
        self._address = address
        self._teams = teams
        self._rng = random.Random(11)  # noqa: S311 - the same load in every run
        self._users: list[asyncio.Task[None]] = []
        self._latencies: dict[str, list[float]] = {kind: [] for kind in MIX}
        self._errors: list[str] = []
        self._events = 0
        self.changes = 0
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    @property
    def most_streams(self) -> int:
        """Event streams that stay open at most."""
        return TEAM * len(self._teams)

    def request(self, method: str, path: str, token: str, **body: object) -> bytes:
        """A request as it goes over the wire."""
        return raw(method, path, msgspec.json.encode(body) if body else b"", token, host=self._address.host)

    async def prepare(self) -> None:
        """Make each team's project, with its tasks; Refused when that is not allowed."""
        left = list(reversed(self._teams))

        async def work() -> None:
            wire = await self._address.connect()
            while left:
                await self._found(wire, left.pop())
            wire.close()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(left))):
                    group.create_task(work())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _found(self, wire: AsyncWire, team: Team) -> None:
        async def ask(method: str, path: str, token: str, status: int, **body: object) -> dict[str, str]:
            answer = await wire.ask(self.request(method, path, token, **body))
            if answer.status != status:
                text = answer.body[:300].decode(errors="replace")
                raise Refused(f"{method} {path} was answered with {answer.status}: {text}")
            return msgspec.json.decode(answer.body)

        owner = team.tokens[0]
        # kept at once: whoever removes it has to know it, whatever fails afterwards
        team.project = (await ask("POST", "/api/v1/projects", owner, 201, name="Load test", key=_key()))["id"]
        for number in range(TASKS_OF_TEAM):
            title = f"Check the address form on small screens, part {number}"
            task = await ask("POST", f"/api/v1/projects/{team.project}/tasks", owner, 201, title=title)
            team.tasks.append(task["id"])

    async def remove(self) -> int:
        """Delete what `prepare` made; how many projects."""
        wire = await self._address.connect()
        removed = 0
        for team in self._teams:
            if team.project:
                answer = await wire.ask(self.request("DELETE", f"/api/v1/projects/{team.project}", team.tokens[0]))
                removed += answer.status == 204
        wire.close()
        return removed

    async def come(self, users: int) -> None:
        """Have so many users at work."""
        await self._resize(users)
        await asyncio.sleep(_SETTLING_SECONDS)

    async def watch(self, seconds: float) -> Level:
        """What they see in these seconds."""
        self._latencies = {kind: [] for kind in MIX}
        self._errors.clear()
        self._events = 0
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - began
        found, errors = self._latencies, list(self._errors)
        latencies = [one for each in found.values() for one in each] or [0.0]
        p50, p95, p99 = (round(percentile(latencies, part) * 1000, 1) for part in (0.5, 0.95, 0.99))
        requests, users = sum(len(each) for each in found.values()), len(self._users)
        return Level(
            users=users, streams=min(users, self.most_streams), requests=requests,
            per_second=round(requests / took, 1), p50=p50, p95=p95, p99=p99,
            p95_of={kind: round(percentile(each, 0.95) * 1000, 1) for kind, each in found.items() if each},
            events_per_second=round(self._events / took, 1), errors=len(errors),
            first_error=errors[0] if errors else None, cpu=round((time.process_time() - cpu) / took, 2),
            load_average=round(os.getloadavg()[0], 2),
        )  # fmt: skip

    async def close(self) -> None:
        """Send everybody home."""
        await self._resize(0)

    async def _resize(self, users: int) -> None:
        gone, self._users = self._users[users:], self._users[:users]
        for task in gone:
            task.cancel()
        for ended in await asyncio.gather(*gone, return_exceptions=True):
            if isinstance(ended, Exception):  # a fault of this program, not of the system
                raise ended
        more = users - len(self._users)
        for place in range(more):
            self._users.append(asyncio.create_task(self._user(len(self._users))))
            if place % 10 == 9:  # not all at the same moment
                await asyncio.sleep(_OPENING_SECONDS * 10 / max(more, 10))

    async def _user(self, number: int) -> None:
        team = self._teams[number // TEAM % len(self._teams)]
        token = team.tokens[number % TEAM % len(team.tokens)]
        stream = asyncio.create_task(self._follow(token)) if number < self.most_streams else None
        wire: AsyncWire | None = None
        used = 0.0
        try:
            due = time.perf_counter() + self._rng.random() * THINK_SECONDS
            while True:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                kind = self._rng.choices(list(MIX), list(MIX.values()))[0]
                if wire and time.perf_counter() - used > _IDLE_SECONDS:
                    wire.close()
                    wire = None
                try:
                    wire = wire or await self._address.connect()
                    answer = await wire.ask(self.next_request(kind, team, token))
                except (OSError, EOFError) as error:
                    self._errors.append(f"{kind}: {error!r}")
                    wire = None
                else:
                    self._latencies[kind].append(time.perf_counter() - due)
                    self.changes += kind in CHANGES
                    if answer.status not in {200, 201}:
                        text = answer.body[:200].decode(errors="replace")
                        self._errors.append(f"{kind}: {answer.status} {text}")
                    elif answer.headers.get("connection") == "close":
                        wire.close()
                        wire = None
                used = time.perf_counter()
                due = max(due, used) + self._rng.expovariate(1 / THINK_SECONDS)
        finally:
            if stream:
                stream.cancel()
            if wire:
                wire.close()

    def next_request(self, kind: str, team: Team, token: str) -> bytes:
        """A request of a kind, somewhere in the team's project."""
        project, task = f"/api/v1/projects/{team.project}", f"/api/v1/tasks/{self._rng.choice(team.tasks)}"
        match kind:
            case "task":
                return self.request("GET", task, token)
            case "board":
                return self.request("GET", f"{project}/board", token)
            case "list":
                return self.request("GET", f"{project}/tasks", token)
            case "unread":
                return self.request("GET", "/api/v1/notifications/unread-count", token)
            case "comment":
                return self.request("POST", f"{task}/comments", token, body="The form jumps when the keyboard opens.")
            case "move":
                return self.request("POST", f"{task}/move", token, status=self._rng.choice(_STATUSES))
            case _:
                return self.request("POST", f"{project}/tasks", token, title="Check the form once more")

    async def _follow(self, token: str) -> None:
        """Keep a stream open, as a browser does: one that ends is opened again."""
        request = raw("GET", "/api/v1/events", b"", token, host=self._address.host).replace(
            b"application/json", b"text/event-stream"
        )
        while True:
            wire = None
            try:
                wire = await self._address.connect()
                async for line in wire.follow(request):
                    self._events += line.startswith(b"data:")
            except (OSError, EOFError) as error:
                self._errors.append(f"stream: {error!r}")
            finally:
                if wire:
                    wire.close()
            await asyncio.sleep(1)


async def find_knee(
    crowd: Crowd,
    *,
    first: int,
    most: int,
    seconds: float,
    measure: Callable[[Callable[[], Awaitable[Level]]], Awaitable[Level]],
) -> list[Level]:
    """Levels in the order of their making: half as many users more each time, then between the last two.

    The greatest that holds is the knee. `measure` runs a level, and may add what the server needed.
    """
    levels: list[Level] = []
    good, bad, users = 0, 0, first
    while users <= most:
        await crowd.come(users)
        one = await measure(lambda: crowd.watch(seconds))
        levels.append(one)
        if one.holds:
            good = users
        else:
            bad = users
        if bad and (good == 0 or bad / good <= _NEAR_ENOUGH or users == 1):
            if good or users <= 1:
                break
            users = max(1, users // 2)
        elif bad:
            users = (good + bad) // 2
        elif users == most:
            break
        else:
            users = min(most, users * 3 // 2 + 1)
    await crowd.close()
    return levels


def knee(levels: list[Level]) -> Level | None:
    """The level with the most users that held, of those below the least that did not."""
    broken = min((each.users for each in levels if not each.holds), default=None)
    return max(
        (each for each in levels if each.holds and (broken is None or each.users < broken)),
        key=lambda each: each.users,
        default=None,
    )


@contextlib.asynccontextmanager
async def own_projects(crowd: Crowd) -> AsyncIterator[None]:
    """The crowd's projects, removed at the end, also when something failed."""
    try:
        await crowd.prepare()
        yield
    finally:
        await crowd.close()
        removed = await crowd.remove()
        print(f"{removed} project(s) of the test removed.", file=sys.stderr)
