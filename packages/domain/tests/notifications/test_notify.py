"""Who is told about what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from synergy_domain import projects
from synergy_domain.identity import Client
from synergy_domain.notifications import notify_about
from synergy_domain.projects import (
    MemberInput,
    ProjectChange,
    Transfer,
    add_member,
    archive_project,
    change_project,
    transfer_project,
)
from synergy_domain.work import (
    CommentInput,
    TaskChange,
    TaskInput,
    TaskMove,
    add_comment,
    change_comment,
    change_task,
    create_task,
    move_task,
)
from synergy_domain.work.events import TaskAssigned
from synergy_platform.events import Event
from synergy_platform.ids import new_id


async def test_assignees_are_told_but_not_about_their_own_action(make, desk, project):
    member, owner = await make.member(project), make.owner(project)
    task = await make.task(project, assignee_ids=[member.user_id, owner.user_id])
    await desk.tell(task.id, "task.assigned")
    assert await desk.inbox(member) == [("task_assigned", f"Test Person assigned {task.key} to you")]
    assert await desk.inbox(owner) == []


async def test_comment_tells_mentioned_members_and_the_involved_once(make, runtime, desk, project):
    assignee, mentioned, bystander = [await make.member(project) for _ in range(3)]
    outsider = await make.user()
    task = await make.task(project, assignee_ids=[assignee.user_id, mentioned.user_id])
    body = f"@{mentioned.username} and @{outsider.username}, see `@{bystander.username}`"
    async with runtime.database.unit_of_work() as uow:
        comment = await add_comment(uow, assignee, task.key, CommentInput(body=body))
    await desk.tell(comment.id, "comment.created")
    assert [kind for kind, _ in await desk.inbox(mentioned)] == ["mention"]
    assert [kind for kind, _ in await desk.inbox(make.owner(project))] == ["comment_added"]
    for nobody in (assignee, bystander, outsider):
        assert await desk.inbox(nobody) == []
    async with runtime.database.unit_of_work() as uow:
        await change_comment(uow, assignee, comment.id, CommentInput(body=f"{body} @{bystander.username}"))
    await desk.tell(comment.id, "comment.updated")
    assert [kind for kind, _ in await desk.inbox(bystander)] == ["mention"]
    assert len(await desk.inbox(mentioned)) == 1


async def test_who_left_the_project_is_not_told(make, runtime, desk, project):
    member, gone = await make.member(project), await make.member(project)
    task = await make.task(project, assignee_ids=[member.user_id, gone.user_id])
    async with runtime.database.unit_of_work() as uow:
        await uow.value("DELETE FROM project_members WHERE user_id = $1", member.user_id)
        await uow.value("UPDATE users SET is_active = false WHERE id = $1", gone.user_id)
    await desk.tell(task.id, "task.assigned")
    assert await desk.inbox(member) == await desk.inbox(gone) == []


async def test_project_in_the_trash_tells_nobody(make, runtime, desk, project):
    member = await make.member(project)
    task = await make.task(project, assignee_ids=[member.user_id])
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE projects SET deleted_at = now() WHERE id = $1", project.id)
    await desk.tell(task.id, "task.assigned")
    assert await desk.inbox(member) == []


async def test_quiet_event_tells_nobody(make, runtime, desk, project):
    member = await make.member(project)
    task = await make.task(project, assignee_ids=[member.user_id])
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE events SET quiet = true WHERE object_id = $1", task.id)
    await desk.tell(task.id, "task.assigned")
    assert await desk.inbox(member) == []


async def change(runtime, actor, task, **fields):
    async with runtime.database.unit_of_work() as uow:
        await change_task(uow, actor, task.key, TaskChange(**fields))


async def move(runtime, actor, task, status):
    async with runtime.database.unit_of_work() as uow:
        await move_task(uow, actor, task.key, TaskMove(status=status))


async def test_changed_fields_tell_assignees_and_the_reporter(make, runtime, desk, project):
    assignee, newcomer, other = [await make.member(project) for _ in range(3)]
    owner = make.owner(project)
    task = await make.task(project, assignee_ids=[assignee.user_id])
    await change(
        runtime, other, task, priority="high", due_date=datetime(2026, 3, 1, tzinfo=UTC).date(),
        assignee_ids=[assignee.user_id, newcomer.user_id],
    )  # fmt: skip
    await desk.tell(task.id, "task.updated", "task.assigned")
    told = ("task_updated", f"Test Person changed {task.key}: priority, due date, assignees")
    assert sorted(told[1].split(": ")[1].split(", ")) == ["assignees", "due date", "priority"]
    for person in (assignee, owner):
        ((kind, title),) = [entry for entry in await desk.inbox(person) if entry[0] == "task_updated"]
        assert kind == "task_updated"
        assert sorted(title.split(": ")[1].split(", ")) == ["assignees", "due date", "priority"]
    # whom it was assigned to is told that, and nothing twice
    assert [kind for kind, _ in await desk.inbox(newcomer)] == ["task_assigned"]
    assert await desk.inbox(other) == []


async def test_moved_task_tells_of_another_column_but_not_of_another_place(make, runtime, desk, project):
    assignee, mover = await make.member(project), await make.member(project)
    task = await make.task(project, assignee_ids=[assignee.user_id])
    await move(runtime, mover, task, "todo")
    await desk.tell_last(task.id, "task.moved")
    assert await desk.inbox(assignee) == []
    await move(runtime, mover, task, "in_progress")
    await desk.tell_last(task.id, "task.moved")
    title = f"Test Person moved {task.key} to In progress"
    assert await desk.inbox(assignee) == await desk.inbox(make.owner(project)) == [("task_updated", title)]
    assert await desk.inbox(mover) == []


@pytest.mark.parametrize("way", ["moved", "updated"])
async def test_completed_task_tells_only_who_wants_it_and_once(make, runtime, desk, project, way):
    assignee, keen, doer = [await make.member(project) for _ in range(3)]
    await desk.prefer(keen, types={"task_completed": {"in_app": True}})
    task = await make.task(project, assignee_ids=[assignee.user_id, keen.user_id])
    if way == "moved":
        await move(runtime, doer, task, "done")
    else:
        await change(runtime, doer, task, status="done")
    await desk.tell(task.id, f"task.{way}", "task.completed")
    assert await desk.inbox(assignee) == []
    assert await desk.inbox(keen) == [("task_completed", f"Test Person completed {task.key}")]


async def test_changed_project_tells_its_members(make, runtime, desk, project):
    viewer, owner = await make.member(project, "viewer"), make.owner(project)
    for fields, kind, title in (
        ({"priority": "high"}, "project_updated", "Test Person changed Website: priority"),
        ({"status": "completed"}, "project_completed", "Test Person completed Website"),
    ):
        async with runtime.database.unit_of_work() as uow:
            await change_project(uow, owner, project.id, ProjectChange(**fields))
        await desk.tell_last(project.id, "project.updated")
        assert (await desk.inbox(viewer))[-1] == (kind, title)
    assert await desk.inbox(owner) == []
    assert (await desk.rows(viewer))[0]["action_url"] == f"/projects/{project.id}"


async def test_archived_and_transferred_project_tells_its_members(make, runtime, desk, project):
    manager, owner = await make.member(project, "manager"), make.owner(project)
    async with runtime.database.unit_of_work() as uow:
        await archive_project(uow, owner, project.id)
    await desk.tell(project.id, "project.archived")
    assert await desk.inbox(manager) == [("project_updated", "Test Person archived Website")]
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE notifications SET read_at = now() WHERE recipient_id = $1", manager.user_id)
    async with runtime.database.unit_of_work() as uow:
        await transfer_project(uow, owner, project.id, Transfer(user_id=manager.user_id))
    await desk.tell(project.id, "project.transferred")
    title = "Test Person made Test Person the owner of Website"
    assert (await desk.inbox(manager))[-1] == ("project_updated", title)


async def test_new_member_and_the_managers_are_told(make, runtime, desk, project):
    manager, member = await make.member(project, "manager"), await make.member(project)
    newcomer = await make.user(first_name="Ada", last_name="Lovelace")
    async with runtime.database.unit_of_work() as uow:
        admin = type(manager)(user_id=make.owner(project).user_id, username="x", role="admin")
        await add_member(uow, admin, project.id, MemberInput(user_id=newcomer.user_id, role="viewer"))
    await desk.tell(newcomer.user_id, "member.added")
    assert await desk.inbox(newcomer) == [("member_added", "Test Person added you to Website")]
    assert (await desk.inbox(manager))[-1] == ("member_added", "Test Person added Ada Lovelace to Website")
    assert await desk.inbox(member) == []
    assert await desk.inbox(make.owner(project)) == []


async def invite(runtime, by, project, email) -> projects.InvitationView:
    async with runtime.database.unit_of_work() as uow:
        return await projects.invite(runtime, uow, by, project.id, projects.InvitationInput(email=email, role="viewer"))


async def test_invited_account_is_told_in_the_app_and_the_managers_when_it_joins(make, runtime, desk):
    owner = await make.user(verified=True)
    project = await make.project(owner)
    guest = await make.user(first_name="Ada", verified=True)
    manager = await make.member(project, "manager")
    invitation = await invite(runtime, owner, project, f"{guest.username.upper()}@example.org")
    await desk.tell(invitation.id, "member.invited")
    (row,) = await desk.rows(guest)
    assert (row["type"], row["title"]) == ("invitation", "Test Person invited you to Website")
    assert row["action_url"] == f"/invitations#token={invitation.id}"
    assert await desk.mails(guest) == []  # the mail with the link is the only one
    joined = projects.InvitationAcceptance()
    await projects.accept_invitation(runtime, str(invitation.id), guest, joined, Client(None, None))
    await desk.tell(guest.user_id, "member.joined")
    for somebody in (owner, manager):
        assert (await desk.inbox(somebody))[-1] == ("member_added", "Ada Person joined Website")
    assert len(await desk.inbox(guest)) == 1


async def test_invitation_tells_only_whoever_has_confirmed_the_address_and_is_no_member(make, runtime, desk):
    owner = await make.user(verified=True)
    project = await make.project(owner)
    unconfirmed, member = await make.user(), await make.member(project)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
    for user in (unconfirmed, member):
        invitation = await invite(runtime, owner, project, f"{user.username}@example.org")
        await desk.tell(invitation.id, "member.invited")
        assert await desk.inbox(user) == []


@pytest.mark.parametrize(("verified", "mails"), [(True, 0), (False, 1)])
async def test_invitation_is_not_mailed_to_whoever_switched_such_mails_off(make, runtime, desk, verified, mails):
    """Only they can: an account whose address is not confirmed has no say over what is mailed there."""
    owner = await make.user(verified=True)
    project = await make.project(owner)
    guest = await make.user(verified=verified)
    await desk.prefer(guest, types={"invitation": {"email": False}})
    invitation = await invite(runtime, owner, project, f"{guest.username}@example.org")
    await desk.job(projects.send_invitation, {"invitation_id": str(invitation.id)})
    assert len(await desk.mails(guest)) == mails


class WebhookDisabled(Event, frozen=True, kw_only=True):
    """The event of the domain that brings it, by its name."""

    TYPE = "webhook.disabled"
    OBJECT = "webhook"

    name: str
    created_by: str | None
    reason: str


async def test_disabled_webhook_tells_its_maker(make, runtime, desk, project):
    maker = await make.member(project, "manager")
    for created_by in (str(maker.user_id), None):
        webhook = new_id()
        async with runtime.database.unit_of_work() as uow:
            event = WebhookDisabled(
                object_id=webhook, project_id=project.id, name="CI", created_by=created_by, reason="3 days of failures"
            )
            uow.emit(event, by=None)
        await desk.tell(webhook, "webhook.disabled")
    (row,) = await desk.rows(maker)
    assert (row["type"], row["title"]) == ("webhook_disabled", "The webhook CI was disabled")
    assert (row["message"], row["data"]["webhook_id"] != str(webhook)) == ("3 days of failures", True)


async def test_hostile_names_and_titles_are_told_as_they_are_on_one_line(make, runtime, desk):
    owner = await make.user(first_name="<b>Eve</b>", last_name="O\r\nBcc: x@y.org", email_verified_at=datetime.now(UTC))
    project = await make.project(owner)
    member = await make.member(project)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
        # past the API, which refuses such a title: older ones are there
        hostile = TaskInput(title='<script>alert("1")</script>\nBcc: a@b.c', assignee_ids=[member.user_id])
        task = await create_task(uow, owner, project.id, hostile)
    await desk.tell(task.id, "task.assigned")
    (row,), (mail,) = await desk.rows(member), await desk.mails(member)
    assert row["title"] == f"<b>Eve</b> O Bcc: x@y.org assigned {task.key} to you"
    assert mail["subject"] == row["title"]
    assert "<script>" not in mail["html"]
    assert "&lt;script&gt;" in mail["html"]
    assert "\nBcc" not in mail["text"]


async def test_fan_out_to_200_members_costs_a_bounded_number_of_statements(make, runtime, desk, counter):
    costs = {}
    for size in (1, 200):
        project = await make.project()
        people = [await make.user(email_verified_at=datetime.now(UTC)) for _ in range(size)]
        async with runtime.database.unit_of_work() as uow:
            await uow.value(
                """INSERT INTO project_members (project_id, user_id, role, joined_at)
                   SELECT $1, id, 'member', now() FROM unnest($2::uuid[]) AS id""",
                project.id, [person.user_id for person in people],
            )  # fmt: skip
        task = await make.task(project)
        async with runtime.database.unit_of_work() as uow:
            ids = [person.user_id for person in people]
            assigned = TaskAssigned(
                object_id=task.id, project_id=project.id, key=task.key, title="A task", task_version=1, assignee_ids=ids
            )
            uow.emit(assigned, by=project.owner.id)
        event = await runtime.database.reader().value(
            "SELECT id FROM events WHERE object_id = $1 AND type = 'task.assigned'", task.id
        )
        counter.statements.clear()
        await desk.job(notify_about, {"event_id": str(event)})
        costs[size] = len(counter.statements)
        assert len(await desk.inbox(people[-1])) == 1
        assert len(await desk.mails(people[-1])) == 1
    # event, recipients, rows, mails, events, jobs
    assert costs[200] == costs[1] <= 6
