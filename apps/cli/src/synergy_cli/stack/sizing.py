"""How large a system has to be for so many users, and what to set: the model behind `just tune` and docs/capacity.md.

The figures of `COSTS` were measured by `just load-test` (docs/capacity.md says when, and on what); everything else is
arithmetic on them. What is assumed of people stands in `PEOPLE`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from synergy_cli.stack.rollout import MAX_CONNECTIONS, RESERVED_CONNECTIONS, connections

MIB_OF_GIB = 1024
_LIMIT_CPUS = 2  # of api, db and worker in compose.yaml
_LIMIT_MIB = 2048
# a container of the database may have 300 processes, of which some are PostgreSQL's own
_MOST_CONNECTIONS = 250
_PROCESSES_OF_CONTAINER = 4
_POOL, _WORKER_POOL = 3, 5


@dataclass(frozen=True)
class People:
    """What is assumed of users."""

    active_at_peak: float = 0.10
    least_active: int = 3
    seconds_between_requests: float = 5.0
    # of requests, as in ops/load/users.py
    writes: float = 0.25
    seconds_between_pages: float = 300.0
    # all of them sign in within half an hour in the morning
    sign_in_seconds: float = 1800.0
    # active hours at half of the peak, and workdays of a year
    hours: float = 8.0
    days: int = 230
    files_mib_a_year: float = 100.0


@dataclass(frozen=True)
class Costs:
    """CPU in milliseconds, memory in MiB, disk in bytes."""

    api_ms: float = 4.0
    database_ms: float = 2.5
    worker_ms_of_write: float = 8.0
    page_ms: float = 100.0
    sign_in_ms: float = 86.0
    idle_cores: float = 0.1
    api_process: float = 130.0
    active_user: float = 0.1
    worker: float = 180.0
    scheduler: float = 110.0
    web: float = 150.0
    connection: float = 8.0
    others: float = 700.0
    database_bytes_of_write: float = 2200.0
    log_bytes_of_write: float = 6000.0


PEOPLE = People()
COSTS = Costs()
# cores and processes are used to this part, so that a peak within a second still finds room
_BUSY = 0.5
_MEMORY_PART = 0.8


@dataclass(frozen=True)
class Machine:
    """Cores, memory in MiB, free disk in GiB."""

    cores: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Demand:
    """What so many users need at their peak, before anything is chosen."""

    users: int
    active: int
    requests: float
    cores_api: float
    cores_database: float
    cores_rest: float

    @property
    def cores(self) -> float:
        """Cores that are busy, of all parts together."""
        return self.cores_api + self.cores_database + self.cores_rest


@dataclass(frozen=True)
class Setting:
    """A line for .env, and why."""

    name: str
    value: str
    why: str


@dataclass(frozen=True)
class Plan:
    """What to set on a machine for so many users, what is expected of it, and what does not fit."""

    demand: Demand
    machine: Machine
    settings: tuple[Setting, ...]
    connections: int
    memory: int
    disk_a_year: float
    warnings: tuple[str, ...]

    def value(self, name: str) -> str:
        """The value of a setting."""
        return next(each.value for each in self.settings if each.name == name)


def demand_of(users: int) -> Demand:
    """The peak of so many users."""
    active = max(min(users, PEOPLE.least_active), math.ceil(users * PEOPLE.active_at_peak))
    requests = active / PEOPLE.seconds_between_requests
    sign_ins = users / PEOPLE.sign_in_seconds
    api = requests * COSTS.api_ms + sign_ins * COSTS.sign_in_ms
    worker = requests * PEOPLE.writes * COSTS.worker_ms_of_write
    pages = active / PEOPLE.seconds_between_pages * COSTS.page_ms
    return Demand(
        users=users,
        active=active,
        requests=requests,
        cores_api=api / 1000,
        cores_database=requests * COSTS.database_ms / 1000,
        cores_rest=(worker + pages) / 1000 + COSTS.idle_cores,
    )


def users_of(machine: Machine) -> int:
    """The most users, in round numbers, whose peak this machine carries."""
    steps = [step * 10**power for power in range(1, 6) for step in (1, 2, 5)]
    carried = [users for users in steps if not _faults(plan(machine, users))]
    return max(carried, default=steps[0])


def smallest(users: int) -> Machine:
    """The smallest machine of the usual sizes that carries them, with disk for three years."""
    for cores, gib in ((2, 4), (2, 8), (4, 8), (4, 16), (8, 16), (8, 32), (16, 64), (32, 128), (64, 256)):
        bare = Machine(cores, gib * MIB_OF_GIB, 1 << 20)
        found = plan(bare, users)
        if not _faults(found):
            return Machine(cores, gib * MIB_OF_GIB, _disk_for(found))
    raise ValueError(f"{users} users need more than one machine")


def _disk_for(found: Plan) -> int:
    return max(40, math.ceil((20 + 3 * found.disk_a_year) / 10) * 10)


def _faults(found: Plan) -> tuple[str, ...]:
    return found.warnings


def plan(machine: Machine, users: int) -> Plan:
    """What to set there for them."""
    demand = demand_of(users)
    # two at least: while one is renewed, the other answers
    wanted = max(2, math.ceil(demand.cores_api / _BUSY))
    replicas = max(1 if users < 1000 else 2, math.ceil(wanted / _PROCESSES_OF_CONTAINER))
    each = min(_PROCESSES_OF_CONTAINER, max(2, math.ceil(wanted / replicas)))
    workers = 1 if users < 10_000 else max(2, math.ceil(demand.requests * PEOPLE.writes / 100))
    schedulers = 1 if users < 1000 else 2
    web = max(1 if users < 1000 else 2, math.ceil(demand.active / PEOPLE.seconds_between_pages * COSTS.page_ms / 500))

    # a rollout runs one API container more
    needed = connections(
        api_processes=(replicas + 1) * each, workers=workers, schedulers=schedulers, pool=_POOL,
        worker_pool=_WORKER_POOL,
    )  # fmt: skip
    allowed = max(MAX_CONNECTIONS, math.ceil((needed + RESERVED_CONNECTIONS) / 50) * 50)

    cores = max(1, math.floor(machine.cores))
    database = _database_memory(machine.memory)
    shared = max(128, min(database // 4, 8 * MIB_OF_GIB)) if database > _LIMIT_MIB else min(256, database // 4)
    expected = (
        (replicas + 1) * each * COSTS.api_process + demand.active * COSTS.active_user + workers * COSTS.worker
        + schedulers * COSTS.scheduler + web * COSTS.web + shared + needed * COSTS.connection + COSTS.others
    )  # fmt: skip
    api_memory = max(_LIMIT_MIB, _rounded(each * 350 + 350))
    settings = (
        Setting("WEB_WORKERS", str(each), f"API processes of a container; at the peak they use {demand.cores_api:.2f} cores, each half of one"),
        Setting("SYNERGY_API_REPLICAS", str(replicas), "containers of the API" + ("; two, so that one may fail" if replicas > 1 else "")),
        Setting("SYNERGY_WORKER_REPLICAS", str(workers), f"{demand.requests * PEOPLE.writes:.1f} changes a second; one worker takes far more"),
        Setting("SYNERGY_SCHEDULER_REPLICAS", str(schedulers), "one fires, another takes over when it fails"),
        Setting("SYNERGY_WEB_REPLICAS", str(web), f"{demand.active / PEOPLE.seconds_between_pages:.1f} whole pages a second"),
        Setting("SYNERGY_WORKER_CONCURRENCY", "4" if users < 10_000 else "8", "jobs at a time of a worker: mostly waiting for mail servers and webhooks"),
        Setting("SYNERGY_DB_POOL_SIZE", str(_POOL), f"of an API process, which sends {demand.requests / (replicas * each):.1f} requests a second; more only wait inside PostgreSQL"),
        Setting("SYNERGY_WORKER_DB_POOL_SIZE", str(_WORKER_POOL), "of a worker: one for each job at a time, and one"),
        Setting("SYNERGY_DB_MAX_CONNECTIONS", str(min(allowed, _MOST_CONNECTIONS)), f"{needed} may be opened during a rollout, {RESERVED_CONNECTIONS} are kept"),
        Setting("SYNERGY_DB_SHARED_BUFFERS", f"{shared}MB", "a quarter of the database's memory" if database > _LIMIT_MIB else "as compose.yaml has it"),
        Setting("SYNERGY_DB_EFFECTIVE_CACHE_SIZE", f"{max(database // 2, min(1024, database // 2))}MB", "what the kernel may keep of the database: half of its memory"),
        Setting("SYNERGY_DB_MEMORY", f"{database}M", "limit of the container"),
        Setting("SYNERGY_API_MEMORY", f"{api_memory}M", "limit of a container: each process is renewed at 300 MiB"),
        Setting("SYNERGY_API_CPUS", str(min(cores, max(_LIMIT_CPUS, each))), "limit of a container"),
        Setting("SYNERGY_DB_CPUS", str(min(cores, max(_LIMIT_CPUS, cores // 2))), "limit of the database: half of the cores"),
        Setting("SYNERGY_WORKER_CPUS", str(min(cores, _LIMIT_CPUS)), "limit of a worker"),
        Setting("SYNERGY_PROXY_REQUESTS_PER_SECOND", str(max(300, math.ceil(demand.requests * 3 / 100) * 100)), "of one address: an office may be behind one"),
    )  # fmt: skip
    a_year = _disk_a_year(users)
    return Plan(
        demand=demand,
        machine=machine,
        settings=settings,
        connections=needed,
        memory=math.ceil(expected),
        disk_a_year=a_year,
        warnings=tuple(_warnings(machine, demand, needed, expected, a_year)),
    )


def _warnings(machine: Machine, demand: Demand, needed: int, expected: float, a_year: float) -> list[str]:
    found: list[str] = []
    if demand.cores > machine.cores * _BUSY:
        found.append(
            f"The peak keeps {demand.cores:.1f} cores busy, more than half of {machine.cores:g}: "
            f"take {math.ceil(demand.cores / _BUSY)} cores, or fewer users."
        )
    if expected > machine.memory * _MEMORY_PART:
        found.append(
            f"Some {expected / MIB_OF_GIB:.1f} GiB are expected to be in use, more than {_MEMORY_PART:.0%} of "
            f"{machine.memory / MIB_OF_GIB:.1f} GiB: take {math.ceil(expected / _MEMORY_PART / MIB_OF_GIB)} GiB."
        )
    if needed + RESERVED_CONNECTIONS > _MOST_CONNECTIONS:
        found.append(
            f"{needed} connections are more than one database serves well ({_MOST_CONNECTIONS}): put PgBouncer between "
            "(DB_HOST names it, DB_DIRECT_HOST the database)."
        )
    if machine.disk < 20 + a_year:
        found.append(
            f"A year writes some {a_year:.0f} GiB, and 20 GiB are for images, logs and the database's log: "
            f"{machine.disk} GiB are free."
        )
    return found


def _database_memory(memory: int) -> int:
    """The limit of the database's container, MiB: compose.yaml's up to 8 GiB, then three eighths of the machine."""
    return max(_LIMIT_MIB, _rounded(memory * 3 // 8)) if memory > 8 * MIB_OF_GIB else min(_LIMIT_MIB, memory // 2)


def _rounded(mib: int) -> int:
    return math.floor(mib / 256) * 256


def _disk_a_year(users: int) -> float:
    """GiB: rows and their indexes, uploaded files."""
    writes_of_user = (
        PEOPLE.active_at_peak / 2 / PEOPLE.seconds_between_requests * PEOPLE.writes * PEOPLE.hours * 3600 * PEOPLE.days
    )
    mib = users * (writes_of_user * COSTS.database_bytes_of_write / (1 << 20) + PEOPLE.files_mib_a_year)
    return mib / MIB_OF_GIB
