"""The table of maintenance."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class MaintenanceRecord(Base):
    """That something which keeps the system well was done, and how it went; never changed afterwards.

    No foreign key: who did it may be a container, a schedule or an operator at a terminal.
    """

    __tablename__ = "maintenance_records"
    __table_args__ = (Index("ix_maintenance_records_task", "task", "finished_at"),)

    id: Mapped[UUID] = id_column()
    task: Mapped[str] = mapped_column(String(60))
    outcome: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    finished_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    done_by: Mapped[str] = mapped_column(String(100))
    summary: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
