"""What this code and a database's schema know of each other. Every process asks it, so nothing of Alembic is here."""

from __future__ import annotations

import msgspec

from synergy_platform.database import Reader

# The revisions that this code runs on, oldest first: during a deploy old and new code share one database.
# Not on older ones: every worker reads who holds a job (0003), every notification its preferences (0004), every sign-in
# the second factors (0006), and every event and job is stored with its place in a trace (0007).
SUPPORTED_REVISIONS = ("0007",)

# The oldest revision whose code goes on working on this schema. `migrate` writes it beside the revision, where that
# code finds it: it was released before this schema, and runs beside the new code during a deploy and after a rollback.
OLDEST_CODE = "0001"

OLDEST_CODE_LABEL = "oldest code: "  # before it, in the comment of the table with the revision


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
    return schema_of(row["version_num"], row["comment"]) if row else Schema(None, None)


def schema_of(revision: str | None, comment: str | None) -> Schema:
    """From the revision and the comment of the table that holds it."""
    oldest = comment.removeprefix(OLDEST_CODE_LABEL) if comment and comment.startswith(OLDEST_CODE_LABEL) else None
    return Schema(revision, oldest)


def too_new(schema: Schema) -> str:
    """Why this code cannot be run on a schema that a later version migrated; empty where it can."""
    if schema.revision is None or schema.revision <= SUPPORTED_REVISIONS[-1] or schema.fits:
        return ""
    return (
        f"The schema is at {schema.revision}, and this version knows it up to {SUPPORTED_REVISIONS[-1]} only. "
        "Run the version that migrated it, or restore a backup from before."
    )
