"""When a task of the lists is due, and when it is overdue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy_domain.maintenance import TASKS, maintenance_status
from synergy_platform.schedules import ScheduleDefinition, ensure_schedules

DAY = timedelta(days=1)
FIRST_SLOT = ScheduleDefinition(name="weekly.disk_space", job="maintenance.weekly.disk_space", cron="0 4 * * 1")


@pytest.fixture
async def begun(own_runtime):
    """The moment at which the system began to keep the lists."""
    async with own_runtime.database.unit_of_work() as uow:
        await ensure_schedules(uow, (FIRST_SLOT,))
        return uow.now


async def status(runtime, now):
    return {each.task: each for each in await maintenance_status(runtime.database.reader(), now)}


def overdue(found):
    return {name for name, each in found.items() if each.state == "overdue"}


async def test_status_is_never_overdue_before_the_first_scheduler_ran(own_runtime):
    found = await status(own_runtime, own_runtime.clock.now() + 400 * DAY)
    assert {each.state for each in found.values()} == {"never", "not_applicable"}
    assert [name for name, each in found.items() if each.state == "not_applicable"] == ["offsite_copy"]


async def test_status_fresh_system_is_overdue_once_the_first_period_and_its_grace_are_over(own_runtime, begun):
    assert overdue(await status(own_runtime, begun + 1.4 * DAY)) == set()
    daily = {"backup", "drill", "cleanup"}
    assert overdue(await status(own_runtime, begun + 1.6 * DAY)) == daily
    assert overdue(await status(own_runtime, begun + 8.9 * DAY)) == daily
    weekly = {task.name for task in TASKS if task.name.startswith("weekly.")}
    assert overdue(await status(own_runtime, begun + 9.1 * DAY)) == daily | weekly
    monthly = {task.name for task in TASKS if task.name.startswith("monthly.")}
    assert overdue(await status(own_runtime, begun + 37.9 * DAY)) == daily | weekly
    assert overdue(await status(own_runtime, begun + 38.1 * DAY)) == daily | weekly | monthly
    everything = {task.name for task in TASKS} - {"offsite_copy"}
    assert overdue(await status(own_runtime, begun + 106.1 * DAY)) == everything


async def test_status_lists_hold_every_row_that_is_asked_for():
    assert {task.name for task in TASKS if "." in task.name} == {
        "weekly.logs_reviewed", "weekly.disk_space", "weekly.backups_verified", "weekly.error_rates",
        "monthly.dependencies", "monthly.security_events", "monthly.performance", "monthly.old_data",
        "quarterly.audit", "quarterly.load_test", "quarterly.recovery_drill", "quarterly.documentation",
    }  # fmt: skip


async def test_status_of_what_was_done_counts_from_the_last_record_that_did_not_fail(own_runtime, checks, begun):
    await checks.record("backup", begun - 1.2 * DAY, summary="it went well")
    await checks.record("weekly.disk_space", begun - 8 * DAY, "attention")
    await checks.record("offsite_copy", begun - 2 * DAY)
    found = await status(own_runtime, begun)
    backup = found["backup"]
    assert (backup.state, backup.due_at, backup.overdue_at) == ("ok", begun - 0.2 * DAY, begun + 0.3 * DAY)
    assert (backup.last.summary, backup.last_ok_at) == ("it went well", begun - 1.2 * DAY)
    # it was done, so it is in time; and somebody has to look
    assert found["weekly.disk_space"].state == "attention"
    # once this system has made one, it has to go on
    assert found["offsite_copy"].state == "overdue"

    # a failure is shown, and moves nothing
    await checks.record("backup", begun - 0.1 * DAY, "failed")
    backup = (await status(own_runtime, begun))["backup"]
    assert (backup.state, backup.last.outcome, backup.overdue_at) == ("attention", "failed", begun + 0.3 * DAY)
    assert (await status(own_runtime, begun + 0.31 * DAY))["backup"].state == "overdue"

    await checks.record("backup", begun + 0.31 * DAY)
    assert (await status(own_runtime, begun + 0.32 * DAY))["backup"].state == "ok"
