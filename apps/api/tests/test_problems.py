"""What every answer has, errors included."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from synergy_domain.common import END


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/nothing/at/all", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/projects", 405),
        ("GET", "/me", 401),
        ("GET", "/api/health/live", 200),
        ("GET", "/api/openapi.json", 200),
        ("POST", "/auth/login", 400),
    ],
)
async def test_every_answer_has_a_request_id_and_security_headers(api, method, path, status):
    answer = await api.anonymous.request(method, path, headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.status_code == status, answer.text
    assert answer.headers["x-request-id"] == "from-the-proxy.1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert answer.headers["referrer-policy"] == "no-referrer"
    if status >= 400:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(problem) >= {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
        assert (problem["status"], problem["request_id"]) == (status, "from-the-proxy.1")


async def test_trace_echoes_nothing(api):
    answer = await api.anonymous.request("TRACE", "/me", headers={"Cookie": "a=secret"})
    assert answer.status_code == 405
    assert "secret" not in answer.text


async def test_a_request_id_that_could_break_a_log_line_is_replaced(api):
    answer = await api.anonymous.get("/api/health/live", headers={"X-Request-ID": 'x"\t{}'})
    assert len(answer.headers["x-request-id"]) == 36


async def test_too_large_a_body_is_413(api, make):
    caller = await api.as_(await make.user())
    answer = await caller.post("/projects", {"name": "x", "description": "y" * 1_100_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_body_that_is_neither_json_nor_a_form_is_415(api, make):
    caller = await api.as_(await make.user())
    answer = await caller.post("/projects", content=b"name=x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_docs_page_needs_nothing_from_elsewhere(api):
    page = await api.anonymous.get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert (await api.anonymous.get(f"/api/docs/{asset}")).status_code == 200
    assert (await api.anonymous.get("/api/docs/../../secret")).status_code == 404


async def test_committed_description_is_what_the_code_says(api):
    served = (await api.anonymous.get("/api/openapi.json")).json()
    committed = msgspec.json.decode((Path(__file__).parents[1] / "openapi.json").read_bytes())
    assert served == committed, "run `hatch run openapi` and commit apps/api/openapi.json"


async def test_every_operation_has_a_name_of_its_own_and_a_sentence(api):
    description = (await api.anonymous.get("/api/openapi.json")).json()
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation.get("description") for operation in operations)


async def test_every_pattern_ends_where_the_text_ends(api):
    """Python's `$` is also before a last line break: an address with one would be another address."""

    def patterns(part):
        match part:
            case {"pattern": str(pattern)}:
                yield pattern
            case dict():
                for inner in part.values():
                    yield from patterns(inner)
            case list():
                for inner in part:
                    yield from patterns(inner)

    found = list(patterns((await api.anonymous.get("/api/openapi.json")).json()))
    assert len(found) > 5
    assert [pattern for pattern in found if not pattern.endswith(END)] == []


async def test_method_that_is_not_taken_tells_which_are(api):
    answer = await api.anonymous.request("PUT", "/projects")
    assert answer.status_code == 405
    assert {"GET", "HEAD", "POST"} <= {method.strip() for method in answer.headers["allow"].split(",")}


@pytest.mark.parametrize(
    ("query", "status"),
    [("due_from=2026-01-31", 200), ("due_from=20260131", 400), ("due_from=2026-W05-6", 400), ("q=a%00b", 400)],
)
async def test_parameters_have_one_form(api, make, query, status):
    caller = await api.as_(await make.user())
    answer = await caller.get(f"/me/tasks?{query}")
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["errors"][0]["pointer"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "path",
    ["/me/security-events?from=9999-12-31T23:59:59-14:00", "/me/security-events?to=0001-01-01T00:00:00%2B14:00",
     "/events?after=99999999999999999999"],
)  # fmt: skip
async def test_parameters_out_of_range_are_refused(api, make, path):
    caller = await api.as_(await make.user())
    answer = await caller.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 400, answer.text


async def test_values_out_of_range_are_refused_and_not_logged(api, make):
    caller = await api.as_(await make.user(verified=True))
    body = {"name": "t", "scopes": ["read"], "expires_at": "9999-12-31T23:59:59-14:00"}
    answer = await caller.post("/me/tokens", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "out_of_range")


async def test_json_that_says_it_is_a_form_is_refused(api, make):
    """Pages of others can send forms without asking."""
    caller = await api.as_(await make.user())
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await caller.request("PATCH", "/me", content=b'{"bio": "x"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_nul_in_a_path_names_nothing(api, make):
    caller = await api.as_(await make.user())
    assert (await caller.get("/tasks/WEB-1%00")).status_code == 404


async def test_length_of_one_is_said_in_the_singular(api, make):
    caller = await api.as_(await make.user())
    answer = await caller.post("/projects", {"name": ""})
    assert answer.json()["errors"][0]["detail"] == "must have at least 1 character"
