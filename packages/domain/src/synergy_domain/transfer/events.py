"""Events of imports."""

from __future__ import annotations

from typing import ClassVar

from synergy_platform.events import Event


class ProjectImported(Event, frozen=True, kw_only=True):
    """An import is complete; the object is the project. What it brought was told before, quietly and one by one."""

    TYPE: ClassVar[str] = "project.imported"
    OBJECT: ClassVar[str] = "project"

    key: str
    name: str
    source: str
    tasks: int
    subtasks: int
    comments: int
    people: int
