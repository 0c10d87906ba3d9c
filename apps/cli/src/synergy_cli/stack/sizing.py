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
_POOL = 3


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
    files_mib_a_year: float = 25.0


@dataclass(frozen=True)
class Costs:
    """CPU in milliseconds of one core, memory in MiB, disk in bytes.

    `page_ms`, `web`, `connection` and `others` (proxy, Redis, backup, Docker, the kernel) are estimates; the rest is
    measured.
    """

    api_ms: float = 4.0
    database_ms: float = 2.2
    redis_ms: float = 0.3
    worker_ms_of_write: float = 7.5
    sign_in_ms: float = 86.0
    page_ms: float = 100.0
    idle_cores: float = 0.05
    api_process: float = 125.0
    active_user: float = 0.08
    worker: float = 125.0
    scheduler: float = 96.0
    web: float = 100.0
    connection: float = 5.0
    others: float = 500.0
    database_bytes_of_write: float = 2200.0
    log_bytes_of_write: float = 15_800.0


PEOPLE = People()
COSTS = Costs()
# GiB of images and logs of containers
_DISK_OF_SYSTEM = 20
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
class Parts:
    """Containers of each kind, processes of an API container, and jobs at a time of a worker."""

    processes: int
    api: int
    workers: int
    jobs: int
    schedulers: int
    web: int


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
    disk_of_log: float
    shortages: tuple[str, ...]
    disk_shortage: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that does not fit."""
        return (*self.shortages, self.disk_shortage) if self.disk_shortage else self.shortages

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
        cores_rest=(worker + pages + requests * COSTS.redis_ms) / 1000 + COSTS.idle_cores,
    )


def users_of(machine: Machine) -> int:
    """The most users, in round numbers, whose peak this machine carries; the disk is told, and does not count."""
    steps = [step * 10**power for power in range(1, 6) for step in (1, 2, 5)]
    return max((users for users in steps if not plan(machine, users).shortages), default=steps[0])


def smallest(users: int) -> Machine:
    """The smallest machine of the usual sizes that carries them, with a disk for three years."""
    for cores, gib in ((2, 4), (2, 8), (4, 8), (4, 16), (8, 16), (8, 32), (16, 64), (32, 128), (64, 256)):
        found = plan(Machine(cores, gib * MIB_OF_GIB, 0), users)
        if not found.shortages:
            disk = max(40, math.ceil((_DISK_OF_SYSTEM + found.disk_of_log + 3 * found.disk_a_year) / 10) * 10)
            return Machine(cores, gib * MIB_OF_GIB, disk)
    raise ValueError(f"{users} users need more than one machine")


def plan(machine: Machine, users: int) -> Plan:
    """What to set there for them."""
    demand, parts = demand_of(users), _parts(machine, demand_of(users))
    # a rollout runs one API container more
    needed = connections(
        api_processes=(parts.api + 1) * parts.processes,
        workers=parts.workers,
        schedulers=parts.schedulers,
        pool=_POOL,
        worker_pool=parts.jobs + 1,
    )
    database = _database_memory(machine.memory)
    shared = _shared_buffers(database)
    memory = (
        (parts.api + 1) * parts.processes * COSTS.api_process
        + demand.active * COSTS.active_user
        + parts.workers * COSTS.worker
        + parts.schedulers * COSTS.scheduler
        + parts.web * COSTS.web
        + shared
        + needed * COSTS.connection
        + COSTS.others
    )
    a_year, of_log = _disk_a_year(users), _disk_of_log(users)
    disk = _DISK_OF_SYSTEM + of_log + a_year
    return Plan(
        demand=demand,
        machine=machine,
        settings=(*_of_processes(machine, demand, parts), *_of_database(machine, needed, database, shared)),
        connections=needed,
        memory=math.ceil(memory),
        disk_a_year=a_year,
        disk_of_log=of_log,
        shortages=tuple(_shortages(machine, demand, needed, memory)),
        disk_shortage=""
        if machine.disk >= disk
        else (
            f"A year writes some {a_year:.0f} GiB, the database's log of a week is {of_log:.0f} GiB, and "
            f"{_DISK_OF_SYSTEM} GiB are for images and logs: {machine.disk} GiB are free."
        ),
    )


def _parts(machine: Machine, demand: Demand) -> Parts:
    # of the usual four, two where memory is short; while one is renewed, the others answer
    processes = 4 if machine.memory >= 3 * MIB_OF_GIB else 2
    is_large = demand.users >= 1000
    pages = demand.active / PEOPLE.seconds_between_pages * COSTS.page_ms / 1000
    changes = demand.requests * PEOPLE.writes
    return Parts(
        processes=processes,
        api=max(2 if is_large else 1, math.ceil(demand.cores_api / _BUSY / processes)),
        workers=max(2 if demand.users >= 10_000 else 1, math.ceil(changes * COSTS.worker_ms_of_write / 1000 / _BUSY)),
        jobs=8 if demand.users >= 10_000 else 4,
        schedulers=2 if is_large else 1,
        web=max(2 if is_large else 1, math.ceil(pages / _BUSY)),
    )


def _of_processes(machine: Machine, demand: Demand, parts: Parts) -> list[Setting]:
    cores = max(1, math.floor(machine.cores))
    each = demand.requests / (parts.api * parts.processes)
    changes = demand.requests * PEOPLE.writes
    pages = demand.active / PEOPLE.seconds_between_pages
    spare = "one may fail" if parts.api > 1 else "a rollout starts another beside it"
    of_address = max(300, math.ceil(demand.requests * 3 / 100) * 100)
    found = (
        (
            "WEB_WORKERS",
            parts.processes,
            f"API processes of a container; all together use {demand.cores_api:.2f} cores",
        ),
        ("SYNERGY_API_REPLICAS", parts.api, f"containers of the API: {spare}"),
        ("SYNERGY_WORKER_REPLICAS", parts.workers, f"{changes:.1f} changes a second make work for them"),
        ("SYNERGY_SCHEDULER_REPLICAS", parts.schedulers, "one fires; a second takes over when it fails"),
        ("SYNERGY_WEB_REPLICAS", parts.web, f"{pages:.2f} whole pages a second"),
        (
            "SYNERGY_WORKER_CONCURRENCY",
            parts.jobs,
            "jobs at a time of a worker; most wait for mail servers and webhooks",
        ),
        ("SYNERGY_DB_POOL_SIZE", _POOL, f"of an API process, which has {each:.1f} requests a second"),
        ("SYNERGY_WORKER_DB_POOL_SIZE", parts.jobs + 1, "one for each job at a time of a worker, and one"),
        ("SYNERGY_API_MEMORY", _size(_LIMIT_MIB, ""), "limit of a container; each process is renewed at 300 MiB"),
        ("SYNERGY_API_CPUS", min(cores, parts.processes), "limit of a container: its processes' or the machine's"),
        ("SYNERGY_WORKER_CPUS", min(cores, _LIMIT_CPUS), "limit of a worker"),
        ("SYNERGY_PROXY_REQUESTS_PER_SECOND", of_address, "of one address: a whole office may be behind one"),
    )
    return [Setting(name, str(value), why) for name, value, why in found]


def _of_database(machine: Machine, needed: int, database: int, shared: int) -> list[Setting]:
    cores = max(1, math.floor(machine.cores))
    allowed = max(MAX_CONNECTIONS, math.ceil((needed + RESERVED_CONNECTIONS) / 50) * 50)
    found = (
        (
            "SYNERGY_DB_MAX_CONNECTIONS",
            min(allowed, _MOST_CONNECTIONS),
            f"{needed} may be opened during a rollout, {RESERVED_CONNECTIONS} are kept",
        ),
        (
            "SYNERGY_DB_SHARED_BUFFERS",
            _size(shared, "B"),
            "an eighth of its memory, a quarter where it has more than 2 GiB",
        ),
        (
            "SYNERGY_DB_EFFECTIVE_CACHE_SIZE",
            _size(database // 2, "B"),
            "what the kernel may keep of it: half of its memory",
        ),
        ("SYNERGY_DB_MEMORY", _size(database, ""), "limit of the container"),
        ("SYNERGY_DB_CPUS", min(cores, max(_LIMIT_CPUS, cores // 2)), "limit of the container: half of the cores"),
    )
    return [Setting(name, str(value), why) for name, value, why in found]


def _shortages(machine: Machine, demand: Demand, needed: int, memory: float) -> list[str]:
    found: list[str] = []
    if demand.cores > machine.cores * _BUSY:
        found.append(
            f"The peak keeps {demand.cores:.1f} cores busy, more than half of {machine.cores:g}: "
            f"take {math.ceil(demand.cores / _BUSY)} cores, or fewer users."
        )
    if memory > machine.memory * _MEMORY_PART:
        found.append(
            f"Some {memory / MIB_OF_GIB:.1f} GiB are expected to be in use, more than {_MEMORY_PART:.0%} of "
            f"{machine.memory / MIB_OF_GIB:.1f} GiB: take {math.ceil(memory / _MEMORY_PART / MIB_OF_GIB)} GiB."
        )
    if needed + RESERVED_CONNECTIONS > _MOST_CONNECTIONS:
        found.append(
            f"{needed} connections are more than this database may have ({_MOST_CONNECTIONS}): put PgBouncer between "
            "(DB_HOST names it, DB_DIRECT_HOST the database)."
        )
    return found


def _database_memory(memory: int) -> int:
    """The limit of the database's container in MiB: compose.yaml's up to 8 GiB, then three eighths of the machine."""
    if memory <= 8 * MIB_OF_GIB:
        return min(_LIMIT_MIB, memory // 2)
    return max(_LIMIT_MIB, memory * 3 // 8 // 256 * 256)


def _shared_buffers(database: int) -> int:
    """MiB: compose.yaml's share up to its limit, above it a quarter, at most 8 GiB."""
    return database // 8 if database <= _LIMIT_MIB else min(database // 4, 8 * MIB_OF_GIB)


def _size(mib: int, unit: str) -> str:
    """As compose.yaml writes it: 256MB, 1GB; without B for Docker."""
    return f"{mib // MIB_OF_GIB}G{unit}" if mib % MIB_OF_GIB == 0 else f"{mib}M{unit}"


def _writes_a_day(users: int) -> float:
    """Changes of a workday: half of the peak, for its hours."""
    peak = users * PEOPLE.active_at_peak / PEOPLE.seconds_between_requests * PEOPLE.writes
    return peak / 2 * PEOPLE.hours * 3600


def _disk_a_year(users: int) -> float:
    """GiB: rows with their indexes, and uploaded files."""
    rows = _writes_a_day(users) * PEOPLE.days * COSTS.database_bytes_of_write / (1 << 20)
    return (rows + users * PEOPLE.files_mib_a_year) / MIB_OF_GIB


def _disk_of_log(users: int) -> float:
    """GiB of the database's log that is kept for a week, before it is compressed."""
    return _writes_a_day(users) * 5 * COSTS.log_bytes_of_write / (1 << 30)
