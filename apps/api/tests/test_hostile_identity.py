"""Hostile names, addresses, titles, cookies and headers: each is refused in its own clear way.

What people write is in `hostile_identity.jsonl`; a line without a code must be taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from synergy_platform.ids import new_id
from synergy_testing.factories import PASSWORD

TEXTS = [json.loads(line) for line in Path(__file__).with_name("hostile_identity.jsonl").read_text().splitlines()]


def texts(kind: str, *, refused: bool) -> list[Any]:
    return [
        pytest.param(text["value"], text["code"], id=ascii(text["case"]))
        for text in TEXTS
        if text["kind"] == kind and (text["code"] is not None) == refused
    ]


def account(**fields: str) -> dict[str, str]:
    name = f"h{new_id().hex[-12:]}"
    return {
        "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "Ada",
        "last_name": "Lovelace", **fields,
    }  # fmt: skip


def check_refused(answer: Any, pointer: str, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


# what people write


@pytest.mark.parametrize("field", ["first_name", "last_name"])
@pytest.mark.parametrize(("name", "code"), texts("name", refused=True))
async def test_register_with_a_hostile_name_is_refused(api, name, code, field):
    check_refused(await api.anonymous.post("/auth/register", account(**{field: name})), f"/{field}", code)


@pytest.mark.parametrize(("name", "code"), texts("name", refused=False))
async def test_register_with_a_name_of_any_culture_is_taken(api, name, code):
    answer = await api.anonymous.post("/auth/register", account(first_name=name, last_name=name))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("username", "code"), texts("username", refused=True))
async def test_register_with_a_hostile_username_is_refused(api, username, code):
    check_refused(await api.anonymous.post("/auth/register", account(username=username)), "/username", code)


@pytest.mark.parametrize(("email", "code"), texts("email", refused=True))
async def test_register_with_a_hostile_address_is_refused(api, email, code):
    check_refused(await api.anonymous.post("/auth/register", account(email=email)), "/email", code)


@pytest.mark.parametrize(("email", "code"), texts("email", refused=False))
async def test_register_with_an_unusual_address_is_taken(api, email, code, runtime):
    async with runtime.database.unit_of_work() as uow:  # other tests have it too
        await uow.value("UPDATE users SET email = NULL WHERE lower(email) = lower($1)", email)
    answer = await api.anonymous.post("/auth/register", account(email=email))
    assert (answer.status_code, answer.json().get("email")) == (201, email), answer.text


@pytest.mark.parametrize(("title", "code"), texts("title", refused=True))
async def test_title_that_is_no_line_is_refused_wherever_one_is_written(api, make, title, code):
    project = await make.project()
    owner = await api.as_(make.owner(project))
    task = await make.task(project)
    if code != "too_long":
        for path, field in ((f"/projects/{project.id}", "name"), (f"/tasks/{task.id}", "title")):
            check_refused(await owner.patch(path, {field: title}), f"/{field}", code)
        label = {"name": title, "color": "#00ff00"}
        check_refused(await owner.post(f"/projects/{project.id}/labels", label), "/name", code)
        check_refused(await owner.post(f"/tasks/{task.id}/subtasks", {"title": title}), "/title", code)
    check_refused(await owner.post("/projects", {"name": title}), "/name", code)
    check_refused(await owner.post(f"/projects/{project.id}/tasks", {"title": title}), "/title", code)


@pytest.mark.parametrize(("title", "code"), texts("title", refused=False))
async def test_title_that_is_odd_is_kept_as_it_is(api, make, title, code):
    project = await make.project()
    answer = await (await api.as_(make.owner(project))).post(f"/projects/{project.id}/tasks", {"title": title})
    assert (answer.status_code, answer.json()["title"]) == (201, title)


@pytest.mark.parametrize(("zone", "code"), texts("timezone", refused=True))
async def test_time_zone_that_is_none_is_refused(api, make, zone, code):
    check_refused(await (await api.as_(await make.user())).patch("/me", {"timezone": zone}), "/timezone", code)


@pytest.mark.parametrize(
    "content",
    [
        b'{"identifier": "\\ud800", "password": "x"}',
        b'{"identifier": "\\udc00\\ud800", "password": "x"}',
        b'{"identifier": "\xed\xa0\x80", "password": "x"}',
        b'{"identifier": "\xc0\xaf", "password": "x"}',
        b'{"identifier": "\xff", "password": "x"}',
        b'\xef\xbb\xbf{"identifier": "ada", "password": "x"}',
        '{"identifier": "ada", "password": "x"}'.encode("utf-16"),
        '{"identifier": "ada", "password": "x"}'.encode("utf-32"),
        b'{"identifier": "ada", "identifier": "eve", "password": "x"}',
        b'{"identifier": "ada", "password": "x"}}',
        b'{"identifier": "ada", "password": "x"}\x00',
        b"{'identifier': 'ada', 'password': 'x'}",
        b'{"identifier": "ada", "password": "x",}',
        b'{"identifier": "ada", /* */ "password": "x"}',
        b'{"identifier": NaN, "password": "x"}',
        b'{"identifier": "ada", "password": "x", "n": -Infinity}',
        b'{"identifier": "ada", "password": "x", "n": 01}',
        b'{"identifier": "ada\x00", "password": "x"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"identifier":' * 10_000 + b'"x"' + b"}" * 10_000,
        b'{"identifier": "ada", "password": ' + b"[" * 100_000,
        b"",
        b"\x00",
        b"%7B%7D",
    ],
    ids=lambda content: ascii(content[:40]),
)
async def test_login_with_bytes_that_are_no_json_is_refused(api, content):
    answer = await api.anonymous.post("/auth/login", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"identifier": ["ada"], "password": "x"},
        {"identifier": {"$ne": None}, "password": {"$gt": ""}},
        {"identifier": "ada", "password": 10**400},
        {"identifier": "ada", "password": 1e308},
        {"identifier": "ada", "password": True},
        {"identifier": "ada", "password": None},
        {"identifier": "ada", "password": "x", "__proto__": {"is_admin": True}},
        {"identifier": "ada", "password": "x", "deliver": "nowhere"},
        {"identifier": "ada", "password": "x" * 129},
        {"identifier": "a" * 255, "password": "x"},
        [{"identifier": "ada", "password": "x"}],
        "ada",
        None,
        7,
    ],
    ids=lambda body: ascii(body)[:60],
)
async def test_login_with_json_of_another_shape_is_refused(api, body):
    answer = await api.anonymous.post(
        "/auth/login", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/xml", ""]
)
async def test_login_of_another_media_type_is_refused(api, kind):
    body = json.dumps({"identifier": "ada", "password": "x"})
    answer = await api.anonymous.post("/auth/login", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")


# headers and cookies


async def send(client: httpx.AsyncClient, path: str, headers: list[tuple[bytes, bytes]]) -> httpx.Response:
    """A request with exactly these headers, also twice the same."""
    client.cookies.clear()
    return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    "header",
    [
        "", " ", "Bearer", "Bearer ", "bearer", "Basic {token}", "Token {token}", "Digest {token}", "Negotiate {token}",
        "Bearer: {token}", "Bearer={token}", "Bearer\t{token}", "{token}", "Bearer Bearer {token}", "JWT {token}",
        "Bearer {token} {token}", "Bearer {token};", "Bearer token={token}", "Basic dXNlcjpwYXNz", "Bearer \x00{token}",
        "B\xc3\xa9arer {token}", "Bearer {token}, Bearer {token}", "AWS4-HMAC-SHA256 {token}",
        "Bearer " + "A" * 200_000,
    ],
    ids=lambda header: ascii(header[:40]),
)  # fmt: skip
async def test_authorization_of_another_form_is_refused(app_client, make, header):
    token = await make.access_token(await make.user())
    value = header.replace("{token}", token).encode("latin-1")
    # a good cookie does not help: whoever sends a bearer means it
    headers = [(b"authorization", value), (b"cookie", f"synergy_access={token}".encode())]
    answer = await send(app_client, "/api/v1/me", headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_authorization_twice_is_refused_whichever_is_good(app_client, make):
    good, bad = await make.access_token(await make.user()), "nonsense"
    for first, second in ((good, bad), (bad, good), (good, good)):
        headers = [(b"authorization", f"Bearer {token}".encode()) for token in (first, second)]
        assert (await send(app_client, "/api/v1/me", headers)).status_code == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "synergy_access={bad}; synergy_access={good}",
        "synergy_access={good}; synergy_access={bad}",
        "synergy_access={good};synergy_access={good}",
        "synergy_access =x; synergy_access={good}",
        "synergy_access={good}; other=1; synergy_access=",
        "synergy_access=",
        "synergy_access",
        "=; ; ;",
        "synergy_access={bad}",
        "synergy_access={good}x",
        "SYNERGY_ACCESS={good}",
        "__Host-synergy_access={good}",
        "synergy_access[]={good}",
        "xsynergy_access={good}",
        "synergy_refresh={good}",
        "synergy_access=%00",
        "synergy_access={good}%0d%0aX: 1",
        "synergy_access=" + "A" * 100_000,
        "; ".join(f"c{number}=x" for number in range(5_000)),
    ],
    ids=lambda cookie: ascii(cookie[:45]),
)
async def test_hostile_cookie_is_refused(api, make, cookie):
    good = await make.access_token(await make.user())
    answer = await api.anonymous.get(
        "/me", headers={"Cookie": cookie.replace("{good}", good).replace("{bad}", "a.b.c")}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_cookies_in_two_headers_are_refused_when_they_name_the_same(app_client, make):
    good = await make.access_token(await make.user())
    headers = [(b"cookie", b"synergy_access=other"), (b"cookie", f"synergy_access={good}".encode())]
    assert (await send(app_client, "/api/v1/me", headers)).status_code == 401


async def test_refresh_cookie_twice_is_refused(api):
    headers = {"Cookie": "synergy_refresh=a; synergy_refresh=b", "Sec-Fetch-Site": "same-origin"}
    assert (await api.anonymous.post("/auth/refresh", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "given",
    [
        b"two\r\nX-Injected: 1", b"\r\n\r\n<script>", b"a b", b"<script>alert(1)</script>", b"{{7*7}}", b"${jndi:ldap://x}",
        b'"quoted"', b"x" * 129, b"", b"\xff\xfe", b"caf\xc3\xa9", b"\x1b[31m", b"%0d%0a", b"a;b", b"a,b", b"\x00",
    ],
    ids=ascii,
)  # fmt: skip
async def test_request_id_that_could_be_more_than_an_id_is_replaced(app_client, given):
    answer = await send(app_client, "/api/v1/me", [(b"x-request-id", given)])
    assert answer.headers["x-request-id"].encode() != given
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert given not in answer.content or given == b""
    assert "x-injected" not in answer.headers


async def test_corpus_is_large():
    hostile = [text for text in TEXTS if text["code"] is not None]
    kind = [text for text in TEXTS if text["code"] is None and text["kind"] == "name"]
    assert len(hostile) >= 150
    assert len(kind) >= 30
