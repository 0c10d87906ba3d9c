"""Single sign-on and the second factor: asked for as after a password, unless the provider is trusted with it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pyotp
import pytest

from synergy_platform.ids import new_id
from synergy_testing.oidc import SESSION, START, landed

SAME_ORIGIN = {"Origin": "http://synergy.test"}


@pytest.fixture
async def with_totp(browsers, provider):
    """A browser of somebody who came through the provider and turned an authenticator app on; then signed out."""

    async def make(**config):
        provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
        browser = browsers(provider.config(**config))
        await browser.follow(START)
        browser.user_id = UUID((await browser.get("/api/v1/me")).json()["id"])
        post = browser.http.post
        begun = await post("/api/v1/me/mfa/totp", json={"password": None}, headers=SAME_ORIGIN)
        browser.totp = pyotp.TOTP(begun.json()["secret"])
        code = browser.totp.now()
        confirmed = await post("/api/v1/me/mfa/totp/confirm", json={"code": code}, headers=SAME_ORIGIN)
        browser.recovery_codes = confirmed.json()["recovery_codes"]
        browser.http.cookies.clear()
        return browser

    return make


async def verify(browser, page, method, code):
    body = {"mfa_token": fragment(page)["mfa_token"], "method": method, "code": code, "deliver": "cookie"}
    return await browser.http.post("/api/v1/auth/mfa/verify", json=body)


def fragment(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page).fragment).items()}


async def last_sign_in(runtime, user_id):
    """How the newest session began, and what the security event says of it."""
    return await runtime.database.reader().row(
        """SELECT s.methods, e.detail->>'provider' AS provider
           FROM sessions s JOIN security_events e ON e.user_id = s.user_id AND e.type = 'login_success'
           WHERE s.user_id = $1 ORDER BY s.created_at DESC, e.created_at DESC LIMIT 1""",
        user_id,
    )


async def test_account_with_a_second_factor_is_asked_for_it(with_totp, runtime):
    browser = await with_totp()
    page = landed(await browser.follow(f"{START}?next=/projects"))
    assert page.startswith("/login?next=%2Fprojects#")
    assert fragment(page)["methods"] == "totp,recovery_code"
    assert browser.cookies == {}
    assert (await verify(browser, page, "totp", "000000")).status_code == 401
    answer = await verify(browser, page, "recovery_code", browser.recovery_codes[0])
    assert answer.status_code == 200, answer.text
    assert set(browser.cookies) >= SESSION
    row = await last_sign_in(runtime, browser.user_id)
    assert (row["methods"], row["provider"]) == (["oidc", "recovery_code"], "fake")


@pytest.mark.parametrize(
    ("trusted", "amr", "asked"),
    [
        (True, ["pwd", "mfa"], False),
        (True, ["pwd"], True),
        (True, "mfa", True),
        (True, {"mfa": 1}, True),
        (True, None, True),
        (False, ["pwd", "mfa"], True),
    ],
)
async def test_second_factor_of_the_provider_counts_where_it_is_trusted(
    with_totp, provider, runtime, trusted, amr, asked
):
    browser = await with_totp(trust_mfa=trusted)
    provider.claims = {"amr": amr}
    page = landed(await browser.follow(START))
    assert page.startswith("/login?") is asked
    assert (set(browser.cookies) >= SESSION) is not asked
    if not asked:
        assert (await last_sign_in(runtime, browser.user_id))["methods"] == ["oidc", "oidc_mfa"]


async def test_second_factor_of_the_user_info_does_not_count(with_totp, provider, runtime):
    """Only what the provider signed does."""
    browser = await with_totp(trust_mfa=True)
    provider.user_info["amr"] = ["mfa"]
    assert landed(await browser.follow(START)).startswith("/login?")
    provider.subject = new_id().hex
    provider.user_info["email"] = f"{new_id().hex}@example.org"
    assert landed(await browser.follow(START)) == "/"
    user_id = UUID((await browser.get("/api/v1/me")).json()["id"])
    assert (await last_sign_in(runtime, user_id))["methods"] == ["oidc"]


async def test_role_that_needs_a_second_factor_is_asked_for_it(own_browsers, provider, own_runtime):
    """Somebody new by mail; with a provider that is trusted not at all, and their session goes on."""
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    browser = own_browsers(provider.config(trust_mfa=True))
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("INSERT INTO mfa_roles (role, required_since) VALUES ('member', now())")
    page = landed(await browser.follow(START))
    assert fragment(page)["methods"] == "email"
    assert browser.cookies == {}

    provider.claims = {"amr": ["mfa", "otp"]}
    assert landed(await browser.follow(START)) == "/"
    refreshed = await browser.http.post("/api/v1/auth/refresh", headers=SAME_ORIGIN)
    assert refreshed.status_code == 200, refreshed.text


async def test_device_that_was_here_before_is_known(browsers, provider, runtime):
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    browser = browsers(provider.config())
    await browser.follow(START)
    user_id = UUID((await browser.get("/api/v1/me")).json()["id"])
    await browser.follow(START)
    await browsers(app=browser.app).follow(START)
    rows = await runtime.database.reader().rows(
        """SELECT detail->'known_device' AS known FROM security_events
           WHERE user_id = $1 AND type = 'login_success' ORDER BY created_at, id""",
        user_id,
    )
    assert [row["known"] for row in rows] == ["false", "true", "false"]
    told = await runtime.database.reader().value(
        "SELECT count(*) FROM jobs WHERE name = 'identity.send_security_mail' AND payload->>'user_id' = $1",
        str(user_id),
    )
    assert told == 1
