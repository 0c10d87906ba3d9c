"""Events of work. Long texts do not travel in them: a reader fetches the object."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from synergy_platform.events import Event


class TaskCreated(Event, frozen=True, kw_only=True):
    """A task was made."""

    TYPE: ClassVar[str] = "task.created"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str
    status: str
    task_version: int = 1


class TaskUpdated(Event, frozen=True, kw_only=True):
    """Fields of a task changed; `changes` is field → [before, after]."""

    TYPE: ClassVar[str] = "task.updated"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str
    task_version: int
    changes: dict[str, list[Any]]


class TaskAssigned(Event, frozen=True, kw_only=True):
    """People were put on a task."""

    TYPE: ClassVar[str] = "task.assigned"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str
    task_version: int
    assignee_ids: list[UUID]


class TaskMoved(Event, frozen=True, kw_only=True):
    """A task has another place on the board."""

    TYPE: ClassVar[str] = "task.moved"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str
    task_version: int
    from_status: str
    to_status: str


class TaskCompleted(Event, frozen=True, kw_only=True):
    """A task is done."""

    TYPE: ClassVar[str] = "task.completed"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str
    task_version: int


class TaskDeleted(Event, frozen=True, kw_only=True):
    """A task went to the trash."""

    TYPE: ClassVar[str] = "task.deleted"
    OBJECT: ClassVar[str] = "task"

    key: str
    title: str


class SubtaskCreated(Event, frozen=True, kw_only=True):
    """An item was added to a checklist."""

    TYPE: ClassVar[str] = "subtask.created"
    OBJECT: ClassVar[str] = "subtask"

    task_id: UUID
    task_key: str
    title: str


class SubtaskUpdated(Event, frozen=True, kw_only=True):
    """An item of a checklist changed; `changes` is field → [before, after]."""

    TYPE: ClassVar[str] = "subtask.updated"
    OBJECT: ClassVar[str] = "subtask"

    task_id: UUID
    task_key: str
    title: str
    changes: dict[str, list[Any]]


class SubtaskDeleted(Event, frozen=True, kw_only=True):
    """An item was taken off a checklist."""

    TYPE: ClassVar[str] = "subtask.deleted"
    OBJECT: ClassVar[str] = "subtask"

    task_id: UUID
    task_key: str
    title: str


class CommentCreated(Event, frozen=True, kw_only=True):
    """Somebody commented on a task; `excerpt` is the beginning of the text."""

    TYPE: ClassVar[str] = "comment.created"
    OBJECT: ClassVar[str] = "comment"

    task_id: UUID
    task_key: str
    task_title: str
    excerpt: str
    mentioned_ids: list[UUID]


class CommentUpdated(Event, frozen=True, kw_only=True):
    """A comment was edited; `mentioned_ids` are those who were not mentioned before."""

    TYPE: ClassVar[str] = "comment.updated"
    OBJECT: ClassVar[str] = "comment"

    task_id: UUID
    task_key: str
    task_title: str
    excerpt: str
    mentioned_ids: list[UUID]


class CommentDeleted(Event, frozen=True, kw_only=True):
    """A comment went to the trash."""

    TYPE: ClassVar[str] = "comment.deleted"
    OBJECT: ClassVar[str] = "comment"

    task_id: UUID
    task_key: str


class LabelCreated(Event, frozen=True, kw_only=True):
    """A project has a new label."""

    TYPE: ClassVar[str] = "label.created"
    OBJECT: ClassVar[str] = "label"

    name: str
    color: str


class LabelUpdated(Event, frozen=True, kw_only=True):
    """A label has another name or colour."""

    TYPE: ClassVar[str] = "label.updated"
    OBJECT: ClassVar[str] = "label"

    name: str
    color: str


class LabelDeleted(Event, frozen=True, kw_only=True):
    """A label is gone, from its tasks too."""

    TYPE: ClassVar[str] = "label.deleted"
    OBJECT: ClassVar[str] = "label"

    name: str


class AttachmentCreated(Event, frozen=True, kw_only=True):
    """A file was added to a task; `size` in bytes."""

    TYPE: ClassVar[str] = "attachment.created"
    OBJECT: ClassVar[str] = "attachment"

    task_id: UUID
    task_key: str
    name: str
    size: int


class AttachmentDeleted(Event, frozen=True, kw_only=True):
    """A file of a task went to the trash."""

    TYPE: ClassVar[str] = "attachment.deleted"
    OBJECT: ClassVar[str] = "attachment"

    task_id: UUID
    task_key: str
    name: str
