"""The table of mails."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Index, Integer, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class OutgoingMail(Base):
    """A mail on its way or gone. `state`: `queued`, `sent`, `bounced` (refused for good) or `failed` (given up).

    What it says is there only while it is queued, and encrypted (`sealed`): it may hold links that sign in. The release
    before kept it in `text`, `html` and `headers`.
    """

    __tablename__ = "mails"
    __table_args__ = (
        Index("ix_mails_created", "created_at", "id"),
        Index("ix_mails_state", "state", "created_at", "id"),
    )

    id: Mapped[UUID] = id_column()
    # no foreign key: the record outlives the user
    recipient_id: Mapped[UUID | None]
    to_address: Mapped[str] = mapped_column(String(254))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    headers: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    sent_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
