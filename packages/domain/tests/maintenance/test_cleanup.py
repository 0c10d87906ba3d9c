"""The daily cleanup deletes what is old, and only that."""

from __future__ import annotations

import os
from datetime import timedelta

from synergy_domain.maintenance import clean_up
from synergy_domain.work import delete_task
from synergy_platform.ids import first_id_at


async def test_cleanup_deletes_what_is_old_and_keeps_the_rest(make, own_runtime):
    make = type(make)(own_runtime)
    project = await make.project()
    old_project = await make.project()
    kept, gone = await make.task(project), await make.task(project)
    owner = make.owner(project)
    await make.access_token(owner)
    async with own_runtime.database.unit_of_work() as uow:
        await delete_task(uow, owner, str(gone.id))
    async with own_runtime.database.unit_of_work() as uow:
        old = uow.now - timedelta(days=31)
        await uow.value("UPDATE tasks SET deleted_at = $2 WHERE id = $1", gone.id, old)
        await uow.value("UPDATE projects SET deleted_at = $2 WHERE id = $1", old_project.id, old)
        await uow.value("UPDATE sessions SET expires_at = $1", old)
        await uow.value("UPDATE events SET seq = ord")
        await uow.value(
            "UPDATE events SET id = $1 WHERE seq = (SELECT min(seq) FROM events)",
            first_id_at(uow.now - timedelta(days=401)),
        )
        # long ago, but recorded now: an import
        await uow.value("UPDATE events SET occurred_at = $1", uow.now - timedelta(days=3000))

    async def content():
        yield b"{}"

    orphan = await own_runtime.storage.write("imports", content(), max_bytes=10)
    young = await own_runtime.storage.write("imports", content(), max_bytes=10)
    os.utime(own_runtime.storage.path(orphan.key), (0, 0))
    reader = own_runtime.database.reader()
    events = await reader.value("SELECT count(*) FROM events")
    async with own_runtime.database.unit_of_work() as uow:
        await clean_up(own_runtime, uow, {})
    assert [row["id"] for row in await reader.rows("SELECT id FROM tasks")] == [kept.id]
    assert [row["id"] for row in await reader.rows("SELECT id FROM projects")] == [project.id]
    assert await reader.value("SELECT count(*) FROM sessions") == 0
    assert await reader.value("SELECT count(*) FROM events") == events - 1
    assert not own_runtime.storage.path(orphan.key).exists()
    assert own_runtime.storage.path(young.key).exists()
    assert await reader.value("SELECT key FROM retired_project_keys") == old_project.key
