"""What a machine carries, measured on a whole system of its own: API, worker, scheduler, PostgreSQL and both Redis.

    hatch run load:run --parts users              active users by number of API processes, and what each of them costs
    hatch run load:run --parts users --quick      one API process, short levels

The data is the reference set, and beside it a project for every ten users. The client runs on the same cores, and its
share is printed: a machine of its own for it would carry more.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import asyncpg
import msgspec
import redis
from accounts import add_accounts
from figures import Row
from servers import answers, environment_of, postgres_pid, processes
from system import API, Services, count_statements, cpu_seconds, pss_mib
from users import MIX, TEAM, Address, Crowd, Level, Team, find_knee, knee, own_projects
from wire import AsyncWire, raw_sign_in

from synergy_domain.identity import Client
from synergy_domain.identity.sessions import begin_session
from synergy_platform.embedded.process import free_port
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

# of compose.yaml, so that memory can be compared
POSTGRES = {"shared_buffers": "256MB", "effective_cache_size": "1GB", "log_line_prefix": "%a|"}
_POOL = {"SYNERGY_DB_POOL_SIZE": "3", "SYNERGY_RATE_LIMIT_LOGIN": "1000000/m"}
_REQUESTS_EACH = 200
_SIGN_IN_SECONDS = 8.0
_SIGN_IN_CLIENTS = 8
_MIB = 1 << 20


class Running(msgspec.Struct, frozen=True):
    """A system's processes, by what they are."""

    port: int
    pids: dict[str, int]


class Cost(msgspec.Struct, kw_only=True):
    """A request of a kind, one at a time: CPU in milliseconds, and statements."""

    api_ms: float
    database_ms: float
    statements: int


class Capacity(msgspec.Struct, kw_only=True):
    """What was measured with so many API processes; memory in MiB."""

    processes: int
    levels: list[Level]
    idle_memory: dict[str, float]
    costs: dict[str, Cost] = {}
    sign_ins_per_second: float | None = None
    database_bytes_per_write: float | None = None
    wal_bytes_per_write: float | None = None

    @property
    def carried(self) -> Level | None:
        """The level at the knee."""
        return knee(self.levels)


@contextlib.contextmanager
def _whole(given: Services, processes_of_api: int) -> Iterator[Running]:
    """API, worker and scheduler on the servers that run."""
    settings = msgspec.structs.replace(given.settings, web_workers=processes_of_api)
    port = free_port()
    environment = environment_of(settings, WEB_WORKERS=str(processes_of_api), SYNERGY_API_PORT=str(port), **_POOL)
    log = given.folder / f"whole-{processes_of_api}.log"
    worker = [sys.executable, "-m", "synergy_worker"]
    commands = [[sys.executable, *API], [*worker, "worker"], [*worker, "scheduler"]]

    def is_ready() -> bool:
        return "relay.elected" in log.read_text(errors="replace") and answers(port, "/api/health/ready")

    with processes(commands, environment, log, is_ready) as started:
        pids = dict(zip(("api", "worker", "scheduler"), (one.pid for one in started), strict=True))
        pids["database"] = postgres_pid(given.postgres)
        for name, url in (("broker", settings.broker_url), ("cache", settings.redis_url)):
            with contextlib.closing(redis.Redis.from_url(url)) as client:
                pids[name] = client.info("server")["process_id"]
        yield Running(port, pids)


def _memory(running: Running) -> dict[str, float]:
    """MiB by part; `api_process` is one process of the API that answers requests."""
    found = {name: sum(pss_mib(pid).values()) for name, pid in running.pids.items()}
    serving = sorted(pss_mib(running.pids["api"]).values(), reverse=True)
    found["api_process"] = serving[0]
    return {name: round(value, 1) for name, value in found.items()}


async def _join(settings: Settings, teams: list[Team], members: dict[str, object]) -> None:
    """Put the others of each team into its project: through the API people are added whom one sees already."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(settings.database_url())
    await connection.executemany(
        """INSERT INTO project_members (project_id, user_id, role, joined_at, added_by)
           VALUES ($1, $2, 'member', now(), NULL)""",
        [(team.project, members[token]) for team in teams for token in team.tokens[1:]],
    )
    await connection.close()


async def _tokens(settings: Settings, names: list[str]) -> dict[str, object]:
    """The users' ids by their tokens; sessions without a password's hash: those of a crowd would take minutes."""
    runtime = Runtime(settings, application="synergy-load")
    await runtime.open()
    tokens: dict[str, object] = {}
    ids = {row["username"]: row["id"] for row in await runtime.database.reader().rows("SELECT id, username FROM users")}
    for name in names:
        async with runtime.database.unit_of_work() as uow:
            issued = await begin_session(runtime, uow, ids[name], Client("127.0.0.1", "load test"), methods=["pwd"])
        tokens[str(issued.access_token)] = ids[name]
    await runtime.close()
    return tokens


async def _grown(settings: Settings) -> tuple[int, int]:
    """Bytes of the database, and of the log that was written so far."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(settings.database_url())
    row = await connection.fetchrow(
        "SELECT pg_database_size(current_database()) AS size, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8 AS wal"
    )
    await connection.close()
    assert row is not None  # noqa: S101 - a statement without FROM has a row
    return row["size"], row["wal"]


async def _sign_ins(port: int, names: list[str]) -> float:
    """Sign-ins a second of clients that never pause."""
    until, done = time.perf_counter() + _SIGN_IN_SECONDS, 0

    async def client(mine: list[str]) -> None:
        nonlocal done
        wire = await AsyncWire.open("127.0.0.1", port)
        while time.perf_counter() < until:
            done += (await wire.ask(raw_sign_in(mine[done % len(mine)]))).status == 200
        wire.close()

    async with asyncio.TaskGroup() as group:
        for number in range(_SIGN_IN_CLIENTS):
            group.create_task(client(names[number::_SIGN_IN_CLIENTS]))
    return round(done / _SIGN_IN_SECONDS, 1)


async def _costs(given: Services, running: Running, crowd: Crowd, team: Team) -> dict[str, Cost]:
    """Each kind of request alone, one after the other."""
    found: dict[str, Cost] = {}
    wire = await AsyncWire.open("127.0.0.1", running.port)
    loop = asyncio.get_running_loop()
    for kind in MIX:

        async def ask(kind: str = kind) -> None:
            await wire.ask(crowd.next_request(kind, team, team.tokens[0]))

        for _ in range(20):
            await ask()
        before = [cpu_seconds(running.pids[name]) for name in ("api", "database")]
        for _ in range(_REQUESTS_EACH):
            await ask()
        after = [cpu_seconds(running.pids[name]) for name in ("api", "database")]
        api, database = ((b - a) / _REQUESTS_EACH * 1000 for a, b in zip(before, after, strict=True))
        statements = await asyncio.to_thread(
            count_statements, given.postgres, "synergy-api",
            lambda ask=ask, loop=loop: asyncio.run_coroutine_threadsafe(ask(), loop).result(),
        )  # fmt: skip
        found[kind] = Cost(api_ms=round(api, 2), database_ms=round(database, 2), statements=statements)
    wire.close()
    return found


async def _measure(
    given: Services,
    running: Running,
    members: dict[str, object],
    names: list[str],
    count: int,
    *,
    first: int,
    seconds: float,
) -> Capacity:
    tokens = list(members)
    teams = [Team(tokens[place : place + TEAM]) for place in range(0, len(tokens), TEAM)]
    await asyncio.sleep(3)
    found = Capacity(processes=count, levels=[], idle_memory=_memory(running))
    crowd = Crowd(Address("127.0.0.1", running.port), teams)

    async def sampled(level: Callable[[], Awaitable[Level]]) -> Level:
        before = {name: cpu_seconds(pid) for name, pid in running.pids.items()}
        began = time.perf_counter()
        one = await level()
        took = time.perf_counter() - began
        used = {name: (cpu_seconds(pid) - before[name]) / took for name, pid in running.pids.items()}
        one.server = {f"cores_{name}": round(value, 3) for name, value in used.items()}
        one.server |= {f"mib_{name}": value for name, value in _memory(running).items()}
        print(
            f"{count} API process(es), {one.users} users: {one.per_second:.0f} requests/s, p50 {one.p50} p95 {one.p95} "
            f"p99 {one.p99} ms, errors {one.errors}, cores {sum(used.values()):.2f} and {one.cpu:.2f} of the client, "
            f"load average {one.load_average}",
            file=sys.stderr,
        )
        return one

    async with own_projects(crowd):
        await _join(given.settings, teams, members)
        if count == 1:
            found.costs = await _costs(given, running, crowd, teams[0])
            found.sign_ins_per_second = await _sign_ins(running.port, names)
        size, wal = await _grown(given.settings)
        found.levels = await find_knee(crowd, first=first, most=len(names), seconds=seconds, measure=sampled)
        later_size, later_wal = await _grown(given.settings)
        found.database_bytes_per_write = round((later_size - size) / max(1, crowd.changes))
        found.wal_bytes_per_write = round((later_wal - wal) / max(1, crowd.changes))
    return found


def measure_capacity(given: Services, counts: list[int], *, most: int, first: int, seconds: float) -> list[Capacity]:
    """Active users carried by each of these numbers of API processes."""
    accounts = asyncio.run(add_accounts(given.settings, known=0, others=0, crowd=most))
    members = asyncio.run(_tokens(given.settings, accounts.crowd))
    found: list[Capacity] = []
    for count in counts:
        with _whole(given, count) as running:
            found.append(
                asyncio.run(_measure(given, running, members, accounts.crowd, count, first=first, seconds=seconds))
            )
    return found


def rows_of(found: list[Capacity]) -> list[Row]:
    """For the table of a report."""
    rows: list[Row] = []
    for each in found:
        one, where = each.carried, f"with {each.processes} API process(es)"
        if one is None:
            rows.append(Row(f"active users {where}", "none held: p95 over 500 ms, or errors", value=0))
            continue
        limit = "" if any(not level.holds for level in each.levels) else ", or more"
        busy = sum(value for name, value in one.server.items() if name.startswith("cores_"))
        per_request = busy / one.per_second * 1000
        rows += [
            Row(f"active users {where}", f"{one.users}{limit}", value=one.users),
            Row(f"their requests {where}", f"{one.per_second:.0f}/s"),
            Row(f"their p50 / p95 / p99 {where}", f"{one.p50} / {one.p95} / {one.p99} ms"),
            Row(
                f"CPU of all servers for a request {where}", f"{per_request:.2f} ms", value=per_request, better="lower",
            ),
            Row(
                f"memory of an API process {where}", f"{one.server['mib_api_process']:.0f} MiB",
                value=one.server["mib_api_process"], better="lower",
            ),
        ]  # fmt: skip
        if each.sign_ins_per_second is not None:
            rows.append(Row(f"sign-ins {where}", f"{each.sign_ins_per_second}/s", value=each.sign_ins_per_second))
    return rows


def capacity_table(found: list[Capacity]) -> str:
    """Levels and costs, as Markdown; CPU in cores, memory in MiB (PSS)."""
    head = (
        "| API processes | users | requests/s | p50 / p95 / p99 ms | held | cores: API, PostgreSQL, worker, Redis | "
        "client | MiB: an API process, API, worker, scheduler, PostgreSQL, broker, cache | load average |"
    )
    lines = [head, "|" + "---|" * 9]
    for each in found:
        for one in each.levels:
            redis_cores = one.server["cores_broker"] + one.server["cores_cache"]
            parts = ("api_process", "api", "worker", "scheduler", "database", "broker", "cache")
            memory = [one.server[f"mib_{part}"] for part in parts]
            lines.append(
                f"| {each.processes} | {one.users} | {one.per_second:.0f} | {one.p50} / {one.p95} / {one.p99} | "
                f"{'yes' if one.holds else one.first_error or 'no'} | {one.server['cores_api']:.2f}, "
                f"{one.server['cores_database']:.2f}, {one.server['cores_worker']:.2f}, {redis_cores:.2f} | "
                f"{one.cpu:.2f} | {', '.join(f'{mib:.0f}' for mib in memory)} | {one.load_average} |"
            )
    lines += ["", "| request, one at a time | CPU ms: API | PostgreSQL | statements |", "|---|---|---|---|"]
    for each in found:
        for kind, cost in each.costs.items():
            lines.append(f"| {kind} | {cost.api_ms} | {cost.database_ms} | {cost.statements} |")
    for each in found:
        lines += ["", f"{each.processes} API process(es): for each change {each.database_bytes_per_write} bytes of the "
                  f"database and {each.wal_bytes_per_write} of its log; idle MiB: "
                  + ", ".join(f"{name} {value:.0f}" for name, value in each.idle_memory.items())]  # fmt: skip
        if each.sign_ins_per_second is not None:
            lines += [f"{each.sign_ins_per_second} sign-ins a second of {_SIGN_IN_CLIENTS} clients that never pause."]
    return "\n".join(lines)
