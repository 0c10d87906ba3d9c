"""Single sign-on under attack: what comes back wrong signs nobody in, and the browser ends at a page of ours."""

from __future__ import annotations

import hmac
import time
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from synergy_platform.ids import new_id
from synergy_platform.tokens import encode_bytes, hash_token
from synergy_testing.oidc import (
    CALLBACK,
    CLIENT_ID,
    OURS,
    SESSION,
    START,
    FakeProvider,
    landed,
    query_of,
    refused,
    sign,
    to_provider,
)


@pytest.fixture
async def other_provider():
    started = FakeProvider()
    await started.start()
    yield started
    await started.stop()


pytestmark = pytest.mark.usefixtures("victim")


# state, and the browser


async def test_good_answer_is_taken_once(browsers, provider):
    browser = browsers(provider.config())
    back = await to_provider(browser)
    assert landed(await browser.get(back)) == "/"
    assert set(browser.cookies) >= SESSION
    browser.http.cookies.clear()
    await refused(browser, back, "expired")


@pytest.mark.parametrize("state", [None, "", "wrong", "x" * 5000, "\x00", "ü", "' OR 1=1 --"])
async def test_state_that_is_not_ours_is_refused(browsers, provider, state):
    browser = browsers(provider.config())
    code = query_of(await to_provider(browser))["code"]
    query = f"code={code}&iss={quote(provider.issuer)}" + ("" if state is None else f"&state={quote(state)}")
    answer = await browser.get(f"{CALLBACK}?{query}")
    assert landed(answer) in {"/login?error=expired", "/login?error=invalid_response"}
    assert not SESSION & set(browser.cookies)


async def test_parameters_that_come_twice_are_refused_and_others_are_passed_over(browsers, provider):
    browser = browsers(provider.config())
    back = await to_provider(browser)
    await refused(browser, f"{back}&state=another")
    back = await to_provider(browser)
    await refused(browser, f"{back}&code=another")
    back = await to_provider(browser)
    assert landed(await browser.get(f"{back}&session_state=1&session_state=2&scope=openid&hd=corp")) == "/"


async def test_answer_in_another_browser_signs_nobody_in_and_is_used_up(browsers, provider):
    attacker = browsers(provider.config())
    victim = browsers(app=attacker.app)
    back = await to_provider(attacker)
    await to_provider(victim)
    await refused(victim, back)
    await refused(attacker, back, "expired")


async def test_answer_without_the_browser_cookie_is_refused(browsers, provider):
    browser = browsers(provider.config())
    back = await to_provider(browser)
    browser.http.cookies.clear()
    await refused(browser, back)


async def test_answer_after_ten_minutes_is_refused(browsers, provider, runtime):
    browser = browsers(provider.config())
    back = await to_provider(browser)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE external_sign_ins SET expires_at = now() WHERE state_hash = $1", hash_token(query_of(back)["state"])
        )
    await refused(browser, back, "expired")


async def test_nothing_readable_is_stored_of_a_sign_in_on_its_way(browsers, provider, runtime):
    browser = browsers(provider.config())
    asked = query_of((await browser.get(f"{START}?next=/projects")).headers["location"])
    row = await runtime.database.reader().row(
        "SELECT * FROM external_sign_ins WHERE state_hash = $1", hash_token(asked["state"])
    )
    stored = str(dict(row))
    for secret in (asked["state"], asked["nonce"], browser.cookies["synergy_oidc"], "/projects"):
        assert secret not in stored


async def test_error_ends_the_sign_in(browsers, provider):
    for error, code in (
        ("access_denied", "cancelled"), ("login_required", "cancelled"), ("server_error", "provider_unavailable"),
        ("invalid_request", "invalid_response"), ("<script>", "invalid_response"), ("x" * 5000, "invalid_response"),
    ):  # fmt: skip
        provider.callback = {"error": error, "error_description": "<b>", "code": None}
        browser = browsers(provider.config())
        back = await to_provider(browser)
        await refused(browser, back, code)
        await refused(browser, back, "expired")
        assert "synergy_oidc" not in browser.cookies


# mix-up: an answer of one provider at the address of another


async def test_answer_of_another_provider_is_refused(browsers, provider, other_provider):
    browser = browsers(provider.config(), other_provider.config(id="other"))
    back = await to_provider(browser, "/api/v1/auth/oidc/other/start")
    await refused(browser, back.replace("/other/", "/fake/"))
    assert "token" not in provider.asked


async def test_answer_that_names_another_issuer_is_refused(browsers, provider, other_provider):
    browser = browsers(provider.config(), other_provider.config(id="other"))
    for issuer in (other_provider.issuer, f"{provider.issuer}/", "", None):
        provider.callback = {"iss": issuer}
        await refused(browser, await to_provider(browser))
    # one that does not say that it names its issuer need not, but a wrong name is wrong
    provider.metadata = {"authorization_response_iss_parameter_supported": False}
    for issuer, page in ((None, "/"), (other_provider.issuer, "/login?error=invalid_response")):
        provider.callback = {"iss": issuer}
        fresh = browsers(provider.config())
        assert landed(await fresh.get(await to_provider(fresh))) == page


async def test_token_of_another_provider_is_refused(browsers, provider, other_provider):
    provider.instead["token"] = lambda request: web.json_response({"id_token": stolen[0], "access_token": "a"})
    browser = browsers(provider.config())
    back = await to_provider(browser)
    stolen = [other_provider.id_token({"nonce": (await nonce_of(provider))}, "a")]
    await refused(browser, back)


async def nonce_of(provider):
    return next(iter(provider.codes.values()))["nonce"]


# code injection


async def test_code_of_another_sign_in_is_refused_by_pkce(browsers, provider):
    victim, attacker = browsers(provider.config()), browsers(provider.config())
    stolen = query_of(await to_provider(victim))["code"]
    back = await to_provider(attacker)
    await refused(attacker, back.replace(query_of(back)["code"], stolen))


async def test_code_of_another_sign_in_is_refused_by_the_nonce_where_the_provider_knows_no_pkce(browsers, provider):
    async def token(request):
        asked = provider.codes.pop(str((await request.post())["code"]))
        return web.json_response({"id_token": provider.id_token(asked, "a"), "access_token": "a"})

    provider.instead["token"] = token
    victim, attacker = browsers(provider.config()), browsers(provider.config())
    stolen = query_of(await to_provider(victim))["code"]
    back = await to_provider(attacker)
    await refused(attacker, back.replace(query_of(back)["code"], stolen))


@pytest.mark.parametrize("code", ["", "x" * 5000, "\x00", "a b\r\n"])
async def test_code_that_none_is_is_refused(browsers, provider, code):
    browser = browsers(provider.config())
    state = query_of(await to_provider(browser))["state"]
    await refused(browser, f"{CALLBACK}?state={state}&iss={quote(provider.issuer)}&code={quote(code)}")


# ID tokens, end to end; each rule by itself is in packages/domain/tests/identity/test_id_tokens.py


def claims_of(provider, asked, **changes):
    now = int(time.time())
    return {"iss": provider.issuer, "sub": provider.subject, "aud": CLIENT_ID, "exp": now + 300, "iat": now,
            "nonce": asked["nonce"], **changes}  # fmt: skip


def unsigned(provider, asked):
    parts = [{"alg": "none"}, claims_of(provider, asked)]
    return ".".join(encode_bytes(msgspec.json.encode(part)) for part in parts) + "."


def signed_with_public_key(provider, asked):
    """HS256, with what everybody knows of the provider's key as the secret."""
    head = encode_bytes(msgspec.json.encode({"alg": "HS256", "kid": provider.key.kid}))
    body = encode_bytes(msgspec.json.encode(claims_of(provider, asked)))
    mac = hmac.digest(provider.key.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{encode_bytes(mac)}"


def signed_with_client_secret(provider, asked):
    key = OctKey.import_key(b"secret of the client that is long enough")
    return sign(claims_of(provider, asked), key, {"alg": "HS256"})


def signed_by_own_key(provider, asked):
    key = RSAKey.generate_key(2048)
    return sign(claims_of(provider, asked), key, {"alg": "RS256", "kid": provider.key.kid})


def with_key_inside(provider, asked):
    key = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "kid": provider.key.kid, "jwk": key.as_dict(private=False)}
    return sign(claims_of(provider, asked), key, header)


def with_another_body(provider, asked):
    head, _, signature = provider.id_token(asked, "a").split(".")
    return f"{head}.{encode_bytes(msgspec.json.encode(claims_of(provider, asked, sub='admin')))}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned, signed_with_public_key, signed_with_client_secret, signed_by_own_key, with_key_inside,
        with_another_body, lambda *_: "", lambda *_: "a.b.c", lambda *_: "x" * 100_000, lambda *_: None,
        lambda *_: 7,
    ],
)  # fmt: skip
async def test_forged_token_signs_nobody_in(browsers, provider, forge):
    provider.instead["token"] = lambda _request: web.json_response(
        {"access_token": "a", "id_token": forge(provider, next(iter(provider.codes.values())))}
    )
    browser = browsers(provider.config(client_secret="secret of the client that is long enough"))
    answer = await browser.get(await to_provider(browser))
    assert landed(answer) in {"/login?error=invalid_response", "/login?error=provider_unavailable"}
    assert not SESSION & set(browser.cookies)
    assert "userinfo" not in provider.asked


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"aud": "another"}, {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"}, {"exp": int(time.time()) - 120}, {"nonce": "another"},
        {"nonce": None}, {"sub": None}, {"sub": ""}, {"iat": int(time.time()) + 600},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
)  # fmt: skip
async def test_token_with_a_wrong_claim_signs_nobody_in(browsers, provider, claims):
    provider.claims = claims
    browser = browsers(provider.config())
    await refused(browser, await to_provider(browser))


async def test_refused_token_is_recorded_without_a_word_of_it(browsers, provider, runtime):
    provider.claims = {"aud": "canary-audience"}
    browser = browsers(provider.config())
    agent = f"browser-{new_id()}"
    browser.http.headers["user-agent"] = agent
    await refused(browser, await to_provider(browser))
    rows = await runtime.database.reader().rows(
        "SELECT type, user_id, detail::text AS detail FROM security_events WHERE user_agent = $1", agent
    )
    assert [(row["type"], row["user_id"]) for row in rows] == [("login_failed", None)]
    assert "canary" not in rows[0]["detail"]


async def test_user_info_about_somebody_else_is_refused(browsers, provider):
    provider.user_info["sub"] = "somebody-else"
    browser = browsers(provider.config())
    await refused(browser, await to_provider(browser))


# keys


async def test_new_key_is_asked_for_once_and_taken(browsers, provider):
    browser = browsers(provider.config())
    await browser.get(await to_provider(browser))
    provider.key = ECKey.generate_key("P-256", {"kid": "second"})
    provider.header = {"alg": "ES256"}
    provider.asked.clear()
    again = browsers(app=browser.app)
    assert landed(await again.get(await to_provider(again))) == "/"
    assert provider.asked == ["authorize", "token", "keys"]


async def test_unknown_key_is_asked_for_once_and_refused(browsers, provider):
    browser = browsers(provider.config())
    published = provider.key
    await browser.get(await to_provider(browser))
    provider.published = [published]
    provider.key = RSAKey.generate_key(2048, {"kid": "unknown"})
    provider.asked.clear()
    other = browsers(app=browser.app)
    await refused(other, await to_provider(other))
    assert provider.asked == ["authorize", "token", "keys"]


async def test_key_that_is_gone_signs_nobody_in_once_others_are_known(browsers, provider):
    browser = browsers(provider.config())
    old = provider.key
    await browser.get(await to_provider(browser))
    provider.key = OKPKey.generate_key("Ed25519", {"kid": "second"})
    provider.header = {"alg": "EdDSA"}
    again = browsers(app=browser.app)
    assert landed(await again.get(await to_provider(again))) == "/"
    provider.published = [provider.key]
    provider.key, provider.header = old, {}
    third = browsers(app=browser.app)
    await refused(third, await to_provider(third))


# the callback is a browser's: never JSON


@pytest.mark.parametrize("provider_id", ["fake", "other", "%00", "x" * 3000])
async def test_callback_always_ends_at_a_page(browsers, provider, provider_id):
    browser = browsers(provider.config())
    for query in ("", "?", "?state=a", "?unknown=1", "?code=a&code=b", "?error=a%0d%0ab", "?state=%ff%fe"):
        answer = await browser.get(f"/api/v1/auth/oidc/{provider_id}/callback{query}")
        assert (answer.status_code, answer.headers["location"].partition("=")[0]) == (303, "/login?error")


async def test_callback_while_the_database_is_away_ends_at_a_page(browsers, provider, monkeypatch):
    browser = browsers(provider.config())
    back = await to_provider(browser)

    def away():
        raise ConnectionError

    monkeypatch.setattr(browser.app.state.runtime.database, "unit_of_work", away)
    await refused(browser, back, "unavailable")


async def test_next_page_is_kept_from_the_browser_and_the_provider(browsers, provider):
    browser = browsers(provider.config())
    asked = (await browser.get(f"{START}?next=/projects%3Ftab%3Done%23top")).headers["location"]
    assert "projects" not in asked
    back = (await browser.get(asked)).headers["location"]
    assert back.startswith(f"{OURS}{CALLBACK}?")
    assert landed(await browser.get(f"{back}&next=//evil.example")) == "/projects?tab=one#top"
