"""Providers of single sign-on that are down, slow or hostile: the browser ends at a page that says so."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from synergy_platform import fetching
from synergy_testing.oidc import CLIENT_ID, SESSION, START, landed, refused, to_provider

pytestmark = pytest.mark.usefixtures("victim")


async def broken(browsers, provider, endpoint, answer):
    """Sign in with one endpoint replaced; where the browser ends."""
    provider.instead[endpoint] = answer
    browser = browsers(provider.config())
    started = await browser.get(START)
    if endpoint == "discovery":
        return browser, started
    return browser, await browser.get((await browser.get(started.headers["location"])).headers["location"])


def status(code):
    return lambda _request: web.Response(status=code, text="oh")


def huge(_request):
    return web.Response(body=b'{"a": "' + b"a" * 300_000 + b'"}', content_type="application/json")


def compressed(_request):
    answer = web.json_response({"a": "a" * 300_000})
    answer.enable_compression(web.ContentCoding.gzip)
    return answer


def redirecting(request):
    return web.Response(status=302, headers={"Location": f"http://{request.host}/.well-known/openid-configuration"})


def text(content):
    return lambda _request: web.Response(text=content, content_type="application/json")


def slowly():
    """A list that holds something once the handler has answered, and the handler, which takes a minute."""
    answered = []

    async def handle(_request):
        await asyncio.sleep(60)
        answered.append(True)
        return web.Response()

    return answered, handle


ENDPOINTS = ("discovery", "token", "keys", "userinfo")
ANSWERS = {
    "500": status(500), "404": status(404), "204": status(204), "huge": huge, "compressed": compressed,
    "redirecting": redirecting, "html": text("<html>"), "empty": text(""), "null": text("null"), "list": text("[]"),
    "not_utf8": lambda _request: web.Response(body=b'{"a": "\xff"}'), "nested": text("[" * 50_000),
    "other_types": text('{"issuer": 1, "keys": {}, "id_token": [], "sub": 7}'),
}  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_provider_that_answers_badly_ends_at_a_page_that_says_so(browsers, provider, endpoint, answer):
    browser, ended = await broken(browsers, provider, endpoint, ANSWERS[answer])
    assert landed(ended) in {"/login?error=provider_unavailable", "/login?error=invalid_response"}
    assert not SESSION & set(browser.cookies)
    assert provider.asked.count(endpoint) == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_provider_that_is_slow_is_given_up_and_slows_nothing_else(browsers, provider, endpoint, monkeypatch):
    answered, slow = slowly()
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.3)
    browser, ended = await broken(browsers, provider, endpoint, slow)
    assert landed(ended) == "/login?error=provider_unavailable"
    assert answered == []
    assert (await browser.get("/api/v1/auth/options")).status_code == 200


async def test_provider_that_drips_is_given_up(browsers, provider, monkeypatch):
    async def drip(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(100):
            await answer.write(b" ")
            await asyncio.sleep(0.05)
        return answer

    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.3)
    _, ended = await broken(browsers, provider, "discovery", drip)
    assert landed(ended) == "/login?error=provider_unavailable"


async def test_many_who_come_while_a_provider_is_slow_wait_for_one_answer(browsers, provider, monkeypatch):
    answered, provider.instead["discovery"] = slowly()
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 2)
    browser = browsers(provider.config())
    pages = await asyncio.gather(*(browser.get(START) for _ in range(20)))
    assert {landed(page) for page in pages} == {"/login?error=provider_unavailable"}
    assert answered == []
    assert provider.asked.count("discovery") == 1


async def test_provider_that_is_down_works_once_it_is_there_again(browsers, provider):
    browser = browsers(provider.config())
    provider.instead["discovery"] = status(503)
    assert landed(await browser.get(START)) == "/login?error=provider_unavailable"
    del provider.instead["discovery"]
    assert landed(await browser.follow(START)) == "/"
    await provider.stop()
    fresh = browsers(provider.config())
    assert landed(await fresh.get(START)) == "/login?error=provider_unavailable"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"}, {"token_endpoint": "ftp://evil.example/"},
        {"token_endpoint": "https://user@evil.example/"}, {"jwks_uri": "/keys"},
        {"authorization_endpoint": "javascript:1"},
        {"authorization_endpoint": "http://[::1"}, {"userinfo_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "http://evil.example/#a"}, {"token_endpoint": "http://evil.example/\r\nX: y"},
        {"jwks_uri": "http://evil.example:port/"},
    ],
)  # fmt: skip
async def test_description_that_cannot_be_right_is_not_used(browsers, provider, metadata):
    provider.metadata = metadata
    answer = await browsers(provider.config()).get(START)
    assert landed(answer) == "/login?error=provider_unavailable"


async def test_client_that_the_provider_does_not_know_is_told_to_the_operator(browsers, provider):
    provider.instead["token"] = lambda _request: web.json_response({"error": "invalid_client"}, status=401)
    browser = browsers(provider.config())
    await refused(browser, await to_provider(browser), "provider_unavailable")


async def test_secret_is_sent_the_way_the_provider_wants_it(browsers, provider):
    seen = []

    async def token(request):
        form = dict(await request.post())
        seen.append((request.headers.get("authorization"), form.get("client_id"), form.get("client_secret")))
        return web.json_response({"error": "invalid_grant"}, status=400)

    provider.instead["token"] = token
    for methods, secret in ((None, "a:b ü"), (["client_secret_post"], "s"), (["client_secret_post"], "")):
        provider.metadata = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
        browser = browsers(provider.config(client_secret=secret))
        await refused(browser, await to_provider(browser))
    # RFC 6749, 2.3.1: synergy and a%3Ab+%C3%BC
    assert seen == [
        ("Basic c3luZXJneTphJTNBYislQzMlQkM=", None, None), (None, CLIENT_ID, "s"), (None, CLIENT_ID, None),
    ]  # fmt: skip
