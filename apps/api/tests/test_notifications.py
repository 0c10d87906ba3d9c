"""Notifications, preferences, unsubscribing and the record of mails, over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from synergy_domain.notifications import notify_about, unsubscribe_token
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail, send_mail


@pytest.fixture
async def told(make, runtime, api):
    """Somebody with three notifications, and their caller."""
    project = await make.project()
    member = await make.member(project)
    for number in range(3):
        task = await make.task(project, assignee_ids=[member.user_id], title=f"Task {number}")
        event = await runtime.database.reader().value(
            "SELECT id FROM events WHERE object_id = $1 AND type = 'task.assigned'", task.id
        )
        async with runtime.database.unit_of_work() as uow:
            await notify_about(runtime, uow, {"event_id": str(event)})
    return member, await api.as_(member)


async def test_list_is_filtered_paged_read_and_emptied(told):
    _, caller = told
    page = (await caller.get("/notifications?limit=2&type=task_assigned,mention")).json()
    assert [item["message"] for item in page["items"]] == ["Task 2", "Task 1"]
    item = page["items"][0]
    assert (item["type"], item["read_at"], item["created_at"]) == ("task_assigned", None, item["updated_at"])
    rest = (await caller.get(f"/notifications?limit=2&type=task_assigned,mention&cursor={page['next_cursor']}")).json()
    assert ([item["message"] for item in rest["items"]], rest["next_cursor"]) == (["Task 0"], None)
    assert (await caller.get("/notifications?type=mention")).json()["items"] == []
    assert (await caller.get("/notifications/unread-count")).json() == {"unread": 3}
    read = await caller.post(f"/notifications/{item['id']}/read")
    assert read.json()["read_at"] is not None
    assert len((await caller.get("/notifications?unread=true")).json()["items"]) == 2
    assert (await caller.delete("/notifications/read")).status_code == 204
    assert len((await caller.get("/notifications")).json()["items"]) == 2
    assert (await caller.post(f"/notifications/{item['id']}/read")).status_code == 404
    assert (await caller.post("/notifications/read-all")).json() == {"unread": 0}
    assert (await caller.get("/notifications/unread-count")).json() == {"unread": 0}


async def test_list_refuses_unknown_types_and_parameters(told):
    _, caller = told
    for query in ("type=nothing", "types=mention", "unread=perhaps", "cursor=x", "limit=201"):
        answer = await caller.get(f"/notifications?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_notifications_of_others_are_not_there(told, make, api):
    _, caller = told
    item = (await caller.get("/notifications")).json()["items"][0]
    other = await api.as_(await make.user(role="admin"))
    assert (await other.post(f"/notifications/{item['id']}/read")).status_code == 404
    assert (await other.get("/notifications")).json()["items"] == []


async def test_preferences_are_read_and_changed_in_part(make, api):
    caller = await api.as_(await make.user(timezone="Europe/Vienna"))
    before = (await caller.get("/me/notification-preferences")).json()
    assert (before["digest"], before["timezone"], before["email_verified"]) == ("never", "Europe/Vienna", False)
    assert before["types"]["mention"] == {"label": "Mentions of you", "in_app": True, "email": True}
    change = {"types": {"mention": {"email": False}}, "digest": "weekly", "digest_time": "07:45"}
    after = await caller.patch("/me/notification-preferences", change)
    assert after.status_code == 200
    before["types"]["mention"]["email"] = False
    assert after.json() == {**before, "digest": "weekly", "digest_time": "07:45", "version": 1}
    assert (await caller.get("/me/notification-preferences")).json() == after.json()
    assert (await caller.patch("/me/notification-preferences", {})).json() == after.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"types": {"mentions": {"email": True}}}, "/types/mentions"),
        ({"types": {"mention": {"email": "yes"}}}, "/types/.../email"),
        ({"types": {"mention": {"email": None}}}, "/types/.../email"),
        ({"types": {"mention": {"sms": True}}}, "/types/..."),
        ({"types": []}, "/types"),
        ({"digest": "hourly"}, "/digest"),
        ({"digest_time": "24:00"}, "/digest_time"),
        ({"digest_time": "9:00"}, "/digest_time"),
        ({"digest_weekday": "someday"}, "/digest_weekday"),
        ({"timezone": "UTC"}, "/timezone"),
    ],
)
async def test_preferences_that_cannot_be_are_refused(make, api, body, pointer):
    caller = await api.as_(await make.user())
    answer = await caller.patch("/me/notification-preferences", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "text/plain", "origin": "https://x.y"}},
    ],
    ids=["no body", "form", "multipart", "any type from elsewhere"],
)
async def test_unsubscribe_needs_no_sign_in_and_takes_what_providers_send(make, api, runtime, sent):
    user = await make.user()
    address = f"/unsubscribe/{unsubscribe_token(runtime.keyring, user.user_id, 'mention')}"
    wanted = {"type": "mention", "label": "Mentions of you", "subscribed": True}
    assert (await api.anonymous.get(address)).json() == wanted
    answer = await api.anonymous.post(address, **sent)
    assert (answer.status_code, answer.json()) == (200, {**wanted, "subscribed": False})
    preferences = (await (await api.as_(user)).get("/me/notification-preferences")).json()
    assert preferences["types"]["mention"] == {"label": "Mentions of you", "in_app": True, "email": False}


async def test_unsubscribe_with_cookies_of_somebody_is_no_forged_request(make, api, runtime):
    user = await make.user()
    token = unsubscribe_token(runtime.keyring, user.user_id, "mention")
    headers = {"cookie": "synergy_access=whatever", "origin": "https://mail.example.net"}
    assert (await api.anonymous.post(f"/unsubscribe/{token}", headers=headers)).status_code == 200


async def test_unsubscribe_with_a_wrong_token_is_404(api):
    for token in ("x", "a" * 300, "%C3%A9"):
        for method in ("GET", "POST"):
            answer = await api.anonymous.request(method, f"/unsubscribe/{token}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.fixture
async def mail(runtime):
    """A mail that landed in the folder."""
    async with runtime.database.unit_of_work() as uow:
        mail = Mail(
            to="grace@example.org", subject="<b>Hello</b>", text="Line one\nGrüße\n", html="<p>Grüße</p>", kind="test",
            written_at=uow.now,
        )  # fmt: skip
        await queue_mail(runtime, uow, mail)
    finish = await send_mail(runtime, {"mail_id": str(mail.id)}, 1)
    async with runtime.database.unit_of_work() as uow:
        await finish(uow)
    return mail


async def test_admins_see_mails_and_what_they_say_in_development(make, api, mail):
    caller = await api.as_(await make.user(role="admin"))
    page = (await caller.get("/admin/mails?state=sent,bounced&to=grace@example&limit=1")).json()
    (item,) = page["items"]
    assert (item["id"], item["state"], item["attempts"]) == (str(mail.id), "sent", 1)
    assert (item["to"], item["subject"], item["last_error"]) == ("grace@example.org", "<b>Hello</b>", None)
    content = (await caller.get(f"/admin/mails/{mail.id}")).json()
    assert (content["text"], content["html"]) == ("Line one\nGrüße\n", "<p>Grüße</p>\n")
    assert content["headers"]["Message-ID"].startswith(f"<{mail.id}@")
    assert (await caller.get("/admin/mails?state=gone")).status_code == 400
    for nothing in (new_id(), "..%2Fsecret"):
        assert (await caller.get(f"/admin/mails/{nothing}")).status_code == 404


async def test_mails_are_for_admins_only(make, api, mail):
    for role in ("member", "manager"):
        caller = await api.as_(await make.user(role=role))
        for path in ("/admin/mails", f"/admin/mails/{mail.id}"):
            assert (await caller.get(path)).status_code == 403
    assert (await api.anonymous.get("/admin/mails")).status_code == 401


async def test_what_mails_say_is_not_there_where_they_go_out_by_smtp(make, settings, api_with, mail):
    client = api_with(msgspec.structs.replace(settings, email_backend="smtp"))
    token = await make.access_token(await make.user(role="admin"))
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.get(f"/api/v1/admin/mails/{mail.id}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await client.get("/api/v1/admin/mails", headers=headers)).status_code == 200


async def test_lists_cost_the_same_for_one_and_for_many(api, make, runtime, counter):
    costs = []
    for size in (1, 150):
        user = await make.user(role="admin")
        async with runtime.database.unit_of_work() as uow:
            await uow.value(
                """INSERT INTO notifications (id, recipient_id, type, title, message, data, source_key, created_at)
                   SELECT gen_random_uuid(), $1, 'system', 'T', '', '{}', n::text, now()
                   FROM generate_series(1, $2) AS n""",
                user.user_id, size,
            )  # fmt: skip
        caller = await api.as_(user)
        costs.append(
            [
                await counter.cost(caller.get("/notifications?limit=200")),
                await counter.cost(caller.get("/notifications/unread-count")),
                await counter.cost(caller.get("/me/notification-preferences")),
                await counter.cost(caller.get("/admin/mails?limit=200")),
            ]
        )
    assert costs[0] == costs[1] == [2, 2, 2, 2]
