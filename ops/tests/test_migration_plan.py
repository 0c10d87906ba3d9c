"""What `upgrade --plan` says of migrations: their statements, and locks as PostgreSQL takes them."""

from __future__ import annotations

import gzip
from pathlib import Path

import asyncpg
import msgspec
import pytest

from synergy_domain.migrations import plan, plan_migrations
from synergy_domain.migrations.offline import Migration, Statement
from synergy_platform.database import Reader
from synergy_platform.ids import new_id

DUMPS = Path(__file__).parents[1] / "upgrade"


@pytest.fixture
def empty_database(services):
    """Names of databases that one test makes."""
    made: list[str] = []

    def make(dump: str | None = None) -> str:
        name = f"plan_{new_id().hex[-12:]}"
        services[0].create_database(name)
        made.append(name)
        if dump:
            owner = f'SET SESSION AUTHORIZATION "{services[0].user}";\n'
            services[0].run_sql(owner + gzip.decompress((DUMPS / dump).read_bytes()).decode(), name)
        return name

    yield make
    for name in made:
        services[0].drop_database(name)


@pytest.fixture
def planned(services, empty_database):
    """The plan for a database, with a scratch database beside it."""

    async def of(name: str):
        connection = await asyncpg.connect(services[0].url(name))
        try:
            return await plan_migrations(Reader(connection), services[0].url(empty_database()))
        finally:
            await connection.close()

    return of


def migration(*statements: str, outside: tuple[str, ...] = ()) -> Migration:
    inside = tuple(Statement(sql, in_transaction=True) for sql in statements)
    return Migration("9999", "A test.", inside + tuple(Statement(sql, in_transaction=False) for sql in outside))


@pytest.fixture
def locks_of(services, empty_database):
    """The locks of a statement on two tables, `t` and `other`."""

    async def of(sql: str, *, outside: bool = False) -> dict[str, tuple[str, bool, bool]]:
        before = migration(
            "CREATE TABLE other (id int PRIMARY KEY)", "CREATE TABLE t (id int PRIMARY KEY, name text, other_id int)",
            "CREATE INDEX ix ON t (name)",
        )  # fmt: skip
        pending = migration(outside=(sql,)) if outside else migration(sql)
        (measured,) = await plan._measured(services[0].url(empty_database()), [before], [pending])
        (statement,) = measured.statements
        return {lock.table: (lock.mode, lock.is_read_whole, lock.is_rewritten) for lock in statement.locks}

    return of


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE t ADD COLUMN a text", {"t": ("AccessExclusiveLock", False, False)}),
        ("ALTER TABLE t ALTER COLUMN id TYPE bigint", {"t": ("AccessExclusiveLock", True, True)}),
        ("ALTER TABLE t ALTER COLUMN name SET NOT NULL", {"t": ("AccessExclusiveLock", True, False)}),
        ("ALTER TABLE t ADD COLUMN b uuid DEFAULT gen_random_uuid()", {"t": ("AccessExclusiveLock", True, True)}),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID", {"t": ("AccessExclusiveLock", False, False)}),
        ("CREATE INDEX i ON t (other_id)", {"t": ("ShareLock", True, False)}),
        ("ALTER TABLE t RENAME TO u", {"t": ("AccessExclusiveLock", False, False)}),
        ("DROP TABLE t", {"t": ("AccessExclusiveLock", False, False)}),
        ("CREATE TABLE n (id int)", {}),
        ("CREATE TABLE n (id int REFERENCES other (id))", {"other": ("ShareRowExclusiveLock", False, False)}),
    ],
)
async def test_locks_are_those_that_postgresql_takes(locks_of, sql, expected):
    assert await locks_of(sql) == expected


async def test_locks_of_a_foreign_key_are_on_both_tables(locks_of):
    found = await locks_of("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (other_id) REFERENCES other (id)")
    assert {table: mode for table, (mode, _, _) in found.items()} == {
        "other": "ShareRowExclusiveLock", "t": "ShareRowExclusiveLock",
    }  # fmt: skip


@pytest.mark.parametrize("sql", ["CREATE INDEX CONCURRENTLY i ON t (other_id)", "DROP INDEX CONCURRENTLY ix"])
async def test_locks_of_what_runs_concurrently_are_read_while_it_waits(locks_of, sql):
    assert await locks_of(sql, outside=True) == {"t": ("ShareUpdateExclusiveLock", False, False)}


async def test_plan_from_the_release_before_tells_statements_and_changes_nothing(services, empty_database, planned):
    name = empty_database("0.4.0.sql.gz")
    before = services[0].run_sql("SELECT count(*), max(oid) FROM pg_class", name)
    found = await planned(name)
    assert (found.before, found.migrations[0].revision) == ("0006", "0007")
    assert found.forbidden == ""
    statements = [each for each in found.migrations[0].statements if "ALTER TABLE events" in each.sql]
    assert [(lock.table, lock.blocks) for lock in statements[0].locks] == [("events", "reads and writes")]
    assert found.sizes["events"].bytes > 0
    assert found.warnings == ()  # the tables of the dump are small
    assert services[0].run_sql("SELECT count(*), max(oid) FROM pg_class", name) == before


async def test_plan_warns_where_a_big_table_is_kept_from_people(services, empty_database, planned):
    name = empty_database("0.4.0.sql.gz")
    services[0].run_sql("UPDATE pg_class SET reltuples = 2500000 WHERE relname = 'events'", name)
    found = await planned(name)
    assert len(found.warnings) == 1
    assert "0007 keeps others from reads and writes of events (2,500,000 rows" in found.warnings[0]
    assert found.warnings[0].endswith("for moments, once it has the lock.")


async def test_plan_of_a_schema_of_a_later_version_says_why_not(services, planned, own_settings):
    services[0].run_sql("UPDATE alembic_version SET version_num = '9999'", own_settings.db_name)
    services[0].run_sql("COMMENT ON TABLE alembic_version IS 'oldest code: 9998'", own_settings.db_name)
    found = await planned(own_settings.db_name)
    assert "9999" in found.forbidden
    assert found.migrations == ()


async def test_plan_without_a_scratch_database_tells_statements_only(services, empty_database):
    connection = await asyncpg.connect(services[0].url(empty_database("0.4.0.sql.gz")))
    found = await plan_migrations(Reader(connection), None)
    await connection.close()
    assert all(each.locks is None for each in found.migrations[0].statements)
    assert msgspec.json.encode(found)
