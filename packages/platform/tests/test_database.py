"""The unit of work: all or nothing, and what it caused comes with it."""

from __future__ import annotations

import asyncio
import threading
from typing import ClassVar
from uuid import UUID

import asyncpg
import pytest

from synergy_platform.events import Event
from synergy_platform.ids import new_id
from synergy_platform.sql import Keyset, Where


class ThingHappened(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "thing.happened"
    OBJECT: ClassVar[str] = "thing"

    note: str


async def count(runtime, object_id: UUID) -> int:
    return await runtime.database.reader().value("SELECT count(*) FROM events WHERE object_id = $1", object_id)


async def test_commit_stores_rows_events_and_jobs_together(runtime):
    thing = new_id()
    async with runtime.database.unit_of_work() as uow:
        await uow.value("INSERT INTO retired_project_keys (key) VALUES ($1)", thing.hex[-6:])
        uow.emit(ThingHappened(object_id=thing, note="a"), by=None)
        uow.emit(ThingHappened(object_id=thing, note="b"), by=None)
        job_id = uow.enqueue("nothing", {"n": 1}, dedup_key=f"once:{thing}")
        uow.enqueue("nothing", {"n": 2}, dedup_key=f"once:{thing}")
    reader = runtime.database.reader()
    rows = await reader.rows("SELECT data::text, seq FROM events WHERE object_id = $1 ORDER BY ord", thing)
    assert [row["data"] for row in rows] == ['{"note": "a"}', '{"note": "b"}']
    assert (
        await reader.value("SELECT count(*) FROM jobs WHERE dedup_key = $1 AND id = $2", f"once:{thing}", job_id) == 1
    )


async def test_exception_rolls_everything_back_raw_statements_too(runtime):
    thing = new_id()

    async def fail() -> None:
        async with runtime.database.unit_of_work() as uow:
            # raw and first: the transaction must have begun already
            await uow.value("INSERT INTO retired_project_keys (key) VALUES ($1)", thing.hex[-6:])
            uow.emit(ThingHappened(object_id=thing, note="a"), by=None)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await fail()
    reader = runtime.database.reader()
    assert await reader.value("SELECT count(*) FROM retired_project_keys WHERE key = $1", thing.hex[-6:]) == 0
    assert await count(runtime, thing) == 0


async def test_commit_that_fails_raises_and_stores_nothing(runtime):
    thing = new_id()
    async with runtime.database.unit_of_work() as uow:
        await uow.value("CREATE TABLE IF NOT EXISTS deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await uow.value("DELETE FROM deferred")

    async def fail() -> None:
        async with runtime.database.unit_of_work() as uow:
            uow.emit(ThingHappened(object_id=thing, note="a"), by=None)
            await uow.value("INSERT INTO deferred VALUES (1), (1)")  # told at the commit only

    with pytest.raises(Exception, match="deferred"):
        await fail()
    assert await count(runtime, thing) == 0


async def test_cancelled_unit_of_work_leaves_no_transaction_behind(runtime):
    thing = new_id()

    async def hang() -> None:
        async with runtime.database.unit_of_work() as uow:
            uow.emit(ThingHappened(object_id=thing, note="a"), by=None)
            await uow.value("SELECT pg_sleep(30)")

    task = asyncio.create_task(hang())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(5):
        async with runtime.database.unit_of_work() as uow:
            assert await uow.value("SELECT 1") == 1
    assert await count(runtime, thing) == 0


async def end_connections(database):
    """End all connections of the database but one's own, and wait until the server has."""
    direct = await database.connect_directly()
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await direct.fetch(f"SELECT pg_terminate_backend(pid) {others}")
    for _ in range(500):
        if not await direct.fetchval(f"SELECT count(*) {others}"):
            break
        await asyncio.sleep(0.01)
    await direct.close()


async def test_connections_that_the_server_closed_are_replaced(own_runtime):
    database = own_runtime.database
    async with database.unit_of_work() as uow:
        await uow.value("SELECT 1")
    await database.reader().value("SELECT 1")
    await end_connections(database)
    await asyncio.sleep(0.2)
    for _ in range(5):
        async with database.unit_of_work() as uow:
            assert await uow.value("SELECT 1") == 1
        assert await database.reader().value("SELECT 1") == 1


async def test_connection_that_ends_right_before_a_unit_of_work_fails_it_as_the_driver_says(own_runtime):
    database = own_runtime.database
    async with database.unit_of_work() as uow:
        await uow.value("SELECT 1")
    ending = threading.Thread(target=lambda: asyncio.run(end_connections(database)))
    ending.start()
    ending.join(timeout=10)  # this loop stands still meanwhile, and has not heard of the end
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError)):
        async with database.unit_of_work():
            pytest.fail("it began")
    async with database.unit_of_work() as uow:
        assert await uow.value("SELECT 1") == 1


async def test_request_id_of_the_log_context_goes_into_the_outbox(runtime):
    import structlog

    thing = new_id()
    with structlog.contextvars.bound_contextvars(**{"request.id": "trace-7"}):
        async with runtime.database.unit_of_work() as uow:
            uow.emit(ThingHappened(object_id=thing, note="a"), by=None)
    stored = await runtime.database.reader().value("SELECT request_id FROM events WHERE object_id = $1", thing)
    assert stored == "trace-7"


def test_where_numbers_its_parameters_and_escapes_patterns():
    where = Where("first")
    where.add("a = $1")
    where.among("b", {"y", "x"})
    where.among("c", set())
    where.matches(("d", "e"), "50%_\\")
    assert where.sql == "a = $1 AND b = ANY($2::text[]) AND (d ILIKE $3 OR e ILIKE $3)"
    assert where.args == ["first", ["x", "y"], "%50\\%\\_\\\\%"]


def test_keyset_compares_rows_in_its_direction():
    where = Where()
    Keyset((("t.at", "timestamp", "desc"),), "t.id").after(where, ["then", "id"])
    assert where.sql == "(t.at, t.id) < ($1::timestamptz, $2::uuid)"
    untouched = Where()
    Keyset((("t.at", "timestamp", "asc"),), "t.id").after(untouched, None)
    assert untouched.sql == "true"
