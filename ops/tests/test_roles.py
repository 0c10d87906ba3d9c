"""The role of API and worker needs nothing but rows: no DDL, no TRUNCATE."""

from __future__ import annotations

import asyncpg
import msgspec
import pytest

from synergy_domain import maintenance, work
from synergy_platform.heartbeats import beat, forget
from synergy_platform.ids import new_id
from synergy_platform.runtime import Runtime
from synergy_testing.factories import Factory


@pytest.fixture
async def app_runtime(own_settings, services):
    """A runtime that signs in as a role with the rights of compose.yaml's app role."""
    role = f"app_{new_id().hex[-12:]}"
    services[0].run_sql(
        f"CREATE ROLE {role} LOGIN PASSWORD 'app';"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};"
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};",
        own_settings.db_name,
    )
    runtime = Runtime(
        msgspec.structs.replace(own_settings, db_user=role, db_password="app"), application="synergy-test"
    )
    await runtime.open()
    yield runtime
    await runtime.close()
    services[0].run_sql(f"DROP OWNED BY {role}; DROP ROLE {role};", own_settings.db_name)


async def test_product_works_with_a_role_that_may_change_rows_only(app_runtime):
    make = Factory(app_runtime)
    project = await make.project()
    await make.access_token(make.owner(project))
    task = await make.task(project)
    async with app_runtime.database.unit_of_work() as uow:
        await work.delete_task(uow, make.owner(project), str(task.id))
        uow.enqueue("nothing")
        await maintenance.clean_up(app_runtime, uow, {})
        # statistics of the server included
        for task in maintenance.CHECKS:
            await maintenance.run_check(app_runtime, uow, task, done_by="tests")
    await beat(app_runtime.database.reader(), "worker", "here")
    await forget(app_runtime.database.reader(), "here")
    for forbidden in ("CREATE TABLE mine (id int)", "TRUNCATE tasks", "ALTER TABLE tasks ADD mine int"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_runtime.database.reader().value(forbidden)
