"""The models say what the migrations made."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from synergy_domain.migrations.tables import METADATA


async def test_models_differ_in_nothing_from_the_migrated_schema(own_runtime):
    url = own_runtime.settings.database_url().replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), METADATA)
        )
    await engine.dispose()

    assert differences == []
