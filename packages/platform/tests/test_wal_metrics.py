"""The archived log and replication slots, as a real server of PostgreSQL tells them."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.wal import measure_wal


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
async def archiving(own_settings, tmp_path: Path):
    """A server that archives each file of its log, unless the file `refuse` is there; and who looks at it."""
    refuse = tmp_path / "refuse"
    command = f"test ! -e {refuse}"
    server = EmbeddedPostgres(tmp_path / "postgres", settings={"archive_mode": "on", "archive_command": command})
    server.start()
    settings = msgspec.structs.replace(
        own_settings, db_name=server.database, db_user=server.user, db_password=server.password, db_host=server.host,
        db_port=server.port,
    )  # fmt: skip
    runtime = Runtime(settings, application="synergy-test", hasher=PasswordHasher(memory_kib=64))
    await runtime.open()
    yield server, runtime, refuse
    await runtime.close()
    server.stop()


def next_file(server: EmbeddedPostgres) -> None:
    server.run_sql("SELECT pg_logical_emit_message(false, 'x', 'x'); SELECT pg_switch_wal()")


async def until(runtime: Runtime, name: str, value: float) -> None:
    async with asyncio.timeout(30):
        while True:
            await measure_wal(runtime)
            if told(name) == value:
                return
            await asyncio.sleep(0.2)


async def test_log_that_cannot_be_archived_is_told_until_it_can(archiving):
    server, runtime, refuse = archiving
    refuse.touch()
    next_file(server)
    await until(runtime, "synergy_wal_archive_failing", 1)
    server.run_sql("SELECT pg_sleep(3)")
    await measure_wal(runtime)
    assert told("synergy_wal_archive_age_seconds") >= 3
    refuse.unlink()
    server.run_sql("SELECT pg_reload_conf()")
    next_file(server)
    await until(runtime, "synergy_wal_archive_failing", 0)
    assert told("synergy_wal_archive_age_seconds") < 3


async def test_slot_is_told_with_what_it_keeps_until_it_is_dropped(archiving):
    server, runtime, _ = archiving
    server.run_sql("SELECT pg_create_physical_replication_slot('wal', true)")
    for _ in range(3):
        next_file(server)
    await measure_wal(runtime)
    assert told("synergy_replication_slot_active", slot="wal") == 0
    assert told("synergy_wal_retained_bytes", slot="wal") > 2 * 16 * 1024 * 1024
    server.run_sql("SELECT pg_drop_replication_slot('wal')")
    await measure_wal(runtime)
    assert told("synergy_replication_slot_active", slot="wal") is None
    assert told("synergy_wal_retained_bytes", slot="wal") is None


async def test_database_that_does_not_archive_has_no_age_of_what_it_archived(own_runtime):
    await measure_wal(own_runtime)
    assert told("synergy_wal_archive_failing") == 0
    assert math.isnan(told("synergy_wal_archive_age_seconds"))
