"""Accounts elsewhere that sign in as somebody who has an account here already."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from synergy_domain.identity.oidc import delete_expired_sign_ins
from synergy_platform.ids import new_id
from synergy_platform.tokens import hash_token
from synergy_testing.factories import PASSWORD
from synergy_testing.oidc import START, landed, query_of

LINK = "/api/v1/auth/oidc/fake/link"
SAME_ORIGIN = {"Origin": "http://synergy.test"}


async def sign_in(browser, user):
    body = {"identifier": user.username, "password": PASSWORD, "deliver": "cookie"}
    answer = await browser.http.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return browser


@pytest.fixture
async def signed_in(browsers, provider, make):
    """A browser in which somebody is signed in, with the provider at hand."""
    browser = browsers(provider.config())
    browser.user = await make.user()
    return await sign_in(browser, browser.user)


async def begin(browser, password=PASSWORD, **body):
    body = {"password": password, **body}
    answer = await browser.http.post(LINK, json=body, headers=SAME_ORIGIN)
    assert answer.status_code == 200, answer.text
    return answer.json()["url"]


async def link(browser, **body):
    return landed(await browser.follow(await begin(browser, **body)))


async def identities(browser):
    return (await browser.get("/api/v1/me/identities")).json()["items"]


async def remove(browser, identity_id, password=PASSWORD):
    path, body = f"/api/v1/me/identities/{identity_id}", {"password": password}
    return await browser.http.request("DELETE", path, json=body, headers=SAME_ORIGIN)


async def test_linked_account_signs_in_as_the_user(signed_in, provider, browsers):
    provider.user_info = {"email": "somebody@elsewhere.example"}
    assert await link(signed_in) == "/settings/security?linked=fake"
    [identity] = await identities(signed_in)
    assert (identity["provider"], identity["provider_name"], identity["email"]) == (
        "fake", "Fake Corp", "somebody@elsewhere.example",
    )  # fmt: skip

    other = browsers(app=signed_in.app)
    assert landed(await other.follow(START)) == "/"
    assert (await other.get("/api/v1/me")).json()["id"] == str(signed_in.user.user_id)
    assert (await identities(other))[0]["last_used_at"] > identity["created_at"]


async def test_link_comes_back_to_the_page_that_was_wanted(signed_in, provider):
    assert await link(signed_in, next="/settings?tab=sso#list") == "/settings?tab=sso&linked=fake#list"
    provider.callback = {"error": "access_denied", "code": None}
    assert await link(signed_in, next="/profile") == "/profile?link_error=cancelled"


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "", "/\\evil.example"])
async def test_link_refuses_pages_that_are_not_ours(signed_in, page):
    answer = await signed_in.http.post(LINK, json={"password": PASSWORD, "next": page}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/next")


async def test_link_needs_a_session_and_its_own_page(browsers, signed_in):
    body = {"password": PASSWORD}
    assert (await browsers(app=signed_in.app).http.post(LINK, json=body)).status_code == 401
    assert (await signed_in.http.post(LINK, json=body)).status_code == 403
    elsewhere = {"Origin": "https://evil.example"}
    assert (await signed_in.http.post(LINK, json=body, headers=elsewhere)).status_code == 403


async def test_link_needs_the_password(signed_in, provider):
    for password in ("not the right 1", None):
        answer = await signed_in.http.post(LINK, json={"password": password}, headers=SAME_ORIGIN)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")
    assert "synergy_oidc" not in signed_in.cookies
    assert provider.asked == []


async def test_link_without_a_password_needs_a_session_that_has_just_begun(browsers, provider, runtime):
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    browser = browsers(provider.config())
    await browser.follow(START)
    provider.subject = new_id().hex
    assert await link(browser, password=None) == "/settings/security?linked=fake"
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE sessions SET created_at = created_at - interval '11 min' WHERE user_id = $1",
            UUID((await browser.get("/api/v1/me")).json()["id"]),
        )
    answer = await browser.http.post(LINK, json={"password": None}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")


async def test_link_at_a_provider_that_is_down_is_503(signed_in, provider):
    await provider.stop()
    answer = await signed_in.http.post(LINK, json={"password": PASSWORD}, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["retry-after"]


async def test_link_in_another_browser_links_nobody(signed_in, browsers, make):
    """Who sends a victim to the end of their own linking gets nothing."""
    url = await begin(signed_in)
    victim = await sign_in(browsers(app=signed_in.app), await make.user())
    assert landed(await victim.follow(url)) == "/login?error=invalid_response"
    assert await identities(victim) == await identities(signed_in) == []


async def test_link_with_another_session_links_nobody(signed_in, make):
    url = await begin(signed_in)
    cookie = signed_in.cookies["synergy_oidc"]
    for user in (await make.user(), signed_in.user):  # the same user again is another session too
        await sign_in(signed_in, user)
        assert landed(await signed_in.follow(url)) == "/settings/security?link_error=sign_in_again"
        assert await identities(signed_in) == []
        url = await begin(signed_in)
        assert signed_in.cookies["synergy_oidc"] != cookie


async def test_link_after_signing_out_links_nobody(signed_in, browsers):
    url = await begin(signed_in)
    kept = signed_in.cookies["synergy_access"]
    await signed_in.http.post("/api/v1/auth/logout", headers=SAME_ORIGIN)
    assert "synergy_oidc" in signed_in.cookies
    signed_in.http.cookies.set("synergy_access", kept, domain="synergy.test")
    assert landed(await signed_in.follow(url)) == "/settings/security?link_error=sign_in_again"


async def test_link_is_no_sign_in_and_a_sign_in_no_link(signed_in, browsers, provider, make):
    before = (signed_in.cookies["synergy_access"], signed_in.cookies["synergy_refresh"])
    await link(signed_in)
    assert (signed_in.cookies["synergy_access"], signed_in.cookies["synergy_refresh"]) == before
    # who is signed in and signs in elsewhere as somebody new becomes that one, and links nothing
    provider.subject = new_id().hex
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    assert landed(await signed_in.follow(START)) == "/"
    assert (await signed_in.get("/api/v1/me")).json()["id"] != str(signed_in.user.user_id)


async def test_account_of_somebody_else_is_not_linked_again(signed_in, browsers, make):
    await link(signed_in)
    assert await link(signed_in) == "/settings/security?linked=fake"  # one's own again: nothing to do
    assert len(await identities(signed_in)) == 1
    other = await sign_in(browsers(app=signed_in.app), await make.user())
    assert await link(other) == "/settings/security?link_error=identity_taken"
    assert await identities(other) == []


async def test_two_users_who_link_the_same_account_at_once_do_not_both_get_it(signed_in, browsers, make):
    other = await sign_in(browsers(app=signed_in.app), await make.user())
    pages = await asyncio.gather(link(signed_in), link(other))
    assert sorted(pages) == ["/settings/security?link_error=identity_taken", "/settings/security?linked=fake"]
    assert len(await identities(signed_in) + await identities(other)) == 1


async def test_linking_and_unlinking_are_recorded(signed_in, runtime):
    await link(signed_in)
    await remove(signed_in, (await identities(signed_in))[0]["id"])
    rows = await runtime.database.reader().rows(
        """SELECT type, detail->>'provider' AS provider, detail->>'linked' AS linked, detail->>'unlinked' AS unlinked
           FROM security_events WHERE user_id = $1 AND detail ? 'provider' ORDER BY created_at, id""",
        signed_in.user.user_id,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("login_success", "fake", "true", None), ("session_revoked", "fake", None, "true"),
    ]  # fmt: skip
    told = await runtime.database.reader().rows(
        """SELECT payload->>'notice' AS notice, payload->'facts'->>'provider' AS provider FROM jobs
           WHERE name = 'identity.send_security_mail' AND payload->>'user_id' = $1 ORDER BY created_at, id""",
        str(signed_in.user.user_id),
    )
    assert [tuple(row.values()) for row in told] == [
        ("identity_linked", "Fake Corp"), ("identity_unlinked", "Fake Corp"),
    ]  # fmt: skip


async def test_unlinked_account_signs_in_no_more(signed_in, browsers, provider):
    await link(signed_in)
    [identity] = await identities(signed_in)
    assert (await remove(signed_in, identity["id"])).status_code == 204
    assert await identities(signed_in) == []
    provider.user_info = {"email": f"{signed_in.user.username}@example.org", "email_verified": True}
    assert landed(await browsers(app=signed_in.app).follow(START)) == "/login?error=link_first"


async def test_identity_of_somebody_else_is_404(signed_in, browsers, make):
    await link(signed_in)
    [identity] = await identities(signed_in)
    other = await sign_in(browsers(app=signed_in.app), await make.user())
    for identity_id in (identity["id"], uuid4()):
        assert (await remove(other, identity_id)).status_code == 404
    assert await identities(other) == []


async def test_unlinking_needs_the_password(signed_in):
    await link(signed_in)
    [identity] = await identities(signed_in)
    for password in ("not the right 1", None):
        refused = await remove(signed_in, identity["id"], password)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/password")
    assert await identities(signed_in) == [identity]


async def test_last_way_in_is_kept(browsers, provider, runtime):
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    browser = browsers(provider.config())
    await browser.follow(START)
    [identity] = await identities(browser)
    answer = await remove(browser, identity["id"], None)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_way_in")

    # an account of a provider that is no longer configured is no way in
    user_id = (await browser.get("/api/v1/me")).json()["id"]
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO external_identities (id, user_id, provider, issuer, subject, created_at)
               VALUES (gen_random_uuid(), $1, 'old', 'https://old.example', 'ada', now())""",
            user_id,
        )
    assert (await remove(browser, identity["id"], None)).status_code == 409
    assert [item["provider_name"] for item in await identities(browser)] == ["Fake Corp", "old"]
    # a second one that is, is
    provider.subject = new_id().hex
    assert await link(browser, password=None) == "/settings/security?linked=fake"
    assert (await remove(browser, identity["id"], None)).status_code == 204


async def test_two_ways_in_removed_at_once_leave_one(browsers, provider):
    provider.user_info = {"email": f"{new_id().hex}@example.org", "email_verified": True}
    browser = browsers(provider.config())
    await browser.follow(START)
    provider.subject = new_id().hex
    await link(browser, password=None)
    found = await identities(browser)
    answers = await asyncio.gather(*(remove(browser, identity["id"], None) for identity in found))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert len(await identities(browser)) == 1


async def test_sign_in_that_is_left_is_swept(signed_in, runtime):
    begun = [hash_token(query_of(await begin(signed_in))["state"]) for _ in range(2)]
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE external_sign_ins SET expires_at = now() - interval '1 s' WHERE state_hash = $1", begun[0]
        )
        assert await delete_expired_sign_ins(uow) >= 1
        left = await uow.rows("SELECT state_hash FROM external_sign_ins WHERE state_hash = ANY($1)", begun)
    assert [row["state_hash"] for row in left] == begun[1:]
