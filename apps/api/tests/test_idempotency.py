"""`Idempotency-Key`: done once, answered the same."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter

import httpx
import pytest
from litestar.routes import HTTPRoute

from synergy_api.app import create_app
from synergy_platform.ids import new_id
from synergy_testing.fixtures import Api, cheap_runtime

# POSTs of somebody signed in that do not honour the key, and why
IGNORED = {
    "logout": "under /auth", "logout_all": "under /auth", "change_password": "under /auth", "link_oidc": "under /auth",
    "begin_totp": "secret", "confirm_totp": "secret", "confirm_email_mfa": "secret", "renew_recovery_codes": "secret",
    "create_api_token": "secret", "create_webhook": "secret", "rotate_webhook_secret": "secret",
    "begin_email_mfa": "asks for the password, and mails another code", "resend_verification": "under /auth",
    "change_email": "asks for the password, and mails another link",
}  # fmt: skip


@pytest.fixture
async def project(make):
    return await make.project()


@pytest.fixture
async def owner(api, make, project):
    return await api.as_(make.owner(project))


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(new_id())}


async def tasks_of(runtime, project) -> int:
    return await runtime.database.reader().value("SELECT count(*) FROM tasks WHERE project_id = $1", project.id)


async def keys_of(runtime, user) -> int:
    return await runtime.database.reader().value(
        "SELECT count(*) FROM idempotency_keys WHERE user_id = $1", user.user_id
    )


async def test_same_key_and_body_is_done_once_and_answered_the_same(runtime, project, owner):
    path, body, headers = f"/projects/{project.id}/tasks", {"title": "Once"}, keyed()
    first, second = [await owner.post(path, body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    for name in ("etag", "location", "content-type"):
        assert first.headers[name] == second.headers[name]
    assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (None, "true")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert await tasks_of(runtime, project) == 1
    told = "SELECT count(*) FROM events WHERE project_id = $1 AND type = 'task.created'"
    assert await runtime.database.reader().value(told, project.id) == 1


async def test_answer_without_a_body_is_kept_too(api, make, runtime):
    user = await make.user(role="admin")
    admin, other, headers = await api.as_(user), await make.user(), keyed()
    answers = [await admin.post(f"/admin/users/{other.user_id}/sign-out", headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_key_of_another_request_is_refused(runtime, project, owner):
    path, headers = f"/projects/{project.id}/tasks", keyed()
    assert (await owner.post(path, {"title": "One"}, headers=headers)).status_code == 201
    others = [
        await owner.post(path, {"title": "Two"}, headers=headers),
        await owner.post(f"/projects/{project.id}/archive", headers=headers),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in others] == [(422, "idempotency_key_reused")] * 2
    assert await tasks_of(runtime, project) == 1


async def test_key_belongs_to_one_user(api, make, runtime, project, owner):
    headers, path = keyed(), f"/projects/{project.id}/tasks"
    other = await api.as_(await make.member(project))
    made = [(await caller.post(path, {"title": "Mine"}, headers=headers)).json()["id"] for caller in (owner, other)]
    assert made[0] != made[1]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb"])
async def test_unusable_key_is_refused_with_the_reason(project, owner, runtime, key):
    headers = {"Idempotency-Key": key.encode()}
    answer = await owner.post(f"/projects/{project.id}/tasks", {"title": "No"}, headers=headers)
    assert answer.status_code == 400
    assert "1 to 255 visible ASCII characters" in answer.json()["detail"]
    assert await tasks_of(runtime, project) == 0


async def test_what_was_refused_is_not_kept(make, runtime, project, owner):
    path, headers = f"/projects/{project.id}/tasks", keyed()
    assert (await owner.post(path, {"title": ""}, headers=headers)).status_code == 422
    assert (await owner.post(path, {"title": "Better"}, headers=headers)).status_code == 201


async def test_answer_is_given_for_a_day(make, runtime, project, owner):
    path, headers, user = f"/projects/{project.id}/tasks", keyed(), make.owner(project)
    await owner.post(path, {"title": "Old"}, headers=headers)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE user_id = $1",
            user.user_id,
        )
    answer = await owner.post(path, {"title": "New"}, headers=headers)
    assert answer.json()["title"] == "New"
    again = await owner.post(path, {"title": "New"}, headers=headers)
    assert again.json()["id"] == answer.json()["id"]


async def test_secrets_are_never_kept(make, runtime, project, owner):
    user, headers = make.owner(project), keyed()
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", user.user_id)
    hook = {"name": "Twice", "url": "https://example.org/hook"}
    answers = [await owner.post(f"/projects/{project.id}/webhooks", hook, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].json()["secret"] != answers[1].json()["secret"]
    assert await keys_of(runtime, user) == 0


async def test_key_is_ignored_under_auth(api, make):
    person = {
        "username": f"twice{new_id().hex[-8:]}", "email": f"twice-{new_id().hex[-8:]}@example.org",
        "password": "a pass phrase of many", "first_name": "A", "last_name": "B",
    }  # fmt: skip
    statuses = [(await api.anonymous.post("/auth/register", person, headers=keyed("k"))).status_code for _ in range(2)]
    assert statuses == [201, 409]


async def test_two_servers_do_it_once_between_them(make, runtime, settings, project):
    """Each has connections of its own: what one does, the other knows from the database alone."""
    apps, servers = [], []
    for _ in range(2):
        server = cheap_runtime(settings)
        await server.open()
        servers.append(server)
        transport = httpx.ASGITransport(app=create_app(server), raise_app_exceptions=False)
        apps.append(httpx.AsyncClient(transport=transport, base_url="http://synergy.test"))
    callers = [await Api(client, make).as_(make.owner(project)) for client in apps]
    for number in range(10):
        headers = keyed()
        answers = await asyncio.gather(
            *(
                callers[turn % 2].post(f"/projects/{project.id}/tasks", {"title": f"Task {number}"}, headers=headers)
                for turn in range(8)
            )
        )
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {201, 409}
        assert statuses[201] >= 1
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        for answer in answers:
            if answer.status_code == 409:
                assert answer.json()["code"] == "request_under_way"
                assert answer.headers["retry-after"] == "1"
        assert await tasks_of(runtime, project) == number + 1
    for client in apps:
        await client.aclose()
    for server in servers:
        await server.close()


async def test_lock_of_a_request_that_died_is_free(make, runtime, project, owner):
    path, headers, started = f"/projects/{project.id}/tasks", keyed(), asyncio.Event()
    connection = await runtime.database.connect_directly()
    await connection.execute("BEGIN; SELECT FROM projects WHERE false; LOCK tasks IN ACCESS EXCLUSIVE MODE")
    stuck = asyncio.create_task(owner.post(path, {"title": "Later"}, headers=headers))
    for _ in range(500):
        waiting = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        if waiting:
            started.set()
            break
        await asyncio.sleep(0.01)
    assert started.is_set()
    meanwhile = await owner.post(path, {"title": "Later"}, headers=headers)
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "request_under_way")
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    await connection.execute("ROLLBACK")
    await connection.close()
    assert (await owner.post(path, {"title": "Later"}, headers=headers)).status_code == 201
    assert await tasks_of(runtime, project) == 1


async def test_uploads_are_taken_once(make, runtime, project, owner):
    task, headers = await make.task(project), keyed()
    path = f"/tasks/{task.id}/attachments"
    folder = runtime.storage.path("attachments")
    before = sum(1 for file in folder.rglob("*") if file.is_file())
    answers = [
        await owner.post(path, files={"file": ("a.txt", io.BytesIO(b"the same"), "text/plain")}, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].content == answers[1].content
    assert answers[1].headers["location"] == answers[0].headers["location"]
    other = await owner.post(path, files={"file": ("a.txt", io.BytesIO(b"another"), "text/plain")}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert sum(1 for file in folder.rglob("*") if file.is_file()) == before + 1


async def test_imports_are_accepted_once(make, runtime, project, owner):
    board = json.dumps({"id": "a" * 24, "name": "Board", "lists": [], "cards": []}).encode()
    headers = keyed()
    answers = [
        await owner.post(
            "/imports", files={"file": ("b.json", board, "application/json")}, data={"source": "trello"},
            headers=headers,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    assert answers[0].json() == answers[1].json()


async def test_every_post_honours_the_key_or_is_known_not_to(app_client):
    app = app_client._transport.app
    needing, honouring = app.state.needing_actor, app.state.idempotent
    ignoring = {
        handler.handler_name
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "POST" in handler.http_methods and handler in needing and handler not in honouring
    }
    assert ignoring == set(IGNORED)
    assert {handler.handler_name for handler in honouring} >= {"create_task", "add_attachment", "create_import"}
