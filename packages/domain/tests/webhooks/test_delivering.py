"""From an event to the receiver: what is sent, how it is signed, and what happens when it is not taken."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from synergy_domain import notifications, projects, webhooks, work
from synergy_domain.common import Actor
from synergy_domain.identity import Client
from synergy_domain.projects import MemberInput, ProjectChange, Transfer
from synergy_domain.webhooks import WebhookChange
from synergy_domain.webhooks.delivering import RETRIES, fan_out
from synergy_domain.work import CommentInput, TaskChange, TaskInput, TaskMove
from synergy_platform.clock import SystemClock
from synergy_platform.outgoing import Outgoing


@pytest.fixture
async def project(hooks):
    return await hooks.make.project()


async def test_event_reaches_the_receiver_signed_once(hooks, project, receiver):
    made = await hooks.endpoint(project)
    task = await hooks.make.task(project, title="Größe")
    await hooks.fan_out()
    assert await hooks.send_due() == 1
    headers, body = receiver.got[0]
    Verifier(made.secret).verify(body, headers)  # raises when it does not fit
    with pytest.raises(WebhookVerificationError):
        Verifier(made.secret).verify(body + b" ", headers)
    message = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert message["type"] == "task.created"
    assert message["timestamp"].endswith("Z")
    data = message["data"]
    assert (data["object"], data["id"], data["key"], data["title"]) == ("task", str(task.id), task.key, "Größe")
    assert data["project"] == {"id": str(project.id), "key": project.key, "name": project.name}
    assert data["actor"]["username"] == project.owner.username
    assert (data["version"], data["imported"]) == (1, False)
    assert isinstance(data["number"], int)
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.attempt_count, delivery.last_status) == ("delivered", 1, 200)
    assert delivery.message_id == headers["webhook-id"]
    assert delivery.payload == message
    (attempt,) = delivery.attempts
    assert (attempt.number, attempt.status, attempt.error, attempt.response) == (1, 200, None, "answered 200")
    assert await hooks.waits() is None


async def test_change_of_a_task_is_told_once_for_each_type(hooks, project):
    """However many entries of the ledger describe it."""
    member = await hooks.make.member(project)
    await hooks.endpoint(project)
    owner = hooks.make.owner(project)
    new = TaskInput(title="A task", assignee_ids=[member.user_id])
    assert await hooks.told(work.create_task, owner, project.id, new) == [("task.created", None)]
    task = str(await hooks.runtime.database.reader().value("SELECT id FROM tasks"))
    ((kind, changes),) = await hooks.told(work.change_task, owner, task, TaskChange(assignee_ids=[owner.user_id]))
    assert (kind, set(changes)) == ("task.updated", {"assignee_ids"})
    assigned = await hooks.runtime.database.reader().value("SELECT count(*) FROM events WHERE type = 'task.assigned'")
    assert assigned == 2
    completed = ("task.completed", None)
    for verb, argument, completes, status in (
        (work.move_task, TaskMove(status="review"), [], ["todo", "review"]),
        (work.move_task, TaskMove(status="done"), [completed], ["review", "done"]),
        (work.change_task, TaskChange(status="todo"), [], ["done", "todo"]),
        (work.change_task, TaskChange(status="done"), [completed], ["todo", "done"]),
    ):
        expected = [*completes, ("task.updated", {"status": status})]
        assert await hooks.told(verb, owner, task, argument) == expected
    comment = CommentInput(body="Hello")
    assert await hooks.told(work.add_comment, owner, task, comment) == [("comment.created", None)]
    assert await hooks.told(work.delete_task, owner, task) == [("task.deleted", None)]


async def test_move_within_a_column_tells_that_the_position_changed(hooks, project):
    await hooks.endpoint(project)
    owner = hooks.make.owner(project)
    first, last = await hooks.make.task(project), await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    sent = await hooks.told(work.move_task, owner, str(last.id), TaskMove(status="todo", before=first.id))
    assert sent == [("task.updated", {"position": ["…", "…"]})]


async def test_change_of_a_project_is_told_once(hooks, project):
    member = await hooks.make.member(project)
    await hooks.endpoint(project)
    await hooks.fan_out()
    await hooks.send_due()
    owner, new_owner = hooks.make.owner(project), member
    for expected, verb, *args in (
        ({"name": [project.name, "Other"]}, projects.change_project, owner, project.id, ProjectChange(name="Other")),
        ({"archived": [False, True]}, projects.archive_project, owner, project.id),
        ({"archived": [True, False]}, projects.unarchive_project, owner, project.id),
        ({"owner_id": [str(owner.user_id), str(member.user_id)]},
         projects.transfer_project, owner, project.id, Transfer(user_id=member.user_id)),
    ):  # fmt: skip
        assert await hooks.told(verb, *args) == [("project.updated", expected)]
    left = await hooks.told(projects.remove_member, new_owner, project.id, owner.user_id)
    assert left == [("member.removed", None)]
    assert await hooks.told(projects.delete_project, new_owner, project.id) == [("project.deleted", None)]


async def test_invitation_is_told_with_its_address_and_whoever_accepts_as_joined(hooks):
    owner, guest = await hooks.make.user(verified=True), await hooks.make.user(verified=True)
    project = await hooks.make.project(owner)
    await hooks.endpoint(project)
    await hooks.fan_out()
    await hooks.send_due()
    email = f"{guest.username}@example.org"
    async with hooks.runtime.database.unit_of_work() as uow:
        data = projects.InvitationInput(email=email, role="viewer")
        invitation = await projects.invite(hooks.runtime, uow, owner, project.id, data)
    acceptance = projects.InvitationAcceptance()
    await projects.accept_invitation(hooks.runtime, str(invitation.id), guest, acceptance, Client(None, None))
    await hooks.fan_out()
    await hooks.send_due()
    invited, joined = [message for message in hooks.receiver.messages() if message["type"].startswith("member.")]
    assert (invited["type"], joined["type"]) == ("member.invited", "member.joined")
    assert (invited["data"]["object"], invited["data"]["id"]) == ("invitation", str(invitation.id))
    assert (invited["data"]["email"], invited["data"]["role"]) == (email, "viewer")
    assert (joined["data"]["object"], joined["data"]["id"]) == ("user", str(guest.user_id))
    assert (joined["data"]["username"], joined["data"]["role"]) == (guest.username, "viewer")


async def test_assignment_never_stands_alone_in_the_ledger(hooks, project):
    """Webhooks leave `task.assigned` out because of it: the change itself is told beside it."""
    member = await hooks.make.member(project)
    owner = hooks.make.owner(project)
    task = await hooks.make.task(project, assignee_ids=[member.user_id])
    other = await hooks.make.task(project)
    await hooks.do(work.change_task, owner, str(other.id), TaskChange(assignee_ids=[member.user_id]))
    alone = await hooks.runtime.database.reader().value(
        """SELECT count(*) FROM events a WHERE a.type = 'task.assigned' AND NOT EXISTS (
             SELECT 1 FROM events b WHERE b.object_id = a.object_id AND b.xmin = a.xmin
               AND (b.type = 'task.created' OR b.type = 'task.updated' AND b.data -> 'changes' ? 'assignee_ids'))"""
    )
    assigned = await hooks.runtime.database.reader().value("SELECT count(*) FROM events WHERE type = 'task.assigned'")
    assert (alone, assigned) == (0, 2)
    assert task.id != other.id


async def test_endpoint_gets_what_it_subscribes_to_and_only_of_its_project(hooks, project, receiver):
    mine = await hooks.endpoint(project, events=["task.completed"], url=f"{receiver.url}/mine")
    everything = await hooks.endpoint(project, url=f"{receiver.url}/all")
    inactive = await hooks.endpoint(project, is_active=False)
    elsewhere = await hooks.endpoint(await hooks.make.project())
    await hooks.make.task(project, status="done")
    await hooks.fan_out()
    await hooks.send_due()
    assert [one.type for one in await hooks.log(mine.webhook.id)] == ["task.completed"]
    assert sorted(one.type for one in await hooks.log(everything.webhook.id)) == ["task.completed", "task.created"]
    assert await hooks.log(inactive.webhook.id) == []
    assert await hooks.log(elsewhere.webhook.id) == []
    # one message, one id, at whichever endpoint
    assert len(set(receiver.ids())) == 2


async def test_event_from_before_the_endpoint_is_not_sent(hooks, project):
    await hooks.make.task(project)
    await asyncio.sleep(0.002)
    made = await hooks.endpoint(project)
    await hooks.fan_out()
    assert await hooks.log(made.webhook.id) == []


async def test_imported_event_is_sent_and_says_so(hooks, project, receiver):
    await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.do(lambda uow: uow.value("UPDATE events SET quiet = true WHERE type = 'task.created'"))
    await hooks.fan_out()
    await hooks.send_due()
    assert [message["data"]["imported"] for message in receiver.messages()] == [True]


async def test_retries_follow_the_schedule_with_one_id_and_then_it_failed(hooks, project, receiver):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    receiver.answer = 500
    for number, pause in enumerate(RETRIES, 1):
        assert await hooks.send_due() == 1
        waits = await hooks.waits()
        assert pause * 0.9 <= waits <= pause * 1.1
        (delivery,) = await hooks.log(made.webhook.id)
        assert (delivery.state, delivery.attempt_count) == ("pending", number)
        assert delivery.next_attempt_at == hooks.clock.now() + waits
        hooks.clock.advance(waits - timedelta(milliseconds=1))
        assert await hooks.send_due() == 0
        hooks.clock.advance(timedelta(milliseconds=1))
    assert await hooks.send_due() == 1
    assert await hooks.waits() is None
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.attempt_count, delivery.next_attempt_at) == ("failed", 8, None)
    assert [attempt.status for attempt in delivery.attempts] == [500] * 8
    assert len(set(receiver.ids())) == 1
    timestamps = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert timestamps[-1] - timestamps[0] > 18 * 3600
    view = await webhooks.get_webhook(
        hooks.runtime.database.reader(), await hooks.make.user(role="admin"), made.webhook.id
    )
    assert (view.delivered_count, view.failed_count, view.consecutive_failures) == (0, 1, 8)


async def test_retries_end_with_the_first_success(hooks, project, receiver):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    receiver.answer = 503
    await hooks.send_due()
    receiver.answer = 204
    hooks.clock.advance(timedelta(seconds=6))
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, [attempt.status for attempt in delivery.attempts]) == ("delivered", [503, 204])
    assert receiver.got[0][1] == receiver.got[1][1]
    admin = await hooks.make.user(role="admin")
    view = await webhooks.get_webhook(hooks.runtime.database.reader(), admin, made.webhook.id)
    assert (view.delivered_count, view.failed_count, view.consecutive_failures) == (1, 0, 0)
    assert view.failing_since is None
    assert view.last_failure_at < view.last_success_at


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 429, 500])
async def test_answer_other_than_2xx_is_a_failure(hooks, project, receiver, status):
    async def answer(_request):
        return web.Response(status=status, headers={"Location": receiver.url} if status < 400 else {}, text="no")

    receiver.answer = answer
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.last_status) == ("pending", status)
    assert ("Redirects" in (delivery.last_error or "")) == (status < 400)
    assert len(receiver.got) == 1


async def test_receiver_that_hangs_or_is_gone_is_logged_with_a_sentence(hooks, project, receiver):
    async def hang(_request):
        await asyncio.sleep(30)

    receiver.answer = hang
    slow = await hooks.endpoint(project)
    gone = await hooks.endpoint(project, url="http://127.0.0.1:9/")
    await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    (delivery,) = await hooks.log(slow.webhook.id)
    assert delivery.attempts[0].error == "No answer within 1 seconds."
    assert delivery.attempts[0].duration_ms >= 900
    (delivery,) = await hooks.log(gone.webhook.id)
    assert delivery.last_error.startswith("No connection with 127.0.0.1")
    assert (delivery.last_status, delivery.state) == (None, "pending")


async def test_address_that_became_forbidden_is_not_connected_to(hooks, project, receiver):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    hooks.runtime.outgoing.allowed = ()
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    assert "private or special network" in delivery.last_error
    assert receiver.got == []


async def test_crash_between_sending_and_recording_sends_again_with_the_same_id(hooks, project, receiver):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due(record=False)
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.attempts) == ("pending", [])
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.attempt_count, len(delivery.attempts)) == ("delivered", 1, 1)
    assert len(receiver.got) == 2
    assert len(set(receiver.ids())) == 1


async def test_two_processes_with_the_same_delivery_record_it_once(hooks, project):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    (job,) = await hooks.due()
    await asyncio.gather(hooks._run(job, record=True), hooks._run(job, record=True))
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.attempt_count, len(delivery.attempts)) == (1, 1)
    admin = await hooks.make.user(role="admin")
    view = await webhooks.get_webhook(hooks.runtime.database.reader(), admin, made.webhook.id)
    assert view.delivered_count == 1


async def test_rotated_secret_and_the_one_before_both_sign_for_a_day(hooks, project, receiver):
    made = await hooks.endpoint(project)
    admin = await hooks.make.user(role="admin")
    rotated = await hooks.do(lambda uow: webhooks.rotate_secret(hooks.runtime, uow, admin, made.webhook.id))
    assert rotated.secret != made.secret

    async def fits():
        receiver.got.clear()
        await hooks.make.task(project)
        await hooks.fan_out()
        await hooks.send_due()
        headers, body = receiver.got[0]
        fitting = []
        for secret in (rotated.secret, made.secret):
            verifier = Verifier(secret)
            expected = verifier.sign(
                headers["webhook-id"],
                SystemClock().now().fromtimestamp(int(headers["webhook-timestamp"])),
                body.decode(),
            )
            fitting.append(expected in headers["webhook-signature"].split(" "))
        return fitting

    assert await fits() == [True, True]
    hooks.clock.advance(timedelta(hours=23, minutes=59))
    assert await fits() == [True, True]
    hooks.clock.advance(timedelta(minutes=2))
    assert await fits() == [True, False]


async def test_secret_that_cannot_be_read_is_told_in_the_log(hooks, project, receiver):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.do(lambda uow: uow.value("UPDATE webhooks SET secret = 'x'"))
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    assert "SECRET_KEY" in delivery.last_error
    assert receiver.got == []


async def test_one_host_gets_sixteen_at_a_time(hooks, project, receiver):
    async def slowly(_request):
        await asyncio.sleep(0.1)
        return web.Response()

    receiver.answer = slowly
    await hooks.endpoint(project)
    for _ in range(40):
        await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    # on a busy machine some step aside for a moment
    while len(receiver.got) < 40:
        hooks.clock.advance(timedelta(seconds=2))
        assert await hooks.send_due() > 0
    assert receiver.most_at_once == 16
    assert len(receiver.got) == 40


async def test_full_host_is_stepped_aside_for_without_counting(hooks, project, receiver):
    async def slowly(_request):
        await asyncio.sleep(4)  # far longer than anybody waits for a place, also on a busy machine
        return web.Response()

    receiver.answer = slowly
    await hooks.runtime.outgoing.close()
    hooks.runtime.outgoing = Outgoing(hooks.runtime.settings, timeout=15)
    made = await hooks.endpoint(project)
    for _ in range(18):
        await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    log = await hooks.log(made.webhook.id)
    assert sorted(one.attempt_count for one in log) == [0, 0] + [1] * 16
    hooks.clock.advance(timedelta(seconds=2))
    assert await hooks.send_due() == 2
    assert {one.state for one in await hooks.log(made.webhook.id)} == {"delivered"}


async def test_three_days_of_nothing_but_failures_disable_and_tell_the_maker(hooks, project, receiver):
    made = await hooks.endpoint(project)
    receiver.answer = 500
    reader, admin = hooks.runtime.database.reader(), await hooks.make.user(role="admin")

    async def fail_once():
        await hooks.make.task(project)
        await hooks.fan_out()
        await hooks.send_due()
        return await webhooks.get_webhook(reader, admin, made.webhook.id)

    assert (await fail_once()).is_active
    hooks.clock.advance(timedelta(days=2, hours=23))
    assert (await fail_once()).is_active
    hooks.clock.advance(timedelta(hours=1))
    view = await fail_once()
    assert not view.is_active
    assert view.disabled_at == hooks.clock.now()
    rows = await reader.rows(
        "SELECT object_id, project_id, data::text AS data FROM events WHERE type = 'webhook.disabled'"
    )
    assert [(row["object_id"], row["project_id"]) for row in rows] == [(made.webhook.id, project.id)]
    told = json.loads(rows[0]["data"])
    assert (told["name"], told["host"], told["created_by"]) == ("Chat", "127.0.0.1", str(view.created_by.id))
    # what still waits is cancelled when its time comes
    hooks.clock.advance(timedelta(days=1))
    count = len(receiver.got)
    await hooks.send_due()
    assert len(receiver.got) == count
    assert {one.state for one in await hooks.log(made.webhook.id)} == {"cancelled"}
    changed = await hooks.do(
        lambda uow: webhooks.change_webhook(hooks.runtime, uow, admin, made.webhook.id, WebhookChange(is_active=True))
    )
    assert (changed.is_active, changed.disabled_at, changed.failing_since, changed.consecutive_failures) == (
        True, None, None, 0,
    )  # fmt: skip
    assert (await fail_once()).is_active


async def test_maker_is_notified_when_an_endpoint_is_disabled(hooks, receiver):
    maker = await hooks.make.user(verified=True)
    project = await hooks.make.project(maker)
    await hooks.endpoint(project, maker=maker)
    receiver.answer = 500
    reader = hooks.runtime.database.reader()
    for days in (3, 0):
        await hooks.make.task(project)
        await hooks.fan_out()
        await hooks.send_due()
        hooks.clock.advance(timedelta(days=days))
    event = await reader.value("SELECT id FROM events WHERE type = 'webhook.disabled'")
    await hooks.do(lambda uow: notifications.notify_about(hooks.runtime, uow, {"event_id": str(event)}))
    rows = await reader.rows("SELECT recipient_id, type, title FROM notifications WHERE type = 'webhook_disabled'")
    assert [(row["recipient_id"], row["title"]) for row in rows] == [(maker.user_id, "The webhook Chat was disabled")]


async def test_success_in_between_starts_the_three_days_anew(hooks, project, receiver):
    made = await hooks.endpoint(project)
    reader, admin = hooks.runtime.database.reader(), await hooks.make.user(role="admin")
    for answer, days in ((500, 2), (200, 2), (500, 2), (500, 0)):
        receiver.answer = answer
        await hooks.make.task(project)
        await hooks.fan_out()
        await hooks.send_due()
        hooks.clock.advance(timedelta(days=days))
    assert (await webhooks.get_webhook(reader, admin, made.webhook.id)).is_active


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
async def test_delivery_to_an_endpoint_that_is_gone_ends_as_cancelled(hooks, project, receiver, how):
    made = await hooks.endpoint(project)
    admin = await hooks.make.user(role="admin")
    await hooks.make.task(project)
    await hooks.fan_out()
    if how == "deleted":
        await hooks.do(webhooks.delete_webhook, admin, made.webhook.id)
    else:
        await hooks.do(
            lambda uow: webhooks.change_webhook(
                hooks.runtime, uow, admin, made.webhook.id, WebhookChange(is_active=False)
            )
        )
    assert await hooks.send_due() == 1
    row = await hooks.runtime.database.reader().row("SELECT state, attempts FROM webhook_deliveries")
    assert tuple(row) == ("cancelled", 0)
    assert receiver.got == []
    assert await hooks.waits() is None


async def test_event_of_a_project_without_endpoints_costs_one_statement(hooks, project):
    await hooks.make.task(project)
    await hooks.number_events()
    event = await hooks.runtime.database.reader().value("SELECT id FROM events WHERE type = 'task.created'")
    async with hooks.runtime.database.unit_of_work() as uow:
        await fan_out(hooks.runtime, uow, {"event_id": str(event)})
        assert uow.statements == 1


async def test_member_who_joins_is_the_object(hooks, project, receiver):
    await hooks.endpoint(project, events=["member.joined"])
    user = await hooks.make.user()
    owner = hooks.make.owner(project)
    admin = Actor(user_id=owner.user_id, username=owner.username, role="admin")
    await hooks.do(projects.add_member, admin, project.id, MemberInput(user_id=user.user_id, role="viewer"))
    await hooks.fan_out()
    await hooks.send_due()
    (message,) = receiver.messages()
    assert (message["data"]["object"], UUID(message["data"]["id"])) == ("user", user.user_id)
    assert (message["data"]["username"], message["data"]["role"]) == (user.username, "viewer")
