"""What maintenance records hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from synergy_domain.maintenance.lists import How, Period

# `attention`: it was done, and found something that somebody has to look at
Outcome = Literal["ok", "attention", "failed"]
# `attention`: the last record was not ok; `never`: not done yet, and not late; `not_applicable`: this system does not
# do it
MaintenanceState = Literal["ok", "attention", "overdue", "never", "not_applicable"]


class RecordInput(msgspec.Struct, kw_only=True, frozen=True):
    """What was done. `task` is a name such as `backup` or `weekly.disk_space`; `detail` is JSON, without secrets."""

    task: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    done_by: str
    summary: str
    detail: dict[str, Any] = {}


class _Recorded(msgspec.Struct, kw_only=True):
    id: UUID
    task: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    done_by: str
    summary: str


class RecordView(_Recorded, kw_only=True):
    """A record as it is read."""

    detail: dict[str, Any]


class RecordQuery(msgspec.Struct, kw_only=True, frozen=True):
    """The records of one task, the latest first."""

    task: str
    cursor: str | None = None
    limit: int = 50


class MaintenanceTaskView(msgspec.Struct, kw_only=True):
    """A task of the lists. It is due at `due_at`, and overdue when it is not done by `overdue_at`.

    Both count from `last_ok_at`, the last record that did not fail, and before the first one from when the system
    began to keep these lists; they are null for a task that does not apply. `how`: by a job of the system, by a
    command that somebody calls, or by a person who signs it off (`checks` is then what they look at). `command` does
    or records it, on the server; `help` says what to do when it is overdue.
    """

    task: str
    period: Period
    title: str
    how: How
    command: str
    help: str
    checks: list[str]
    state: MaintenanceState
    last: RecordView | None
    last_ok_at: datetime | None
    due_at: datetime | None
    overdue_at: datetime | None


class BackupRecord(_Recorded, kw_only=True):
    """A backup, drill, restore or copy elsewhere, with what is known of it.

    `backup` is its name, or that of the one that was restored or copied; `target` where to. Sizes are bytes. A proof's
    `differences` say what was not as in the backup; none is the proof.
    """

    backup: str | None
    kind: str | None
    target: str | None
    wal_from: str | None
    encrypted: bool | None
    seconds: float | None
    bytes: int | None
    tables: int | None
    rows: int | None
    files: int | None
    differences: list[str] | None


class Standing(msgspec.Struct, kw_only=True):
    """How something that is done each night stands: `failed` when the last try was not well, whatever came before.

    `age_seconds` and `overdue_at` (26 hours later) are those of the last good one.
    """

    state: Literal["ok", "overdue", "failed", "never"]
    last_good: BackupRecord | None
    age_seconds: float | None
    overdue_at: datetime | None


class BackupsView(msgspec.Struct, kw_only=True):
    """`restore` is the proof that a backup can be used: a drill, or a restore. The lists have the last 20 of each."""

    backup: Standing
    restore: Standing
    backups: list[BackupRecord]
    proofs: list[BackupRecord]
    offsite_copies: list[BackupRecord]
