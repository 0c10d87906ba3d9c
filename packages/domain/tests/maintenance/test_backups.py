"""Backups and the proof that they can be restored, as administrators see them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy_domain.common import Actor
from synergy_domain.maintenance import state_of_backups
from synergy_platform.ids import new_id

ADMIN = Actor(user_id=new_id(), username="root", role="admin")
BACKUP = {
    "id": "20261129T020000", "kind": "full", "bytes": 52_428_800, "tables": 24, "rows": 10_233, "files": 120,
    "wal_from": "000000010000000000000004", "encrypted": True,
}  # fmt: skip
DRILL = {
    "backup": "20261129T020000", "target": "a new cluster", "seconds": 41.5, "bytes": 52_428_800, "tables": 24,
    "rows": 10_233, "files": 120, "differences": [],
}  # fmt: skip
MEANING = {
    "backup", "kind", "target", "wal_from", "encrypted", "seconds", "bytes", "tables", "rows", "files", "differences"
}  # fmt: skip


@pytest.fixture
def told(checks):
    """The state after some records: (task, hours ago, outcome, detail)."""

    async def tell(*records):
        for task, hours, outcome, detail in records:
            await checks.record(task, checks.now - timedelta(hours=hours), outcome, **detail)
        return await state_of_backups(checks.runtime, checks.reader, ADMIN)

    return tell


async def test_backups_without_any_record(told):
    view = await told()
    for standing in (view.backup, view.restore):
        assert (standing.state, standing.last_good, standing.age_seconds, standing.overdue_at) == (
            "never", None, None, None
        )  # fmt: skip
    assert (view.backups, view.proofs, view.offsite_copies) == ([], [], [])


async def test_backups_with_what_their_records_say(told):
    view = await told(
        ("backup", 27, "ok", BACKUP), ("backup", 3, "ok", {**BACKUP, "kind": "incremental"}),
        ("drill", 2, "ok", DRILL), ("offsite_copy", 1, "ok", {"backup": "20261129T020000", "bytes": 7}),
        ("weekly.disk_space", 1, "ok", {}), ("upgrade", 1, "ok", {}),
    )  # fmt: skip
    assert (view.backup.state, view.restore.state) == ("ok", "ok")
    good = view.backup.last_good
    assert good == view.backups[0]
    assert (good.backup, good.kind, good.bytes, good.tables, good.rows, good.files, good.wal_from, good.encrypted) == (
        "20261129T020000", "incremental", 52_428_800, 24, 10_233, 120, "000000010000000000000004", True,
    )  # fmt: skip
    assert view.backup.age_seconds == pytest.approx(3 * 3600, abs=60)
    assert view.backup.overdue_at - good.finished_at == timedelta(hours=26)
    proof = view.restore.last_good
    assert (proof.backup, proof.target, proof.seconds, proof.differences) == (
        "20261129T020000", "a new cluster", 41.5, []
    )  # fmt: skip
    assert [each.kind for each in view.backups] == ["incremental", "full"]
    assert [(each.backup, each.bytes) for each in view.offsite_copies] == [("20261129T020000", 7)]


@pytest.mark.parametrize("task", ["drill", "restore"])
async def test_last_proven_restore_is_a_drill_or_a_restore_that_went_well(told, task):
    view = await told((task, 3, "ok", DRILL))
    assert (view.restore.state, view.restore.last_good.task) == ("ok", task)


async def test_one_that_found_something_to_look_at_is_a_good_one_all_the_same(told):
    view = await told(("backup", 25, "ok", BACKUP), ("backup", 1, "attention", BACKUP))
    assert (view.backup.state, view.backup.last_good.outcome) == ("ok", "attention")


async def test_try_that_failed_is_told_whatever_came_before(told):
    worse = {**DRILL, "differences": ["tasks: 4 rows, 5 in the backup"]}
    view = await told(
        ("drill", 25, "ok", DRILL), ("drill", 1, "failed", worse),
        ("backup", 25, "ok", BACKUP), ("backup", 1, "failed", {}),
    )  # fmt: skip
    for standing in (view.backup, view.restore):
        assert standing.state == "failed"
        assert standing.age_seconds == pytest.approx(25 * 3600, abs=60)
    assert view.proofs[0].differences == ["tasks: 4 rows, 5 in the backup"]


async def test_good_one_is_found_behind_many_that_failed(told):
    view = await told(("backup", 25, "ok", BACKUP), *[("backup", 1, "failed", {})] * 30)
    assert (view.backup.state, view.backup.last_good.outcome, len(view.backups)) == ("failed", "ok", 20)
    never = await told(*[("restore", 1, "failed", {})] * 3)
    assert (never.restore.state, never.restore.last_good) == ("failed", None)


@pytest.mark.parametrize(("hours", "state"), [(25.9, "ok"), (26.1, "overdue")])
async def test_backup_and_proof_are_overdue_after_26_hours(told, hours, state):
    view = await told(("backup", hours, "ok", {}), ("drill", hours, "ok", {}))
    assert (view.backup.state, view.restore.state) == (state, state)


@pytest.mark.parametrize(
    "detail",
    [
        {},
        dict.fromkeys([*BACKUP, *DRILL]),
        dict.fromkeys([*BACKUP, *DRILL], "many"),
        {name: {"nested": [1]} for name in [*BACKUP, *DRILL]},
        dict.fromkeys([*BACKUP, *DRILL], "12"),
    ],
    ids=["empty", "null", "text", "objects", "numbers as text"],
)
async def test_detail_of_another_shape_breaks_nothing(told, detail):
    view = await told(("backup", 1, "ok", detail), ("drill", 1, "ok", detail))
    for record in (view.backup.last_good, view.restore.last_good):
        for name in ("bytes", "tables", "rows", "files", "seconds", "encrypted", "differences"):
            assert getattr(record, name) is None


async def test_differences_that_are_no_text_are_shown_as_json(told):
    view = await told(("drill", 1, "attention", {"differences": [{"table": "tasks"}, "and more"]}))
    assert view.proofs[0].differences == ['{"table":"tasks"}', "and more"]
