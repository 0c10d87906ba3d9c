"""Single sign-on: who comes in by it, and with which account."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from synergy_platform.ids import new_id
from synergy_testing.oidc import CLIENT_ID, OURS, START, landed, query_of


def person(**claims):
    name = f"ada{new_id().hex[-10:]}"
    return {"email": f"{name}@example.org", "email_verified": True, "preferred_username": name, "given_name": "Ada",
            "family_name": "Lovelace", **claims}  # fmt: skip


async def me(browser):
    return await browser.get("/api/v1/me")


async def test_sign_in_of_somebody_new_makes_an_account_and_goes_to_the_page_that_was_wanted(browsers, provider):
    provider.user_info = person()
    browser = browsers(provider.config())
    assert landed(await browser.follow(f"{START}?next=/projects")) == "/projects"
    assert set(browser.cookies) == {"synergy_access", "synergy_refresh", "synergy_device"}
    account = (await me(browser)).json()
    assert account["username"] == provider.user_info["preferred_username"]
    assert (account["first_name"], account["last_name"], account["role"]) == ("Ada", "Lovelace", "member")
    assert account["email"] == provider.user_info["email"]
    assert account["email_verified_at"] is not None


async def test_providers_of_the_settings_are_told_in_their_order(browsers, provider):
    browser = browsers(
        provider.config(id="zebra", name="Zebra"), provider.config(id="ape", name="Ape", issuer="https://ape.example")
    )
    assert (await browser.get("/api/v1/auth/oidc/providers")).json() == {
        "items": [
            {"id": "zebra", "name": "Zebra", "start_url": "/api/v1/auth/oidc/zebra/start"},
            {"id": "ape", "name": "Ape", "start_url": "/api/v1/auth/oidc/ape/start"},
        ],
        "next_cursor": None,
    }
    assert (await browsers().get("/api/v1/auth/oidc/providers")).json()["items"] == []


async def test_sign_in_again_is_the_same_account_and_asks_the_provider_for_no_more_than_it_needs(browsers, provider):
    provider.user_info = person()
    first = browsers(provider.config())
    await first.follow(START)
    provider.asked.clear()
    second = browsers(app=first.app)
    provider.user_info = person(email="other@example.org")
    assert landed(await second.follow(START)) == "/"
    assert (await me(second)).json()["id"] == (await me(first)).json()["id"]
    # the description and the keys are known already, and so is the person
    assert provider.asked == ["authorize", "token"]


async def test_start_sends_pkce_and_nonce_and_a_state_that_is_new_each_time(browsers, provider):
    browser = browsers(provider.config(scopes=("openid", "groups")))
    asked = [query_of((await browser.get(START)).headers["location"]) for _ in range(2)]
    for query in asked:
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["redirect_uri"] == f"{OURS}/api/v1/auth/oidc/fake/callback"
        assert query["scope"] == "openid groups"
        assert query["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) >= 43


async def test_browser_cookie_is_for_the_server_only_and_this_host(browsers, provider):
    for secure in (True, False):
        answer = await browsers(provider.config(), session_cookie_secure=secure).get(START)
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-synergy_oidc=" if secure else "synergy_oidc=")
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/", "max-age=600"} <= parts
        assert ("secure" in parts) is secure


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "javascript:alert(1)", "projects", "", "/a b", "/%0d\r\nX: y", "/p/\u202e", "/" + "a" * 500, "/api/v1/me",
        "/\x00", "http:/projects",
    ],
)  # fmt: skip
async def test_start_refuses_pages_that_are_not_ours(browsers, provider, page):
    answer = await browsers(provider.config()).http.get(START, params={"next": page})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "next")


async def test_start_from_a_page_elsewhere_leads_to_our_own_sign_in_page(browsers, provider):
    browser = browsers(provider.config())
    answer = await browser.http.get(START, params={"next": "/projects"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"] == "/login?next=%2Fprojects"
    assert "set-cookie" not in answer.headers
    assert provider.asked == []
    for site in ("same-origin", "same-site", "none"):
        answer = await browser.http.get(START, headers={"Sec-Fetch-Site": site})
        assert answer.headers["location"].startswith(provider.issuer)


async def test_start_at_an_unknown_provider_is_404(browsers, provider):
    assert (await browsers(provider.config()).get("/api/v1/auth/oidc/other/start")).status_code == 404


@pytest.mark.parametrize("mode", ["open", "invite", "closed"])
@pytest.mark.parametrize("registration", [True, False])
async def test_somebody_new_gets_an_account_where_registration_or_the_provider_allows_it(
    browsers, provider, mode, registration
):
    provider.user_info = person()
    browser = browsers(provider.config(registration=registration), registration=mode)
    page = landed(await browser.follow(START))
    allowed = registration or mode == "open"
    assert page == ("/" if allowed else "/login?error=registration_closed")
    assert (await me(browser)).status_code == (200 if allowed else 401)


async def test_address_that_an_account_has_is_never_linked_by_it(browsers, provider, make, runtime):
    owner = await make.user()
    email = f"{owner.username}@example.org"
    for claims in (person(email=email), person(email=email.upper()), person(email=email, email_verified=False)):
        provider.user_info = claims
        browser = browsers(provider.config())
        assert landed(await browser.follow(START)) == "/login?error=link_first"
        assert browser.cookies == {}
    rows = await runtime.database.reader().rows("SELECT 1 FROM external_identities WHERE user_id = $1", owner.user_id)
    assert rows == []


async def test_address_of_somebody_else_is_not_told_to_have_an_account_where_registration_is_closed(
    browsers, provider, make
):
    owner = await make.user()
    provider.user_info = person(email=f"{owner.username}@example.org", email_verified=False)
    browser = browsers(provider.config(), registration="closed")
    assert landed(await browser.follow(START)) == "/login?error=registration_closed"
    provider.user_info["email_verified"] = True
    assert landed(await browser.follow(START)) == "/login?error=link_first"


async def test_unverified_address_is_verified_by_mail(browsers, provider, runtime):
    for verified in (False, "true", 1, None):
        provider.subject = new_id().hex
        provider.user_info = person(email_verified=verified)
        browser = browsers(provider.config())
        await browser.follow(START)
        account = (await me(browser)).json()
        assert account["email_verified_at"] is None
        assert await runtime.database.reader().value(
            "SELECT count(*) FROM jobs WHERE name = $1 AND payload->>'user_id' = $2",
            "identity.send_verification", account["id"],
        ) == 1  # fmt: skip


async def test_somebody_without_an_address_gets_no_account(browsers, provider):
    for email in (None, "", "nobody", "a@b", ["a@example.org"], "a" * 250 + "@example.org"):
        provider.user_info = person(email=email)
        assert landed(await browsers(provider.config()).follow(START)) == "/login?error=email_missing"


async def test_username_that_somebody_has_is_numbered(browsers, provider, make):
    taken = await make.user()
    provider.user_info = person(preferred_username=f"{taken.username.upper()}@CORP.EXAMPLE")
    browser = browsers(provider.config())
    await browser.follow(START)
    assert (await me(browser)).json()["username"] == f"{taken.username}-2"


async def test_the_same_person_twice_at_once_is_one_account(browsers, provider):
    provider.user_info = person()
    first = browsers(provider.config())
    others = [browsers(app=first.app) for _ in range(5)]
    pages = await asyncio.gather(*(browser.follow(START) for browser in (first, *others)))
    assert [landed(page) for page in pages] == ["/"] * 6
    assert len({(await me(browser)).json()["id"] for browser in (first, *others)}) == 1


async def test_account_that_is_inactive_is_refused_and_recorded(browsers, provider, runtime):
    provider.user_info = person()
    browser = browsers(provider.config())
    await browser.follow(START)
    user_id = UUID((await me(browser)).json()["id"])
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET is_active = false WHERE id = $1", user_id)
    other = browsers(app=browser.app)
    assert landed(await other.follow(START)) == "/login?error=account_inactive"
    assert other.cookies == {}
    assert await events_of(runtime, user_id) == [
        ("registration", {"provider": "fake", "role": "member"}),
        ("login_success", {"provider": "fake", "methods": ["oidc"], "known_device": False}),
        ("login_failed", {"provider": "fake", "reason": "account_inactive"}),
    ]


async def events_of(runtime, user_id):
    rows = await runtime.database.reader().rows(
        "SELECT type, detail::text FROM security_events WHERE user_id = $1 ORDER BY created_at, id", user_id
    )
    return [(row["type"], json.loads(row["detail"])) for row in rows]
