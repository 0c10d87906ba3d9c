"""What work takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, get_args
from uuid import UUID

import msgspec

from synergy_domain.common.contracts import Line, PersonView
from synergy_domain.projects import Priority
from synergy_domain.projects.contracts import Color
from synergy_platform.storage import StoredFile

TaskStatus = Literal["todo", "in_progress", "review", "done"]
STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)

Title = Annotated[Line, msgspec.Meta(min_length=1, max_length=200)]
SubtaskTitle = Annotated[Line, msgspec.Meta(min_length=1, max_length=300)]
LongText = Annotated[str, msgspec.Meta(max_length=100_000)]
CommentText = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
Impact = Annotated[Decimal, msgspec.Meta(description="0 to 100 with at most 2 decimals, as a string")]
StoryPoints = Annotated[int, msgspec.Meta(ge=1, le=13)]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
LabelName = Annotated[Line, msgspec.Meta(min_length=1, max_length=50)]
Ids = Annotated[list[UUID], msgspec.Meta(max_length=100)]


class TaskInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new task; it goes to the end of its column."""

    title: Title
    description: LongText = ""
    status: TaskStatus = "todo"
    priority: Priority = "medium"
    assignee_ids: Ids = []
    label_ids: Ids = []
    depends_on_ids: Ids = []
    impact: Impact = Decimal(0)
    story_points: StoryPoints | None = None
    start_date: date | None = None
    due_date: date | None = None
    estimate_minutes: Minutes | None = None


class TaskChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of a task; absent fields stay. Another status puts it at the end of that column."""

    title: Title | msgspec.UnsetType = msgspec.UNSET
    description: LongText | msgspec.UnsetType = msgspec.UNSET
    status: TaskStatus | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    assignee_ids: Ids | msgspec.UnsetType = msgspec.UNSET
    label_ids: Ids | msgspec.UnsetType = msgspec.UNSET
    depends_on_ids: Ids | msgspec.UnsetType = msgspec.UNSET
    impact: Impact | msgspec.UnsetType = msgspec.UNSET
    story_points: StoryPoints | msgspec.UnsetType | None = msgspec.UNSET
    start_date: date | msgspec.UnsetType | None = msgspec.UNSET
    due_date: date | msgspec.UnsetType | None = msgspec.UNSET
    estimate_minutes: Minutes | msgspec.UnsetType | None = msgspec.UNSET


class TaskMove(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A place on the board: before or after a task of that column, or at its end without either."""

    status: TaskStatus
    before: UUID | None = None
    after: UUID | None = None


class LabelView(msgspec.Struct, kw_only=True):
    """A label."""

    id: UUID
    name: str
    color: str


class ProjectLabelView(LabelView, kw_only=True):
    """A label by itself; If-Match compares its version."""

    version: int


class TaskReference(msgspec.Struct, kw_only=True):
    """A task as others name it."""

    id: UUID
    key: str
    title: str
    status: TaskStatus


class SubtaskCount(msgspec.Struct, kw_only=True):
    """How far a checklist is."""

    total: int
    completed: int


class TaskSummary(msgspec.Struct, kw_only=True):
    """A task in a list or on a board. `can_start`: no open dependency."""

    id: UUID
    key: str
    number: int
    project_id: UUID
    title: str
    status: TaskStatus
    priority: Priority
    reporter: PersonView | None
    assignees: list[PersonView]
    labels: list[LabelView]
    depends_on: list[TaskReference]
    blocked_by: list[TaskReference]
    blocks: list[TaskReference]
    can_start: bool
    impact: Impact
    story_points: int | None
    start_date: date | None
    due_date: date | None
    estimate_minutes: int | None
    subtasks: SubtaskCount
    comment_count: int
    attachment_count: int
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class TaskView(TaskSummary, kw_only=True):
    """A task with its text. `warnings` say what the last change should make the user think of."""

    description: str
    description_html: str
    warnings: list[str]


class BoardColumn(msgspec.Struct, kw_only=True):
    """A column; `next_cursor` goes on in the list of tasks with this status and sort=position."""

    status: TaskStatus
    total: int
    tasks: list[TaskSummary]
    next_cursor: str | None


class BoardView(msgspec.Struct, kw_only=True):
    """A project's board."""

    columns: list[BoardColumn]


class SubtaskInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new item of the checklist."""

    title: SubtaskTitle
    group: Annotated[Line, msgspec.Meta(min_length=1, max_length=200)] | None = None
    assignee_id: UUID | None = None


class SubtaskChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of an item."""

    title: SubtaskTitle | msgspec.UnsetType = msgspec.UNSET
    group: Annotated[Line, msgspec.Meta(min_length=1, max_length=200)] | msgspec.UnsetType | None = msgspec.UNSET
    is_completed: bool | msgspec.UnsetType = msgspec.UNSET
    assignee_id: UUID | msgspec.UnsetType | None = msgspec.UNSET


class SubtaskView(msgspec.Struct, kw_only=True):
    """An item of a checklist; `position` orders them."""

    id: UUID
    task_id: UUID
    title: str
    group: str | None
    is_completed: bool
    position: int
    assignee: PersonView | None
    completed_by: PersonView | None
    completed_at: datetime | None
    created_at: datetime
    version: int


class CommentInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A comment in Markdown."""

    body: CommentText


class CommentView(msgspec.Struct, kw_only=True):
    """A comment."""

    id: UUID
    task_id: UUID
    author: PersonView
    body: str
    body_html: str
    edited_at: datetime | None
    created_at: datetime
    version: int


class AttachmentUpload(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is in the storage; name and media type are as the client sent them, None where it did not."""

    file: StoredFile
    name: str | None
    media_type: str | None


class AttachmentView(msgspec.Struct, kw_only=True):
    """A file on a task; `size` in bytes, `sha256` in hex, `media_type` is what the uploader's program called it."""

    id: UUID
    task_id: UUID
    name: str
    media_type: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sha256: str
    uploader: PersonView
    created_at: datetime


class LabelInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new label."""

    name: LabelName
    color: Color


class LabelChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of a label."""

    name: LabelName | msgspec.UnsetType = msgspec.UNSET
    color: Color | msgspec.UnsetType = msgspec.UNSET


class ProgressContribution(msgspec.Struct, kw_only=True):
    """What one task adds to the progress."""

    task_id: UUID
    key: str
    title: str
    status: TaskStatus
    impact: Impact
    counts: bool


class ProgressView(msgspec.Struct, kw_only=True):
    """How a project's progress comes about. `formula` is `impact`, `count` or `none`."""

    progress: int
    formula: Literal["impact", "count", "none"]
    tasks_total: int
    tasks_done: int
    impact_total: Impact
    impact_done: Impact
    contributions: list[ProgressContribution]


class TaskQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of tasks. `assignee`: None, `none` or a user's id."""

    project_id: UUID | None = None
    status: frozenset[TaskStatus] = frozenset()
    priority: frozenset[Priority] = frozenset()
    assignee: UUID | Literal["none"] | None = None
    label_ids: frozenset[UUID] = frozenset()
    due_from: date | None = None
    due_to: date | None = None
    text: str | None = None
    everything: bool = False
    sort: str = "-created_at"
    cursor: str | None = None
    limit: int = 50
    count: bool = False
