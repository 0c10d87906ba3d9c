"""Email addresses over HTTP: confirmed, and changed."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from synergy_platform.ids import new_id
from synergy_platform.tokens import JwtSigner, hash_token
from synergy_testing.factories import PASSWORD


def mail(user):
    return f"{user.username}@example.org"


def new_address():
    return f"n{new_id().hex}@example.org"


async def change(caller, address, password=PASSWORD):
    return await caller.post("/me/email", {"email": address, "password": password})


async def verify(api, token):
    return await api.anonymous.post("/auth/email/verify", {"token": token})


async def test_change_of_address_holds_once_the_new_one_is_confirmed(api, make, post, runtime):
    user = await make.user()
    caller = await api.as_(user)
    address = new_address()
    answer = await change(caller, address)
    assert (answer.status_code, answer.json()) == (202, None)
    asked = await post.last(mail(user), "email_change_requested")
    assert address in asked.text
    assert (await caller.get("/me")).json()["email"] == mail(user)

    token = await post.token(address, "email_change")
    version = (await caller.get("/me")).json()["version"]
    assert (await verify(api, token)).status_code == 204
    me = (await caller.get("/me")).json()
    assert me["email"] == address
    assert me["email_verified_at"] is not None
    assert me["version"] == version + 1
    changed = await post.last(mail(user), "email_changed")
    assert "another email address" in changed.text
    assert (await verify(api, token)).status_code == 422
    for identifier, status in ((address, 200), (mail(user), 401)):
        answer = await api.anonymous.post("/auth/login", {"identifier": identifier, "password": PASSWORD})
        assert answer.status_code == status
    kinds = await runtime.database.reader().rows(
        "SELECT type, ip, detail FROM security_events WHERE user_id = $1 AND type = 'email_changed'", user.user_id
    )
    assert len(kinds) == 1
    assert address in kinds[0]["detail"]


async def test_change_to_a_taken_address_answers_the_same_and_tells_its_owner(api, make, post):
    user, owner = await make.user(), await make.user()
    caller = await api.as_(user)
    taken = await change(caller, mail(owner).upper())
    free = await change(caller, new_address())
    assert (taken.status_code, taken.content) == (free.status_code, free.content) == (202, b"null")
    assert await post.kinds(mail(owner)) == ["email_taken"]
    told = await post.last(mail(owner), "email_taken")
    assert user.username not in told.text
    assert "127.0.0.1" not in told.text


async def test_change_to_an_address_that_is_taken_meanwhile_is_refused(api, make, post):
    caller = await api.as_(await make.user())
    address = new_address()
    await change(caller, address)
    token = await post.token(address, "email_change")
    await make.user(email=address.upper())
    answer = await verify(api, token)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_token")


async def test_change_of_address_needs_the_password(api, make, post):
    user = await make.user()
    caller = await api.as_(user)
    for password, code in (("wrong one", "wrong_password"), (None, "required")):
        answer = await change(caller, new_address(), password)
        assert (answer.status_code, answer.json()["errors"][0]) == (
            422, {"pointer": "/password", "code": code, "detail": answer.json()["errors"][0]["detail"]},
        )  # fmt: skip
    same = await change(caller, mail(user))
    assert same.json()["errors"][0]["pointer"] == "/email"
    assert await post.kinds(mail(user)) == []


@pytest.mark.parametrize("how", ["newer", "expired", "password changed", "password changed before it was mailed"])
async def test_pending_change_of_address_is_void(api, make, post, runtime, how):
    caller = await api.as_(await make.user())
    address = new_address()
    await change(caller, address)
    new_password = {"current_password": PASSWORD, "new_password": "a new violin 42"}
    if how == "password changed before it was mailed":
        assert (await caller.post("/auth/password/change", new_password)).status_code == 204
        assert await post.kinds(address) == []
        return
    token = await post.token(address, "email_change")
    match how:
        case "newer":
            await change(caller, new_address())
            await post.do_jobs()
        case "expired":
            async with runtime.database.unit_of_work() as uow:
                await uow.value("UPDATE one_time_links SET expires_at = now() WHERE token_hash = $1", hash_token(token))
        case "password changed":
            assert (await caller.post("/auth/password/change", new_password)).status_code == 204
    assert (await verify(api, token)).status_code == 422


async def test_link_that_changes_an_address_works_once_among_many(api, make, post):
    caller = await api.as_(await make.user())
    address = new_address()
    await change(caller, address)
    token = await post.token(address, "email_change")
    answers = await asyncio.gather(*(verify(api, token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]


async def test_resend_mails_a_link_until_the_address_is_confirmed(api, make, post):
    user = await make.user(email_verified_at=None)
    caller = await api.as_(user)
    for _ in range(2):
        assert (await caller.post("/auth/email/resend")).status_code == 202
    assert await post.kinds(mail(user)) == ["verification"] * 2
    token = await post.token(mail(user), "verification")
    assert (await verify(api, token)).status_code == 204
    assert (await verify(api, token)).status_code == 204  # once more changes nothing
    assert (await caller.get("/me")).json()["email_verified_at"] is not None
    assert (await caller.post("/auth/email/resend")).status_code == 202
    assert await post.kinds(mail(user)) == ["verification"] * 2


async def test_links_of_the_release_before_work_for_their_three_days(api, make, runtime):
    user = await make.user(email_verified_at=None)
    now = dt.datetime.now(dt.UTC)
    signer = JwtSigner(runtime.keyring, "verify-email")
    claims = {"sub": str(user.user_id), "email": mail(user)}
    ago = lambda **time: now - dt.timedelta(**time)  # noqa: E731 - reads better
    late = signer.sign(claims, issued_at=ago(days=3, minutes=1), expires_at=ago(minutes=1))
    good = signer.sign(claims, issued_at=ago(days=2), expires_at=now + dt.timedelta(days=1))
    other = signer.sign({**claims, "email": "other@example.org"}, issued_at=now, expires_at=now + dt.timedelta(days=1))
    assert (await verify(api, late)).status_code == 422
    await verify(api, other)
    caller = await api.as_(user)
    assert (await caller.get("/me")).json()["email_verified_at"] is None
    assert (await verify(api, good)).status_code == 204
    assert (await caller.get("/me")).json()["email_verified_at"] is not None


@pytest.mark.parametrize("token", ["x", "a.b.c", "x" * 43, "ey" * 400, "…" * 20, "\u0000"])
async def test_link_that_is_none_of_ours_is_refused(api, token):
    answer = await verify(api, token)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/token")


async def test_mailbox_gets_only_so_many_mails_however_many_ask(api_with, settings, make, post, runtime):
    import msgspec

    from synergy_platform.settings import RateLimit

    user = await make.user()
    three = msgspec.structs.replace(settings, rate_limit_forgot=RateLimit(3, 3600))
    for number in range(5):
        client = api_with(msgspec.structs.replace(settings, rate_limit_forgot=RateLimit(50 + number, 3600)))
        answer = await client.post("/api/v1/auth/password/forgot", json={"email": mail(user).upper()})
        assert answer.status_code == 202
    limited, runtime.settings = runtime.settings, three
    try:
        assert await post.kinds(mail(user)) == ["password_reset"] * 3
    finally:
        runtime.settings = limited
