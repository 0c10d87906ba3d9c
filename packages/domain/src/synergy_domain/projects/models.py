"""Tables of projects."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class Project(Base):
    """A project; who may see it stands in `project_members`."""

    __tablename__ = "projects"
    __table_args__ = (
        Index("ix_projects_updated", "updated_at", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("uq_projects_import_source", "owner_id", "import_source", unique=True,
              postgresql_where=text("deleted_at IS NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    key: Mapped[str] = mapped_column(String(6), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    description_html: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(12), default="planning")
    priority: Mapped[str] = mapped_column(String(8), default="medium")
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    budget: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    currency: Mapped[str | None] = mapped_column(String(3))
    color: Mapped[str | None] = mapped_column(String(7))
    enforce_dependencies: Mapped[bool] = mapped_column(Boolean, default=False)
    proof_required: Mapped[bool] = mapped_column(Boolean, default=False)
    archived_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    # where it was imported from (`trello:<board id>`), so that the same file adds nothing the second time
    import_source: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class RetiredProjectKey(Base):
    """A key that a purged project had: keys are never used again."""

    __tablename__ = "retired_project_keys"

    key: Mapped[str] = mapped_column(String(6), primary_key=True)


class ProjectCounters(Base):
    """What is counted for each project, kept by increments: its cost does not grow with the number of tasks.

    Every writer of positions holds this row's lock too, so that two drags cannot get the same place.
    """

    __tablename__ = "project_counters"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    last_number: Mapped[int] = mapped_column(Integer, default=0)
    tasks_total: Mapped[int] = mapped_column(Integer, default=0)
    tasks_done: Mapped[int] = mapped_column(Integer, default=0)
    impact_total: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))
    impact_done: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))


class Member(Base):
    """A user's place in a project."""

    __tablename__ = "project_members"
    __table_args__ = (
        Index("ix_project_members_user", "user_id", "project_id"),
        # one owner
        Index("uq_project_members_owner", "project_id", unique=True, postgresql_where=text("role = 'owner'")),
    )

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8))
    joined_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    added_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))


class Invitation(Base):
    """Somebody who was asked into a project by mail; the link is stored hashed, and good once."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index("uq_invitations_open", "project_id", text("lower(email)"), unique=True,
              postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(8))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    sent_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    expires_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)
    accepted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    accepted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class AdminAccess(Base):
    """An administrator looked into or changed a project that is not theirs: recorded once an hour."""

    __tablename__ = "admin_accesses"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    # the beginning of the hour
    hour: Mapped[datetime] = mapped_column(DateTimeUTC, primary_key=True)
