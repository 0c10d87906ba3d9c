"""What an import takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from synergy_domain.work import TaskStatus

Source = Literal["trello"]
ImportStatus = Literal["queued", "running", "completed", "failed"]


class ImportMapping(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the caller decides otherwise: the status of lists, by their names."""

    lists: dict[str, TaskStatus] = {}


class ImportUpload(msgspec.Struct, kw_only=True, frozen=True):
    """The fields of a form as they were sent, None where they were not; the file is in the storage."""

    source: str | None
    file_key: str | None
    dry_run: str | None
    project_id: str | None
    mapping: str | None


class ImportCounts(msgspec.Struct, kw_only=True):
    """How many of each came, or would come.

    `labels` are the board's own; the label `archived` comes beside them when `archived` (tasks) is above 0.
    `people` are all that were made, `members` those of them that joined the project.
    """

    tasks: int
    checklists: int
    subtasks: int
    comments: int
    labels: int
    people: int
    members: int
    archived: int
    attachments_linked: int


class ImportedList(msgspec.Struct, kw_only=True):
    """A list of the source, the status of its cards and what decided it; `archived` lists label their cards."""

    name: str
    status: TaskStatus
    decided_by: Literal["name", "mapping", "default"]
    cards: int
    archived: bool


class ImportProblem(msgspec.Struct, kw_only=True):
    """Why an import failed."""

    code: str
    detail: str


class ImportReport(msgspec.Struct, kw_only=True):
    """What an import did, or would do; a failed one has `error` and nothing was written.

    `import_source` names the thing that was imported (`trello:<board id>`), `name` is what it is called there.
    """

    import_source: str | None
    name: str | None
    already_imported: bool
    counts: ImportCounts | None
    lists: list[ImportedList]
    warnings: list[str]
    error: ImportProblem | None


class ImportView(msgspec.Struct, kw_only=True):
    """An import; `progress` in percent; `report` is null until there is one."""

    id: UUID
    source: Source
    status: ImportStatus
    progress: int
    dry_run: bool
    report: ImportReport | None
    project_id: UUID | None
    created_at: datetime
    finished_at: datetime | None
