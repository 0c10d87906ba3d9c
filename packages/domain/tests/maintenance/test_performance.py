"""The monthly look at the database's performance, on a server with and without statistics of statements."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

DAY = timedelta(days=1)


async def test_performance_of_a_small_system_is_well_and_cheap_to_ask(checks):
    before = checks.reader.statements
    finding = await checks.do("monthly.performance")
    assert checks.reader.statements - before <= 7
    assert finding.outcome == "ok"
    assert (finding.detail["statements"], finding.detail["growth"], finding.detail["hit_ratio"]) == (None, None, None)
    assert {table["name"] for table in finding.detail["tables"]} <= {
        row["relname"] for row in await checks.reader.rows("SELECT relname FROM pg_class")
    }


async def test_performance_finds_rows_that_vacuum_left_and_indexes_that_nobody_uses(checks):
    await checks.do("monthly.performance", now=checks.now - 30 * DAY)
    long = " || ".join(f"md5('{letter}' || key)" for letter in "abcdefg")
    for statement in (
        "ALTER TABLE retired_project_keys SET (autovacuum_enabled = off)",
        "INSERT INTO retired_project_keys SELECT 'K' || n FROM generate_series(1, 60000) n",
        "DELETE FROM retired_project_keys WHERE key < 'K3'",
        "CREATE INDEX ix_small ON mails (subject)",
        f"CREATE INDEX ix_large ON retired_project_keys (({long}))",
    ):
        await checks.sql(statement)
    with pytest.raises(asyncpg.UniqueViolationError):
        await checks.reader.value("CREATE UNIQUE INDEX CONCURRENTLY ix_failed ON retired_project_keys (left(key, 2))")
    async with asyncio.timeout(20):
        finding = await checks.do("monthly.performance")
        while "vacuum" not in finding.summary:  # statistics come a moment later
            await asyncio.sleep(0.3)
            finding = await checks.do("monthly.performance")
    assert finding.summary == (
        "Rows that vacuum should have taken away: retired_project_keys."
        " Indexes that are not used since their making failed: ix_failed."
    )
    [table] = [each for each in finding.detail["tables"] if each["name"] == "retired_project_keys"]
    assert table["dead"] >= 10_000
    assert table["vacuumed"] is None
    # a small one, and one that keeps rows apart, is not worth a word
    assert [index["name"] for index in finding.detail["unused_indexes"]] == ["ix_large"]


async def test_performance_counts_growth_and_hits_since_the_last_record(checks):
    first = await checks.do("monthly.performance", now=checks.now - 10 * DAY)
    await checks.record(
        "monthly.performance", checks.now - 5 * DAY,
        **{
            **first.detail, "bytes": first.detail["bytes"] - 5_000_000,
            "blks_hit": first.detail["blks_hit"] - 900_000, "blks_read": first.detail["blks_read"] - 900_000,
        },
    )  # fmt: skip
    finding = await checks.do("monthly.performance")
    assert 1_000_000 <= finding.detail["growth"]["bytes_a_day"] < 1_200_000
    assert 0.4 < finding.detail["hit_ratio"] < 0.6
    assert finding.summary.endswith("% was read from memory: shared_buffers or memory is too small.")


@pytest.fixture
def postgres_with_extensions(monkeypatch):
    """Servers of this test are Debian's: the wheel's has no extensions."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    extensions = list(Path("/usr/share/postgresql").glob("*/extension/pg_stat_statements.control"))
    if not folders or not extensions:
        pytest.skip("Debian's postgresql is not installed; `.ci/run` installs it")
    monkeypatch.setattr("synergy_platform.embedded.postgres.binaries", lambda: folders[-1])


async def test_performance_without_the_library_of_the_extension_leaves_statements_out(
    postgres_with_extensions, checks_on
):
    async with checks_on("CREATE EXTENSION pg_stat_statements", durable=True) as checks:
        finding = await checks.do("monthly.performance")
        assert (finding.outcome, finding.detail["statements"]) == ("ok", None)


async def test_performance_names_the_slowest_statements_and_never_a_password(postgres_with_extensions, checks_on):
    statements = (
        "CREATE EXTENSION pg_stat_statements", "GRANT pg_read_all_stats TO synergyos",
        "ALTER ROLE postgres VALID UNTIL 'infinity' PASSWORD 'a sentence that nobody may read'",
    )  # fmt: skip
    async with checks_on(*statements, durable=True, shared_preload_libraries="pg_stat_statements") as checks:
        await checks.reader.value("SELECT pg_sleep(0.3)")
        first = await checks.do("monthly.performance", now=checks.now - 30 * DAY)
        slow = first.detail["statements"][0]
        assert slow["query"] == "SELECT pg_sleep($1)"
        assert 290 < slow["mean_ms"] < 2000
        assert "nobody may read" not in str(first.detail)
        assert first.outcome == "ok"

        await checks.reader.value("SELECT pg_sleep(0.7)")
        second = await checks.do("monthly.performance")
        assert (second.outcome, second.summary) == (
            "attention", "1 statement takes twice as long as in the last record.",
        )  # fmt: skip
