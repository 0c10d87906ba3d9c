"""ETag, If-None-Match and If-Match: on every route of the table of `synergy_testing.matrix`."""

from __future__ import annotations

import re

import pytest

from synergy_testing.factories import Factory
from synergy_testing.matrix import CALLERS, ROUTES, World, expected

ETAG = re.compile(r'"(?:\d+-)?[0-9a-f]{16}"')
_DEFAULT_STATUS = {"GET": 200, "PATCH": 200, "PUT": 200, "DELETE": 204}

# GET of one thing without an ETag, each with its reason
NO_ETAG = {
    "GET /api/health/live": "how the process is at this moment",
    "GET /api/health/ready": "how the process is at this moment",
    "GET /api/auth/health": "how the system is at this moment",
    "GET /api/v1/admin/queues": "how the queues are at this moment",
    "GET /api/v1/admin/health": "how the instance is at this moment",
    "GET /api/v1/admin/backups": "how old they are at this moment",
    "GET /api/docs": "a page",
    "GET /api/docs/{name}": "a part of a page",
    "GET /api/openapi.json": "the description of the API",
    "GET /api/v1/attachments/{attachment_id}/content": "a file; its ETag is its SHA-256, see test_attachments.py",
    "GET /api/v1/users/{user_id}/avatar": "a picture; its ETag names it, see test_avatars.py",
}
# changes that compare no version, each with its reason
NO_IF_MATCH = {
    "DELETE /api/v1/notifications/read": "all of them, whatever they say",
    "DELETE /api/v1/attachments/{attachment_id}": "never changes",
    "DELETE /api/v1/admin/jobs/{job_id}": "is dead, and nobody edits it",
    "DELETE /api/v1/projects/{project_id}/invitations/{invitation_id}": "nobody edits it",
    "DELETE /api/v1/me/identities/{identity_id}": "nobody edits it",
    "DELETE /api/v1/me/sessions/{session_id}": "nobody edits it",
    "DELETE /api/v1/me/tokens/{token_id}": "nobody edits it",
    "DELETE /api/v1/me/mfa/totp": "is on or off",
    "DELETE /api/v1/me/mfa/email": "is on or off",
    "DELETE /api/v1/me": "asks for the password; whatever else changed, it is to go",
    "DELETE /api/v1/admin/users/{user_id}": "whatever else changed, it is to go",
    "PUT /api/v1/me/avatar": "is set whole: the last word counts",
    "DELETE /api/v1/me/avatar": "is there or not",
    "PUT /api/v1/admin/mfa-roles": "is set whole: the last word counts",
}


def requests(*methods):
    """Each route of these methods, with a caller who is let through."""
    found = []
    for route, entries in ROUTES.items():
        entry = entries[0] if isinstance(entries, tuple) else entries
        method = route.partition(" ")[0]
        ok = entry.ok or _DEFAULT_STATUS.get(method, 0)
        if method in methods and ok < 300:
            order = ("owner", "admin", "member", "anonymous")
            kinds = sorted(CALLERS, key=lambda kind: order.index(kind.name) if kind.name in order else 9)
            kind = next(kind for kind in kinds if expected(entry, kind, ok, reads=method == "GET") == ok)
            found.append(pytest.param(route, entry, kind, id=route))
    return found


@pytest.fixture(scope="module")
async def people(app_client, runtime):
    world = World(app_client, Factory(runtime))
    await world.people()
    return world


@pytest.fixture
async def world(people):
    await people.new_project()
    return people


def is_list(answer) -> bool:
    return answer.headers["content-type"] == "application/json" and "next_cursor" in answer.json()


@pytest.mark.parametrize(("route", "entry", "kind"), requests("GET"))
async def test_get_one_thing_again_with_its_etag_is_not_modified(world, route, entry, kind):
    caller, request = world.callers[kind.name], await world.request(route, entry, kind)
    answer = await caller.request(**request)
    assert answer.status_code == 200, answer.text
    if route in NO_ETAG:
        return
    if is_list(answer):
        assert "etag" not in answer.headers
        return
    etag = answer.headers["etag"]
    assert ETAG.fullmatch(etag)
    assert etag.startswith(f'"{answer.json().get("version")}-') or "version" not in answer.json()
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await caller.request(**request | {"headers": {**request["headers"], "If-None-Match": known}})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag), known
        assert again.headers["cache-control"] == answer.headers["cache-control"]
    other = await caller.request(**request | {"headers": {**request["headers"], "If-None-Match": '"other"'}})
    assert (other.status_code, other.content) == (200, answer.content)


@pytest.mark.parametrize(("route", "entry", "kind"), requests("PATCH", "PUT", "DELETE"))
async def test_change_of_another_version_is_412_with_the_present_state(world, route, entry, kind):
    caller, request = world.callers[kind.name], await world.request(route, entry, kind)
    if route in NO_IF_MATCH:
        return

    async def send(tag):
        return await caller.request(**request | {"headers": {**request["headers"], "If-Match": tag}})

    for tag in ('"999999-0123456789abcdef"', '"999999"', '"elsewhere"', 'W/"999999"'):
        stale = await send(tag)
        assert stale.status_code == 412, stale.text
        assert stale.json()["code"] == "version_mismatch"
        assert stale.json()["current"]["version"] < 999999
    malformed = await send("3, 4")
    assert (malformed.status_code, malformed.json()["code"]) == (400, "bad_request")
    version = stale.json()["current"]["version"]
    right = await send(f'"{version}"')
    assert right.status_code == (entry.ok or _DEFAULT_STATUS[request["method"]]), right.text
    if request["method"] != "DELETE":
        assert right.json()["version"] == version + 1
        assert right.headers["etag"].startswith(f'"{version + 1}-')
        assert (await send(f'"{version}"')).status_code == 412
        assert (await send(right.headers["etag"])).status_code == 200
        assert (await send("*")).status_code == 200


async def test_etag_of_what_was_made_is_that_of_getting_it(api, make):
    owner = await api.as_(await make.user())
    made = await owner.post("/projects", {"name": "Garden"})
    got = await owner.get(f"/projects/{made.json()['id']}")
    assert made.headers["etag"] == got.headers["etag"]
    assert got.headers["cache-control"] == "private, no-cache"
    changed = await owner.patch(f"/projects/{made.json()['id']}", {"name": "Orchard"})
    assert changed.headers["etag"] not in {None, made.headers["etag"]}


async def test_answer_about_oneself_and_of_administrators_is_not_stored(api, make):
    admin = await api.as_(await make.user(role="admin"))
    user = await make.user()
    paths = {f"/admin/users/{user.user_id}": False, "/admin/queues": False, f"/users/{user.user_id}": True}
    for path, kept in paths.items():
        answer = await admin.get(path)
        assert "etag" in answer.headers
        assert (answer.headers["cache-control"] == "private, no-cache") is kept
