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


class RecordView(msgspec.Struct, kw_only=True):
    """A record as it is read."""

    id: UUID
    task: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    done_by: str
    summary: str
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
