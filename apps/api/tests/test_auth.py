"""Sign-in over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt

import jwt
import pytest

from synergy_platform.ids import new_id
from synergy_platform.tokens import JwtSigner, hash_token
from synergy_testing.factories import PASSWORD


def registration(**fields):
    name = f"r{new_id().hex[-10:]}"
    return {
        "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "Ada",
        "last_name": "Lovelace", **fields,
    }  # fmt: skip


async def test_register_and_sign_in_with_good_input_gives_tokens(api):
    body = registration()
    made = await api.anonymous.post("/auth/register", body)
    assert made.status_code == 201, made.text
    assert made.json()["username"] == body["username"]
    assert PASSWORD not in made.text
    assert "password_hash" not in made.text

    for identifier in (body["username"], body["email"].upper()):
        answer = await api.anonymous.post("/auth/login", {"identifier": identifier, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        assert set(tokens) == {
            "access_token", "token_type", "expires_in", "user", "refresh_token", "mfa_required", "mfa_token", "methods",
            "device_id",
        }  # fmt: skip
        assert (tokens["token_type"], tokens["expires_in"], tokens["mfa_required"]) == ("Bearer", 3600, False)
        me = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert me.json()["email"] == body["email"]


async def signed_in(api, **login):
    body = registration()
    await api.anonymous.post("/auth/register", body)
    answer = await api.anonymous.post("/auth/login", {"identifier": body["username"], "password": PASSWORD, **login})
    assert answer.status_code == 200, answer.text
    return body, answer


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"username": "Ab"}, "/username", "too_short"),
        ({"username": "has space"}, "/username", "wrong_format"),
        ({"username": "ada\n"}, "/username", "wrong_format"),
        ({"email": "nobody"}, "/email", "wrong_format"),
        ({"email": "ada@example.org\n"}, "/email", "wrong_format"),
        ({"email": "a\x01b@example.org"}, "/email", "wrong_format"),
        ({"email": "ada@-example.org"}, "/email", "wrong_format"),
        ({"email": "ada@example..org"}, "/email", "wrong_format"),
        ({"email": "ada@example-.org"}, "/email", "wrong_format"),
        ({"first_name": "<b>"}, "/first_name", "invalid"),
        ({"last_name": "   "}, "/last_name", "too_short"),
        ({"password": "short"}, "/password", "too_short"),
        ({"password": "9385620174839"}, "/password", "password_all_digits"),
        ({"password": "password123"}, "/password", "password_common"),
        ({"password": "my lovelace pass"}, "/password", "password_resembles_user"),
        ({"role": "admin"}, "/role", "unknown_field"),
        ({"username": 7}, "/username", "wrong_type"),
    ],
)
async def test_register_with_bad_input_names_the_field(api, fields, pointer, code):
    answer = await api.anonymous.post("/auth/register", registration(**fields))
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"pointer": pointer, "code": code}.items() <= answer.json()["errors"][0].items()


async def test_register_with_several_faults_names_them_all(api):
    answer = await api.anonymous.post("/auth/register", {"username": "x", "email": 1, "extra": True})
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/username", "/email", "/extra", "/password", "/first_name", "/last_name"}


async def test_register_with_names_of_any_script_is_taken(api):
    answer = await api.anonymous.post("/auth/register", registration(first_name="हिन्दी", last_name="O’Néill-李"))
    assert answer.status_code == 201, answer.text


async def test_register_twice_says_what_is_taken(api):
    body = registration()
    await api.anonymous.post("/auth/register", body)
    answer = await api.anonymous.post("/auth/register", {**body, "username": body["username"] + "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_taken")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/email"]


async def test_login_with_wrong_password_says_the_same_as_for_nobody(api):
    body, _ = await signed_in(api)
    known = await api.anonymous.post("/auth/login", {"identifier": body["username"], "password": "wrong password"})
    nobody = await api.anonymous.post("/auth/login", {"identifier": "nobody-at-all", "password": "wrong password"})
    assert known.status_code == nobody.status_code == 401
    assert {**known.json(), "request_id": ""} == {**nobody.json(), "request_id": ""}


async def test_login_six_times_wrong_is_limited_for_that_account_only(api):
    body, _ = await signed_in(api)
    wrong = {"identifier": body["username"], "password": "wrong password"}
    statuses = [(await api.anonymous.post("/auth/login", wrong)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    limited = await api.anonymous.post("/auth/login", wrong)
    assert int(limited.headers["retry-after"]) > 0
    other, _ = await signed_in(api)
    assert other


async def test_refresh_rotates_and_reuse_ends_the_session(api, runtime):
    _, answer = await signed_in(api)
    first = answer.json()["refresh_token"]
    second = (await api.anonymous.post("/auth/refresh", {"refresh_token": first})).json()
    again = (await api.anonymous.post("/auth/refresh", {"refresh_token": first})).json()
    # within the grace period the same successor
    assert second["refresh_token"] == again["refresh_token"] != first

    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE refresh_tokens SET used_at = used_at - interval '16 s' WHERE token_hash = $1", hash_token(first)
        )
    stolen = await api.anonymous.post("/auth/refresh", {"refresh_token": first})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "invalid_refresh_token")
    owner = await api.anonymous.post("/auth/refresh", {"refresh_token": second["refresh_token"]})
    assert owner.status_code == 401
    me = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {second['access_token']}"})
    assert me.status_code == 401
    kinds = await runtime.database.reader().rows(
        "SELECT type FROM security_events WHERE user_id = $1 ORDER BY id", answer.json()["user"]["id"]
    )
    assert [row["type"] for row in kinds] == ["registration", "login_success", "token_reuse"]


async def test_refresh_by_fifty_tabs_at_once_gives_all_the_same(api):
    _, answer = await signed_in(api)
    token = answer.json()["refresh_token"]
    answers = await asyncio.gather(*(api.anonymous.post("/auth/refresh", {"refresh_token": token}) for _ in range(50)))
    assert {got.status_code for got in answers} == {200}
    assert len({got.json()["refresh_token"] for got in answers}) == 1


async def test_cookie_session_works_and_refuses_requests_from_elsewhere(api):
    _, answer = await signed_in(api, deliver="cookie")
    assert answer.json()["access_token"] is None
    assert answer.json()["refresh_token"] is None
    cookies = {cookie.split("=", 1)[0]: cookie for cookie in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {"synergy_access", "synergy_refresh", "synergy_device"}
    assert all("HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in cookies.values())
    header = {"Cookie": "; ".join(cookie.split(";")[0] for cookie in cookies.values())}

    assert (await api.anonymous.get("/me", headers=header)).status_code == 200
    body = {"name": "From a page"}
    same = await api.anonymous.post("/projects", body, headers={**header, "Origin": "http://synergy.test"})
    fetched = await api.anonymous.post("/projects", body, headers={**header, "Sec-Fetch-Site": "same-origin"})
    assert (same.status_code, fetched.status_code) == (201, 201)
    for extra in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        forged = await api.anonymous.post("/projects", body, headers={**header, **extra})
        assert (forged.status_code, forged.json()["code"]) == (403, "cross_site_request")
    refreshed = await api.anonymous.post("/auth/refresh", headers={**header, "Origin": "http://synergy.test"})
    assert refreshed.status_code == 200
    assert refreshed.headers.get_list("set-cookie")


async def test_logout_voids_the_access_token_at_once(api, make):
    user = await make.user()
    caller = await api.as_(user)
    answer = await caller.post("/auth/logout")
    assert answer.status_code == 204
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert (await caller.get("/me")).status_code == 401


async def test_expired_and_forged_tokens_are_refused(api, make, runtime):
    user = await make.user()
    good = await make.access_token(user)
    claims = jwt.decode(good, options={"verify_signature": False})
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    signer = JwtSigner(runtime.keyring, "access")
    expired = signer.sign({"sub": claims["sub"], "sid": claims["sid"]}, issued_at=long_ago, expires_at=long_ago)
    purpose = JwtSigner(runtime.keyring, "verify-email").sign(
        {"sub": claims["sub"], "sid": claims["sid"]},
        issued_at=long_ago,
        expires_at=dt.datetime(2090, 1, 1, tzinfo=dt.UTC),
    )
    unsigned = jwt.encode(claims, None, algorithm="none")
    wrong_key = jwt.encode(claims, "x" * 32, algorithm="HS256")
    bad = [expired, purpose, unsigned, wrong_key, good[:-2], "nonsense", "a.b.c", ""]
    for token in bad:
        answer = await api.anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token
        assert answer.headers["content-type"] == "application/problem+json"
    basic = await api.anonymous.get("/me", headers={"Authorization": "Basic dXNlcjpwYXNz"})
    assert basic.status_code == 401


async def test_deactivated_user_is_refused_at_once(api, make, runtime):
    user = await make.user()
    caller = await api.as_(user)
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET is_active = false WHERE id = $1", user.user_id)
    assert (await caller.get("/me")).status_code == 401
    login = await api.anonymous.post("/auth/login", {"identifier": user.username, "password": PASSWORD})
    assert login.status_code == 401


async def test_change_profile_checks_each_field(api, make):
    caller = await api.as_(await make.user())
    good = await caller.patch("/me", {"first_name": "Zoë", "timezone": "Europe/Vienna", "theme": "dark", "phone": None})
    assert good.status_code == 200, good.text
    assert (good.json()["first_name"], good.json()["timezone"], good.json()["theme"]) == (
        "Zoë",
        "Europe/Vienna",
        "dark",
    )
    bad = await caller.patch("/me", {"timezone": "Mars/Olympus", "first_name": "1"})
    assert {error["pointer"] for error in bad.json()["errors"]} == {"/timezone", "/first_name"}
    assert (await caller.get("/me")).json()["timezone"] == "Europe/Vienna"
