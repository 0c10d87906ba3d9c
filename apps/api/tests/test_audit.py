"""What is recorded of answers: administrators' reach, and refusals."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from synergy_platform.ids import new_id
from synergy_platform.settings import RateLimit
from synergy_testing.fixtures import Caller


@pytest.fixture
async def boss(make):
    return await make.user(role="admin")


@pytest.fixture
async def admin(boss, api):
    return await api.as_(boss)


@pytest.fixture
def recorded(runtime):
    async def of(actor, kind="admin_access"):
        rows = await runtime.database.reader().rows(
            "SELECT detail::text AS detail FROM security_events WHERE user_id = $1 AND type = $2 ORDER BY id",
            actor.user_id, kind,
        )  # fmt: skip
        return [msgspec.json.decode(row["detail"]) for row in rows]

    return of


@pytest.fixture
async def things(make, api):
    """A project with one of each, and where an administrator finds it."""
    project = await make.project(await make.user(email_verified_at=datetime.fromisoformat("2026-01-01T00:00:00Z")))
    member = await make.member(project)
    task = await make.task(project)
    owner = await api.as_(make.owner(project))

    async def made(answer) -> str:
        body = (await answer).json()
        return (body.get("webhook") or body)["id"]

    subtask = await made(owner.post(f"/tasks/{task.id}/subtasks", {"title": "A step"}))
    comment = await made(owner.post(f"/tasks/{task.id}/comments", {"body": "Well"}))
    label = await made(owner.post(f"/projects/{project.id}/labels", {"name": "bug", "color": "#ff0000"}))
    file = await made(owner.post(f"/tasks/{task.id}/attachments", files={"file": ("a.txt", b"text", "text/plain")}))
    webhook = await made(owner.post(f"/projects/{project.id}/webhooks", {"name": "x", "url": "https://h.example.org"}))
    return {
        "project": project, "project_id": project.id, "task": task.id, "key": task.key, "subtask": subtask,
        "comment": comment, "label": label, "file": file, "webhook": webhook, "member": member.user_id,
    }  # fmt: skip


REACHES = [
    ("GET", "/projects/{project_id}", None), ("PATCH", "/projects/{project_id}", {"name": "Mine now"}),
    ("GET", "/projects/{project_id}/members", None), ("GET", "/projects/{project_id}/board", None),
    ("GET", "/projects/{project_id}/activity", None), ("GET", "/projects/{project_id}/progress", None),
    ("GET", "/projects/{project_id}/tasks", None), ("GET", "/projects/{project_id}/labels", None),
    ("GET", "/projects/{project_id}/webhooks", None), ("POST", "/projects/{project_id}/archive", None),
    ("PATCH", "/projects/{project_id}/members/{member}", {"role": "viewer"}),
    ("DELETE", "/projects/{project_id}/members/{member}", None), ("DELETE", "/projects/{project_id}", None),
    ("POST", "/projects/{project_id}/tasks", {"title": "From above"}),
    ("GET", "/tasks/{task}", None), ("GET", "/tasks/{key}", None), ("PATCH", "/tasks/{task}", {"title": "Changed"}),
    ("POST", "/tasks/{task}/move", {"status": "done"}), ("DELETE", "/tasks/{task}", None),
    ("GET", "/tasks/{task}/comments", None), ("POST", "/tasks/{task}/comments", {"body": "Hm"}),
    ("DELETE", "/comments/{comment}", None), ("GET", "/tasks/{task}/subtasks", None),
    ("PATCH", "/subtasks/{subtask}", {"title": "Another"}), ("PATCH", "/labels/{label}", {"name": "feature"}),
    ("GET", "/tasks/{task}/attachments", None), ("GET", "/attachments/{file}", None),
    ("GET", "/attachments/{file}/content", None), ("DELETE", "/attachments/{file}", None),
    ("GET", "/webhooks/{webhook}", None), ("PATCH", "/webhooks/{webhook}", {"name": "y"}),
    ("GET", "/webhooks/{webhook}/deliveries", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), REACHES)
async def test_reach_of_an_admin_into_a_project_not_theirs_is_recorded(
    admin, boss, recorded, things, method, path, body
):
    answer = await admin.request(method, path.format(**things), json=body)

    assert answer.status_code < 300, answer.text
    [access] = await recorded(boss)
    assert access["project_id"] == str(things["project"].id)
    assert access["project_key"] == things["project"].key
    assert access["request"].startswith(f"{method} /api/v1/")


async def test_reach_is_recorded_once_an_hour_whatever_the_admin_does(admin, boss, recorded, things):
    for method, path, body in REACHES[:8]:
        await admin.request(method, path.format(**things), json=body)
    assert len(await recorded(boss)) == 1


async def test_reach_in_the_next_hour_is_recorded_again(make, runtime, recorded):
    from synergy_api.audit import Audit
    from synergy_domain.identity import Client

    class Clock:
        present = runtime.clock.now()

        def now(self):
            return self.present

    class Later:
        clock, database = Clock(), runtime.database

    boss, project = await make.user(role="admin"), await make.project()
    boss.note_reached(project.id, None)
    log, client = Audit(Later()), Client("192.0.2.7", "tests")
    for _ in range(3):
        await log.record_reach(boss, client, "GET /x")
    assert len(await recorded(boss)) == 1
    Clock.present += timedelta(hours=1)
    await log.record_reach(boss, client, "GET /x")
    assert len(await recorded(boss)) == 2


async def test_reach_through_two_replicas_at_once_is_recorded_once(admin, boss, recorded, make, api_with, settings):
    projects = [await make.project() for _ in range(5)]
    replicas = [Caller(api_with(settings), admin.headers) for _ in range(2)]

    answers = await asyncio.gather(
        *(caller.get(f"/projects/{project.id}/board") for project in projects for caller in replicas * 3)
    )

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(access["project_id"] for access in await recorded(boss)) == sorted(str(p.id) for p in projects)


@pytest.mark.parametrize("path", ["/projects?all=true&limit=200", "/tasks?all=true&limit=200"])
async def test_lists_of_everything_record_each_project_that_they_show(admin, boss, recorded, make, path):
    mine, others = await make.project(boss), [await make.project() for _ in range(2)]
    for project in (mine, *others):
        await make.task(project)

    page = (await admin.get(path)).json()

    shown = {item.get("project_id") or item["id"] for item in page["items"]}
    assert {str(project.id) for project in others} <= shown
    accesses = {access["project_id"] for access in await recorded(boss)}
    assert accesses == shown - {str(mine.id)}


async def test_lists_of_ones_own_record_nothing(admin, boss, recorded, make):
    mine = await make.project(boss)
    await make.task(mine)
    for path in ("/projects", "/tasks", f"/projects/{mine.id}", f"/projects/{mine.id}/board", "/me/tasks"):
        assert (await admin.get(path)).status_code == 200

    assert await recorded(boss) == []


async def test_reach_that_fails_is_recorded_too(admin, boss, recorded, make):
    project = await make.project()
    answer = await admin.post(f"/projects/{project.id}/labels", {"name": "bug"})
    assert answer.status_code == 422
    answer = await admin.delete(f"/projects/{project.id}/members/{new_id()}")

    assert answer.status_code == 404
    assert len(await recorded(boss)) == 1


async def test_members_pay_no_statement_for_it(api, make, counter, things):
    owner, admin = await api.as_(make.owner(things["project"])), await api.as_(await make.user(role="admin"))
    path = f"/projects/{things['project_id']}"

    plain = await counter.cost(owner.get(path))
    first, second = await counter.cost(admin.get(path)), await counter.cost(admin.get(path))

    assert (first, second) == (plain + 1, plain)


async def test_answer_to_an_admin_is_withheld_when_it_cannot_be_recorded(admin, make, monkeypatch):
    async def fail(*_args, **_kwargs):
        raise ConnectionRefusedError("no database")

    monkeypatch.setattr("synergy_api.audit.record_admin_access", fail)
    project = await make.project(name="Secret plans")

    answer = await admin.get(f"/projects/{project.id}")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Secret plans" not in answer.text


async def test_refusal_of_a_signed_in_user_is_recorded_once_for_a_route(api, make, recorded):
    project = await make.project()
    user = await make.member(project, "viewer")
    caller = await api.as_(user)

    for _ in range(3):
        refused = await caller.post(f"/projects/{project.id}/labels", {"name": "x", "color": "#ffffff"})
        assert refused.status_code == 403
    assert (await caller.get("/admin/users")).status_code == 403
    assert (await caller.get(f"/projects/{new_id()}")).status_code == 404

    assert [refusal["request"] for refusal in await recorded(user, "permission_denied")] == [
        "POST /api/v1/projects/{project_id}/labels", "GET /api/v1/admin/users",
    ]  # fmt: skip


async def test_rate_limit_that_is_used_up_is_recorded_once(api_with, settings, runtime):
    limited = msgspec.structs.replace(settings, rate_limit_login=RateLimit(1, 300))
    client, address = api_with(limited), f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-8:-4]}::1"
    client._transport.client = (address, 4711)
    caller = Caller(client, {})
    name = f"nobody-{new_id()}"

    answers = [await caller.post("/auth/login", {"identifier": name, "password": "wrong"}) for _ in range(4)]

    assert [answer.status_code for answer in answers[1:]] == [429] * 3
    rows = await runtime.database.reader().rows(
        "SELECT user_id, detail::text AS detail FROM security_events WHERE ip = $1 AND type = 'rate_limited'", address
    )
    assert [(row["user_id"], row["detail"]) for row in rows] == [(None, '{"request": "POST /api/v1/auth/login"}')]
