"""Attachments and imports with an S3 server as their storage."""

from __future__ import annotations

import json
import os

import httpx
import msgspec
import pytest

from synergy_domain import transfer
from synergy_platform.jobs import JobHandler, Registry, run_job
from synergy_platform.runtime import Runtime
from synergy_testing.fixtures import Caller

MIB = 1024 * 1024
REGISTRY = Registry(
    [
        JobHandler(name=transfer.RUN_IMPORT, function=transfer.run_import, queue="bulk"),
        JobHandler(name=transfer.DISCARD_FILE, function=transfer.discard_file),
    ]
)


@pytest.fixture
async def project(make):
    return await make.project()


@pytest.fixture
async def task(make, project):
    return await make.task(project)


@pytest.fixture
async def owner(api, make, project):
    return await api.as_(make.owner(project))


def objects_in(settings) -> int:
    listing = httpx.get(f"{settings.s3_endpoint}/{settings.s3_bucket}?list-type=2").text
    return listing.count("<Key>")


async def test_attachment_on_s3_comes_back_whole_and_in_parts(api_with, s3_settings, owner, task):
    caller = Caller(api_with(s3_settings), owner.headers)
    content = os.urandom(6 * MIB)
    answer = await caller.post(f"/tasks/{task.id}/attachments", files={"file": ("six.bin", content)})
    assert answer.status_code == 201, answer.text
    path = f"/attachments/{answer.json()['id']}/content"
    whole = await caller.get(path)
    assert (whole.status_code, whole.content) == (200, content)
    part = await caller.get(path, headers={"Range": "bytes=5000000-"})
    assert (part.status_code, part.content) == (206, content[5_000_000:])
    assert (await caller.get(path, headers={"Range": f"bytes={len(content)}-"})).status_code == 416
    assert objects_in(s3_settings) == 1
    # nobody but the proxy is told of the server behind
    assert s3_settings.s3_bucket not in str(whole.headers) + str(part.headers)


async def test_attachment_on_s3_without_bytes_comes_back(api_with, s3_settings, owner, task):
    caller = Caller(api_with(s3_settings), owner.headers)
    made = (await caller.post(f"/tasks/{task.id}/attachments", files={"file": ("empty", b"")})).json()
    answer = await caller.get(f"/attachments/{made['id']}/content")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_attachment_on_s3_leaves_through_the_proxy_by_a_signed_address(api_with, s3_settings, owner, task):
    proxied = Caller(api_with(msgspec.structs.replace(s3_settings, media_accel=True)), owner.headers)
    made = (await proxied.post(f"/tasks/{task.id}/attachments", files={"file": ("a.txt", b"abc", "text/plain")})).json()
    answer = await proxied.get(f"/attachments/{made['id']}/content")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "text/plain")
    location = answer.headers["x-accel-redirect"]
    assert location.startswith(f"/s3/{s3_settings.s3_bucket}/attachments/")
    async with httpx.AsyncClient(base_url=s3_settings.s3_endpoint) as proxy:
        assert (await proxy.get(location.removeprefix("/s3"))).content == b"abc"


async def test_attachment_larger_than_the_limit_never_reaches_s3(api_with, s3_settings, owner, task):
    caller = Caller(api_with(msgspec.structs.replace(s3_settings, max_upload_mb=1)), owner.headers)
    answer = await caller.post(f"/tasks/{task.id}/attachments", files={"file": ("big", bytes(MIB + 1))})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert objects_in(s3_settings) == 0
    assert [path for path in s3_settings.media_path.rglob("*") if path.is_file()] == []


async def test_attachment_is_unavailable_while_s3_is_gone(api_with, s3_settings, owner, task):
    made = await Caller(api_with(s3_settings), owner.headers).post(
        f"/tasks/{task.id}/attachments", files={"file": ("a.txt", b"abc")}
    )
    # nothing listens there
    gone = Caller(api_with(msgspec.structs.replace(s3_settings, s3_endpoint="http://127.0.0.1:9")), owner.headers)
    for answer in (
        await gone.get(f"/attachments/{made.json()['id']}/content"),
        await gone.post(f"/tasks/{task.id}/attachments", files={"file": ("b.txt", b"abc")}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "127.0.0.1" not in answer.text
        assert answer.headers["retry-after"]
    assert len((await gone.get(f"/tasks/{task.id}/attachments")).json()["items"]) == 1


async def test_import_from_s3_is_done_by_a_job_and_leaves_nothing_there(api, api_with, make, runtime, s3_settings):
    user = await make.user()
    caller = Caller(api_with(s3_settings), (await api.as_(user)).headers)
    cards = [{"id": "c1", "name": "A card", "idList": "l1", "pos": 1, "closed": False}]
    lists = [{"id": "l1", "name": "Doing", "pos": 1, "closed": False}]
    board = json.dumps({"id": "s3", "name": "Garden", "lists": lists, "cards": cards}).encode()
    accepted = await caller.post("/imports", files={"source": (None, "trello"), "file": ("board.json", board)})
    assert accepted.status_code == 202, accepted.text
    assert objects_in(s3_settings) == 1
    worker = Runtime(s3_settings, application="synergy-test")
    worker.database = runtime.database
    reader = runtime.database.reader()
    job_id = await reader.value("SELECT id FROM jobs WHERE dedup_key = $1", f"import:{accepted.json()['id']}")
    assert await run_job(worker, REGISTRY, job_id) == "done"
    done = (await caller.get(f"/imports/{accepted.json()['id']}")).json()
    assert (done["status"], done["report"]["counts"]["tasks"]) == ("completed", 1)
    discard = await reader.value(
        "SELECT id FROM jobs WHERE name = $1 AND payload ->> 'file_key' LIKE 'imports/%' ORDER BY id DESC LIMIT 1",
        transfer.DISCARD_FILE,
    )
    assert await run_job(worker, REGISTRY, discard) == "done"
    assert objects_in(s3_settings) == 0
    assert [path for path in s3_settings.media_path.rglob("*") if path.is_file()] == []


async def test_import_refused_from_s3_leaves_nothing_there(api, api_with, make, s3_settings):
    caller = Caller(api_with(s3_settings), (await api.as_(await make.user())).headers)
    answer = await caller.post("/imports", files={"source": (None, "trello"), "file": ("board.json", b"no json")})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_a_trello_export")
    assert objects_in(s3_settings) == 0
