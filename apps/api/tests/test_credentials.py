"""Passwords over HTTP: changed, forgotten, set anew."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from synergy_platform.ids import new_id
from synergy_platform.tokens import hash_token
from synergy_testing.factories import PASSWORD

NEW = "a new violin 42 sounds"


async def sign_in(api, user, password=PASSWORD):
    return await api.anonymous.post("/auth/login", {"identifier": user.username, "password": password})


async def events(runtime, user):
    rows = await runtime.database.reader().rows(
        "SELECT type FROM security_events WHERE user_id = $1 ORDER BY id", user.user_id
    )
    return [row["type"] for row in rows]


async def reset_token(api, post, user):
    assert (await api.anonymous.post("/auth/password/forgot", {"email": mail(user)})).status_code == 202
    return await post.token(mail(user), "password_reset")


def mail(user):
    return f"{user.username}@example.org"


async def test_change_password_ends_other_sessions_and_keeps_this_one(api, make, runtime, post):
    user = await make.user()
    here, there = await api.as_(user), await api.as_(user)
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = await here.post("/auth/password/change", body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [(await caller.get("/me")).status_code for caller in (here, there)] == [200, 401]
    assert (await sign_in(api, user)).status_code == 401
    assert (await sign_in(api, user, NEW)).status_code == 200
    assert "password_change" in await events(runtime, user)
    told = await post.last(mail(user), "password_changed")
    assert "Forgot password?" in told.text
    assert NEW not in told.text


@pytest.mark.parametrize(
    ("current", "new", "pointer", "code"),
    [
        ("not my password", NEW, "/current_password", "wrong_password"),
        (None, NEW, "/current_password", "required"),
        (PASSWORD, "short", "/new_password", "too_short"),
        (PASSWORD, "8" * 20, "/new_password", "password_all_digits"),
        (PASSWORD, "password123", "/new_password", "password_common"),
        (PASSWORD, "{username}", "/new_password", "password_resembles_user"),
        (PASSWORD, PASSWORD, "/new_password", "password_unchanged"),
        (PASSWORD, "x" * 129, "/new_password", "too_long"),
    ],
)
async def test_change_password_with_bad_input_names_the_field(api, make, current, new, pointer, code):
    user = await make.user()
    caller = await api.as_(user)
    body = {"current_password": current, "new_password": new.format(username=user.username)}
    answer = await caller.post("/auth/password/change", body)
    assert answer.status_code == 422, answer.text
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert (await sign_in(api, user)).status_code == 200


async def test_change_password_is_limited_for_whoever_guesses_with_a_borrowed_session(api, make, runtime):
    user = await make.user()
    caller = await api.as_(user)
    body = {"current_password": "a wrong guess", "new_password": NEW}
    statuses = [(await caller.post("/auth/password/change", body)).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await caller.post("/auth/password/change", {**body, "current_password": PASSWORD})).status_code == 429
    assert (await events(runtime, user)).count("login_failed") == 5
    # their own sign-in is another matter
    assert (await sign_in(api, user)).status_code == 200


async def test_account_without_password_sets_one_right_after_signing_in_only(api, make, runtime):
    user = await make.user(password_hash=None)
    caller = await api.as_(user)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE sessions SET created_at = created_at - interval '11 minutes' WHERE user_id = $1", user.user_id
        )
    body = {"current_password": None, "new_password": NEW}
    late = await caller.post("/auth/password/change", body)
    assert (late.status_code, late.json()["code"]) == (403, "sign_in_again")
    fresh = await api.as_(user)
    assert (await fresh.get("/me")).json()["has_password"] is False
    assert (await fresh.post("/auth/password/change", body)).status_code == 204
    assert (await fresh.get("/me")).json()["has_password"] is True


async def test_forgot_password_answers_the_same_for_whatever_address(api, make, post):
    user = await make.user()
    inactive = await make.user(is_active=False)
    bodies = [{"email": address} for address in (mail(user), mail(inactive), "nobody@example.org")]
    answers = [await api.anonymous.post("/auth/password/forgot", body) for body in bodies]
    seen = {(answer.status_code, answer.content, tuple(sorted(answer.headers))) for answer in answers}
    assert len(seen) == 1
    assert answers[0].status_code == 202
    assert await post.kinds(mail(user)) == ["password_reset"]
    assert await post.kinds(mail(inactive)) == await post.kinds("nobody@example.org") == []


async def test_forgot_password_does_the_same_work_for_whatever_address(api, make, counter):
    user = await make.user()
    costs = {
        await counter.cost(api.anonymous.post("/auth/password/forgot", {"email": address}))
        for address in (mail(user), "nobody@example.org")
    }
    assert len(costs) == 1


async def test_reset_password_ends_everything_that_was_begun_with_the_old_one(api, make, runtime, post):
    user = await make.user(email_verified_at=None)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = $2 WHERE id = $1", user.user_id, uow.now)
    caller = await api.as_(user)
    personal = (await caller.post("/me/tokens", {"name": "ci", "scopes": ["read"]})).json()["token"]
    await caller.post("/me/email", {"email": f"n{user.username}@example.org", "password": PASSWORD})
    pending = await post.token(f"n{user.username}@example.org", "email_change")
    refresh = (await sign_in(api, user)).json()["refresh_token"]
    token = await reset_token(api, post, user)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO mfa_challenges (token_hash, user_id, first_method, methods, created_at, expires_at)
               VALUES ($2, $1, 'password', '{totp}', now(), now() + interval '5 minutes')""",
            user.user_id, new_id().bytes,
        )  # fmt: skip
        await uow.value("UPDATE users SET email_verified_at = NULL WHERE id = $1", user.user_id)

    answer = await api.anonymous.post("/auth/password/reset", {"token": token, "password": NEW})
    assert answer.status_code == 204, answer.text
    assert (await caller.get("/me")).status_code == 401
    assert (await api.with_token(personal).get("/me")).status_code == 401
    assert (await api.anonymous.post("/auth/refresh", {"refresh_token": refresh})).status_code == 401
    assert (await api.anonymous.post("/auth/email/verify", {"token": pending})).status_code == 422
    reader = runtime.database.reader()
    assert await reader.value("SELECT count(*) FROM mfa_challenges WHERE user_id = $1", user.user_id) == 0
    # the link arrived there
    assert await reader.value("SELECT email_verified_at FROM users WHERE id = $1", user.user_id) is not None
    assert (await sign_in(api, user)).status_code == 401
    assert (await sign_in(api, user, NEW)).status_code == 200
    assert (await events(runtime, user))[-3:] == ["password_reset", "login_failed", "login_success"]
    assert (await post.last(mail(user), "password_reset_done")).subject == "A new password was set"


async def test_reset_password_works_once(api, make, post):
    user = await make.user()
    token = await reset_token(api, post, user)
    bodies = [{"token": token, "password": f"{NEW} {number}"} for number in range(4)]
    answers = await asyncio.gather(*(api.anonymous.post("/auth/password/reset", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert refused.json()["errors"][0]["code"] == "invalid_token"


async def test_reset_password_refused_for_the_password_leaves_the_link_good(api, make, post):
    user = await make.user()
    token = await reset_token(api, post, user)
    for password in ("password123", user.username, "7" * 30):
        answer = await api.anonymous.post("/auth/password/reset", {"token": token, "password": password})
        assert answer.json()["errors"][0]["pointer"] == "/password"
    assert (await api.anonymous.post("/auth/password/reset", {"token": token, "password": NEW})).status_code == 204


async def test_reset_link_is_void_once_there_is_a_newer_one(api, make, post):
    user = await make.user()
    first = await reset_token(api, post, user)
    second = await reset_token(api, post, user)
    assert first != second
    assert (await api.anonymous.post("/auth/password/reset", {"token": first, "password": NEW})).status_code == 422
    assert (await api.anonymous.post("/auth/password/reset", {"token": second, "password": NEW})).status_code == 204


async def test_reset_link_is_void_after_an_hour(api, make, post, runtime):
    user = await make.user()
    token = await reset_token(api, post, user)
    async with runtime.database.unit_of_work() as uow:
        lifetime = await uow.value(
            "SELECT expires_at - created_at FROM one_time_links WHERE token_hash = $1", hash_token(token)
        )
        await uow.value(
            "UPDATE one_time_links SET expires_at = now() - interval '1 s' WHERE token_hash = $1", hash_token(token)
        )
    assert lifetime == dt.timedelta(hours=1)
    assert (await api.anonymous.post("/auth/password/reset", {"token": token, "password": NEW})).status_code == 422


async def test_reset_link_is_void_after_the_address_or_the_password_changed(api, make, post):
    for change in ("address", "password"):
        user = await make.user()
        caller = await api.as_(user)
        token = await reset_token(api, post, user)
        if change == "address":
            address = f"n{user.username}@example.org"
            assert (await caller.post("/me/email", {"email": address, "password": PASSWORD})).status_code == 202
            verify = {"token": await post.token(address, "email_change")}
            assert (await api.anonymous.post("/auth/email/verify", verify)).status_code == 204
        else:
            body = {"current_password": PASSWORD, "new_password": f"{NEW} 2"}
            assert (await caller.post("/auth/password/change", body)).status_code == 204
        assert (await api.anonymous.post("/auth/password/reset", {"token": token, "password": NEW})).status_code == 422


async def test_reset_link_is_void_for_a_deactivated_account(api, make, post, runtime):
    user = await make.user()
    token = await reset_token(api, post, user)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET is_active = false WHERE id = $1", user.user_id)
    assert (await api.anonymous.post("/auth/password/reset", {"token": token, "password": NEW})).status_code == 422


async def test_links_are_stored_hashed_and_mails_encrypted(api, make, post, runtime):
    user = await make.user()
    token = await reset_token(api, post, user)
    reader = runtime.database.reader()
    rows = await reader.rows("SELECT * FROM one_time_links WHERE user_id = $1", user.user_id)
    mails = await reader.rows("SELECT * FROM mails WHERE recipient_id = $1", user.user_id)
    jobs = await reader.rows("SELECT * FROM jobs WHERE payload::text LIKE '%' || $1 || '%'", token)
    assert (len(rows), len(mails), len(jobs)) == (1, 1, 0)
    assert token not in f"{[dict(row) for row in (*rows, *mails)]}"
    assert user.username not in bytes(mails[0]["sealed"]).decode()
