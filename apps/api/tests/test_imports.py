"""Boards of other tools over HTTP."""

from __future__ import annotations

import json

import pytest

from synergy_domain import transfer
from synergy_platform.jobs import JobHandler, Registry, run_job

REGISTRY = Registry(
    [
        JobHandler(name=transfer.RUN_IMPORT, function=transfer.run_import, queue="bulk"),
        JobHandler(name=transfer.DISCARD_FILE, function=transfer.discard_file),
    ]
)


def board(**fields: object) -> bytes:
    """A board with one card, which no other test has imported."""
    lists = [{"id": "l1", "name": "Doing", "pos": 1, "closed": False}]
    cards = [{"id": "c1", "name": "A card", "idList": "l1", "pos": 1, "closed": False}]
    return json.dumps({"id": "b1", "name": "Garden", "lists": lists, "cards": cards, **fields}).encode()


async def upload(caller, content: bytes | None, **fields: str):
    form = {"source": "trello", **fields}
    files = {"file": ("board.json", content, "application/json")} if content is not None else {}
    # httpx sends multipart only when there is a file part
    return await caller.post("/imports", files={**{name: (None, value) for name, value in form.items()}, **files})


async def finish(runtime, import_id: str) -> None:
    job_id = await runtime.database.reader().value("SELECT id FROM jobs WHERE dedup_key = $1", f"import:{import_id}")
    assert await run_job(runtime, REGISTRY, job_id) == "done"


def stored_files(runtime) -> set:
    return {path for path in runtime.storage.path("imports").rglob("*") if path.is_file()}


async def import_count(runtime, user) -> int:
    return await runtime.database.reader().value("SELECT count(*) FROM imports WHERE user_id = $1", user.user_id)


async def test_create_import_is_accepted_and_done_by_a_job(api, make, runtime):
    caller = await api.as_(await make.user())
    answer = await upload(caller, board())
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert answer.headers["location"] == f"/api/v1/imports/{accepted['id']}"
    assert (accepted["status"], accepted["progress"], accepted["report"]) == ("queued", 0, None)
    assert (accepted["source"], accepted["dry_run"], accepted["project_id"]) == ("trello", False, None)
    await finish(runtime, accepted["id"])
    done = (await caller.get(f"/imports/{accepted['id']}")).json()
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["report"]["counts"]["tasks"] == 1
    assert done["report"]["lists"][0] == {
        "name": "Doing",
        "status": "in_progress",
        "decided_by": "name",
        "cards": 1,
        "archived": False,
    }
    columns = (await caller.get(f"/projects/{done['project_id']}/board")).json()["columns"]
    assert [column["total"] for column in columns] == [0, 1, 0, 0]
    again = (await upload(caller, board())).json()
    await finish(runtime, again["id"])
    second = (await caller.get(f"/imports/{again['id']}")).json()
    assert second["report"]["already_imported"]
    assert second["project_id"] == done["project_id"]


async def test_create_import_with_a_mapping_as_dry_run_writes_nothing(api, make, runtime):
    user = await make.user()
    caller = await api.as_(user)
    mapping = json.dumps({"lists": {"Doing": "done"}})
    accepted = (await upload(caller, board(), dry_run="true", mapping=mapping)).json()
    await finish(runtime, accepted["id"])
    done = (await caller.get(f"/imports/{accepted['id']}")).json()
    assert (done["status"], done["dry_run"], done["project_id"]) == ("completed", True, None)
    assert done["report"]["lists"][0]["status"] == "done"
    assert (await caller.get("/projects")).json()["items"] == []


_WHOLE = board()


@pytest.mark.parametrize(
    ("content", "fields", "pointer", "code"),
    [
        (None, {}, "/file", "required"),
        (b"", {}, "/file", "not_a_trello_export"),
        (b"no json", {}, "/file", "not_a_trello_export"),
        (_WHOLE[: len(_WHOLE) // 2], {}, "/file", "not_a_trello_export"),
        (b'{"issues": []}', {}, "/file", "not_a_trello_export"),
        (board(cards=[{"name": 1}]), {}, "/file", "not_a_trello_export"),
        (_WHOLE, {"source": "jira"}, "/source", "unknown_source"),
        (_WHOLE, {"dry_run": "maybe"}, "/dry_run", "invalid"),
        (_WHOLE, {"mapping": "{"}, "/mapping", "not_json"),
        (_WHOLE, {"mapping": "[]"}, "/mapping", "wrong_type"),
        (_WHOLE, {"mapping": '{"list": {}}'}, "/mapping", "wrong_type"),
        (_WHOLE, {"mapping": '{"lists": {"Doing": "nearly"}}'}, "/mapping/lists/Doing", "unknown_status"),
        (_WHOLE, {"mapping": '{"lists": {"Nowhere": "done"}}'}, "/mapping/lists/Nowhere", "unknown_list"),
        (_WHOLE, {"project_id": "seven"}, "/project_id", "invalid"),
        (_WHOLE, {"project_id": "0190f000-0000-7000-8000-000000000000"}, "/project_id", "unknown_id"),
        (_WHOLE, {"colour": "red"}, "/colour", "unknown_field"),
        (_WHOLE, {"mapping": "x" * 300_000}, "/mapping", "too_long"),
    ],
)
async def test_create_import_with_bad_input_names_the_fault_and_keeps_nothing(
    api, make, runtime, content, fields, pointer, code
):
    user, before = await make.user(), stored_files(runtime)
    answer = await upload(await api.as_(user), content, **fields)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (pointer, code) in [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
    assert stored_files(runtime) == before
    assert await import_count(runtime, user) == 0


async def test_create_import_tells_all_faults_of_the_form_at_once(api, make):
    answer = await upload(await api.as_(await make.user()), None, source="x", dry_run="x", project_id="x", mapping="x")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [
        "/source", "/file", "/dry_run", "/project_id", "/mapping",
    ]  # fmt: skip


async def test_create_import_into_a_project_of_others_is_refused(api, make, runtime):
    project, before = await make.project(), stored_files(runtime)
    stranger = await upload(await api.as_(await make.user()), board(), project_id=str(project.id))
    assert (stranger.status_code, stranger.json()["errors"][0]["code"]) == (422, "unknown_id")
    viewer = await upload(await api.as_(await make.member(project, "viewer")), board(), project_id=str(project.id))
    assert (viewer.status_code, viewer.json()["code"]) == (403, "role_too_low")
    assert stored_files(runtime) == before


async def test_create_import_of_200_mib_is_refused_while_it_streams(api, make, runtime):
    user, before = await make.user(), stored_files(runtime)
    sent = 0

    async def body():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="source"\r\n\r\ntrello\r\n'
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.json"\r\n\r\n'
        for _ in range(200):
            sent += 1
            yield b" " * 1024 * 1024
        yield b"\r\n--x--\r\n"

    caller = await api.as_(user)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await caller.post("/imports", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "128 MiB" in answer.json()["detail"]
    # a client that cannot stop sending gets its answer too
    assert sent == 200
    assert stored_files(runtime) == before
    assert await import_count(runtime, user) == 0


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"nothing of the kind", 400),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n{"id"', 400),
    ],
)
async def test_create_import_with_a_broken_form_is_refused(api, make, runtime, content_type, content, status):
    before = stored_files(runtime)
    caller = await api.as_(await make.user())
    answer = await caller.post("/imports", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert stored_files(runtime) == before


async def test_create_import_with_a_field_given_twice_is_refused(api, make, runtime):
    before = stored_files(runtime)
    caller = await api.as_(await make.user())
    part = ("file", ("board.json", board(), "application/json"))
    answer = await caller.post("/imports", files=[("source", (None, "trello")), part, part])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "repeated")
    assert stored_files(runtime) == before


async def test_imports_need_a_signed_in_user(api):
    assert (await upload(api.anonymous, board())).status_code == 401
    assert (await api.anonymous.get("/imports")).status_code == 401


async def test_imports_of_others_are_not_found(api, make):
    mine = (await upload(await api.as_(await make.user()), board())).json()
    other = await api.as_(await make.user())
    assert (await other.get(f"/imports/{mine['id']}")).status_code == 404
    assert (await other.get("/imports/not-an-id")).status_code == 404
    assert (await other.get("/imports")).json()["items"] == []


async def test_list_imports_pages_from_the_newest(api, make):
    caller = await api.as_(await make.user())
    ids = [(await upload(caller, board())).json()["id"] for _ in range(3)]
    first = (await caller.get("/imports?limit=2")).json()
    second = (await caller.get(f"/imports?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert (await caller.get("/imports?cursor=forged")).status_code == 400
    assert (await caller.get("/imports?page=2")).status_code == 400
