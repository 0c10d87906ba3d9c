"""What workers tell of backups, drills and copies elsewhere."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import REGISTRY

from synergy_domain.maintenance import RecordInput, add_record
from synergy_platform.ids import first_id_at
from synergy_worker.upkeep import measure_upkeep


async def told(runtime, name: str, task: str) -> float:
    await measure_upkeep(runtime)
    value = REGISTRY.get_sample_value(f"synergy_maintenance_{name}", {"task": task})
    assert value is not None
    return value


async def record(runtime, task: str, outcome: str, hours_ago: float) -> None:
    at = runtime.clock.now() - timedelta(hours=hours_ago)
    async with runtime.database.unit_of_work() as uow:
        add_record(
            uow,
            RecordInput(task=task, outcome=outcome, started_at=at, finished_at=at, done_by="tests", summary="x"),
        )


@pytest.mark.parametrize("task", ["backup", "drill", "offsite_copy"])
async def test_last_failure_and_age_of_the_last_good_one_are_told(own_runtime, task):
    own_runtime.settings = msgspec.structs.replace(own_runtime.settings, backup_s3_bucket="copies")
    await record(own_runtime, task, "ok", 30)
    assert await told(own_runtime, "failed", task) == 0
    assert await told(own_runtime, "age_seconds", task) == pytest.approx(30 * 3600, abs=10)
    await record(own_runtime, task, "failed", 6)
    assert await told(own_runtime, "failed", task) == 1
    assert await told(own_runtime, "age_seconds", task) == pytest.approx(30 * 3600, abs=10)
    await record(own_runtime, task, "attention", 1)
    assert await told(own_runtime, "failed", task) == 0
    assert await told(own_runtime, "age_seconds", task) == pytest.approx(3600, abs=10)


async def test_what_was_never_done_is_as_old_as_the_instance_and_a_copy_nobody_wants_has_no_age(own_runtime):
    for task in ("backup", "drill"):
        assert await told(own_runtime, "age_seconds", task) == pytest.approx(0, abs=10)
    began = first_id_at(own_runtime.clock.now() - timedelta(days=3))
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value(
            "INSERT INTO schedules (id, name, job, interval_seconds, timezone, missed, next_run_at, is_paused)"
            " VALUES ($1, 'x', 'x', 60, 'UTC', 'skip', now(), false) RETURNING 1",
            began,
        )
    for task in ("backup", "drill"):
        assert await told(own_runtime, "age_seconds", task) == pytest.approx(3 * 86400, abs=10)
        assert await told(own_runtime, "failed", task) == 0
    assert math.isnan(await told(own_runtime, "age_seconds", "offsite_copy"))
    own_runtime.settings = msgspec.structs.replace(own_runtime.settings, backup_s3_bucket="copies")
    assert await told(own_runtime, "age_seconds", "offsite_copy") == pytest.approx(3 * 86400, abs=10)


async def test_of_what_was_turned_off_nobody_is_warned(own_runtime):
    for task in ("backup", "drill", "offsite_copy"):
        await record(own_runtime, task, "failed", 50)
    own_runtime.settings = msgspec.structs.replace(own_runtime.settings, backup_time="off", drill_time="off")
    for task in ("backup", "drill", "offsite_copy"):
        assert await told(own_runtime, "failed", task) == 0
        assert math.isnan(await told(own_runtime, "age_seconds", task))
