"""What the administration of background work takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

JobState = Literal["dead", "waiting"]
QueueName = Literal["fast", "bulk", "io"]


class JobAttempt(msgspec.Struct, kw_only=True):
    """A try that failed."""

    attempt: int
    at: datetime
    error: str
    duration_ms: float


class JobView(msgspec.Struct, kw_only=True):
    """A job that waits, or a dead letter; `history` has its failed tries, the first one first.

    `message` as its name: something in the queue that named no job; its payload has the text.
    """

    id: UUID
    name: str
    queue: QueueName
    state: JobState
    attempts: int
    error: str | None
    payload: dict[str, Any]
    history: list[JobAttempt]
    request_id: str | None
    created_at: datetime
    run_at: datetime
    died_at: datetime | None


class JobQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of jobs."""

    state: JobState = "dead"
    queues: frozenset[QueueName] = frozenset()
    name: str | None = None
    cursor: str | None = None
    limit: int = 50


class RetryInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which dead letters are sent again: those of one kind of job, or all."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None = None


class RetriedJobs(msgspec.Struct, kw_only=True):
    """How many dead letters were sent again."""

    retried: int


class ScheduleView(msgspec.Struct, kw_only=True):
    """A job that is due again and again: by `cron`, read in `timezone`, or each `interval_seconds`.

    `missed`: what happens to slots that passed while no scheduler ran. A paused one has no next run.
    """

    id: UUID
    name: str
    job: str
    cron: str | None
    interval_seconds: int | None
    timezone: str
    missed: Literal["catch_up", "skip"]
    is_paused: bool
    last_run_at: datetime | None
    next_run_at: datetime | None
    version: int


class ScheduleChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes: `cron` and `interval_seconds` replace each other."""

    cron: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    interval_seconds: Annotated[int, msgspec.Meta(ge=10, le=31_536_000)] | UnsetType = UNSET
    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    missed: Literal["catch_up", "skip"] | UnsetType = UNSET
