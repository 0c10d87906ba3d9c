"""Records of maintenance."""

from __future__ import annotations

from datetime import timedelta

from synergy_domain.maintenance import RecordInput, add_record, latest_records, recent_records
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
