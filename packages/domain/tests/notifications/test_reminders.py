"""Deadlines that come near, and tasks that became overdue."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from synergy_domain.notifications import (
    delete_read,
    mark_all_read,
    notify_deadlines,
    notify_overdue,
    reminders,
    send_digests,
)
from synergy_domain.work import TaskChange, change_task

DUE = date(2026, 3, 10)


async def test_deadline_tells_assignees_once_in_the_owners_time(timed):
    # 2026-03-10 ends in Auckland (UTC+13) at 11:00 UTC of that day
    owner = await timed.make.user(timezone="Pacific/Auckland")
    project = await timed.make.project(owner)
    member = await timed.make.member(project)
    task = await timed.make.task(project, assignee_ids=[member.user_id], due_date=DUE)
    await timed.make.task(project, assignee_ids=[member.user_id], due_date=DUE, status="done")

    async def at(*moment):
        timed.at(*moment)
        await timed.job(notify_deadlines)
        return await timed.inbox(member)

    assert await at(2026, 3, 9, 10, 59) == []
    assert await at(2026, 3, 9, 11, 1) == [("deadline_approaching", f"{task.key} is due soon")]
    assert len(await at(2026, 3, 9, 12)) == 1
    async with timed.runtime.database.unit_of_work() as uow:
        await change_task(uow, owner, str(task.id), TaskChange(due_date=date(2026, 3, 20)))
    assert len(await at(2026, 3, 19, 12)) == 2


async def test_deleted_reminder_does_not_come_again(timed):
    project = await timed.make.project()
    member = await timed.make.member(project)
    await timed.make.task(project, assignee_ids=[member.user_id], due_date=DUE)
    timed.at(2026, 3, 10, 12)
    await timed.job(notify_deadlines)
    assert len(await timed.inbox(member)) == 1
    async with timed.runtime.database.unit_of_work() as uow:
        await mark_all_read(uow, member)
        await delete_read(uow, member)
    await timed.job(notify_deadlines)
    assert await timed.inbox(member) == []


async def when_told(timed, actor, start, end):
    """Run the schedule of overdue tasks; when the user was told."""
    moment, told = start, []
    while moment < end:
        timed.clock.advance(moment - timed.clock.now())
        before = len(await timed.inbox(actor))
        await timed.job(notify_overdue)
        told += [moment] * (len(await timed.inbox(actor)) - before)
        moment += timedelta(minutes=15)
    return told


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        # due on the 10th, which ends in Vienna at 23:00 UTC
        ("Europe/Vienna", (2026, 3, 10, 23, 10)),  # 00:10 of the 11th
        ("UTC", (2026, 3, 11, 0, 10)),
        ("America/New_York", (2026, 3, 11, 4, 10)),
        ("Asia/Kathmandu", (2026, 3, 11, 18, 25)),  # it was the 11th there already when the 10th ended in Vienna
        ("Pacific/Kiritimati", (2026, 3, 11, 10, 10)),
    ],
)
async def test_overdue_tells_each_person_at_ten_past_their_midnight(timed, zone, expected):
    owner = await timed.make.user(timezone="Europe/Vienna")
    project = await timed.make.project(owner)
    member = await timed.make.member(project)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET timezone = $2 WHERE id = $1", member.user_id, zone)
    task = await timed.make.task(project, assignee_ids=[member.user_id], due_date=DUE)
    start = datetime(2026, 3, 10, 12, 10, tzinfo=UTC)
    assert await when_told(timed, member, start, start + timedelta(days=2)) == [datetime(*expected, tzinfo=UTC)]
    assert await timed.inbox(member) == [("task_overdue", f"{task.key} is overdue")]
    # the owner too, at a time of their own
    assert await timed.inbox(owner) == [("task_overdue", f"{task.key} is overdue")]


async def test_overdue_over_a_change_of_the_clock_is_told_once(timed):
    owner = await timed.make.user(timezone="America/Santiago")
    project = await timed.make.project(owner)
    # the day after begins at 01:00, on 2026-09-06
    await timed.make.task(project, due_date=date(2026, 9, 5))
    start = datetime(2026, 9, 5, 12, 10, tzinfo=UTC)
    told = await when_told(timed, owner, start, start + timedelta(days=2))
    assert len(told) == 1
    assert datetime(2026, 9, 6, 4, 10, tzinfo=UTC) <= told[0] <= datetime(2026, 9, 6, 5, 10, tzinfo=UTC)


async def test_overdue_leaves_out_what_is_done_old_archived_or_out_of_sight(timed):
    project, archived = await timed.make.project(), await timed.make.project()
    member, gone = await timed.make.member(project), await timed.make.member(project)
    people = [member.user_id, gone.user_id]
    task = await timed.make.task(project, assignee_ids=people, due_date=DUE)
    await timed.make.task(project, assignee_ids=people, due_date=DUE, status="done")
    await timed.make.task(project, assignee_ids=people, due_date=DUE - timedelta(days=4))
    await timed.make.task(project, assignee_ids=people)
    await timed.make.task(archived, due_date=DUE)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE projects SET archived_at = now() WHERE id = $1", archived.id)
        await uow.value("DELETE FROM project_members WHERE user_id = $1", gone.user_id)
    timed.at(2026, 3, 12, 1)
    for _ in range(2):
        await timed.job(notify_overdue)
    assert await timed.inbox(member) == [("task_overdue", f"{task.key} is overdue")]
    assert await timed.inbox(gone) == await timed.inbox(timed.make.owner(archived)) == []


async def test_server_that_was_down_tells_later(timed):
    project = await timed.make.project()
    await timed.make.task(project, due_date=DUE)
    timed.at(2026, 3, 13, 12)
    await timed.job(notify_overdue)
    assert len(await timed.inbox(timed.make.owner(project))) == 1


@pytest.mark.parametrize("job", [notify_overdue, notify_deadlines])
async def test_many_are_told_in_batches_also_when_they_want_nothing(timed, monkeypatch, job):
    monkeypatch.setattr(reminders, "BATCH", 2)
    project = await timed.make.project()
    member = await timed.make.member(project)
    off = {"in_app": False, "email": False}
    await timed.prefer(member, types={"task_overdue": off, "deadline_approaching": off})
    owner = timed.make.owner(project)
    for _ in range(5):
        await timed.make.task(project, assignee_ids=[owner.user_id, member.user_id], due_date=DUE)
    timed.at(2026, 3, 11, 12) if job is notify_overdue else timed.at(2026, 3, 10, 12)
    db, name = timed.runtime.database.reader(), f"notifications.{'overdue' if job is notify_overdue else 'deadlines'}"
    await timed.job(job)
    batches = 1
    while payload := await db.value("DELETE FROM jobs WHERE name = $1 RETURNING payload::text", name):
        await timed.job(job, json.loads(payload))
        batches += 1
    assert batches == 6  # the last one finds nothing more
    assert len(await timed.inbox(owner)) == 5
    assert await timed.inbox(member) == []
    await timed.job(job)
    assert await db.value("SELECT count(*) FROM jobs WHERE name = $1", name) == 0


async def test_zone_that_the_database_does_not_know_keeps_nobody_from_being_told(timed):
    project = await timed.make.project()
    owner, member = timed.make.owner(project), await timed.make.member(project)
    odd = await timed.make.project()
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE users SET timezone = 'localtime', email_verified_at = now() WHERE id = ANY($1::uuid[])",
            [member.user_id, odd.owner.id],
        )
    for one in (project, odd):
        await timed.make.task(one, assignee_ids=[one.owner.id], due_date=DUE)
    await timed.make.task(project, assignee_ids=[member.user_id], due_date=DUE)
    await timed.prefer(member, digest="daily", types={"task_overdue": {"email": True}})
    timed.at(2026, 3, 10, 12)
    await timed.job(notify_deadlines)
    timed.at(2026, 3, 11, 12)
    await timed.job(notify_overdue)
    await timed.job(send_digests)
    assert [kind for kind, _ in await timed.inbox(owner)] == ["deadline_approaching", "task_overdue", "task_overdue"]
    assert [kind for kind, _ in await timed.inbox(member)] == ["deadline_approaching", "task_overdue"]
    assert len(await timed.mails(member)) == 1
