"""The database of every release comes up to the present schema, with its data."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import time
from pathlib import Path

import asyncpg
import msgspec
import pytest

from synergy_domain.migrations import SchemaTooNew, migrate
from synergy_domain.schema import SUPPORTED_REVISIONS, current_schema
from synergy_platform.database import SERVER_SETTINGS, Reader
from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries
from synergy_platform.ids import new_id

DUMPS = sorted((Path(__file__).parents[1] / "upgrade").glob("*.sql.gz"))


def restore(dump: Path, postgres: EmbeddedPostgres, database: str) -> None:
    """Read a dump into an empty database."""
    subprocess.run(
        [binaries() / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--host", postgres.host, "--port", str(postgres.port),
         "--username", postgres.user, "--dbname", database],
        input=gzip.decompress(dump.read_bytes()),
        env={**os.environ, "PGPASSWORD": postgres.password},
        check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.name.removesuffix(".sql.gz"))
async def test_upgrade_from_a_release_keeps_its_data(dump, base_settings, services):
    postgres = services[0]
    name = f"upgrade_{new_id().hex[-12:]}"
    postgres.create_database(name)
    restore(dump, postgres, name)
    report = await migrate(msgspec.structs.replace(base_settings, db_name=name))
    assert report.after == SUPPORTED_REVISIONS[-1]
    tasks = postgres.run_sql("SELECT count(*) FROM tasks", name)
    members = postgres.run_sql("SELECT count(*) FROM project_members", name)
    assert int(tasks) > 20
    assert int(members) > 5
    postgres.drop_database(name)


async def test_migrate_waits_for_a_lock_without_stopping_requests(base_settings, services):
    """A writer keeps `events` for longer than a request waits for a lock; those who read it never notice."""
    postgres, name = services[0], f"patient_{new_id().hex[-12:]}"
    postgres.create_database(name)
    restore(DUMPS[0].with_name("0.4.0.sql.gz"), postgres, name)
    settings = msgspec.structs.replace(base_settings, db_name=name)
    writer = await asyncpg.connect(settings.database_url())
    request = await asyncpg.connect(
        settings.database_url(), server_settings={"lock_timeout": SERVER_SETTINGS["lock_timeout"]}
    )
    async with writer.transaction():
        await writer.execute("LOCK TABLE events IN ROW EXCLUSIVE MODE")
        # a process that could be another container: it may not share this loop
        migrating = asyncio.create_task(asyncio.to_thread(asyncio.run, migrate(settings)))
        longest, until = 0.0, time.monotonic() + 5
        while time.monotonic() < until:
            began = time.monotonic()
            await request.fetchval("SELECT count(*) FROM events")
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.05)
        assert not migrating.done()
    report = await migrating
    await writer.close()
    await request.close()
    assert (report.before, report.after) == ("0006", SUPPORTED_REVISIONS[-1])
    assert 0.5 < longest < 2
    postgres.drop_database(name)


async def test_migrate_ten_at_once_leaves_one_to_work(base_settings, services):
    name = f"migrate_{new_id().hex[-12:]}"
    services[0].create_database(name)
    settings = msgspec.structs.replace(base_settings, db_name=name)
    reports = await asyncio.gather(*(migrate(settings) for _ in range(10)))
    assert sorted(report.before or "nothing" for report in reports) == [SUPPORTED_REVISIONS[-1]] * 9 + ["nothing"]
    services[0].drop_database(name)


async def connected(settings, work):
    connection = await asyncpg.connect(settings.database_url())
    try:
        return await work(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("comment", "fits"), [("oldest code: 0002", True), ("oldest code: 9998", False), (None, False)]
)
async def test_schema_of_a_later_version_fits_only_when_that_says_so(base_settings, services, comment, fits):
    name = f"later_{new_id().hex[-12:]}"
    services[0].create_database(name)
    settings = msgspec.structs.replace(base_settings, db_name=name)
    await migrate(settings)
    services[0].run_sql("UPDATE alembic_version SET version_num = '9999'", name)
    shown = f"'{comment}'" if comment else "NULL"
    services[0].run_sql(f"COMMENT ON TABLE alembic_version IS {shown}", name)
    schema = await connected(settings, lambda connection: current_schema(Reader(connection)))
    assert schema.revision == "9999"
    assert schema.fits is fits
    if fits:
        report = await migrate(settings)
        assert (report.before, report.after) == ("9999", "9999")
    else:
        with pytest.raises(SchemaTooNew, match="9999"):
            await migrate(settings)
    services[0].drop_database(name)


async def test_migrate_says_which_code_still_works(base_settings, services):
    name = f"oldest_{new_id().hex[-12:]}"
    services[0].create_database(name)
    settings = msgspec.structs.replace(base_settings, db_name=name)
    await migrate(settings)
    schema = await connected(settings, lambda connection: current_schema(Reader(connection)))
    assert schema.oldest_code is not None
    assert schema.oldest_code <= SUPPORTED_REVISIONS[-1]
    assert schema.fits
    services[0].drop_database(name)
