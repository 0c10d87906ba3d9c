"""Who is told about what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from synergy_domain.common import Actor
from synergy_domain.notifications import notify_about, notify_deadlines
from synergy_domain.work import CommentInput, TaskChange, add_comment, change_comment, change_task


async def tell(runtime, object_id, kind):
    """Run the job for the events of an object, each twice: the second time changes nothing."""
    rows = await runtime.database.reader().rows(
        "SELECT id FROM events WHERE object_id = $1 AND type = $2 ORDER BY ord", object_id, kind
    )
    assert rows
    for row in rows + rows:
        async with runtime.database.unit_of_work() as uow:
            await notify_about(runtime, uow, {"event_id": str(row["id"])})


async def inbox(runtime, actor: Actor):
    rows = await runtime.database.reader().rows(
        "SELECT type, title, message FROM notifications WHERE recipient_id = $1 ORDER BY created_at, id", actor.user_id
    )
    return [(row["type"], row["title"]) for row in rows]


@pytest.fixture
async def project(make):
    return await make.project()


async def test_assignees_are_told_but_not_about_their_own_action(make, runtime, project):
    member, owner = await make.member(project), make.owner(project)
    task = await make.task(project, assignee_ids=[member.user_id, owner.user_id])
    await tell(runtime, task.id, "task.assigned")
    assert await inbox(runtime, member) == [("task_assigned", f"Test Person assigned {task.key} to you")]
    assert await inbox(runtime, owner) == []


async def test_comment_tells_mentioned_members_and_the_involved_once(make, runtime, project):
    assignee, mentioned, bystander = [await make.member(project) for _ in range(3)]
    outsider = await make.user()
    task = await make.task(project, assignee_ids=[assignee.user_id, mentioned.user_id])
    body = f"@{mentioned.username} and @{outsider.username}, see `@{bystander.username}`"
    async with runtime.database.unit_of_work() as uow:
        comment = await add_comment(uow, assignee, task.key, CommentInput(body=body))
    await tell(runtime, comment.id, "comment.created")
    assert [kind for kind, _ in await inbox(runtime, mentioned)] == ["mention"]
    assert [kind for kind, _ in await inbox(runtime, make.owner(project))] == ["comment_added"]
    for nobody in (assignee, bystander, outsider):
        assert await inbox(runtime, nobody) == []
    async with runtime.database.unit_of_work() as uow:
        await change_comment(uow, assignee, comment.id, CommentInput(body=f"{body} @{bystander.username}"))
    await tell(runtime, comment.id, "comment.updated")
    assert [kind for kind, _ in await inbox(runtime, bystander)] == ["mention"]
    assert len(await inbox(runtime, mentioned)) == 1


async def test_who_left_the_project_is_not_told(make, runtime, project):
    member = await make.member(project)
    task = await make.task(project, assignee_ids=[member.user_id])
    async with runtime.database.unit_of_work() as uow:
        await uow.value("DELETE FROM project_members WHERE user_id = $1", member.user_id)
    await tell(runtime, task.id, "task.assigned")
    assert await inbox(runtime, member) == []


async def test_deadline_tells_assignees_once_in_the_owners_time(make, own_runtime):
    make = type(make)(own_runtime)
    # 2026-03-10 ends in Auckland (UTC+13) at 11:00 UTC of that day
    owner = await make.user(timezone="Pacific/Auckland")
    project = await make.project(owner)
    member = await make.member(project)
    task = await make.task(project, assignee_ids=[member.user_id], due_date="2026-03-10")
    done = await make.task(project, assignee_ids=[member.user_id], due_date="2026-03-10", status="done")

    async def at(*moment):
        async with own_runtime.database.unit_of_work() as uow:
            uow.now = datetime(*moment, tzinfo=UTC)
            await notify_deadlines(own_runtime, uow, {})
        return await inbox(own_runtime, member)

    assert await at(2026, 3, 9, 10, 59) == []
    assert await at(2026, 3, 9, 11, 1) == [("deadline_approaching", f"{task.key} is due soon")]
    assert len(await at(2026, 3, 9, 12)) == 1
    async with own_runtime.database.unit_of_work() as uow:
        await change_task(uow, owner, str(task.id), TaskChange(due_date=datetime(2026, 3, 20, tzinfo=UTC).date()))
    assert len(await at(2026, 3, 19, 12)) == 2
    assert done.status == "done"
