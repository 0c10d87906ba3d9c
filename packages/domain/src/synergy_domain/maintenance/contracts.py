"""What maintenance records hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

# `attention`: it was done, and found something that somebody has to look at
Outcome = Literal["ok", "attention", "failed"]


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
