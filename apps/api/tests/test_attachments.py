"""Files on tasks over HTTP."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pytest

from synergy_api.app import create_app
from synergy_api.downloads import content_disposition
from synergy_domain import work
from synergy_domain.work.attachments import clean_media_type, clean_name
from synergy_platform.ids import new_id
from synergy_testing.fixtures import Caller

TEXT = b"Plant the trees before the rain.\n"


async def upload(caller, task, content: bytes = TEXT, name: str = "notes.txt", media_type: str = "text/plain"):
    return await caller.post(f"/tasks/{task.id}/attachments", files={"file": (name, content, media_type)})


def stored_files(runtime) -> set:
    return {path for path in runtime.storage.path("attachments").rglob("*") if path.is_file()}


async def attachment_rows(runtime, task) -> int:
    return await runtime.database.reader().value("SELECT count(*) FROM attachments WHERE task_id = $1", task.id)


@pytest.fixture
async def project(make):
    return await make.project()


@pytest.fixture
async def task(make, project):
    return await make.task(project)


@pytest.fixture
async def owner(api, make, project):
    return await api.as_(make.owner(project))


async def test_add_attachment_keeps_the_file_and_tells_the_ledger(api, make, runtime, project, task):
    member = await make.member(project)
    caller = await api.as_(member)
    answer = await upload(caller, task)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/attachments/{made['id']}"
    assert (made["name"], made["media_type"], made["size"]) == ("notes.txt", "text/plain", len(TEXT))
    assert made["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert made["uploader"]["id"] == str(member.user_id)
    assert made["task_id"] == str(task.id)
    assert (await caller.get(f"/attachments/{made['id']}")).json() == made
    assert (await caller.get(f"/tasks/{task.key}/attachments")).json()["items"] == [made]
    assert (await caller.get(f"/tasks/{task.id}")).json()["attachment_count"] == 1
    event = await runtime.database.reader().row(
        "SELECT type, actor_id, project_id, data::text FROM events WHERE object_id = $1", made["id"]
    )
    assert (event["type"], event["actor_id"], event["project_id"]) == (
        "attachment.created", member.user_id, project.id,
    )  # fmt: skip
    assert msgspec.json.decode(event["data"]) == {
        "task_id": str(task.id), "task_key": task.key, "name": "notes.txt", "size": len(TEXT),
    }  # fmt: skip


async def test_download_gives_the_same_bytes_to_be_saved_and_never_shown(api, make, project, task, owner):
    page = b"<script>alert(1)</script>"
    made = (await upload(owner, task, page, "Bericht für März.html", "text/html; charset=utf-8")).json()
    viewer = await api.as_(await make.member(project, "viewer"))
    answer = await viewer.get(f"/attachments/{made['id']}/content")
    assert (answer.status_code, answer.content) == (200, page)
    headers = answer.headers
    assert headers["content-type"] == "text/html"
    assert headers["content-disposition"] == (
        "attachment; filename=\"Bericht fur Marz.html\"; filename*=UTF-8''Bericht%20f%C3%BCr%20M%C3%A4rz.html"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["etag"] == f'"{made["sha256"]}"'
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == str(len(page))


async def test_add_attachment_without_bytes_is_kept_and_downloaded(owner, task):
    made = (await upload(owner, task, b"", "empty", "")).json()
    assert (made["size"], made["media_type"]) == (0, "application/octet-stream")
    answer = await owner.get(f"/attachments/{made['id']}/content")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    part = await owner.get(f"/attachments/{made['id']}/content", headers={"Range": "bytes=0-"})
    assert (part.status_code, part.headers["content-range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-4", 206, b"Plant", "bytes 0-4/33"),
        ("bytes=6-", 206, TEXT[6:], "bytes 6-32/33"),
        ("bytes=-5", 206, TEXT[-5:], "bytes 28-32/33"),
        ("bytes=-500", 206, TEXT, "bytes 0-32/33"),
        ("bytes=30-500", 206, TEXT[30:], "bytes 30-32/33"),
        ("bytes=33-", 416, None, "bytes */33"),
        ("bytes=-0", 416, None, "bytes */33"),
        # several ranges, other units and nonsense may be answered whole
        ("bytes=0-1,4-5", 200, TEXT, None),
        ("lines=0-1", 200, TEXT, None),
        ("bytes=-", 200, TEXT, None),
        ("bytes=5-2", 200, TEXT, None),
        (f"bytes={'9' * 5000}-", 200, TEXT, None),
    ],
)
async def test_download_gives_the_range_that_is_asked_for(owner, task, asked, status, content, told):
    made = (await upload(owner, task)).json()
    answer = await owner.get(f"/attachments/{made['id']}/content", headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("content-range")) == (status, told)
    if content is None:
        assert answer.json()["code"] == "range_not_satisfiable"
    else:
        assert (answer.content, answer.headers["content-length"]) == (content, str(len(content)))


async def test_download_follows_conditions(owner, task):
    made = (await upload(owner, task)).json()
    path, etag = f"/attachments/{made['id']}/content", f'"{made["sha256"]}"'
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await owner.get(path, headers={"If-None-Match": known, "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), known
    part = {"Range": "bytes=0-4"}
    assert (await owner.get(path, headers={**part, "If-None-Match": '"other"'})).status_code == 206
    assert (await owner.get(path, headers={**part, "If-Range": etag})).content == b"Plant"
    for outdated in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        answer = await owner.get(path, headers={**part, "If-Range": outdated})
        assert (answer.status_code, answer.content) == (200, TEXT), outdated


async def test_head_tells_what_a_download_would(owner, task):
    made = (await upload(owner, task)).json()
    path = f"/attachments/{made['id']}/content"
    whole, head = await owner.get(path), await owner.request("HEAD", path, headers={"Range": "bytes=0-4"})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "content-disposition", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


async def test_download_of_a_large_file_arrives_whole_and_in_parts(owner, task):
    content = bytes(range(256)) * 4096 + b"end"  # more than one chunk
    made = (await upload(owner, task, content)).json()
    path = f"/attachments/{made['id']}/content"
    assert (await owner.get(path)).content == content
    part = await owner.get(path, headers={"Range": f"bytes=300000-{len(content) - 2}"})
    assert part.content == content[300000:-1]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\Users\\ann\\plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("  two\tparts \x00.txt", "two parts .txt"),
        ("..", "file"),
        ("", "file"),
        ("日本語 🙂.png", "日本語 🙂.png"),
        (f"{'x' * 300}.docx", f"{'x' * 250}.docx"),
        (f"{'x' * 10}.{'y' * 300}", f"{'x' * 10}.{'y' * 244}"),
    ],
)
def test_clean_name_keeps_only_what_names_a_file(given, kept):
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("image/PNG", "image/png"),
        ("text/html; charset=utf-8", "text/html"),
        ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        (None, "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/html\r\nX-Bad: 1", "application/octet-stream"),
        ("text/" + "x" * 200, "application/octet-stream"),
    ],
)
def test_clean_media_type_takes_plain_types_only(given, kept):
    assert clean_media_type(given) == kept


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("plan.pdf", "attachment; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf"),
        ('a"b\\c%d.txt', "attachment; filename=\"a_b_c_d.txt\"; filename*=UTF-8''a%22b%5Cc%25d.txt"),
        ("日本", "attachment; filename=\"file\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
    ],
)
def test_content_disposition_names_the_file_in_both_ways(name, header):
    assert content_disposition(name) == header


async def test_add_attachment_larger_than_the_limit_is_refused_while_it_streams(owner, task, runtime):
    before, sent = stored_files(runtime), 0

    async def body():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
        for _ in range(120):
            sent += 1
            yield bytes(1024 * 1024)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await owner.post(f"/tasks/{task.id}/attachments", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "50 MiB" in answer.json()["detail"]
    assert sent == 120  # a client that cannot stop sending gets its answer too
    assert stored_files(runtime) == before
    assert await attachment_rows(runtime, task) == 0


@pytest.mark.parametrize(
    ("content_type", "content", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported_media_type"),
        ("multipart/form-data", b"", 400, "bad_request"),
        ("multipart/form-data; boundary=x", b"nothing of the kind", 400, "bad_request"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut', 400,
         "bad_request"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422, "invalid_input"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n\r\n--x--',
         422, "invalid_input"),
    ],
)  # fmt: skip
async def test_add_attachment_with_a_bad_form_is_refused_and_keeps_nothing(
    owner, task, runtime, content_type, content, status, code
):
    before = stored_files(runtime)
    answer = await owner.post(f"/tasks/{task.id}/attachments", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert stored_files(runtime) == before


async def test_add_attachment_beyond_ones_role_is_refused_before_anything_is_stored(api, make, runtime, project, task):
    before = stored_files(runtime)
    assert (await upload(api.anonymous, task)).status_code == 401
    stranger = await upload(await api.as_(await make.user()), task)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "task_not_found")
    viewer = await upload(await api.as_(await make.member(project, "viewer")), task)
    assert (viewer.status_code, viewer.json()["code"]) == (403, "role_too_low")
    assert stored_files(runtime) == before
    assert await attachment_rows(runtime, task) == 0


async def test_add_attachment_to_an_archived_project_is_refused(api, make, owner, project, task):
    made = (await upload(owner, task)).json()
    assert (await owner.post(f"/projects/{project.id}/archive")).status_code == 200
    assert (await upload(owner, task)).json()["code"] == "project_archived"
    assert (await owner.delete(f"/attachments/{made['id']}")).json()["code"] == "project_archived"
    assert (await owner.get(f"/attachments/{made['id']}/content")).content == TEXT


async def test_add_attachment_to_a_task_deleted_meanwhile_keeps_nothing(api, make, runtime, project, task):
    owner, before = make.owner(project), stored_files(runtime)

    async def form():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        async with runtime.database.unit_of_work() as uow:
            await work.delete_task(uow, owner, str(task.id))
        yield b"half, and the rest\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await (await api.as_(owner)).post(f"/tasks/{task.id}/attachments", content=form(), headers=headers)
    assert answer.status_code == 404
    assert stored_files(runtime) == before


async def test_attachments_of_others_are_not_found(api, make, owner, task):
    made = (await upload(owner, task)).json()
    stranger = await api.as_(await make.user())
    path = f"/attachments/{made['id']}"
    answers = [
        await stranger.get(path), await stranger.get(f"{path}/content"), await stranger.request("HEAD", path),
        await stranger.delete(path), await stranger.get(f"/tasks/{task.id}/attachments"),
        await owner.get(f"/attachments/{new_id()}"), await owner.get("/attachments/not-an-id/content"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404] * 7
    assert (await api.anonymous.get(f"{path}/content")).status_code == 401
    assert (await (await api.as_(await make.user(role="admin"))).get(f"{path}/content")).content == TEXT


async def test_delete_attachment_is_for_its_uploader_and_managers(api, make, runtime, project, task):
    uploader, other = await make.member(project), await make.member(project)
    viewer, manager = await make.member(project, "viewer"), await make.member(project, "manager")
    caller = await api.as_(uploader)
    first, second = (await upload(caller, task)).json(), (await upload(caller, task)).json()
    for refused in (other, viewer):
        answer = await (await api.as_(refused)).delete(f"/attachments/{first['id']}")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_too_low")
    assert (await caller.delete(f"/attachments/{first['id']}")).status_code == 204
    assert (await (await api.as_(manager)).delete(f"/attachments/{second['id']}")).status_code == 204
    for gone in (first, second):
        assert (await caller.get(f"/attachments/{gone['id']}")).status_code == 404
        assert (await caller.get(f"/attachments/{gone['id']}/content")).status_code == 404
        assert (await caller.delete(f"/attachments/{gone['id']}")).status_code == 404
    assert (await caller.get(f"/tasks/{task.id}/attachments")).json()["items"] == []
    assert (await caller.get(f"/tasks/{task.id}")).json()["attachment_count"] == 0
    events = await runtime.database.reader().rows(
        "SELECT actor_id FROM events WHERE type = 'attachment.deleted' AND project_id = $1 ORDER BY ord", project.id
    )
    assert [row["actor_id"] for row in events] == [uploader.user_id, manager.user_id]


async def test_attachments_of_a_deleted_task_are_not_found(owner, task):
    made = (await upload(owner, task)).json()
    assert (await owner.delete(f"/tasks/{task.id}")).status_code == 204
    assert (await owner.get(f"/attachments/{made['id']}/content")).status_code == 404


async def test_list_attachments_pages_from_the_newest(owner, task):
    ids = [(await upload(owner, task, name=f"{number}.txt")).json()["id"] for number in range(3)]
    first = (await owner.get(f"/tasks/{task.id}/attachments?limit=2")).json()
    second = (await owner.get(f"/tasks/{task.id}/attachments?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert (await owner.get(f"/tasks/{task.id}/attachments?cursor=forged")).status_code == 400


async def test_download_through_the_proxy_names_the_internal_location_and_sends_nothing(
    api_with, runtime, settings, owner, task
):
    made = (await upload(owner, task)).json()
    proxied = Caller(api_with(msgspec.structs.replace(settings, media_accel=True)), owner.headers)
    path = f"/attachments/{made['id']}/content"
    whole = await proxied.get(path)
    part = await proxied.get(path, headers={"Range": "bytes=0-4", "If-Range": f'"{made["sha256"]}"'})
    outdated = await proxied.get(path, headers={"Range": "bytes=0-4", "If-Range": '"other"'})
    head = await proxied.request("HEAD", path)
    behind = await proxied.get(path, headers={"Range": "bytes=33-"})
    known = await proxied.get(path, headers={"If-None-Match": f'"{made["sha256"]}"'})
    key = await runtime.database.reader().value("SELECT file_key FROM attachments WHERE id = $1", made["id"])
    for answer in (whole, part):
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["x-accel-redirect"] == f"/media/{key}"
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert "accept-ranges" not in answer.headers
        assert answer.headers["etag"] == f'"{made["sha256"]}"'
    # what a proxy would answer in another way comes from here
    assert (outdated.status_code, outdated.content) == (200, TEXT)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(TEXT)))
    assert (behind.status_code, known.status_code) == (416, 304)
    assert not [answer for answer in (outdated, head, behind, known) if "x-accel-redirect" in answer.headers]


async def test_attachments_that_come_and_go_side_by_side_are_counted_right(owner, task):
    made = await asyncio.gather(*(upload(owner, task, name=f"{number}.txt") for number in range(8)))
    ids = [answer.json()["id"] for answer in made]
    # two ask for the same file
    answers = await asyncio.gather(*(owner.delete(f"/attachments/{gone}") for gone in (*ids[:3], ids[0])))
    assert sorted(answer.status_code for answer in answers) == [204, 204, 204, 404]
    seen = (await owner.get(f"/tasks/{task.id}")).json()
    assert (seen["attachment_count"], seen["version"]) == (5, task.version)
    assert len((await owner.get(f"/tasks/{task.id}/attachments")).json()["items"]) == 5


async def test_attachment_requests_cost_a_bounded_number_of_statements(owner, task, counter):
    costs = {"upload": await counter.cost(upload(owner, task))}
    made = (await owner.get(f"/tasks/{task.id}/attachments")).json()["items"][0]
    costs |= {
        "list": await counter.cost(owner.get(f"/tasks/{task.id}/attachments")),
        "get": await counter.cost(owner.get(f"/attachments/{made['id']}")),
        "content": await counter.cost(owner.get(f"/attachments/{made['id']}/content")),
    }
    for _ in range(20):
        await upload(owner, task)
    costs["long list"] = await counter.cost(owner.get(f"/tasks/{task.id}/attachments"))
    costs["delete"] = await counter.cost(owner.delete(f"/attachments/{made['id']}"))
    # each is one more than the work itself: who asks is looked up first
    bounds = {"upload": 7, "list": 3, "get": 2, "content": 2, "long list": 3, "delete": 6}
    assert {name: (cost, bounds[name]) for name, cost in costs.items() if cost > bounds[name]} == {}


def test_description_names_the_form_and_the_bytes(runtime):
    description = create_app(runtime).openapi_schema.to_schema()["paths"]
    form = description["/api/v1/tasks/{task}/attachments"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["required"] == ["file"]
    answers = description["/api/v1/attachments/{attachment_id}/content"]["get"]["responses"]
    assert answers["200"]["content"] == answers["206"]["content"]
    assert answers["200"]["content"]["*/*"]["schema"]["format"] == "binary"
    assert {"304", "401", "404", "416"} <= set(answers)
