"""Bring the schema to the newest revision, once, however many try at the same time."""

from __future__ import annotations

from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from synergy_platform.database import Reader
from synergy_platform.settings import Settings

# The revisions that this code runs on, oldest first: during a deploy old and new code share one database.
# Not on 0001: every list and board reads how many attachments its tasks have.
SUPPORTED_REVISIONS = ("0002",)

_LOCK = 7_310_001  # any number that nothing else locks


class MigrationReport(msgspec.Struct, frozen=True):
    """The revision before and after; equal when there was nothing to do."""

    before: str | None
    after: str


async def current_revision(reader: Reader) -> str | None:
    """The schema's revision; None for an empty database."""
    if await reader.value("SELECT to_regclass('alembic_version') IS NULL"):
        return None
    return await reader.value("SELECT version_num FROM alembic_version")


async def migrate(settings: Settings) -> MigrationReport:
    """Run what is missing. Ten at a time: one works, the others wait for it and find nothing to do."""
    url = settings.database_url(direct=True).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": {"timezone": "UTC"}})
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await connection.commit()
            try:
                return await connection.run_sync(_upgrade)
            finally:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    finally:
        await engine.dispose()


def make_config(connection: Connection) -> Config:
    """Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> MigrationReport:
    before = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    # a migration waits 5 s for a lock at most, rather than stopping everybody who queues behind it
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    command.upgrade(make_config(connection), "head")
    connection.commit()
    after = MigrationContext.configure(connection).get_current_revision()
    return MigrationReport(before, after or "")
