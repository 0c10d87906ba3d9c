"""The record of what touches security stays as it was written."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from synergy_domain.identity import repository
from synergy_platform.ids import new_id

COUNT = "SELECT count(*) FROM security_events WHERE username_tried = $1"
DELETE = "DELETE FROM security_events WHERE username_tried = $1"
CHANGES = [
    "UPDATE security_events SET username_tried = 'somebody else' WHERE username_tried = $1",
    "UPDATE security_events SET created_at = created_at - interval '1 year' WHERE username_tried = $1",
    DELETE,
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_security_event_is_neither_changed_nor_deleted(runtime, statement):
    name = new_id().hex
    async with runtime.database.unit_of_work() as uow:
        repository.add_security_event(
            uow, "login_failed", user_id=None, username_tried=name, ip=None, user_agent=None
        )  # fmt: skip
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        async with runtime.database.unit_of_work() as uow:
            await uow.value(statement, name)
    assert await runtime.database.reader().value(COUNT, name) == 1


async def test_security_event_that_is_old_may_go(runtime):
    name = new_id().hex
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO security_events (id, type, username_tried, detail, created_at)
               VALUES ($1, 'login_failed', $2, '{}', $3)""",
            new_id(), name, uow.now - timedelta(days=91),
        )  # fmt: skip
        await uow.value(DELETE, name)
    assert await runtime.database.reader().value(COUNT, name) == 0
