"""Webhooks over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from synergy_domain import webhooks
from synergy_platform.ids import new_id

URL = "https://hooks.example.org/synergy?token=abc"
VERIFIED = {"email_verified_at": datetime(2026, 1, 1, tzinfo=UTC)}


@pytest.fixture
async def project(make):
    return await make.project(await make.user(**VERIFIED))


@pytest.fixture
async def owner(api, make, project):
    return await api.as_(make.owner(project))


async def made(caller, project, **fields):
    answer = await caller.post(f"/projects/{project.id}/webhooks", {"name": "Chat", "url": URL, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_create_webhook_shows_the_secret_once(owner, project):
    answer = await owner.post(f"/projects/{project.id}/webhooks", {"name": " Chat ", "url": URL})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    view = body["webhook"]
    assert answer.headers["location"] == f"/api/v1/webhooks/{view['id']}"
    assert body["secret"].startswith("whsec_")
    assert (view["name"], view["url"], view["events"], view["is_active"]) == ("Chat", URL, "*", True)
    assert view["created_by"]["id"] == str(project.owner.id)
    assert (view["delivered_count"], view["failed_count"], view["disabled_at"]) == (0, 0, None)
    for path in (f"/webhooks/{view['id']}", f"/projects/{project.id}/webhooks"):
        shown = await owner.get(path)
        assert shown.status_code == 200
        assert "whsec_" not in shown.text
    assert (await owner.get(f"/projects/{project.id}/webhooks")).json() == {"items": [view], "next_cursor": None}


async def test_secret_is_not_in_the_database_as_it_is(owner, project, runtime):
    body = await made(owner, project)
    stored = await runtime.database.reader().value("SELECT secret FROM webhooks WHERE id = $1", body["webhook"]["id"])
    assert body["secret"].encode() not in stored
    assert webhooks.is_secret(body["secret"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"url": ""}, "/url"),
        ({"url": "hooks.example.org"}, "/url"),
        ({"url": "ftp://example.org/"}, "/url"),
        ({"url": "http://127.0.0.1/"}, "/url"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "/url"),
        ({"url": "http://[::1]/"}, "/url"),
        ({"url": "http://2130706433/"}, "/url"),
        ({"url": "http://localhost:8000/"}, "/url"),
        ({"url": "https://user:pass@example.org/"}, "/url"),
        ({"events": []}, "/events"),
        ({"events": ["task.exploded"]}, "/events/0"),
        ({"events": "task.created"}, "/events"),
        ({"secret": "mine"}, "/secret"),
        ({"is_active": "yes"}, "/is_active"),
    ],
)
async def test_create_webhook_with_bad_input_names_the_field(owner, project, fields, pointer):
    answer = await owner.post(f"/projects/{project.id}/webhooks", {"name": "Chat", "url": URL, **fields})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_create_webhook_in_production_wants_https(api_with, make, runtime, project):
    production = msgspec.structs.replace(runtime.settings, environment="production", allowed_hosts=("synergy.test",))
    token = await make.access_token(make.owner(project))
    client = api_with(production)
    answers = [
        await client.post(
            f"/api/v1/projects/{project.id}/webhooks", json={"name": "Chat", "url": url},
            headers={"Authorization": f"Bearer {token}"},
        )
        for url in ("http://hooks.example.org/", "https://hooks.example.org/")
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [422, 201], answers[0].text


async def test_unverified_user_may_not_make_webhooks_but_an_admin_may(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    answer = await caller.post(f"/projects/{project.id}/webhooks", {"name": "Chat", "url": URL})
    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
    assert "Confirm your email address" in answer.json()["detail"]
    admin = await api.as_(await make.user(role="admin"))
    await made(admin, project)


@pytest.mark.parametrize(("who", "expected"), [("stranger", 404), ("viewer", 403), ("member", 403), ("manager", None)])
async def test_only_managers_see_and_use_webhooks(api, make, owner, project, runtime, who, expected):
    body = await made(owner, project)
    webhook_id = body["webhook"]["id"]
    delivery_id = (await owner.post(f"/webhooks/{webhook_id}/test")).json()["id"]
    await _finish(runtime, delivery_id)
    user = await make.user(**VERIFIED) if who == "stranger" else await make.member(project, who)
    await runtime.database.reader().value("UPDATE users SET email_verified_at = now() WHERE id = $1", user.user_id)
    caller = await api.as_(user)
    since = {"since": "2026-01-01T00:00:00Z"}
    for method, path, data, success in (
        ("GET", f"/projects/{project.id}/webhooks", None, 200),
        ("POST", f"/projects/{project.id}/webhooks", {"name": "Other", "url": URL}, 201),
        ("GET", f"/webhooks/{webhook_id}", None, 200),
        ("PATCH", f"/webhooks/{webhook_id}", {"name": "Renamed"}, 200),
        ("POST", f"/webhooks/{webhook_id}/test", None, 202),
        ("POST", f"/webhooks/{webhook_id}/rotate-secret", None, 200),
        ("POST", f"/webhooks/{webhook_id}/replay", since, 202),
        ("GET", f"/webhooks/{webhook_id}/deliveries", None, 200),
        ("GET", f"/webhook-deliveries/{delivery_id}", None, 200),
        ("POST", f"/webhook-deliveries/{delivery_id}/redeliver", None, 202),
        ("DELETE", f"/webhooks/{webhook_id}", None, 204),
    ):
        answer = await caller.request(method, path, **({"json": data} if data else {}))
        assert answer.status_code == (expected or success), (method, path, answer.text)


async def _finish(runtime, delivery_id):
    await runtime.database.reader().value(
        "UPDATE webhook_deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = now() WHERE id = $1",
        delivery_id,
    )


async def test_nobody_sees_nothing_and_what_is_not_there_is_404(api, owner, project):
    unknown = uuid4()
    for method, path in (
        ("GET", f"/webhooks/{unknown}"),
        ("DELETE", f"/webhooks/{unknown}"),
        ("POST", f"/webhooks/{unknown}/test"),
        ("POST", f"/webhooks/{unknown}/rotate-secret"),
        ("GET", f"/webhooks/{unknown}/deliveries"),
        ("GET", f"/webhook-deliveries/{unknown}"),
        ("POST", f"/webhook-deliveries/{unknown}/redeliver"),
        ("GET", "/webhooks/not-an-id"),
    ):
        assert (await owner.request(method, path)).status_code == 404, path
        assert (await api.anonymous.request(method, path)).status_code in {401, 404}
    assert (await api.anonymous.get(f"/projects/{project.id}/webhooks")).status_code == 401
    assert (await api.anonymous.get("/webhook-events")).status_code == 401


async def test_change_webhook_changes_what_was_sent_and_compares_versions(owner, project):
    view = (await made(owner, project))["webhook"]
    path = f"/webhooks/{view['id']}"
    first = await owner.get(path)
    assert (await owner.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 304
    changed = await owner.patch(
        path,
        {"events": ["task.deleted", "task.created"], "is_active": False},
        headers={"If-Match": first.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["events"], body["is_active"], body["name"]) == (["task.created", "task.deleted"], False, "Chat")
    assert body["version"] == view["version"] + 1
    stale = await owner.patch(path, {"name": "Mine"}, headers={"If-Match": first.headers["etag"]})
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, body["version"])
    refused = await owner.patch(path, {"url": "http://10.0.0.1/"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "address_refused")
    unchanged = await owner.patch(path, {"name": "Chat"})
    assert unchanged.json()["version"] == body["version"]


async def test_rotate_secret_gives_another_and_says_how_long_both_sign(owner, project):
    body = await made(owner, project)
    answer = await owner.post(f"/webhooks/{body['webhook']['id']}/rotate-secret")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    rotated = answer.json()
    assert rotated["secret"] != body["secret"]
    assert rotated["webhook"]["previous_secret_until"] is not None


async def test_deleted_webhook_is_gone_with_its_log(owner, project):
    view = (await made(owner, project))["webhook"]
    delivery = (await owner.post(f"/webhooks/{view['id']}/test")).json()
    assert (await owner.delete(f"/webhooks/{view['id']}")).status_code == 204
    for path in (f"/webhooks/{view['id']}", f"/webhook-deliveries/{delivery['id']}"):
        assert (await owner.get(path)).status_code == 404
    assert (await owner.get(f"/projects/{project.id}/webhooks")).json()["items"] == []


async def test_project_has_twenty_webhooks_at_most(owner, project):
    for _ in range(20):
        view = (await made(owner, project))["webhook"]
    answer = await owner.post(f"/projects/{project.id}/webhooks", {"name": "One more", "url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")
    await owner.delete(f"/webhooks/{view['id']}")
    await made(owner, project)


async def test_archived_project_takes_no_new_webhook_but_its_own_can_be_stopped(owner, project):
    view = (await made(owner, project))["webhook"]
    await owner.post(f"/projects/{project.id}/archive")
    refused = await owner.post(f"/projects/{project.id}/webhooks", {"name": "New", "url": URL})
    assert (refused.status_code, refused.json()["code"]) == (409, "project_archived")
    assert (await owner.patch(f"/webhooks/{view['id']}", {"is_active": False})).status_code == 200
    assert (await owner.delete(f"/webhooks/{view['id']}")).status_code == 204


async def test_test_and_redelivery_answer_with_the_delivery(owner, project, runtime):
    view = (await made(owner, project))["webhook"]
    sent = await owner.post(f"/webhooks/{view['id']}/test")
    assert sent.status_code == 202, sent.text
    delivery = sent.json()
    assert sent.headers["location"] == f"/api/v1/webhook-deliveries/{delivery['id']}"
    assert (delivery["state"], delivery["type"], delivery["attempts"]) == ("pending", "webhook.test", [])
    pending = await owner.post(f"/webhook-deliveries/{delivery['id']}/redeliver")
    assert (pending.status_code, pending.json()["code"]) == (409, "delivery_pending")
    await _finish(runtime, delivery["id"])
    again = await owner.post(f"/webhook-deliveries/{delivery['id']}/redeliver")
    assert again.status_code == 202
    assert again.json()["message_id"] == delivery["message_id"]
    assert again.json()["id"] != delivery["id"]
    await owner.patch(f"/webhooks/{view['id']}", {"is_active": False})
    inactive = await owner.post(f"/webhooks/{view['id']}/test")
    assert (inactive.status_code, inactive.json()["code"]) == (409, "webhook_inactive")


async def test_replay_since_a_time_before_all_events_is_a_replay_of_all(owner, project):
    view = (await made(owner, project))["webhook"]
    answer = await owner.post(f"/webhooks/{view['id']}/replay", {"since": "1801-10-03T02:00:45Z"})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    "body",
    [{}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"since": "2999-01-01T00:00:00Z"},
     {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}],
)  # fmt: skip
async def test_replay_with_a_bad_time_is_422(owner, project, body):
    view = (await made(owner, project))["webhook"]
    answer = await owner.post(f"/webhooks/{view['id']}/replay", body)
    assert answer.status_code == 422, answer.text


async def _deliveries(runtime, webhook_id, count):
    """Deliveries of an endpoint, one a minute: every third failed, every other of another type."""
    await runtime.database.reader().value(
        """INSERT INTO webhook_deliveries
               (id, webhook_id, message_id, event_id, type, origin, payload, state, attempts, created_at)
           SELECT id, $2, 'msg_' || n, NULL, CASE n % 2 WHEN 0 THEN 'task.created' ELSE 'task.updated' END, 'event',
                  '{}', CASE n % 3 WHEN 0 THEN 'failed' ELSE 'delivered' END, 1,
                  '2026-05-01T00:00Z'::timestamptz + n * interval '1 minute'
           FROM unnest($1::uuid[]) WITH ORDINALITY AS made (id, n)""",
        [new_id() for _ in range(count)], webhook_id,
    )  # fmt: skip


async def test_list_deliveries_pages_and_filters(owner, project, runtime):
    view = (await made(owner, project))["webhook"]
    await _deliveries(runtime, view["id"], 12)
    path = f"/webhooks/{view['id']}/deliveries"
    seen, cursor = [], None
    while True:
        page = (await owner.get(f"{path}?limit=5" + (f"&cursor={cursor}" if cursor else ""))).json()
        seen += [item["message_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"msg_{number}" for number in range(12, 0, -1)]

    async def listed(query):
        answer = await owner.get(f"{path}?{query}")
        assert answer.status_code == 200, answer.text
        return [item["message_id"] for item in answer.json()["items"]]

    assert await listed("state=failed") == ["msg_12", "msg_9", "msg_6", "msg_3"]
    assert await listed("state=failed&type=task.created") == ["msg_12", "msg_6"]
    assert await listed("since=2026-05-01T00:10:00Z") == ["msg_12", "msg_11", "msg_10"]
    assert await listed("until=2026-05-01T00:03:00Z&type=task.created,task.updated") == ["msg_2", "msg_1"]
    for query in ("state=lost", "type=task.exploded", "since=now", "cursor=nonsense", "limit=0", "unknown=1"):
        assert (await owner.get(f"{path}?{query}")).status_code == 400, query


async def test_lists_of_webhooks_cost_no_more_statements_when_they_are_long(
    owner, project, make, runtime, counter, api
):
    short = (await made(owner, project))["webhook"]
    other = await make.project(await make.user(**VERIFIED))
    caller = await api.as_(make.owner(other))
    for _ in range(20):
        long = (await made(caller, other))["webhook"]
    await _deliveries(runtime, short["id"], 1)
    await _deliveries(runtime, long["id"], 200)
    costs = [
        [
            await counter.cost(who.get(f"/projects/{its.id}/webhooks")),
            await counter.cost(who.get(f"/webhooks/{view['id']}/deliveries?limit=200")),
        ]
        for who, its, view in ((owner, project, short), (caller, other, long))
    ]
    # each is one more than the work itself: who asks is looked up first
    assert costs == [[3, 3], [3, 3]]


async def test_webhook_events_name_what_can_be_subscribed_to(api, make):
    caller = await api.as_(await make.user())
    items = (await caller.get("/webhook-events")).json()["items"]
    by_type = {item["type"]: item for item in items}
    assert by_type["task.created"]["available"] is True
    assert by_type["sprint.started"]["available"] is False
    assert by_type["task.updated"]["example"]["data"]["changes"] == {"priority": ["medium", "high"]}
    assert all(item["description"] for item in items)
