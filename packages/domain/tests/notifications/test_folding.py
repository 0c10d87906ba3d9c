"""A later change to the same object updates the notification that is not read yet."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from synergy_domain.notifications import NotificationQuery, list_notifications, mark_read, notify_about, unread_count
from synergy_domain.work import TaskChange, change_task


@pytest.fixture
async def told(timed):
    """A task, and somebody who is told of its changes."""
    timed.project = await timed.make.project()
    timed.member, timed.other = await timed.make.member(timed.project), await timed.make.member(timed.project)
    timed.task = await timed.make.task(timed.project, assignee_ids=[timed.member.user_id])
    return timed


async def change(desk, **fields):
    async with desk.runtime.database.unit_of_work() as uow:
        await change_task(uow, desk.other, desk.task.key, TaskChange(**fields))
    await desk.tell_last(desk.task.id, "task.updated")


async def personal_events(desk):
    rows = await desk.runtime.database.reader().rows(
        "SELECT type FROM events WHERE recipient_id = $1 AND object_type = 'notification' ORDER BY ord",
        desk.member.user_id,
    )
    return [row["type"] for row in rows]


async def test_later_change_within_five_minutes_is_folded(told):
    created = told.clock.now()
    for priority in ("high", "low", "urgent"):
        await change(told, priority=priority)
        told.clock.advance(timedelta(minutes=2))
    (row,) = await told.rows(told.member)
    assert (row["data"]["count"], row["created_at"], row["updated_at"]) == (3, created, created + timedelta(minutes=4))
    assert await personal_events(told) == ["notification.created", "notification.updated", "notification.updated"]
    # six minutes after its creation, although two after its last change
    await change(told, title="Another")
    assert [entry["data"].get("count", 1) for entry in await told.rows(told.member)] == [3, 1]


async def test_read_notification_is_not_folded_into(told):
    await change(told, priority="high")
    (row,) = await told.rows(told.member)
    async with told.runtime.database.unit_of_work() as uow:
        await mark_read(uow, told.member, row["id"])
    await change(told, priority="low")
    assert len(await told.rows(told.member)) == 2
    assert (await unread_count(told.runtime.database.reader(), told.member)).unread == 1


async def test_other_objects_and_types_stand_apart(told):
    second = await told.make.task(told.project, assignee_ids=[told.member.user_id])
    await told.tell_last(second.id, "task.assigned")
    await change(told, priority="high")
    told.task = second
    await change(told, priority="high")
    assert sorted(row["type"] for row in await told.rows(told.member)) == [
        "task_assigned", "task_updated", "task_updated",
    ]  # fmt: skip


async def test_folded_change_sends_no_second_mail(told):
    async with told.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", told.member.user_id)
    await told.prefer(told.member, types={"task_updated": {"email": True}})
    await change(told, priority="high")
    await change(told, priority="low")
    assert len(await told.mails(told.member)) == 1


async def test_jobs_at_the_same_time_fold_into_one(told):
    for priority in ("high", "low"):
        async with told.runtime.database.unit_of_work() as uow:
            await change_task(uow, told.other, told.task.key, TaskChange(priority=priority))
    rows = await told.runtime.database.reader().rows(
        "SELECT id FROM events WHERE object_id = $1 AND type = 'task.updated' ORDER BY ord", told.task.id
    )
    first, second = ({"event_id": str(row["id"])} for row in rows)
    # the lanes of jobs keep them apart; a dead letter that an admin sends again is in none
    async with told.runtime.database.unit_of_work() as uow:
        await notify_about(told.runtime, uow, first)
        other = asyncio.create_task(told.job(notify_about, second))
        done, _ = await asyncio.wait({other}, timeout=0.5)
        assert not done
    await other
    (row,) = await told.rows(told.member)
    assert row["data"]["count"] == 2


async def test_list_stays_in_order_while_one_is_folded_into(told):
    db, cursors = told.runtime.database.reader(), told.runtime.cursors
    for number in range(3):
        told.task = await told.make.task(told.project, assignee_ids=[told.member.user_id], title=f"Task {number}")
        await change(told, priority="high")
        told.clock.advance(timedelta(seconds=1))
    page = await list_notifications(db, cursors, told.member, NotificationQuery(limit=2))
    assert [item.message for item in page.items] == ["Task 2", "Task 1"]
    await change(told, priority="low")
    rest = await list_notifications(db, cursors, told.member, NotificationQuery(limit=2, cursor=page.next_cursor))
    assert [item.message for item in rest.items] == ["Task 0"]
    again = await list_notifications(db, cursors, told.member, NotificationQuery(limit=2))
    assert [item.id for item in again.items] == [item.id for item in page.items]
    assert again.items[0].updated_at > again.items[0].created_at
