"""Bring the schema to the newest revision, once, however many try at the same time."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from synergy_domain.schema import OLDEST_CODE, OLDEST_CODE_LABEL, SUPPORTED_REVISIONS, Schema, schema_of, too_new
from synergy_platform.settings import Settings

_LOCK = 7_310_001  # any number that nothing else locks
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a lock_timeout
_PATIENCE_SECONDS = 180.0
_PAUSE_SECONDS = 1.0


class MigrationReport(msgspec.Struct, frozen=True):
    """The revision before and after; equal when there was nothing to do."""

    before: str | None
    after: str


class SchemaTooNew(Exception):
    """The schema was migrated by a later version, beyond what this one works with."""


async def migrate(settings: Settings) -> MigrationReport:
    """Run what is missing. Ten at a time: one works, the others wait for it and find nothing to do."""
    url = settings.database_url(direct=True).replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": {"timezone": "UTC"}})
    try:
        async with engine.connect() as connection:
            # however long the one that works takes; a role may have a limit
            await connection.execute(text("SET lock_timeout = 0"))
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
    before = _read_schema(connection)
    connection.rollback()
    if sentence := too_new(before):
        raise SchemaTooNew(sentence)
    if before.revision is not None and before.revision > SUPPORTED_REVISIONS[-1]:
        # after a rollback: this code works on it, and the way back is not ours to go
        return MigrationReport(before.revision, before.revision)
    _run_patiently(connection)
    after = _read_schema(connection)
    if after.oldest_code != OLDEST_CODE:
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{OLDEST_CODE_LABEL}{OLDEST_CODE}'"))
    connection.commit()
    return MigrationReport(before.revision, after.revision or "")


def _run_patiently(connection: Connection) -> None:
    """Run what is missing; a migration that does not get a lock is tried again, once those behind it are done."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            command.upgrade(make_config(connection), "head")
            connection.commit()
        except DBAPIError as error:
            connection.rollback()
            is_lock = getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
            if not is_lock or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _read_schema(connection: Connection) -> Schema:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return Schema(None, None)
    return schema_of(
        revision, connection.scalar(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')"))
    )
