"""The shapes of the small demo's script.

Ages are in days before today, dates in days from today.
"""

from __future__ import annotations

import msgspec

from synergy_domain.projects import GrantableRole, Priority, ProjectStatus
from synergy_domain.work import TaskStatus


class Said(msgspec.Struct, frozen=True):
    """A comment."""

    who: str
    age: float
    text: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is today. `checklist` items that begin with `x ` are ticked; `after` are titles of other tasks."""

    title: str
    status: TaskStatus
    by: str
    age: float
    to: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    priority: Priority = "medium"
    points: int | None = None
    impact: int = 0
    due: int | None = None
    text: str = ""
    checklist: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    key: str
    name: str
    text: str
    status: ProjectStatus
    priority: Priority
    color: str
    owner: str
    age: float
    ends: int
    members: dict[str, GrantableRole]
    labels: dict[str, str]
    jobs: tuple[Job, ...]
