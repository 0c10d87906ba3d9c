"""Heartbeats: background processes say in the database that they are alive, so that a health check can see it.

The database's clock is the only one that counts here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import msgspec
import structlog

from synergy_platform.database import Reader
from synergy_platform.runtime import Runtime

INTERVAL_SECONDS = 5
SILENT_AFTER_SECONDS = 20
FORGOTTEN_AFTER_SECONDS = 600

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_BEAT = """
    WITH dead AS (DELETE FROM process_heartbeats WHERE process <> $1 AND seen_at < now() - $3 * interval '1 second')
    INSERT INTO process_heartbeats (process, role, seen_at) VALUES ($1, $2, now())
    ON CONFLICT (process) DO UPDATE SET role = excluded.role, seen_at = excluded.seen_at
    RETURNING seen_at
"""
_FORGET = "DELETE FROM process_heartbeats WHERE process = $1 RETURNING process"
_SEEN = """
    SELECT EXISTS (SELECT 1 FROM process_heartbeats WHERE role = $1 AND seen_at > now() - $2 * interval '1 second')
"""

_ROLES = """
    SELECT role, count(*) FILTER (WHERE seen_at > now() - $1 * interval '1 second') AS alive,
           extract(epoch FROM now() - max(seen_at))::float8 AS silent_seconds
    FROM process_heartbeats GROUP BY role
"""


class RoleState(msgspec.Struct, frozen=True):
    """How many processes of a role are alive, and how many seconds ago the last of them beat."""

    alive: int
    silent_seconds: float


def process_name() -> str:
    """A name for this process that no other living one has."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


async def beat(reader: Reader, role: str, process: str) -> None:
    """Say that `process`, which does `role`, is alive; rows of processes long dead go away."""
    await reader.value(_BEAT, process, role, float(FORGOTTEN_AFTER_SECONDS))


async def forget(reader: Reader, process: str) -> None:
    """`process` ends."""
    await reader.value(_FORGET, process)


async def seen_within(reader: Reader, role: str, seconds: float) -> bool:
    """Whether any process of this role was alive in the last `seconds`."""
    return bool(await reader.value(_SEEN, role, float(seconds)))


async def roles(reader: Reader) -> dict[str, RoleState]:
    """Every role that was heard of in the last minutes."""
    rows = await reader.rows(_ROLES, float(SILENT_AFTER_SECONDS))
    return {row["role"]: RoleState(row["alive"], row["silent_seconds"]) for row in rows}


async def keep_beating(runtime: Runtime, role: str, *, interval: float = INTERVAL_SECONDS) -> None:
    """Beat until cancelled, then say goodbye. A database that is away is waited for.

    `SYNERGY_HEARTBEAT_FILE` is touched each time, whether the database is there or not: a container is not started
    anew for what is missing elsewhere.
    """
    process, failing = process_name(), False
    try:
        while True:
            if runtime.settings.heartbeat_file:
                Path(runtime.settings.heartbeat_file).touch()  # noqa: ASYNC240 - a file in memory
            try:
                async with asyncio.timeout(interval):
                    await beat(runtime.database.reader(), role, process)
                failing = False
            except Exception as error:  # noqa: BLE001 - whatever it is, the next beat may work
                if not failing:
                    log.warning("heartbeat.failed", role=role, error=repr(error))
                failing = True
            await asyncio.sleep(interval)
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await forget(runtime.database.reader(), process)
