"""Settings that steer the API: each changes what it answers."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from synergy_platform.ids import new_id
from synergy_platform.settings import RateLimit

PASSWORD = "correct horse 7 battery"
ELSEWHERE = "https://app.example.org"


@pytest.fixture
def with_(api_with, settings):
    """The API with some settings changed; registrations are not limited unless a test says so."""
    free = msgspec.structs.replace(settings, rate_limit_register=RateLimit(0, 1))

    def make_client(**changes):
        return api_with(msgspec.structs.replace(free, **changes))

    return make_client


def person() -> dict[str, str]:
    name = f"u{new_id().hex[-12:]}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "A",
            "last_name": "B"}  # fmt: skip


async def sign_in(client, **changes):
    someone = person()
    assert (await client.post("/api/v1/auth/register", json=someone)).status_code == 201
    body = {"identifier": someone["username"], "password": PASSWORD, **changes}
    return await client.post("/api/v1/auth/login", json=body)


async def test_registration_is_open_or_by_invitation_or_closed(with_):
    answers = {
        mode: await with_(registration=mode).post("/api/v1/auth/register", json=person())
        for mode in ("open", "invite", "closed")
    }
    assert {mode: answer.status_code for mode, answer in answers.items()} == {"open": 201, "invite": 403, "closed": 403}


async def test_tokens_live_as_long_as_the_settings_say(with_):
    client = with_(access_token_minutes=7, refresh_token_minutes=90)
    assert (await sign_in(client)).json()["expires_in"] == 7 * 60
    cookies = (await sign_in(client, deliver="cookie")).headers.get_list("set-cookie")
    ages = {cookie.split("=")[0]: int(cookie.split("Max-Age=")[1].split(";")[0]) for cookie in cookies}
    assert ages["synergy_access"] == 7 * 60
    assert 89 * 60 < ages["synergy_refresh"] <= 90 * 60


async def test_secure_cookies_are_for_https_and_this_host_only(with_):
    for secure in (True, False):
        answer = await sign_in(with_(session_cookie_secure=secure), deliver="cookie")
        for cookie in answer.headers.get_list("set-cookie"):
            assert ("Secure" in cookie) is cookie.startswith("__Host-") is secure


async def test_sign_ins_and_registrations_are_limited_as_the_settings_say(with_):
    someone = person()
    strict = with_(rate_limit_login=RateLimit(2, 300), rate_limit_register=RateLimit(1, 300))
    assert (await with_().post("/api/v1/auth/register", json=someone)).status_code == 201
    wrong = {"identifier": someone["username"], "password": "not the right 1"}
    statuses = [(await strict.post("/api/v1/auth/login", json=wrong)).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    assert 429 in [(await strict.post("/api/v1/auth/register", json=person())).status_code for _ in range(2)]
    assert (await with_().post("/api/v1/auth/register", json=person())).status_code == 201


async def test_mails_that_are_asked_for_are_limited_as_the_setting_says(with_, make, post):
    two = with_(rate_limit_forgot=RateLimit(2, 311), rate_limit_login=RateLimit(0, 1))
    ask = {"email": "nobody@example.org"}
    statuses = [(await two.post("/api/v1/auth/password/forgot", json=ask)).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    free = with_(rate_limit_forgot=RateLimit(0, 1))
    statuses = [(await free.post("/api/v1/auth/password/forgot", json=ask)).status_code for _ in range(5)]
    assert statuses == [202] * 5

    headers = {"Authorization": f"Bearer {await make.access_token(await make.user())}"}
    resend = [(await two.post("/api/v1/auth/email/resend", headers=headers)).status_code for _ in range(3)]
    assert resend == [202, 202, 429]
    body = {"email": f"{new_id().hex}@example.org", "password": PASSWORD}
    change = [(await two.post("/api/v1/me/email", json=body, headers=headers)).status_code for _ in range(3)]
    assert change == [202, 202, 429]


async def test_passwords_set_by_a_link_are_limited_as_the_setting_says(with_):
    body = {"token": "x" * 43, "password": PASSWORD}
    two = with_(rate_limit_reset=RateLimit(2, 311))
    statuses = [(await two.post("/api/v1/auth/password/reset", json=body)).status_code for _ in range(3)]
    assert statuses == [422, 422, 429]
    free = with_(rate_limit_reset=RateLimit(0, 1))
    statuses = [(await free.post("/api/v1/auth/password/reset", json=body)).status_code for _ in range(7)]
    assert statuses == [422] * 7


async def test_codes_of_the_second_factor_are_limited_as_the_setting_says(with_, make):
    async def statuses(client, tries):
        user = await make.user(email_mfa_at=datetime.now(UTC))
        answer = await client.post("/api/v1/auth/login", json={"identifier": user.username, "password": PASSWORD})
        body = {"mfa_token": answer.json()["mfa_token"], "method": "email", "code": "000000"}
        return [(await client.post("/api/v1/auth/mfa/verify", json=body)).status_code for _ in range(tries)]

    assert await statuses(with_(rate_limit_mfa=RateLimit(2, 313)), 3) == [401, 401, 429]
    assert await statuses(with_(rate_limit_mfa=RateLimit(0, 1)), 4) == [401] * 4


async def test_web_clients_elsewhere_need_an_allowed_origin(with_):
    asks = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "GET"}
    client = with_(cors_origins=(ELSEWHERE,))
    allowed = await client.get("/api/health/live", headers={"Origin": ELSEWHERE})
    assert allowed.headers["access-control-allow-origin"] == ELSEWHERE
    assert (await client.options("/api/v1/me", headers=asks)).headers["access-control-allow-origin"] == ELSEWHERE
    for refused in (
        await client.get("/api/health/live", headers={"Origin": "https://evil.example"}),
        await with_().get("/api/health/live", headers={"Origin": ELSEWHERE}),
        await with_().options("/api/v1/me", headers=asks),
    ):
        assert "access-control-allow-origin" not in refused.headers


async def test_unsafe_requests_with_cookies_need_a_trusted_origin(with_):
    client = with_()
    signed_in = await sign_in(client, deliver="cookie")
    cookies = "; ".join(cookie.split(";")[0] for cookie in signed_in.headers.get_list("set-cookie"))
    client.cookies.clear()
    headers = {"Cookie": cookies, "Origin": ELSEWHERE}
    refused = await client.post("/api/v1/projects", json={"name": "X"}, headers=headers)
    taken = await with_(csrf_origins=(ELSEWHERE,)).post("/api/v1/projects", json={"name": "X"}, headers=headers)
    assert (refused.status_code, taken.status_code) == (403, 201)


async def test_import_larger_than_the_limit_is_413(with_, make):
    headers = {"Authorization": f"Bearer {await make.access_token(await make.user())}"}
    for limit, expected in ((1, 413), (2, 422)):  # what is within the limit is no board, though
        answer = await with_(max_import_mb=limit).post(
            "/api/v1/imports", headers=headers, data={"source": "trello"},
            files={"file": ("board.json", b"[" + b" " * 1_200_000 + b"]", "application/json")},
        )  # fmt: skip
        assert answer.status_code == expected, answer.text


async def test_attachment_larger_than_the_limit_is_413(with_, make):
    project = await make.project()
    task = await make.task(project)
    headers = {"Authorization": f"Bearer {await make.access_token(make.owner(project))}"}
    for limit, expected in ((1, 413), (2, 201)):
        answer = await with_(max_upload_mb=limit).post(
            f"/api/v1/tasks/{task.id}/attachments", headers=headers, files={"file": ("a.bin", b"x" * 1_200_000)}
        )
        assert answer.status_code == expected, answer.text
