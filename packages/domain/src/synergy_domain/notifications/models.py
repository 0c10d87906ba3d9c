"""Tables of notifications."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Boolean, ForeignKey, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class Notification(Base):
    """Something that a user should know.

    `source_key` keeps one cause from notifying a person twice. `object_key` names what it is about: a later change to
    that is folded into it. What is not listed is there for a mail or a digest only, or was deleted by its reader and
    stays so that its cause does not tell them again.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_recipient", "recipient_id", "created_at", "id"),
        Index("ix_notifications_unread", "recipient_id", postgresql_where=text("read_at IS NULL")),
        Index("ix_notifications_object", "recipient_id", "object_key", "created_at",
              postgresql_where=text("read_at IS NULL")),
        Index("ix_notifications_digest", "recipient_id", postgresql_where=text("awaits_digest")),
        Index("uq_notifications_source", "recipient_id", "source_key", unique=True),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(300))
    message: Mapped[str] = mapped_column(Text)
    action_url: Mapped[str | None] = mapped_column(String(500))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source_key: Mapped[str] = mapped_column(String(200))
    object_key: Mapped[str | None] = mapped_column(String(120))
    is_listed: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true")
    awaits_digest: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    read_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    # when a later change was folded into it; null until then
    updated_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)


class NotificationPreferences(Base):
    """What a user chose; who chose nothing has no row.

    `channels` holds only what differs from the defaults: type → {in_app?, email?}. `digest_weekday` is 1 (Monday) to 7,
    `last_digest_on` the local day of the last digest that was due, sent or empty. `version` counts the user's choices.
    """

    __tablename__ = "notification_preferences"
    __table_args__ = (
        Index("ix_notification_preferences_digest", "user_id", postgresql_where=text("digest <> 'never'")),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    channels: Mapped[dict[str, dict[str, bool]]] = mapped_column(JSONB)
    digest: Mapped[str] = mapped_column(String(6))
    digest_time: Mapped[time]
    digest_weekday: Mapped[int] = mapped_column(SmallInteger)
    last_digest_on: Mapped[date | None]
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
