"""How the instance is, as far as one of its processes can tell within two seconds.

`synergy doctor` looks at more, and from outside; where both look at the same, they draw the line at the same value.
What is told never holds the text of an error, in which there may be an address with its password.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis

from synergy_domain.common import Actor
from synergy_domain.instance.contracts import CheckName, CheckState, HealthCheck, SystemHealth
from synergy_domain.instance.policy import require_admin
from synergy_domain.schema import SUPPORTED_REVISIONS, Schema, current_schema
from synergy_platform.heartbeats import RoleState, roles
from synergy_platform.jobs import BackgroundState, background_state
from synergy_platform.machine import disk_of
from synergy_platform.runtime import Runtime
from synergy_platform.version import VERSION

CHECK_SECONDS = 1.0
CACHE_SECONDS = 1.0
SLOW_SECONDS = 0.25

T = TypeVar("T")

_GB = 1 << 30
_MB = 1 << 20
_ORDER: tuple[CheckState, ...] = ("ok", "warning", "fault")
_UNKNOWN = "not known"
_DATABASE_FIRST = "The database did not answer in time: mend that first, and look again."


class Inspection:
    """The checks: each bounded to a second, made once at a time, and remembered for a second."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._started = time.monotonic()
        self._broker, self._cache = (
            Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
                url, decode_responses=True, socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
            )
            for url in (runtime.settings.broker_url, runtime.settings.redis_url)
        )
        self._known: tuple[float, SystemHealth] | None = None
        self._lock = asyncio.Lock()
        # a network disk that hangs would take one thread after the other
        self._measuring: asyncio.Future[tuple[int, int]] | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._broker.aclose()
        await self._cache.aclose()

    async def health(self, actor: Actor) -> SystemHealth:
        """How everything is; raises AdminsOnly."""
        require_admin(actor)
        async with self._lock:
            if self._known is None or time.monotonic() - self._known[0] >= CACHE_SECONDS:
                found = await self._look()
                self._known = (time.monotonic(), found)
            return self._known[1]

    async def _look(self) -> SystemHealth:
        database, broker, cache, files = await asyncio.gather(
            self._of_database(), _told_by(self._broker), _told_by(self._cache), self._of_files()
        )
        checks = [*database[:2], broker_check(broker), cache_check(cache), *database[2:], *files]
        return SystemHealth(
            state=max(checks, key=lambda check: _ORDER.index(check.state)).state,
            checked_at=self._runtime.clock.now(),
            version=VERSION,
            uptime_seconds=round(time.monotonic() - self._started, 1),
            checks=checks,
        )

    async def _of_database(self) -> list[HealthCheck]:
        reader = self._runtime.database.reader()
        begun = time.monotonic()
        answered = await _within(lambda: reader.value("SELECT 1"))
        checks = [database_check(None if answered is None else time.monotonic() - begun)]
        if answered is None:
            schema = alive = work = None
        else:
            schema, alive, work = await asyncio.gather(
                _within(lambda: current_schema(reader)),
                _within(lambda: roles(reader)),
                _within(lambda: background_state(reader, self._runtime.clock.now())),
            )
        checks.append(schema_check(schema))
        checks += [
            role_check("worker", alive, "no mail, notification or webhook goes out"),
            role_check("scheduler", alive, "nothing happens at its time"),
        ]
        return [*checks, *work_checks(work)]

    async def _of_files(self) -> list[HealthCheck]:
        """The room for uploaded files; nothing where they are not on a disk of this machine."""
        if self._runtime.settings.storage != "disk":
            return []
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.ensure_future(asyncio.to_thread(disk_of, self._runtime.settings.media_path))
        measuring = self._measuring
        return [files_check(await _within(lambda: asyncio.shield(measuring)))]


async def _within(look: Callable[[], Awaitable[T]]) -> T | None:
    """What it gives; None when it fails or takes longer than a second."""
    try:
        return await asyncio.wait_for(look(), CHECK_SECONDS)
    except Exception:  # noqa: BLE001 - a health check reports whatever is wrong, it never fails itself
        return None


async def _told_by(redis: Redis) -> dict[str, Any] | None:
    return await _within(redis.info)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # redis-py types it in part


def _check(name: CheckName, state: CheckState, value: str, advice: str) -> HealthCheck:
    return HealthCheck(name=name, state=state, value=value, advice=None if state == "ok" else advice)


def _graded(value: float, warn: float, bad: float) -> CheckState:
    if value >= bad:
        return "fault"
    return "warning" if value >= warn else "ok"


def database_check(seconds: float | None) -> HealthCheck:
    """How long it took to answer; None for not at all."""
    if seconds is None:
        advice = "See that PostgreSQL runs and takes connections: `synergy doctor` says what is in the way."
        return _check("database", "fault", "does not answer", advice)
    state = "ok" if seconds < SLOW_SECONDS else "warning"
    advice = "Something keeps it busy or holds its connections: `synergy doctor` tells what."
    return _check("database", state, f"answers in {1000 * seconds:.0f} ms", advice)


def schema_check(schema: Schema | None) -> HealthCheck:
    """Whether this version runs on it."""
    if schema is None:
        return _check("schema", "fault", _UNKNOWN, _DATABASE_FIRST)
    at = f"at {schema.revision or 'nothing'}"
    if schema.fits:
        return _check("schema", "ok", at, "")
    advice = "Run `synergy migrate` (compose: `just migrate`)."
    if schema.revision is not None and schema.revision > SUPPORTED_REVISIONS[-1]:
        advice = "A later version migrated it: run that version, or restore a backup from before."
    return _check("schema", "fault", f"{at}, this version runs on {', '.join(SUPPORTED_REVISIONS)}", advice)


def broker_check(told: dict[str, Any] | None) -> HealthCheck:
    """It must throw nothing away."""
    if told is None:
        advice = "Start it, or see why it cannot be reached; until then the workers take new tasks from the database."
        return _check("broker", "fault", "does not answer", advice)
    value, share = _memory(told)
    if told.get("maxmemory_policy") != "noeviction":
        return _check("broker", "fault", f"{value}, may evict queued tasks", "Set its maxmemory-policy to noeviction.")
    advice = "See on the page of queues why tasks are not worked off, or raise its maxmemory."
    return _check("broker", _graded(share, 0.75, 0.9), value, advice)


def cache_check(told: dict[str, Any] | None) -> HealthCheck:
    """It may be full, and lose everything."""
    if told is None:
        advice = "Start it, or see why it cannot be reached; until then each process limits requests by itself."
        return _check("cache", "fault", "does not answer", advice)
    value, share = _memory(told)
    if told.get("maxmemory_policy") == "noeviction":
        advice = "Set its maxmemory-policy to allkeys-lru: it refuses writes when it is full."
        return _check("cache", "warning", f"{value}, evicts nothing", advice)
    return _check("cache", _graded(share, 1.1, 1.5), value, "Raise its maxmemory.")


def _memory(told: dict[str, Any]) -> tuple[str, float]:
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    of = f" of {most / _MB:.0f}" if most else ""
    return f"Redis {told.get('redis_version', '')}, {used / _MB:.1f}{of} MiB", used / most if most else 0.0


def role_check(name: CheckName, alive: dict[str, RoleState] | None, without: str) -> HealthCheck:
    """Whether a process of this role beat lately; `without` one, what does not happen."""
    if alive is None:
        return _check(name, "fault", _UNKNOWN, _DATABASE_FIRST)
    found = alive.get(name)
    if found is None or not found.alive:
        since = f"silent for {found.silent_seconds:.0f} s" if found else "none was heard of"
        return _check(name, "fault", since, f"Start a {name}, or see its log: {without}.")
    processes = "1 process" if found.alive == 1 else f"{found.alive} processes"
    return _check(name, "ok", f"{processes} alive, seen {max(0.0, found.silent_seconds):.0f} s ago", "")


def work_checks(work: BackgroundState | None) -> list[HealthCheck]:
    """The outbox, what is due, and what was given up."""
    if work is None:
        names: tuple[CheckName, ...] = ("outbox", "jobs", "dead_letters")
        return [_check(name, "fault", _UNKNOWN, _DATABASE_FIRST) for name in names]
    lag, waits = work.outbox.oldest_seconds, max(queue.oldest_seconds for queue in work.queues)
    due, dead = sum(queue.due for queue in work.queues), sum(queue.dead for queue in work.queues)
    return [
        _check(
            "outbox", _graded(lag, 15, 60), _behind(work.outbox.events, lag),
            "See that a worker runs: its relay tells notifications, webhooks and open pages.",
        ),
        _check(
            "jobs", _graded(waits, 120, 660), _behind(due, waits),
            "See that worker and broker run, then start more workers if it goes on growing.",
        ),
        _check(
            "dead_letters", _graded(dead, 1, 100), str(dead) if dead else "none",
            "Read their errors on the page of dead letters, mend the cause, and send them again or delete them.",
        ),
    ]  # fmt: skip


def _behind(count: int, seconds: float) -> str:
    return f"{count} waiting, the oldest for {seconds:.0f} s" if count else "nothing waits"


def files_check(disk: tuple[int, int] | None) -> HealthCheck:
    """Size of their disk and what is free there, in bytes."""
    if disk is None:
        return _check("files", "fault", "does not answer", "See that the disk of SYNERGY_MEDIA_ROOT is there.")
    total, free = disk
    share = free / total if total else 0.0
    state: CheckState = "ok"
    if free < 2 * _GB or (share < 0.1 and free < 20 * _GB):
        state = "warning"
    if free < _GB // 2 or (share < 0.03 and free < 10 * _GB):
        state = "fault"
    advice = "Make room on the disk of SYNERGY_MEDIA_ROOT, or move the files to a larger one."
    return _check("files", state, f"{free / _GB:.1f} GiB free ({100 * share:.0f} %)", advice)
