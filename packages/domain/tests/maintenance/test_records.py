"""Records of maintenance."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from synergy_domain.maintenance import (
    TELL_OF_FAILURE,
    RecordInput,
    add_record,
    latest_records,
    recent_records,
    tell_of_failure,
)
from synergy_platform.ids import new_id


def record(task, at, outcome="ok", **detail):
    return RecordInput(
        task=task, outcome=outcome, started_at=at - timedelta(minutes=1), finished_at=at, done_by="tests",
        summary=f"{task} was done", detail=detail,
    )  # fmt: skip


async def test_records_latest_of_each_task_and_the_last_that_did_not_fail(runtime):
    task, other = f"backup.{new_id()}", f"drill.{new_id()}"
    now = runtime.clock.now()
    async with runtime.database.unit_of_work() as uow:
        add_record(uow, record(task, now - timedelta(days=2), size=7))
        add_record(uow, record(task, now - timedelta(days=1), outcome="failed"))
        add_record(uow, record(other, now, outcome="attention"))
    db = runtime.database.reader()
    latest = await latest_records(db)
    assert (latest[task].outcome, latest[other].outcome) == ("failed", "attention")
    good = await latest_records(db, succeeded=True)
    assert (good[task].finished_at, good[task].detail) == (now - timedelta(days=2), {"size": 7})
    assert good[other].outcome == "attention"
    assert [each.task for each in await recent_records(db, [task, other], limit=2)] == [other, task]


async def test_failure_of_a_backup_tells_each_admin_once(own, own_runtime):
    admins = [await own.user(role="admin") for _ in range(2)]
    gone = await own.user(role="admin", is_active=False)
    member = await own.user()
    noon = own_runtime.clock.now().replace(hour=12)
    async with own_runtime.database.unit_of_work() as uow:
        add_record(uow, record("backup", noon))
        add_record(uow, record("weekly.disk_space", noon, outcome="failed"))
        add_record(uow, record("drill", noon, outcome="failed"))
        add_record(uow, record("drill", noon + timedelta(minutes=5), outcome="failed"))  # tried again
    db = own_runtime.database.reader()
    jobs = await db.rows("SELECT payload::text AS payload FROM jobs WHERE name = $1", TELL_OF_FAILURE)
    assert len(jobs) == 2
    for job in (*jobs, jobs[0]):
        async with own_runtime.database.unit_of_work() as uow:
            await tell_of_failure(own_runtime, uow, msgspec.json.decode(job["payload"]))
    rows = await db.rows("SELECT recipient_id, type, title, message, action_url FROM notifications")
    assert {row["recipient_id"] for row in rows} == {admin.user_id for admin in admins}
    assert len(rows) == 2
    assert (rows[0]["type"], rows[0]["title"]) == ("backup_failed", "The drill of the backup failed")
    assert (rows[0]["message"], rows[0]["action_url"]) == ("drill was done", "/admin/backups")
    assert {gone.user_id, member.user_id}.isdisjoint(row["recipient_id"] for row in rows)
