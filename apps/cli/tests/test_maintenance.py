"""`synergy maintenance` as an operator types it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from synergy_domain.maintenance import TASKS, RecordInput, add_record
from synergy_platform.ids import first_id_at
from synergy_testing.command import synergy_on

DAY = timedelta(days=1)


@pytest.fixture
def synergy(own_settings):
    return synergy_on(own_settings, "maintenance")


async def set_up(runtime, days_ago):
    """A system that keeps the lists since then."""
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO schedules (id, name, job, cron, timezone, missed, is_paused, next_run_at)
               VALUES ($1, 'weekly.disk_space', 'maintenance.weekly.disk_space', '0 4 * * 1', 'UTC', 'catch_up', false,
                       now())""",
            first_id_at(uow.now - days_ago * DAY),
        )


async def test_status_fails_and_says_what_to_do_when_a_task_is_overdue(synergy, own_runtime):
    await set_up(own_runtime, days_ago=1)
    status, out, err = await synergy("status")
    assert (status, err) == (0, "")
    assert [line.split()[-3 if " due " in line else -1] for line in out.splitlines()] == [task.name for task in TASKS]
    assert "OVERDUE" not in out

    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE schedules SET id = $1", first_id_at(uow.now - 2 * DAY))
        for task in ("drill", "cleanup"):
            add_record(
                uow,
                RecordInput(
                    task=task, outcome="ok", started_at=uow.now, finished_at=uow.now, done_by="tests", summary="Well."
                ),
            )
    status, out, _ = await synergy("status")
    assert status == 1
    assert "OVERDUE    backup " in out
    assert "Take one now with the command.\n    just backup\n" in out
    assert f"{own_runtime.clock.now():%Y-%m-%d}  Well." in out

    status, out, _ = await synergy("status", "--json")
    states = {task["task"]: task["state"] for task in json.loads(out)}
    assert (status, states["backup"], states["drill"], states["offsite_copy"]) == (1, "overdue", "ok", "not_applicable")


async def test_run_does_a_check_now_and_show_prints_its_record(synergy, own_runtime):
    status, out, err = await synergy("run", "weekly.disk_space", "--by", "ada")
    assert status == 0, err
    assert out.startswith("ok: The database has ")
    assert re.search(r"^  name +bytes +rows$", out, re.MULTILINE)
    assert re.search(r"^database_bytes: [\d.]+ MiB$", out, re.MULTILINE)
    row = await own_runtime.database.reader().row("SELECT task, done_by FROM maintenance_records")
    assert tuple(row) == ("weekly.disk_space", "ada")

    status, shown, _ = await synergy("show", "weekly.disk_space")
    head, _, figures = shown.partition("\n")
    assert (status, re.sub(r"\d", "0", head)) == (0, "weekly.disk_space: ok, 0000-00-00 00:00 UTC, by ada")
    # JSON of the database has its names in another order
    assert sorted(figures.split()) == sorted(out.removeprefix("ok: ").split())
    status, _, err = await synergy("show", "monthly.old_data")
    assert (status, "There is no record of monthly.old_data" in err) == (1, True)
    status, _, err = await synergy("run", "quarterly.documentation")
    assert (status, "just maintenance record quarterly.documentation" in err) == (1, True)


async def test_record_signs_off_what_a_person_did_and_nothing_that_the_system_does(synergy, own_runtime):
    words = ("--outcome", "ok", "--note", "Restored onto a spare machine in 12 minutes.", "--by", "ada")
    assert (await synergy("record", "quarterly.recovery_drill", *words))[0] == 0
    row = await own_runtime.database.reader().row("SELECT task, outcome, summary, done_by FROM maintenance_records")
    assert tuple(row) == (
        "quarterly.recovery_drill", "ok", "Restored onto a spare machine in 12 minutes.", "ada",
    )  # fmt: skip
    status, _, err = await synergy("record", "weekly.disk_space", *words)
    assert (status, "just maintenance run weekly.disk_space" in err) == (1, True)
    status, _, err = await synergy("record", "weekly.naps", *words)
    assert (status, "There is no task weekly.naps" in err) == (1, True)
    status, _, err = await synergy("record", "quarterly.documentation", "--outcome", "ok", "--note", " ")
    assert (status, "say in a sentence" in err) == (1, True)
    assert await own_runtime.database.reader().value("SELECT count(*) FROM maintenance_records") == 1


async def test_review_logs_reads_a_file_or_standard_input_and_prints_what_is_in_it(synergy, own_runtime, tmp_path):
    line = json.dumps(
        {
            "@timestamp": "2026-11-30T10:00:00.000Z", "log.level": "error", "message": "http.failed",
            "service.name": "synergy-api", "service.version": "1", "error.type": "KeyError",
        }
    )  # fmt: skip
    (tmp_path / "log").write_text(f"{line}\n{line}\n")
    status, out, err = await synergy("review-logs", str(tmp_path / "log"))
    assert status == 0, err
    assert out.startswith("attention: 1 new kind of errors: synergy-api: http.failed (KeyError).\n")
    assert "error  synergy-api  http.failed  2" in out

    status, out, _ = await synergy("review-logs", "-", stdin=f"\n{line}\n")
    assert (status, out.splitlines()[0]) == (0, "ok: 1 line of 0 hours: 1 error, none new.")
    count = "SELECT count(*) FROM maintenance_records WHERE task = 'weekly.logs_reviewed'"
    assert await own_runtime.database.reader().value(count) == 2

    status, _, err = await synergy("review-logs", "-", stdin="nothing\n")
    assert (status, "no log line of SynergyOS" in err) == (1, True)
    status, _, err = await synergy("review-logs", str(tmp_path / "none"))
    assert (status, "cannot be read" in err) == (1, True)
    assert await own_runtime.database.reader().value(count) == 2
