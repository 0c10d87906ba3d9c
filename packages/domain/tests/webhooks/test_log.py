"""The log of deliveries: sending again, replaying, trying out, cleaning up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from synergy_domain import webhooks
from synergy_domain.maintenance import clean_up
from synergy_domain.webhooks import ReplayInput, WebhookChange, service
from synergy_domain.webhooks.errors import DeliveryPending, TooMuchToReplay, WebhookInactive
from synergy_domain.webhooks.payloads import LEDGER_TYPES
from synergy_platform.errors import InvalidInput
from synergy_platform.secretbox import SecretBox
from synergy_platform.tokens import Keyring


@pytest.fixture
async def project(hooks):
    return await hooks.make.project()


@pytest.fixture
async def admin(hooks):
    return await hooks.make.user(role="admin")


async def test_redelivery_sends_the_same_message_as_a_delivery_of_its_own(hooks, project, receiver, admin):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    (first,) = await hooks.log(made.webhook.id)
    with pytest.raises(DeliveryPending):
        await hooks.do(webhooks.redeliver, admin, first.id)
    await hooks.send_due()
    hooks.clock.advance(timedelta(minutes=1))
    again = await hooks.do(webhooks.redeliver, admin, first.id)
    assert (again.state, again.origin, again.message_id) == ("pending", "redelivery", first.message_id)
    await hooks.send_due()
    assert receiver.got[0][1] == receiver.got[1][1]
    assert len(set(receiver.ids())) == 1
    assert [one.state for one in await hooks.log(made.webhook.id)] == ["delivered", "delivered"]


async def test_replay_sends_what_was_recorded_in_the_time_and_is_subscribed_to(hooks, project, receiver, admin):
    await hooks.make.task(project, title="too early")
    await asyncio.sleep(0.01)
    since = datetime.now(UTC)
    await asyncio.sleep(0.01)
    # the endpoint is not there yet
    wanted = await hooks.make.task(project, title="wanted")
    await hooks.make.member(project)
    made = await hooks.endpoint(project, events=["task.created", "task.updated"])
    await asyncio.sleep(0.01)
    until = datetime.now(UTC)
    await asyncio.sleep(0.01)
    await hooks.make.task(project, title="too late")
    await hooks.fan_out()
    await hooks.send_due()
    assert [message["data"]["title"] for message in receiver.messages()] == ["too late"]
    receiver.got.clear()
    for _ in range(2):
        view = await hooks.do(webhooks.replay, admin, made.webhook.id, ReplayInput(since=since, until=until))
        assert view.deliveries == 1
    await hooks.send_due()
    assert [message["data"]["id"] for message in receiver.messages()] == [str(wanted.id)] * 2
    assert len(set(receiver.ids())) == 1
    # the same id as a delivery of the event would have
    event = await hooks.runtime.database.reader().value("SELECT id FROM events WHERE object_id = $1", wanted.id)
    assert receiver.ids()[0] == f"msg_{event.hex}"


async def test_replay_of_too_much_or_of_nothing_says_so(hooks, project, admin, monkeypatch):
    made = await hooks.endpoint(project)
    start = datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(3):
        await hooks.make.task(project)
    await hooks.number_events()
    hooks.clock.advance(timedelta(minutes=1))
    monkeypatch.setattr(service, "MOST_REPLAYED", 2)
    with pytest.raises(TooMuchToReplay, match="more than 2"):
        await hooks.do(webhooks.replay, admin, made.webhook.id, ReplayInput(since=start))
    for wrong in (
        ReplayInput(since=hooks.clock.now() + timedelta(hours=1)),
        ReplayInput(since=start, until=start),
        ReplayInput(since=start.replace(tzinfo=None)),
    ):
        with pytest.raises(InvalidInput):
            await hooks.do(webhooks.replay, admin, made.webhook.id, wrong)
    assert await hooks.log(made.webhook.id) == []


async def test_test_is_sent_once_whatever_the_endpoint_subscribes_to(hooks, project, receiver, admin):
    made = await hooks.endpoint(project, events=["task.deleted"])
    receiver.answer = 500
    sent = await hooks.do(webhooks.send_test, admin, made.webhook.id)
    assert (sent.state, sent.type, sent.origin) == ("pending", "webhook.test", "test")
    await hooks.send_due()
    assert await hooks.waits() is None
    (delivery,) = await hooks.log(made.webhook.id)
    assert (delivery.state, delivery.attempt_count) == ("failed", 1)
    (message,) = receiver.messages()
    assert message["data"]["name"] == "Chat"
    assert message["data"]["actor"]["username"] == admin.username


async def test_inactive_endpoint_sends_nothing_by_hand(hooks, project, admin):
    made = await hooks.endpoint(project)
    await hooks.make.task(project)
    await hooks.fan_out()
    await hooks.send_due()
    (delivery,) = await hooks.log(made.webhook.id)
    await hooks.do(
        lambda uow: webhooks.change_webhook(hooks.runtime, uow, admin, made.webhook.id, WebhookChange(is_active=False))
    )
    start = hooks.clock.now() - timedelta(hours=1)
    for verb, *args in (
        (webhooks.send_test, made.webhook.id),
        (webhooks.redeliver, delivery.id),
        (webhooks.replay, made.webhook.id, ReplayInput(since=start)),
    ):
        with pytest.raises(WebhookInactive):
            await hooks.do(verb, admin, *args)


async def test_cleanup_deletes_deliveries_after_thirty_days_with_their_attempts(hooks, project):
    made = await hooks.endpoint(project)
    for days in (31, 29, 0):
        await hooks.make.task(project)
        await hooks.fan_out()
        await hooks.send_due()
        await hooks.do(
            lambda uow, days=days: uow.value(
                "UPDATE webhook_deliveries SET created_at = $1 WHERE created_at = $2",
                hooks.clock.now() - timedelta(days=days), hooks.clock.now(),
            )
        )  # fmt: skip
        hooks.clock.advance(timedelta(seconds=1))
    await hooks.do(lambda uow: clean_up(hooks.runtime, uow, {}))
    assert len(await hooks.log(made.webhook.id)) == 2
    assert await hooks.runtime.database.reader().value("SELECT count(*) FROM webhook_attempts") == 2


async def test_cleanup_purges_deleted_endpoints_and_encrypts_with_the_first_key(hooks, project, admin):
    kept, gone = await hooks.endpoint(project), await hooks.endpoint(project)
    await hooks.do(webhooks.delete_webhook, admin, gone.webhook.id)
    reader = hooks.runtime.database.reader()
    assert await reader.value("SELECT secret FROM webhooks WHERE id = $1", gone.webhook.id) == b""
    old, new = hooks.runtime.settings.secret_keys[0], "a new secret of these tests, 32 characters"
    hooks.runtime.keyring = Keyring([new, old])
    hooks.clock.advance(timedelta(days=31))
    await hooks.do(lambda uow: clean_up(hooks.runtime, uow, {}))
    assert [row["id"] for row in await reader.rows("SELECT id FROM webhooks")] == [kept.webhook.id]
    stored = await reader.value("SELECT secret FROM webhooks")
    assert SecretBox(Keyring([new]), "webhooks").decrypt(stored) == kept.secret


def test_catalogue_has_every_type_once_with_an_example_of_its_own():
    views = webhooks.webhook_events()
    assert len({view.type for view in views}) == len(views) == 17
    for view in views:
        assert view.example["type"] == view.type
        assert {"id", "object", "number", "project", "actor", "imported"} <= set(view.example["data"])
        msgspec.json.encode(view.example)
    available = {view.type for view in views if view.available}
    assert available == {
        "project.created", "project.updated", "project.deleted", "task.created", "task.updated", "task.completed",
        "task.deleted", "member.invited", "member.joined", "member.removed", "comment.created", "webhook.test",
    }  # fmt: skip
    assert len(LEDGER_TYPES) == 16
