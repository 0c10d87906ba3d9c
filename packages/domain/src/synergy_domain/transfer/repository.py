"""All SQL of imports."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor
from synergy_domain.projects.intake import ProjectReference
from synergy_domain.transfer.contracts import ImportMapping, ImportProblem, ImportReport, ImportView
from synergy_domain.transfer.models import Import
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.ids import new_id

_report = msgspec.json.Decoder(ImportReport)
_GAVE_UP = ImportProblem(
    code="internal_error",
    detail="The import failed again and again by a fault of ours, and nothing was written. Tell your administrator.",
)
# a job that rests among the dead letters will not go on by itself
_VIEW = """
    SELECT i.id, i.source, i.status, i.progress, i.dry_run, i.report::text, i.project_id, i.created_at, i.finished_at,
           EXISTS (SELECT 1 FROM jobs j WHERE j.dedup_key = 'import:' || i.id AND j.state = 'dead') AS is_dead
    FROM imports i
"""


class StoredImport(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted: `project_id` is the project to import into, None for a new one.

    `file_key` is None for a file that is not in the storage, and once the import is finished.
    """

    user_id: UUID
    file_key: str | None
    dry_run: bool
    mapping: ImportMapping
    project_id: UUID | None


def job_key(import_id: UUID) -> str:
    """The key of an import's job."""
    return f"import:{import_id}"


async def add(uow: UnitOfWork, wanted: StoredImport) -> UUID:
    """Store what is wanted."""
    row = Import(
        id=new_id(), user_id=wanted.user_id, source="trello", file_key=wanted.file_key, dry_run=wanted.dry_run,
        mapping=msgspec.to_builtins(wanted.mapping), status="queued", progress=0,
        project_id=wanted.project_id, created_at=uow.now, finished_at=None,
    )  # fmt: skip
    uow.session.add(row)
    await uow.flush()
    return row.id


async def find_stored(db: Reader, import_id: UUID) -> StoredImport | None:
    """An import as its job sees it."""
    row = await db.row(
        "SELECT user_id, file_key, dry_run, mapping::text, project_id FROM imports WHERE id = $1", import_id
    )
    if row is None:
        return None
    return StoredImport(
        user_id=row["user_id"],
        file_key=row["file_key"],
        dry_run=row["dry_run"],
        mapping=msgspec.json.decode(row["mapping"], type=ImportMapping),
        project_id=row["project_id"],
    )


async def find_view(db: Reader, user_id: UUID, import_id: UUID) -> ImportView | None:
    """One of a user's own imports."""
    row = await db.row(f"{_VIEW} WHERE i.id = $1 AND i.user_id = $2", import_id, user_id)
    return _to_view(row) if row else None


async def list_views(db: Reader, user_id: UUID, after: list[Any] | None, limit: int) -> list[ImportView]:
    """A user's imports, the newest first; one more than `limit`."""
    rows = await db.rows(
        f"""{_VIEW} WHERE i.user_id = $1 AND ($2::timestamptz IS NULL OR (i.created_at, i.id) < ($2, $3::uuid))
            ORDER BY i.created_at DESC, i.id DESC LIMIT $4""",
        user_id, *(after or (None, None)), limit + 1,
    )  # fmt: skip
    return [_to_view(row) for row in rows]


async def find_actor(db: Reader, user_id: UUID) -> Actor | None:
    """A user who may sign in, as the actor of their import."""
    row = await db.row("SELECT id AS user_id, username, role FROM users WHERE id = $1 AND is_active", user_id)
    return Actor(**row) if row else None


async def find_owner(db: Reader, username: str) -> Actor | None:
    """The user of this name who may sign in."""
    row = await db.row(
        "SELECT id AS user_id, username, role FROM users WHERE lower(username) = lower($1) AND is_active", username
    )
    return Actor(**row) if row else None


async def lock_source(uow: UnitOfWork, user_id: UUID, import_source: str) -> None:
    """Let one import of a thing by a user wait for the other, until the commit."""
    await uow.value("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"import:{user_id}:{import_source}")


async def allow_long_statements(uow: UnitOfWork) -> None:
    """Lift the limit of a statement's time for this transaction: the events of a large board are one statement."""
    await uow.value("SELECT set_config('statement_timeout', '240s', true)")


async def find_earlier(
    db: Reader, user_id: UUID, import_source: str, target_id: UUID | None
) -> ProjectReference | None:
    """The project that the same user, or anybody who imported into the same target, made of this source before.

    One in the trash does not count, nor one that the user is not in any more.
    """
    row = await db.row(
        """SELECT p.id, p.key, p.name FROM projects p
           WHERE p.owner_id = $1 AND p.import_source = $2 AND p.deleted_at IS NULL
           UNION ALL
           SELECT p.id, p.key, p.name FROM imports i JOIN projects p ON p.id = i.project_id
           WHERE i.status = 'completed' AND NOT i.dry_run AND i.report ->> 'import_source' = $2
             AND p.deleted_at IS NULL
             AND (i.project_id = $3 OR i.user_id = $1 AND EXISTS (
                  SELECT 1 FROM project_members m WHERE m.project_id = p.id AND m.user_id = $1))
           LIMIT 1""",
        user_id, import_source, target_id,
    )  # fmt: skip
    return ProjectReference(**row) if row else None


async def find_target(db: Reader, project_id: UUID) -> ProjectReference:
    """The project to import into, whose access was checked."""
    row = await db.row("SELECT id, key, name FROM projects WHERE id = $1", project_id)
    if row is None:
        raise LookupError(f"no project {project_id}")
    return ProjectReference(**row)


async def named_files(db: Reader, keys: list[str]) -> set[str]:
    """Which of these keys of the storage belong to an import that is not finished."""
    rows = await db.rows("SELECT file_key FROM imports WHERE file_key = ANY($1::text[])", keys)
    return {row["file_key"] for row in rows}


async def set_progress(db: Reader, import_id: UUID, percent: int) -> None:
    """Show how far an import is, at once.

    A statement of a reader commits by itself. A unit of work would wait for a second connection of the same pool while
    the import holds the first, and imports that all hold one would wait for each other.
    """
    await db.value("UPDATE imports SET status = 'running', progress = $2 WHERE id = $1", import_id, percent)


async def finish(
    uow: UnitOfWork, import_id: UUID, *, status: str, report: ImportReport, project_id: UUID | None, at: datetime
) -> None:
    """Record what came of an import; its file is not needed any more."""
    await uow.value(
        """UPDATE imports SET status = $2::text, report = $3::jsonb, project_id = $4, finished_at = $5, file_key = NULL,
                  progress = CASE WHEN $2::text = 'completed' THEN 100 ELSE progress END
           WHERE id = $1""",
        import_id, status, msgspec.json.encode(report).decode(), project_id, at,
    )  # fmt: skip


def _to_view(row: asyncpg.Record) -> ImportView:
    fields = dict(row)
    if fields.pop("is_dead"):
        fields |= {"status": "failed", "report": failure_report(_GAVE_UP)}
    elif fields["report"] is not None:
        fields["report"] = _report.decode(fields["report"])
    return ImportView(**fields)


def failure_report(problem: ImportProblem) -> ImportReport:
    """The report of an import that wrote nothing."""
    return ImportReport(
        import_source=None, name=None, already_imported=False, counts=None, lists=[], warnings=[], error=problem
    )
