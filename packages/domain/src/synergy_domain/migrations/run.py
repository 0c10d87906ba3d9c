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

from synergy_platform.database import Reader
from synergy_platform.settings import Settings

# The revisions that this code runs on, oldest first: during a deploy old and new code share one database.
# Not on older ones: every worker reads who holds a job (0003), every notification its preferences (0004), every sign-in
# the second factors (0006), and every event and job is stored with its place in a trace (0007).
SUPPORTED_REVISIONS = ("0007",)

# The oldest revision whose code goes on working on this schema. `migrate` writes it beside the revision, where that
# code finds it: it was released before this schema, and runs beside the new code during a deploy and after a rollback.
OLDEST_CODE = "0001"

_COMMENT = "oldest code: "
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


class Schema(msgspec.Struct, frozen=True):
    """The database's revision, None for an empty one, and the oldest revision whose code works on it, if it says so."""

    revision: str | None
    oldest_code: str | None

    @property
    def fits(self) -> bool:
        """Whether this code runs on it. Revisions are numbers of four digits, so that they compare as text."""
        if self.revision in SUPPORTED_REVISIONS:
            return True
        newest = SUPPORTED_REVISIONS[-1]
        is_newer = self.revision is not None and self.revision > newest
        return is_newer and self.oldest_code is not None and self.oldest_code <= newest


async def current_schema(reader: Reader) -> Schema:
    """What the database says of itself."""
    if await reader.value("SELECT to_regclass('alembic_version') IS NULL"):
        return Schema(None, None)
    row = await reader.row(
        "SELECT version_num, obj_description('alembic_version'::regclass, 'pg_class') AS comment FROM alembic_version"
    )
    return _schema(row["version_num"], row["comment"]) if row else Schema(None, None)


def _schema(revision: str | None, comment: str | None) -> Schema:
    oldest = comment.removeprefix(_COMMENT) if comment and comment.startswith(_COMMENT) else None
    return Schema(revision, oldest)


def too_new(schema: Schema) -> str:
    """Why this code cannot be run on a schema that a later version migrated; empty where it can."""
    if schema.revision is None or schema.revision <= SUPPORTED_REVISIONS[-1] or schema.fits:
        return ""
    return (
        f"The schema is at {schema.revision}, and this version knows it up to {SUPPORTED_REVISIONS[-1]} only. "
        "Run the version that migrated it, or restore a backup from before."
    )


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
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{_COMMENT}{OLDEST_CODE}'"))
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
    return _schema(revision, connection.scalar(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")))
