"""Faults that are really there while their context lasts, each with the alert that has to tell of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

import httpx
from redis.asyncio import Redis
from system import GOOD_DAYS, MEDIA_MB, Watched

Making: TypeAlias = Callable[[Watched], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """`round`: those of one round are there at the same time, since they have nothing to do with each other."""

    alert: str
    text: str
    round: int
    make: Making


FAULTS: list[Fault] = []


def fault(number: int, alert: str) -> Callable[[Callable[[Watched], AsyncGenerator[None]]], None]:
    """Put what follows into the list; it makes the fault that its docstring tells, yields, and mends it."""

    def keep(make: Callable[[Watched], AsyncGenerator[None]]) -> None:
        FAULTS.append(Fault(alert, (make.__doc__ or "").rstrip("."), number, contextlib.asynccontextmanager(make)))

    return keep


@contextlib.asynccontextmanager
async def again_and_again(work: Callable[[], Awaitable[object]], pause: float = 0.0) -> AsyncGenerator[None]:
    """Do it until the end, whatever comes of it."""

    async def go() -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await work()
            await asyncio.sleep(pause)

    task = asyncio.create_task(go())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


# --- what is written down, kept or shown ------------------------------------------------------------------------------


@fault(1, "BackupFailed")
async def backup_failed(system: Watched) -> AsyncGenerator[None]:
    """The last backup failed."""
    await system.record("backup", "failed")
    yield
    await system.record("backup", "ok")


@fault(1, "DrillFailed")
async def drill_failed(system: Watched) -> AsyncGenerator[None]:
    """The last drill failed."""
    await system.record("drill", "failed")
    yield
    await system.record("drill", "ok")


@fault(1, "CertificateExpires")
async def certificate_expires(system: Watched) -> AsyncGenerator[None]:
    """The certificate is good for three more days."""
    system.outside.show_certificate(3)
    yield
    system.outside.show_certificate(GOOD_DAYS)


@fault(1, "DiskLow")
async def disk_low(system: Watched) -> AsyncGenerator[None]:
    """The disk of uploaded files is 97 % full."""
    filler = system.media / "filler"
    await asyncio.to_thread(filler.write_bytes, os.urandom(MEDIA_MB * 97 * 1024 * 1024 // 100))
    yield
    filler.unlink()


@fault(1, "WalArchiveFailing")
async def wal_archive_failing(system: Watched) -> AsyncGenerator[None]:
    """The log of the database cannot be archived."""
    system.refuses_wal.touch()
    async with system.sql() as sql:
        await sql.execute("SELECT pg_logical_emit_message(false, 'x', 'x')")
        await sql.execute("SELECT pg_switch_wal()")
    yield
    system.refuses_wal.unlink()


@fault(1, "DeadLetters")
async def dead_letters(system: Watched) -> AsyncGenerator[None]:
    """A message that is none of a job."""
    redis = Redis.from_url(system.settings.broker_url)
    await redis.xadd("synergy:jobs:fast", {"data": b"\xff not a message", "task": "x"})
    await redis.aclose()
    yield
    async with system.sql() as sql:
        await sql.execute("DELETE FROM jobs WHERE state = 'dead'")


@fault(2, "BackupOld")
async def backup_old(system: Watched) -> AsyncGenerator[None]:
    """The last good backup is three days old."""
    async with system.sql() as sql:
        await sql.execute(
            "UPDATE maintenance_records SET finished_at = now() - interval '3 days' WHERE task = 'backup'"
        )
    yield
    await system.record("backup", "ok")


@fault(2, "WalRetained")
async def wal_retained(system: Watched) -> AsyncGenerator[None]:
    """A slot keeps more than 1 GiB of the log."""
    async with system.sql() as sql:
        await sql.execute("SELECT pg_create_physical_replication_slot('nobody', true)")
        for _ in range(66):
            await sql.execute("SELECT pg_logical_emit_message(false, 'x', 'x')")
            await sql.execute("SELECT pg_switch_wal()")
        yield
        await sql.execute("SELECT pg_drop_replication_slot('nobody')")


@fault(2, "ReplicaGone")
async def replica_gone(system: Watched) -> AsyncGenerator[None]:
    """Nobody reads from a replica's slot."""
    async with system.sql() as sql:
        await sql.execute("SELECT pg_create_physical_replication_slot('replica1', true)")
        yield
        await sql.execute("SELECT pg_drop_replication_slot('replica1')")


@fault(2, "WebhooksFailing")
async def webhooks_failing(system: Watched) -> AsyncGenerator[None]:
    """A webhook's receiver answers 500."""
    system.outside.hook_status = 500
    yield
    system.outside.hook_status = 200
    async with system.sql() as sql:
        # all of it is tried again now, so that nothing is left for the next round
        await sql.execute("UPDATE jobs SET run_at = now() WHERE state = 'waiting' AND name = 'webhooks.send'")


@fault(2, "MailsStuck")
async def mails_stuck(system: Watched) -> AsyncGenerator[None]:
    """The mail server refuses connections."""
    system.outside.close_mail()
    yield
    await system.outside.open_mail()
    async with system.sql() as sql:
        await sql.execute("UPDATE jobs SET run_at = now() WHERE state = 'waiting' AND name LIKE 'mail%'")


@fault(2, "SchedulerLate")
async def scheduler_late(system: Watched) -> AsyncGenerator[None]:
    """A schedule cannot be taken."""
    async with system.sql() as sql:
        name = await sql.fetchval(
            "UPDATE schedules SET next_run_at = now() + interval '2 s' WHERE name = (SELECT min(name) FROM schedules)"
            " RETURNING name"
        )
        async with sql.transaction():
            await sql.execute("SELECT 1 FROM schedules WHERE name = $1 FOR UPDATE", name)
            yield


# --- requests ---------------------------------------------------------------------------------------------------------


@fault(3, "ErrorRateHigh")
async def error_rate(system: Watched) -> AsyncGenerator[None]:
    """A table that requests need is not there."""
    async with system.sql() as sql:
        await sql.execute("ALTER TABLE imports RENAME TO imports_away")
        async with system.client() as client, again_and_again(lambda: client.get("/imports"), 0.5):
            yield
        await sql.execute("ALTER TABLE imports_away RENAME TO imports")


@fault(3, "CacheGone")
async def cache_gone(system: Watched) -> AsyncGenerator[None]:
    """The Redis server of the cache is stopped."""
    system.cache.stop()
    yield
    system.cache.start()


async def _lock_for_moments(system: Watched, seconds: float, pause: float) -> None:
    async with system.sql() as sql:
        while True:
            async with sql.transaction():
                await sql.execute("LOCK TABLE imports IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(seconds)
            await asyncio.sleep(pause)


@contextlib.asynccontextmanager
async def _readers_before_a_lock(system: Watched, readers: int, seconds: float, pause: float) -> AsyncGenerator[None]:
    locking = asyncio.create_task(_lock_for_moments(system, seconds, pause))
    try:
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(system.client())
            for _ in range(readers):
                await stack.enter_async_context(again_and_again(lambda: client.get("/imports"), 0.05))
            yield
    finally:
        locking.cancel()
        await asyncio.wait([locking])


@fault(4, "ResponsesSlow")
async def responses_slow(system: Watched) -> AsyncGenerator[None]:
    """One table is locked for 2 s again and again, two readers."""
    async with _readers_before_a_lock(system, 2, 2.0, 0.02):
        yield


@fault(5, "PoolExhausted")
async def pool_exhausted(system: Watched) -> AsyncGenerator[None]:
    """Twelve readers for the connections of one process, each slow."""
    async with _readers_before_a_lock(system, 12, 1.0, 0.05):
        yield


@fault(6, "SignInQueueFull")
async def sign_in_queue_full(system: Watched) -> AsyncGenerator[None]:
    """120 people sign in at once, again and again."""
    async with contextlib.AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=None)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=system.api_url, timeout=60, limits=limits))
        for number in range(120):
            body = {"identifier": f"nobody-{number}@example.org", "password": "a quiet river bends"}

            async def sign_in(body: dict[str, str] = body) -> None:
                await client.post("/auth/login", json=body)

            await stack.enter_async_context(again_and_again(sign_in, 1.0))
        yield


# --- background work --------------------------------------------------------------------------------------------------


@fault(7, "QueueNotProcessed")
async def queue_not_processed(system: Watched) -> AsyncGenerator[None]:
    """A job cannot be taken."""
    async with system.sql() as sql:
        job = await sql.fetchval(
            "INSERT INTO jobs (id, name, queue, payload, state, run_at, created_at, attempts)"
            " VALUES (gen_random_uuid(), 'maintenance.clean_up', 'fast', '{}', 'waiting', now() + interval '2 s',"
            " now(), 0) RETURNING id"
        )
        async with sql.transaction():
            await sql.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job)
            yield


@fault(7, "OutboxLag")
async def outbox_lag(system: Watched) -> AsyncGenerator[None]:
    """Events cannot be numbered."""
    async with system.sql() as sql, sql.transaction():
        await sql.execute("SELECT 1 FROM ledger_head FOR UPDATE")
        yield


# --- processes and servers --------------------------------------------------------------------------------------------


@fault(8, "ApiDown")
async def api_down(system: Watched) -> AsyncGenerator[None]:
    """The API is killed."""
    system.kill("api")
    yield
    system.parts["api"].start()


@fault(8, "SchedulerGone")
async def scheduler_gone(system: Watched) -> AsyncGenerator[None]:
    """The scheduler is killed."""
    system.kill("scheduler")
    yield
    system.parts["scheduler"].start()


@fault(9, "WorkerGone")
async def worker_gone(system: Watched) -> AsyncGenerator[None]:
    """The worker is killed."""
    system.kill("worker")
    yield
    system.parts["worker"].start()


@fault(10, "BrokerGone")
async def broker_gone(system: Watched) -> AsyncGenerator[None]:
    """The Redis server of queued work is stopped."""
    system.broker.stop()
    yield
    system.broker.start()


@fault(11, "DatabaseRefused")
async def database_refused(system: Watched) -> AsyncGenerator[None]:
    """The database is stopped."""
    system.postgres.stop()
    yield
    system.postgres.start()
