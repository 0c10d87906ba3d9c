"""Heartbeats."""

from __future__ import annotations

import asyncio

import msgspec

from synergy_platform.heartbeats import beat, keep_beating, seen_within
from synergy_platform.runtime import Runtime


async def age(reader, process, seconds):
    sql = (
        "UPDATE process_heartbeats SET seen_at = now() - $2 * interval '1 second' WHERE process = $1 RETURNING process"
    )
    assert await reader.value(sql, process, float(seconds))


async def test_seen_within_only_the_role_that_beats_and_only_for_a_while(own_runtime):
    reader = own_runtime.database.reader()
    await beat(reader, "worker", "host:1")

    assert await seen_within(reader, "worker", 5)
    assert not await seen_within(reader, "scheduler", 5)

    await age(reader, "host:1", 10)
    assert not await seen_within(reader, "worker", 5)
    assert await seen_within(reader, "worker", 15)

    await beat(reader, "worker", "host:1")
    assert await seen_within(reader, "worker", 5)


async def test_beat_rows_of_processes_long_dead_go_away(own_runtime):
    reader = own_runtime.database.reader()
    for process, silent in (("host:1", 3600), ("host:2", 60)):
        await beat(reader, "worker", process)
        await age(reader, process, silent)

    await beat(reader, "worker", "host:3")

    rows = await reader.rows("SELECT process FROM process_heartbeats ORDER BY process")
    assert [row["process"] for row in rows] == ["host:2", "host:3"]


async def test_keep_beating_until_cancelled_then_says_goodbye(own_runtime):
    reader = own_runtime.database.reader()
    task = asyncio.create_task(keep_beating(own_runtime, "scheduler", interval=0.05))
    times = set()
    while len(times) < 3:
        times.add(await reader.value("SELECT seen_at FROM process_heartbeats"))
        await asyncio.sleep(0.02)

    task.cancel()
    await asyncio.wait({task})

    assert await reader.value("SELECT count(*) FROM process_heartbeats") == 0


async def test_keep_beating_touches_its_file_whether_the_database_is_there_or_not(settings, tmp_path):
    path = tmp_path / "heartbeat"
    away = Runtime(msgspec.structs.replace(settings, heartbeat_file=str(path), db_port=1), application="test")
    await away.open()
    task = asyncio.create_task(keep_beating(away, "worker", interval=0.05))
    times = set()
    while len(times) < 3:
        await asyncio.sleep(0.02)
        if path.exists():
            times.add(path.stat().st_mtime_ns)
    task.cancel()
    await asyncio.wait({task})
    await away.close()
