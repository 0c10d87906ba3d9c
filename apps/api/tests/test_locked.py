"""Rows that somebody else holds for too long: a clear answer, and nothing changed."""

from __future__ import annotations

import asyncpg
import pytest


@pytest.mark.parametrize("table", ["tasks", "project_counters"])
async def test_change_of_locked_rows_is_unavailable_and_can_be_tried_again(api, make, runtime, table):
    ada = await make.user()
    project = await make.project(ada)
    task = await make.task(project, ada)
    client = await api.as_(ada)
    address, change = f"/api/v1/tasks/{task.id}", {"status": "done"}
    holder = await asyncpg.connect(runtime.settings.database_url())
    try:
        async with holder.transaction():
            column = "id" if table == "tasks" else "project_id"
            owner = task.id if table == "tasks" else project.id
            await holder.execute(f"SELECT 1 FROM {table} WHERE {column} = $1::text::uuid FOR UPDATE", str(owner))  # noqa: S608
            answer = await client.patch(address, json=change)
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"
            assert answer.headers["retry-after"] == "1"
    finally:
        await holder.close()
    assert (await client.patch(address, json=change)).status_code == 200
