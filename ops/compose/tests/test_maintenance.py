"""The lists of maintenance where they are used: by the database's role that the product has, over containers' logs."""

from __future__ import annotations

import json
import re


def checks(lab) -> list[str]:
    """The tasks that the system does itself, but for the daily cleanup."""
    tasks = json.loads(lab.stack("maintenance-status", "--json", check=False).stdout)
    return [task["task"] for task in tasks if task["how"] == "job" and task["period"] != "daily"]


def test_a_system_that_was_just_set_up_is_not_overdue(lab):
    done = lab.stack("maintenance-status", "--json")
    assert {task["state"] for task in json.loads(done.stdout)} <= {"never", "ok", "attention", "not_applicable"}
    assert re.search(r"^not yet +quarterly\.documentation", lab.stack("maintenance", "status").stdout, re.MULTILINE)


def test_every_check_runs_with_the_rights_that_the_product_has(lab):
    assert len(checks(lab)) == 7
    for task in checks(lab):
        done = lab.stack("maintenance", "run", task)
        assert done.stdout.startswith(("ok: ", "attention: "))
        assert len(lab.outcomes(task)) >= 1


def test_what_the_scheduler_added_fires_a_check_of_its_own(lab):
    before = len(lab.outcomes("weekly.error_rates"))
    with lab.signed_in() as client:
        schedules = client.get("/api/v1/admin/schedules").json()["items"]
        assert {schedule["name"] for schedule in schedules} >= set(checks(lab))
        [schedule] = [each for each in schedules if each["name"] == "weekly.error_rates"]
        assert client.post(f"/api/v1/admin/schedules/{schedule['id']}/run").status_code == 200
    lab.wait_for(lambda: len(lab.outcomes("weekly.error_rates")) > before)


def test_the_logs_of_all_containers_are_reviewed(lab):
    with lab.signed_in() as client:
        lab.new_task(client)
    done = lab.stack("maintenance", "logs", "--hours", "2")
    assert re.search(r"^  \d+ lines? .* none new\.|new kinds? of errors", done.stdout.replace("ok: ", "  ")), (
        done.stdout
    )
    for part in ("synergy-proxy", "synergy-api", "synergy-worker", "POST /api/v1/projects/{project_id}/tasks"):
        assert part in done.stdout
    assert lab.outcomes("weekly.logs_reviewed")


def test_what_a_person_did_is_signed_off(lab):
    words = ("--outcome", "ok", "--note", "Restored on a spare machine, with 'quotes' and all.")
    lab.stack("maintenance", "record", "quarterly.recovery_drill", *words)
    assert lab.outcomes("quarterly.recovery_drill") == ["ok"]
    refused = lab.stack("maintenance", "record", "weekly.disk_space", *words, check=False)
    assert (refused.returncode, "just maintenance run weekly.disk_space" in refused.stderr) == (1, True)
