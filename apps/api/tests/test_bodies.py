"""JSON bodies: taken by their declared type and nothing near it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
async def owner(api, make):
    return await api.as_(await make.user())


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"settings": {"proof_required": 0}}, "/settings/proof_required"),
        ({"settings": {"proof_required": "true"}}, "/settings/proof_required"),
        ({"start_date": 20260131}, "/start_date"),
        ({"description": 5}, "/description"),
        ({"settings": {"proof": True}}, "/settings"),
    ],
)
async def test_create_project_with_a_value_near_its_type_names_the_field(owner, fields, pointer):
    answer = await owner.post("/projects", {"name": "Garden", **fields})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_create_task_with_numbers_as_text_names_the_fields(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    body = {"title": "A task", "story_points": "5", "estimate_minutes": "90"}
    answer = await caller.post(f"/projects/{project.id}/tasks", body)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/story_points", "/estimate_minutes"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b'{"name": "Garden", "name": "Orchard"}', "twice"),
        (b'{"name": "Garden", "settings": {"proof_required": true, "proof_required": false}}', "twice"),
        (b'{"name": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "deeply"),
        (b'{"name": 5, "other": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "deeply"),
        (b'{"name": 5, "other": NaN}', "valid JSON"),
        (b'{"name": 5} and more', "valid JSON"),
        (b'{"name": "\\ud800"}', "valid JSON"),
        (b"   ", "valid JSON"),
    ],
    ids=["repeated", "repeated within", "deep", "deep behind a fault", "NaN", "behind the end", "half a pair", "space"],
)  # fmt: skip
async def test_create_project_with_bad_json_is_refused_as_a_whole(owner, content, detail):
    answer = await owner.post("/projects", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert detail in answer.json()["detail"]


async def test_refresh_with_bad_json_is_refused_as_a_whole(api):
    for content in (b"[" * 10_000, b'{"refresh_token": "a", "refresh_token": "b"}', b'{"refresh_token": 5, "x": NaN}'):
        answer = await api.anonymous.post(
            "/auth/refresh", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, answer.text


async def test_input_with_very_many_faults_names_the_first_ones(owner):
    answer = await owner.post("/projects", {f"field{number}": 1 for number in range(10_000)})
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 50)


async def test_fault_of_form_is_told_in_words(api):
    body = {"username": "No Spaces", "email": "ada", "password": "short", "first_name": "Ada", "last_name": "Byron"}
    answer = await api.anonymous.post("/auth/register", body)
    assert {error["pointer"]: error["detail"] for error in answer.json()["errors"]} == {
        "/username": "must be small letters a-z, digits, _ and -, first a letter or a digit",
        "/email": "must be an address such as ada@example.org, in ASCII; a domain with other letters in its xn-- form",
        "/password": "must have at least 8 characters",
    }


async def test_every_form_is_described_in_words(api):
    """A pattern without a description would be shown to people as it is."""
    text = (await api.anonymous.get("/api/openapi.json")).text
    silent = []

    def look(part: object) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str) and not part.get("description"):
                silent.append(part["pattern"])
            for inner in part.values():
                look(inner)
        elif isinstance(part, list):
            for inner in part:
                look(inner)

    look(json.loads(text))
    assert silent == []


async def test_options_says_every_method_of_an_address(owner):
    for path, methods in (("/projects", "GET, HEAD, OPTIONS, POST"), ("/webhook-events", "GET, HEAD, OPTIONS")):
        answer = await owner.request("OPTIONS", path)
        assert (answer.status_code, answer.headers["allow"]) == (204, methods)
