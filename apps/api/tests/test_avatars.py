"""Pictures of users over HTTP."""

from __future__ import annotations

import asyncio
import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from synergy_domain.maintenance import sweep_files


def picture(color=(200, 30, 30), kind="PNG", size=(400, 300)):
    target = io.BytesIO()
    Image.new("RGB", size, color).save(target, kind)
    return target.getvalue()


async def put(caller, content, name="me.png", kind="image/png"):
    return await caller.request("PUT", "/me/avatar", files={"file": (name, content, kind)})


def stored(runtime):
    return {path for path in (Path(runtime.settings.media_path) / "avatars").rglob("*") if path.is_file()}


async def test_avatar_is_a_small_webp_and_is_shown_beside_its_user(api, make):
    project = await make.project()
    user = await make.member(project)
    caller = await api.as_(user)
    before = (await caller.get("/me")).json()
    assert before["avatar_url"] is None
    answer = await put(caller, picture())
    assert answer.status_code == 200, answer.text
    address = answer.json()["avatar_url"]
    assert address.startswith(f"/api/v1/users/{user.user_id}/avatar?v=")
    assert answer.json()["version"] == before["version"] + 1

    owner = await api.as_(make.owner(project))
    assert (await owner.get(f"/users/{user.user_id}")).json()["avatar_url"] == address
    assert address in [item["avatar_url"] for item in (await owner.get("/users")).json()["items"]]
    members = (await owner.get(f"/projects/{project.id}/members")).json()["items"]
    assert {member["user"]["id"]: member["user"]["avatar_url"] for member in members} == {
        str(user.user_id): address, str(project.owner.id): None,
    }  # fmt: skip

    shown = await owner.get(address)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert shown.headers["cache-control"] == "private, max-age=3600"
    assert shown.headers["x-content-type-options"] == "nosniff"
    image = Image.open(io.BytesIO(shown.content))
    assert (image.format, image.size) == ("WEBP", (256, 256))
    again = await owner.get(address, headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_avatar_is_for_those_who_may_see_its_user(api, make):
    user = await make.user()
    caller = await api.as_(user)
    address = (await put(caller, picture())).json()["avatar_url"]
    callers = {
        "oneself": caller, "stranger": await api.as_(await make.user()),
        "manager": await api.as_(await make.user(role="manager")), "nobody": api.anonymous,
    }  # fmt: skip
    statuses = {name: (await who.get(address)).status_code for name, who in callers.items()}
    assert statuses == {"oneself": 200, "stranger": 404, "manager": 200, "nobody": 401}


async def test_avatar_replaced_or_removed_leaves_no_file(api, make, runtime):
    caller = await api.as_(await make.user())
    others = stored(runtime)
    first = (await put(caller, picture())).json()["avatar_url"]
    second = (await put(caller, picture((0, 0, 200)))).json()["avatar_url"]
    assert first != second
    assert len(stored(runtime) - others) == 1
    assert (await caller.delete("/me/avatar")).status_code == 204
    assert (await caller.delete("/me/avatar")).status_code == 204
    assert stored(runtime) == others
    assert (await caller.get("/me")).json()["avatar_url"] is None
    gone = await caller.get(second)
    assert (gone.status_code, gone.json()["code"]) == (404, "no_avatar")


async def test_avatars_put_at_the_same_time_leave_one(api, make, runtime):
    caller = await api.as_(await make.user())
    others = stored(runtime)
    answers = await asyncio.gather(*(put(caller, picture((number, 0, 0))) for number in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(stored(runtime) - others) == 1
    assert (await caller.get((await caller.get("/me")).json()["avatar_url"])).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 422, "not_a_picture"),
        (picture()[:200], 422, "not_a_picture"),
        (b"", 422, "not_a_picture"),
        (picture(size=(5000, 2501)), 422, "not_a_picture"),
        (bytes(5 * 1024 * 1024 + 1), 413, "too_large"),
    ],
    ids=["svg", "truncated", "empty", "too many pixels", "too many bytes"],
)
async def test_avatar_that_is_none_is_refused_and_leaves_no_file(api, make, runtime, content, status, code):
    caller = await api.as_(await make.user())
    good = (await put(caller, picture())).json()["avatar_url"]
    others = stored(runtime)
    answer = await put(caller, content)
    told = answer.json()["errors"][0]["code"] if status == 422 else answer.json()["code"]
    assert (answer.status_code, told) == (status, code)
    assert stored(runtime) == others
    assert (await caller.get("/me")).json()["avatar_url"] == good


async def test_avatar_without_a_file_or_as_json_is_refused(api, make, runtime):
    caller = await api.as_(await make.user())
    others = stored(runtime)
    other = await caller.request("PUT", "/me/avatar", files={"picture": ("me.png", picture(), "image/png")})
    plain = await caller.request("PUT", "/me/avatar", json={"file": "x"})
    assert (other.status_code, plain.status_code) == (422, 415)
    assert stored(runtime) == others


async def test_avatar_hides_nothing_that_was_sent(api, make, runtime):
    caller = await api.as_(await make.user())
    secret = b"<script>alert('polyglot')</script>PK\x03\x04"
    address = (await put(caller, picture(kind="GIF") + secret, "me.gif", "image/gif")).json()["avatar_url"]
    assert secret not in (await caller.get(address)).content
    assert not [path for path in stored(runtime) if secret in path.read_bytes()]


async def test_files_that_nobody_names_are_swept_a_day_later(api, make, runtime):
    caller = await api.as_(await make.user())
    others = stored(runtime)
    await put(caller, picture())
    (kept,) = stored(runtime) - others
    orphan = kept.with_name(f"{kept.name[:-4]}ffff")
    orphan.write_bytes(b"an upload whose process died")
    young = kept.with_name(f"{kept.name[:-4]}eeee")
    young.write_bytes(b"one that is on its way")
    for path in (kept, orphan):
        os.utime(path, (time.time() - 90_000,) * 2)
    async with runtime.database.unit_of_work() as uow:
        await sweep_files(runtime, uow, {})
    assert (kept.exists(), orphan.exists(), young.exists()) == (True, False, True)
