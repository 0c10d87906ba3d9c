"""What tests of the checks share."""

from __future__ import annotations

from contextlib import asynccontextmanager

import msgspec
import pytest

from synergy_domain.maintenance import CHECKS, RecordInput, add_record, recent_records
from synergy_domain.maintenance.finding import Look
from synergy_domain.maintenance.running import EARLIER
from synergy_domain.migrations import migrate
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_testing.factories import Factory
from synergy_testing.fixtures import cheap_runtime


class Checks:
    """Does checks at a moment of the test's choice, and keeps what they found as their records."""

    def __init__(self, runtime) -> None:
        self.runtime = runtime
        self.reader = runtime.database.reader()
        self.now = runtime.clock.now()

    async def do(self, task, *, now=None):
        """The finding."""
        now = now or self.now
        earlier = await recent_records(self.reader, [task], limit=EARLIER)
        finding = await CHECKS[task](Look(runtime=self.runtime, db=self.reader, now=now, earlier=earlier))
        await self.record(task, now, finding.outcome, finding.summary, **finding.detail)
        return finding

    async def record(self, task, at, outcome="ok", summary="done", **detail):
        """A record of what was done."""
        async with self.runtime.database.unit_of_work() as uow:
            add_record(
                uow,
                RecordInput(
                    task=task, outcome=outcome, started_at=at, finished_at=at, done_by="tests", summary=summary,
                    detail=detail,
                ),
            )  # fmt: skip

    async def sql(self, statement, *args):
        """Change rows, in a transaction of its own."""
        async with self.runtime.database.unit_of_work() as uow:
            return await uow.value(statement, *args)


@pytest.fixture
def checks(own_runtime):
    return Checks(own_runtime)


@pytest.fixture
def own(checks):
    """Makes what is in the database of the checks."""
    return Factory(checks.runtime)


@pytest.fixture
def checks_on(checks, tmp_path):
    """Checks on a PostgreSQL of the test's own, with settings of its own."""

    @asynccontextmanager
    async def start(*statements, durable=False, **settings):
        with EmbeddedPostgres(tmp_path, durable=durable, settings=settings) as server:
            own = cheap_runtime(
                msgspec.structs.replace(
                    checks.runtime.settings, db_host=server.host, db_port=server.port, db_name=server.database,
                    db_user=server.user, db_password=server.password,
                )
            )  # fmt: skip
            await migrate(own.settings)
            for statement in statements:
                server.run_sql(statement, server.database)
            await own.open()
            yield Checks(own)
            await own.close()

    return start
