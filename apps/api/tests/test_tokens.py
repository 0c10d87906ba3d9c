"""Personal tokens over HTTP: what each scope allows, and when a token ends."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from synergy_platform.tokens import hash_token

VERIFIED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def somebody(make):
    """A user who may make tokens."""
    return lambda **fields: make.user(email_verified_at=VERIFIED, **fields)


async def new_token(caller, scopes=("read",), **fields):
    answer = await caller.post("/me/tokens", {"name": "script", "scopes": list(scopes), **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_token_is_shown_once_and_stored_hashed(api, somebody, runtime, post):
    user = await somebody()
    caller = await api.as_(user)
    made = await new_token(caller, ["write", "read", "read"])
    token = made.pop("token")
    assert token.startswith("syn_")
    assert len(token) >= 47
    assert made["prefix"] == token[:12]
    assert made["scopes"] == ["read", "write"]
    listed = await caller.get("/me/tokens")
    assert listed.json()["items"] == [made]
    assert token not in listed.text
    row = await runtime.database.reader().row("SELECT * FROM api_tokens WHERE id = $1", made["id"])
    assert row["token_hash"] == hash_token(token)
    assert token not in str(dict(row))
    told = await post.last(f"{user.username}@example.org", "api_token_created")
    assert "Token: script" in told.text
    assert token not in told.text


# what a token with these scopes gets: reading, writing, administration, what only a session may
@pytest.mark.parametrize(
    ("role", "scopes", "allowed"),
    [
        ("member", ["read"], {"read"}),
        ("member", ["write"], {"read", "write"}),
        ("member", ["read", "write"], {"read", "write"}),
        ("admin", ["read"], {"read"}),
        ("admin", ["read", "write"], {"read", "write"}),
        ("admin", ["admin"], {"admin"}),
        ("admin", ["read", "admin"], {"read", "admin"}),
        ("admin", ["read", "write", "admin"], {"read", "write", "admin"}),
    ],
)
async def test_token_reaches_as_far_as_its_scopes(api, somebody, role, scopes, allowed):
    session = await api.as_(await somebody(role=role))
    caller = api.with_token((await new_token(session, scopes))["token"])
    requests = [
        ("read", "GET", "/me", None, 200),
        ("read", "GET", "/projects", None, 200),
        ("read", "GET", "/users", None, 200),
        ("write", "POST", "/projects", {"name": "By a script"}, 201),
        ("write", "PATCH", "/me", {"bio": "x"}, 200),
        ("admin", "GET", "/admin/users", None, 200),
        ("admin", "GET", "/admin/queues", None, 200),
        ("session", "GET", "/me/tokens", None, 200),
        ("session", "POST", "/me/tokens", {"name": "more", "scopes": ["read"]}, 201),
        ("session", "GET", "/me/sessions", None, 200),
        ("session", "POST", "/me/sessions/revoke-others", None, 204),
        ("session", "GET", "/me/security-events", None, 200),
        ("session", "POST", "/auth/password/change", {"current_password": "x", "new_password": "y" * 8}, 204),
        ("session", "POST", "/me/email", {"email": "x@example.org", "password": "x"}, 202),
        ("session", "POST", "/auth/email/resend", None, 202),
        ("session", "POST", "/auth/logout", None, 204),
    ]
    for scope, method, path, body, good in requests:
        answer = await caller.request(method, path, **({"json": body} if body else {}))
        code = answer.json().get("code") if answer.content else None
        if scope in allowed:
            assert answer.status_code == good, (path, answer.text)
        else:
            assert (answer.status_code, code) == (403, "scope_missing"), (path, answer.text)


async def test_token_of_an_admin_without_the_scope_sees_only_their_own_projects(api, make, somebody):
    project = await make.project()
    session = await api.as_(await somebody(role="admin"))
    plain = api.with_token((await new_token(session, ["read", "write"]))["token"])
    full = api.with_token((await new_token(session, ["read", "admin"]))["token"])
    answers = [await caller.get(f"/projects/{project.id}") for caller in (session, plain, full)]
    assert [answer.status_code for answer in answers] == [200, 404, 200]


async def test_token_loses_the_reach_of_administrators_with_the_role(api, somebody, runtime):
    user = await somebody(role="admin")
    caller = api.with_token((await new_token(await api.as_(user), ["read", "admin"]))["token"])
    assert (await caller.get("/admin/users")).status_code == 200
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET role = 'member' WHERE id = $1", user.user_id)
    assert (await caller.get("/admin/users")).status_code == 403
    assert (await caller.get("/me")).json()["role"] == "member"


@pytest.mark.parametrize("how", ["revoked", "expired", "deactivated"])
async def test_token_that_ended_is_refused_at_once(api, somebody, runtime, how):
    user = await somebody()
    session = await api.as_(user)
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    made = await new_token(session, expires_at=soon)
    caller = api.with_token(made["token"])
    assert (await caller.get("/me")).status_code == 200
    async with runtime.database.unit_of_work() as uow:
        match how:
            case "expired":
                await uow.value("UPDATE api_tokens SET expires_at = now() - interval '1 s' WHERE id = $1", made["id"])
            case "deactivated":
                await uow.value("UPDATE users SET is_active = false WHERE id = $1", user.user_id)
    if how == "revoked":
        assert (await session.delete(f"/me/tokens/{made['id']}")).status_code == 204
        assert (await session.delete(f"/me/tokens/{made['id']}")).status_code == 404
        assert (await session.get("/me/tokens")).json()["items"] == []
    answer = await caller.get("/me")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"scopes": []}, 422, "/scopes"),
        ({"scopes": ["root"]}, 422, "/scopes/0"),
        ({"scopes": ["admin"]}, 403, "admin_scope_forbidden"),
        ({"name": "  "}, 422, "/name"),
        ({"name": "x" * 101}, 422, "/name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "/expires_at"),
        ({"expires_at": "2090-01-01T00:00:00"}, 422, "/expires_at"),
        ({"expires_at": "tomorrow"}, 422, "/expires_at"),
    ],
)
async def test_create_token_with_bad_input_is_refused(api, somebody, fields, status, told):
    caller = await api.as_(await somebody())
    answer = await caller.post("/me/tokens", {"name": "script", "scopes": ["read"], **fields})
    assert answer.status_code == status, answer.text
    assert told in ([error["pointer"] for error in answer.json()["errors"]] or [answer.json()["code"]])


async def test_create_token_needs_a_confirmed_address(api, make):
    answers = []
    for fields in ({}, {"role": "admin"}, {"email_verified_at": VERIFIED}):
        caller = await api.as_(await make.user(**fields))
        answers.append(await caller.post("/me/tokens", {"name": "script", "scopes": ["read"]}))
    assert [answer.status_code for answer in answers] == [403, 201, 201]
    assert answers[0].json()["code"] == "email_not_verified"


async def test_create_token_stops_at_fifty(api, somebody, runtime):
    user = await somebody()
    caller = await api.as_(user)
    await new_token(caller)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO api_tokens (id, user_id, name, prefix, token_hash, scopes, created_at)
               SELECT gen_random_uuid(), $1, 'x', 'syn_', gen_random_uuid()::text::bytea, '{read}', now()
               FROM generate_series(1, 49)""",
            user.user_id,
        )  # fmt: skip
    answer = await caller.post("/me/tokens", {"name": "one more", "scopes": ["read"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_api_tokens")


@pytest.mark.parametrize("token", ["syn_", "syn_x", "syn_" + "A" * 43, "syn_" + "é" * 20, "syn_" + "x" * 8000])
async def test_token_that_nobody_has_is_refused(api, token):
    answer = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


async def test_token_in_a_cookie_is_refused(api, somebody):
    made = await new_token(await api.as_(await somebody()))
    answer = await api.anonymous.get("/me", headers={"Cookie": f"synergy_access={made['token']}"})
    assert answer.status_code == 401


async def test_use_of_a_token_is_noted_at_most_once_a_minute(api, somebody, runtime, app_client):
    session = await api.as_(await somebody())
    made = await new_token(session)
    caller = api.with_token(made["token"])

    async def noted():
        await asyncio.sleep(0.3)  # it is written behind the request's back
        (item,) = (await session.get("/me/tokens")).json()["items"]
        return item["last_used_at"], item["last_used_ip"]

    assert (made["last_used_at"], made["last_used_ip"]) == (None, None)
    await asyncio.gather(*(caller.get("/me") for _ in range(10)))
    first = await noted()
    assert first[0] is not None
    assert first[1] == "127.0.0.1"
    await caller.get("/me")
    assert await noted() == first
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE api_tokens SET last_used_at = last_used_at - interval '61 s' WHERE id = $1", made["id"])
    await caller.get("/me")
    assert (await noted())[0] > first[0]


async def test_token_costs_one_statement_as_a_session_does(api, somebody, counter):
    session = await api.as_(await somebody())
    caller = api.with_token((await new_token(session))["token"])
    await caller.get("/me")
    await asyncio.sleep(0.3)
    assert await counter.cost(caller.get("/me")) == await counter.cost(session.get("/me")) == 2


async def test_tokens_of_others_are_out_of_reach(api, somebody):
    made = await new_token(await api.as_(await somebody()))
    stranger = await api.as_(await somebody())
    assert (await stranger.delete(f"/me/tokens/{made['id']}")).status_code == 404
    assert (await api.with_token(made["token"]).get("/me")).status_code == 200
