"""Pages of other origins: what they may read (CORS), and what they cannot have somebody's browser do (CSRF)."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from synergy_api.app import create_app
from synergy_api.middleware import RequestContext
from synergy_platform.ids import new_id
from synergy_platform.settings import RateLimit
from synergy_testing.factories import PASSWORD

OURS = "http://synergy.test"
CLIENT = "https://app.example.org"
OTHERS = (
    "null", "", "https://evil.example", "http://app.example.org", "https://app.example.org:8443", "https://app.example.org.",
    "https://APP.example.org", "https://app.example.org.evil.example", "https://evil-app.example.org",
    "https://xapp.example.org", "https://sub.app.example.org", "https://app.example.orgx", "https://app.example.org/",
    "https://app.example.org, https://evil.example", "https://user@app.example.org", "https://app.example.org\x00",
    "file://", "app.example.org",
)  # fmt: skip
UNSAFE_HEADERS = (
    "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id", "last-event-id",
    "traceparent",
)  # fmt: skip
SHOWN = {
    "etag", "location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id", "content-disposition",
    "idempotency-replayed",
}  # fmt: skip


@pytest.fixture
def elsewhere(api_with, settings):
    """The API with a web client elsewhere."""
    return api_with(msgspec.structs.replace(settings, cors_origins=(CLIENT,), rate_limit_register=RateLimit(0, 1)))


def words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


def readable(answer: httpx.Response) -> bool:
    """Whether a page of the client may read it; whatever else CORS says must fit."""
    assert "origin" in words(answer.headers["vary"])
    origin = answer.headers.get("access-control-allow-origin")
    if origin is None:
        assert not [name for name in answer.headers if name.startswith("access-control-allow")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        return False
    assert origin == CLIENT
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert words(answer.headers["access-control-expose-headers"]) >= SHOWN
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    return True


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_preflight_of_a_configured_origin_allows_what_clients_send(elsewhere, method):
    asks = {"Origin": CLIENT, "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ",".join(UNSAFE_HEADERS)}  # fmt: skip
    answer = await elsewhere.options("/api/v1/projects", headers=asks)
    assert (answer.status_code, answer.content, readable(answer)) == (204, b"", True)
    assert method.lower() in words(answer.headers["access-control-allow-methods"])
    assert words(answer.headers["access-control-allow-headers"]) >= set(UNSAFE_HEADERS)
    assert 0 < int(answer.headers["access-control-max-age"]) <= 7200


@pytest.mark.parametrize("origin", OTHERS)
async def test_other_origins_may_neither_ask_nor_read(elsewhere, origin):
    answer = await elsewhere.get("/api/health/live", headers={"Origin": origin})
    assert (answer.status_code, readable(answer)) == (200, False)
    asks = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    refused = await elsewhere.options("/api/v1/me", headers=asks)
    assert (refused.status_code, readable(refused)) == (403, False)
    assert refused.json()["code"] == "origin_not_allowed"


async def test_answer_without_an_origin_may_differ_with_one(elsewhere):
    assert not readable(await elsewhere.get("/api/health/live"))


async def test_errors_can_be_read_by_the_client(elsewhere, api_with, settings):
    headers = {"Origin": CLIENT}
    for path, status in (("/api/v1/me", 401), ("/api/v1/nothing", 404), ("/api/v1/projects?x=1", 400)):
        answer = await elsewhere.get(path, headers=headers)
        assert (answer.status_code, readable(answer)) == (status, True)
        assert answer.json()["request_id"]
    strict = api_with(
        msgspec.structs.replace(
            settings, cors_origins=(CLIENT,), rate_limit_api=RateLimit(1, 3600), allowed_hosts=("synergy.test",)
        )
    )
    strict._transport.client = (f"10.{new_id().int % 250}.{new_id().int % 251}.9", 1)
    assert (await strict.get("/api/v1/nothing", headers=headers)).status_code == 404
    limited = await strict.get("/api/v1/nothing", headers=headers)
    assert (limited.status_code, readable(limited)) == (429, True)
    host = await strict.get("/api/v1/me", headers={**headers, "Host": "elsewhere.example"})
    assert (host.status_code, readable(host)) in {(421, True), (429, True)}


async def test_faults_and_lateness_can_be_read_by_the_client(runtime, settings):
    app = create_app(runtime)
    changed = msgspec.structs.replace(settings, cors_origins=(CLIENT,), request_deadline=0.2)
    inner: RequestContext = app.asgi_handler

    async def fails(_scope, _receive, _send):
        raise RuntimeError("a fault")

    async def hangs(_scope, _receive, _send):
        await asyncio.sleep(5)

    for handler, status in ((fails, 500), (hangs, 504)):
        outer = RequestContext(handler, changed, inner.drain, inner.limits, inner.audit, inner.tracing)
        transport = httpx.ASGITransport(app=outer, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
            answer = await client.get("/api/v1/me", headers={"Origin": CLIENT})
        assert (answer.status_code, readable(answer)) == (status, True)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_without_configured_origins_nobody_elsewhere_reads(api_with, settings):
    client = api_with(settings)
    answer = await client.get("/api/health/live", headers={"Origin": CLIENT})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asks = {"Origin": CLIENT, "Access-Control-Request-Method": "GET"}
    assert (await client.options("/api/v1/me", headers=asks)).status_code == 403


async def test_any_origin_reads_without_cookies_in_development(api_with, settings):
    client = api_with(msgspec.structs.replace(settings, cors_origins=("*",)))
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (await client.options("/api/v1/me", headers=asks), await client.get("/api/v1/me", headers=asks)):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


# --- forged requests -------------------------------------------------------------------------------------------------


@pytest.fixture
async def signed_in(elsewhere, make):
    """A browser's cookies."""
    user = await make.user()
    body = {"identifier": user.username, "password": PASSWORD, "deliver": "cookie"}
    answer = await elsewhere.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200
    elsewhere.cookies.clear()
    return {"Cookie": "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_list("set-cookie"))}


FORGED = [
    {},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Origin": ""},
    {"Origin": CLIENT},  # it may read, which does not let it act
    {"Origin": "https://evil.example"},
    {"Origin": "https://synergy.test"},  # another scheme
    {"Origin": "http://synergy.test:8080"},
    {"Origin": "http://synergy.test.evil.example"},
    {"Origin": "http://sub.synergy.test", "Sec-Fetch-Site": "same-site"},
    {"Origin": OURS, "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
]
GENUINE = [{"Origin": OURS}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": OURS, "Sec-Fetch-Site": "same-origin"}]


@pytest.mark.parametrize("headers", FORGED, ids=str)
async def test_unsafe_request_with_cookies_from_elsewhere_is_refused(elsewhere, signed_in, headers):
    for method, path, body in (
        ("POST", "/projects", {"name": "X"}), ("PATCH", "/me", {"bio": "X"}), ("DELETE", "/notifications/read", None),
        ("POST", "/auth/logout", None), ("POST", "/auth/logout-all", None), ("POST", "/auth/refresh", None),
    ):  # fmt: skip
        answer = await elsewhere.request(method, f"/api/v1{path}", json=body, headers={**signed_in, **headers})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), path
        assert "set-cookie" not in answer.headers
    assert (await elsewhere.get("/api/v1/me", headers={**signed_in, **headers})).status_code == 200


@pytest.mark.parametrize("headers", GENUINE, ids=str)
async def test_unsafe_request_with_cookies_of_our_own_pages_is_taken(elsewhere, signed_in, headers):
    headers = {**signed_in, **headers}
    assert (await elsewhere.post("/api/v1/projects", json={"name": "X"}, headers=headers)).status_code == 201
    assert (await elsewhere.post("/api/v1/auth/refresh", headers=headers)).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_body_that_a_form_can_send_is_refused_even_from_our_own_pages(elsewhere, signed_in, media_type):
    headers = {**signed_in, "Origin": OURS, "Content-Type": media_type}
    for path in ("/api/v1/projects", "/api/v1/auth/refresh", "/api/v1/auth/login"):
        answer = await elsewhere.post(path, content=b'{"name": "X"}', headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_bearer_wins_over_cookies_and_needs_no_origin(elsewhere, signed_in, make):
    other = await make.user()
    headers = {
        **signed_in,
        "Authorization": f"Bearer {await make.access_token(other)}",
        "Origin": "https://evil.example",
    }
    made = await elsewhere.post("/api/v1/projects", json={"name": "X"}, headers=headers)
    assert (made.status_code, made.json()["owner"]["id"]) == (201, str(other.user_id))
    bad = await elsewhere.get("/api/v1/me", headers={**signed_in, "Authorization": "Bearer x"})
    assert bad.status_code == 401


async def test_pages_of_the_public_address_and_of_trusted_origins_are_ours(api_with, settings, make):
    client = api_with(
        msgspec.structs.replace(settings, public_url="https://pm.example.org:443/", csrf_origins=(CLIENT,))
    )
    token = await make.access_token(await make.user())
    cookies = {"Cookie": f"synergy_access={token}"}
    for origin, status in (("https://pm.example.org", 201), (CLIENT, 201), ("http://pm.example.org", 403), (OURS, 201)):
        answer = await client.post("/api/v1/projects", json={"name": "X"}, headers={**cookies, "Origin": origin})
        assert answer.status_code == status, origin


def deliverers(app) -> set[str]:
    """The routes whose answer can set the cookies of a session."""
    return {
        route.path
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.parsed_data_field is not None
        and "deliver" in getattr(handler.parsed_data_field.annotation, "__struct_fields__", ())
    }


BODIES = {
    "/api/v1/auth/login": {"identifier": "nobody", "password": PASSWORD},
    "/api/v1/auth/mfa/verify": {"mfa_token": "x", "method": "totp", "code": "123456"},
}


async def test_page_elsewhere_cannot_sign_somebody_in_as_another(elsewhere):
    assert deliverers(elsewhere._transport.app) == set(BODIES)
    for path, body in BODIES.items():
        for headers in FORGED[1:]:
            answer = await elsewhere.post(path, json={**body, "deliver": "cookie"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), headers
        for headers in ({}, *GENUINE):
            answer = await elsewhere.post(path, json={**body, "deliver": "cookie"}, headers=headers)
            assert answer.status_code in {401, 429}, headers
        # what it could not keep, it may ask for
        answer = await elsewhere.post(path, json={**body, "deliver": "body"}, headers={"Origin": CLIENT})
        assert answer.status_code in {401, 429}
