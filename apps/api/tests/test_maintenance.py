"""The lists of maintenance over HTTP; who may read them is in the matrix."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy_domain.maintenance import TASKS, RecordInput, add_record


@pytest.fixture
async def admin(make, api):
    return await api.as_(await make.user(role="admin"))


async def test_maintenance_is_listed_with_the_last_record_and_its_records_are_paged(admin, runtime):
    async with runtime.database.unit_of_work() as uow:
        now = uow.now
        for number, outcome in enumerate(("ok", "failed", "attention")):
            at = now - timedelta(hours=3 - number)
            add_record(
                uow,
                RecordInput(
                    task="monthly.old_data", outcome=outcome, started_at=at, finished_at=at, done_by="tests",
                    summary=f"number {number}", detail={"number": number},
                ),
            )  # fmt: skip
    listed = (await admin.get("/admin/maintenance")).json()
    assert [item["task"] for item in listed["items"]] == [task.name for task in TASKS]
    [item] = [item for item in listed["items"] if item["task"] == "monthly.old_data"]
    assert (item["state"], item["period"], item["how"]) == ("attention", "monthly", "job")
    assert (item["last"]["summary"], item["last"]["detail"]) == ("number 2", {"number": 2})
    assert item["last_ok_at"] == item["last"]["finished_at"]
    assert item["due_at"] < item["overdue_at"]

    path = "/admin/maintenance/monthly.old_data/records"
    first = (await admin.get(f"{path}?limit=2")).json()
    rest = (await admin.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    assert [record["summary"] for record in first["items"] + rest["items"]] == ["number 2", "number 1", "number 0"]
    assert rest["next_cursor"] is None


async def test_maintenance_records_of_what_is_no_task_are_not_found(admin):
    assert (await admin.get("/admin/maintenance/restore/records")).json()["items"] == []
    assert (await admin.get("/admin/maintenance/weekly.naps/records")).status_code == 404
