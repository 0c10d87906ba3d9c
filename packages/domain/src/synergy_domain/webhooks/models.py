"""Tables of webhooks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.models import Base, id_column


class Webhook(Base):
    """An address that a project's events are sent to.

    Secrets are encrypted; after a rotation the previous one signs too, until `previous_secret_until`. The counters are
    written by the sender and are no change of the endpoint: `version` does not count them. `failing_since` is the first
    failed attempt since the last success.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index("ix_webhooks_project", "project_id", "id", postgresql_where=text("deleted_at IS NULL")),)

    id: Mapped[UUID] = id_column()
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_until: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    disabled_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    disabled_reason: Mapped[str | None] = mapped_column(String(300))
    delivered_count: Mapped[int] = mapped_column(Integer, default=0)
    failed_count: Mapped[int] = mapped_column(Integer, default=0)
    consecutive_failures: Mapped[int] = mapped_column(Integer, default=0)
    failing_since: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_success_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_failure_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    updated_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own name


class WebhookDelivery(Base):
    """A message on its way to one endpoint: exactly one for each event that it is subscribed to.

    `message_id` is what the receiver knows it by; a redelivery or replay carries the same. `payload` is the text that
    is signed and sent.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_webhook", "webhook_id", "created_at", "id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
        Index("uq_webhook_deliveries_event", "webhook_id", "event_id", unique=True,
              postgresql_where=text("origin = 'event'")),
    )  # fmt: skip

    id: Mapped[UUID] = id_column()
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(40))
    event_id: Mapped[UUID | None]
    type: Mapped[str] = mapped_column(String(40))
    origin: Mapped[str] = mapped_column(String(12))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer)
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(300))
    next_attempt_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    finished_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)


class WebhookAttempt(Base):
    """One try of a delivery: a status, or the error that kept one from coming; `response` is its first 2 KB."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    duration_ms: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))
    response: Mapped[str | None] = mapped_column(Text)
