"""Tables of work."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from synergy_domain.work.contracts import TaskStatus
from synergy_platform.models import Base, id_column

_ALIVE = text("deleted_at IS NULL")


class Task(Base):
    """A piece of work."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("uq_tasks_number", "project_id", "number", unique=True),
        Index("ix_tasks_column", "project_id", "status", "position", "id", postgresql_where=_ALIVE),
        Index("ix_tasks_created", "project_id", "created_at", "id", postgresql_where=_ALIVE),
        Index("ix_tasks_updated", "project_id", "updated_at", "id", postgresql_where=_ALIVE),
        Index("ix_tasks_due", "due_date", postgresql_where=text("deleted_at IS NULL AND status <> 'done'")),
    )

    id: Mapped[UUID] = id_column()
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    description_html: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[TaskStatus] = mapped_column(String(12), default="todo")
    priority: Mapped[str] = mapped_column(String(8), default="medium")
    reporter_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    impact: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    story_points: Mapped[int | None] = mapped_column(SmallInteger)
    start_date: Mapped[date | None]
    due_date: Mapped[date | None]
    estimate_minutes: Mapped[int | None] = mapped_column(Integer)
    # a fractional index: there is always a place between two others; compared byte by byte
    position: Mapped[str] = mapped_column(Text(collation="C"))
    completed_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1)
    # kept here, since counting the rows of `attachments` makes boards and lists slower by a tenth
    attachment_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class TaskAssignee(Base):
    """Who works on a task."""

    __tablename__ = "task_assignees"
    __table_args__ = (Index("ix_task_assignees_user", "user_id", "task_id"),)

    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Label(Base):
    """A coloured word of a project."""

    __tablename__ = "labels"
    __table_args__ = (Index("uq_labels_name", "project_id", text("lower(name)"), unique=True),)

    id: Mapped[UUID] = id_column()
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(50))
    color: Mapped[str] = mapped_column(String(7))
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class TaskLabel(Base):
    """A label on a task."""

    __tablename__ = "task_labels"

    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    label_id: Mapped[UUID] = mapped_column(ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True, index=True)


class TaskDependency(Base):
    """`task_id` can start when `depends_on_id` is done."""

    __tablename__ = "task_dependencies"
    __table_args__ = (CheckConstraint("task_id <> depends_on_id", name="not_itself"),)

    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    depends_on_id: Mapped[UUID] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Subtask(Base):
    """An item of a task's checklist."""

    __tablename__ = "subtasks"
    __table_args__ = (Index("ix_subtasks_task", "task_id", "position"),)

    id: Mapped[UUID] = id_column()
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(300))
    group_name: Mapped[str | None] = mapped_column(String(200))
    is_completed: Mapped[bool] = mapped_column(Boolean, default=False)
    position: Mapped[int] = mapped_column(Integer)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    completed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    completed_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class Comment(Base):
    """What somebody said about a task."""

    __tablename__ = "comments"
    __table_args__ = (Index("ix_comments_task", "task_id", "created_at", "id", postgresql_where=_ALIVE),)

    id: Mapped[UUID] = id_column()
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    body: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    edited_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class Attachment(Base):
    """A file on a task; its content is in the storage under `file_key`."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index("ix_attachments_task", "task_id", "created_at", "id", postgresql_where=_ALIVE),
        Index("uq_attachments_file", "file_key", unique=True),
    )

    id: Mapped[UUID] = id_column()
    task_id: Mapped[UUID] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    uploader_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(127))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    file_key: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
