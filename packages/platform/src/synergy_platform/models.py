"""Tables of the technical parts: the ledger of events, jobs and schedules. The migrations stand in the domain."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.base import DefaultBase
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from synergy_platform.ids import new_id

Base = DefaultBase


def id_column() -> Mapped[UUID]:
    """A primary key that the application makes."""
    return mapped_column(postgresql.UUID(as_uuid=True), primary_key=True, default=new_id)


class LedgerEvent(Base):
    """One fact that happened: the outbox row, and for ever after the ledger's entry.

    `seq` is null until the relay numbers it after the commit; numbers have no gaps. `ord` is the order of insertion,
    which for one object is the order of its changes, since its row is locked while they happen.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_unnumbered", "ord", postgresql_where=text("seq IS NULL")),
        Index("ix_events_project_seq", "project_id", "seq"),
        Index("ix_events_recipient_seq", "recipient_id", "seq", postgresql_where=text("recipient_id IS NOT NULL")),
        Index("ix_events_occurred_at", "occurred_at"),
    )

    id: Mapped[UUID] = id_column()
    ord: Mapped[int] = mapped_column(BigInteger, Identity(), nullable=False)
    seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    type: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(SmallInteger)
    occurred_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    actor_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    recipient_id: Mapped[UUID | None]
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[UUID]
    quiet: Mapped[bool] = mapped_column(Boolean, default=False)
    request_id: Mapped[str | None] = mapped_column(String(128))
    trace_parent: Mapped[str | None] = mapped_column(String(55))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class LedgerHead(Base):
    """The one row that holds the last number given; whoever numbers locks it."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger)


class Job(Base):
    """Work to do in the background. The row is the truth; the message in Redis is only the way to a worker.

    A worker holds the row's lock while it works and deletes it in the transaction that does the work, so the effect
    happens once. `owner` is the lease of a worker that does it without a transaction. `state`: `waiting` or `dead`;
    `history` says what each try came to.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("dedup_key"),
        Index("ix_jobs_waiting", "run_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_jobs_unpublished", "run_at", postgresql_where=text("state = 'waiting' AND published_at IS NULL")),
        Index("ix_jobs_dead", "died_at", "id", postgresql_where=text("state = 'dead'")),
        Index("ix_jobs_owner", "owner", postgresql_where=text("owner IS NOT NULL")),
    )

    id: Mapped[UUID] = id_column()
    name: Mapped[str] = mapped_column(String(80))
    queue: Mapped[str] = mapped_column(String(16))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    dedup_key: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    run_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    published_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    owner: Mapped[int | None] = mapped_column(BigInteger)
    died_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    request_id: Mapped[str | None] = mapped_column(String(128))
    trace_parent: Mapped[str | None] = mapped_column(String(55))


class Schedule(Base):
    """A job that is due again and again, by cron or at an interval.

    `missed`: what happens to slots that passed while nothing ran; `run_now_at`: somebody asked for it out of turn.
    """

    __tablename__ = "schedules"
    __table_args__ = (CheckConstraint("(cron IS NULL) <> (interval_seconds IS NULL)", name="cron_or_interval"),)

    id: Mapped[UUID] = id_column()
    name: Mapped[str] = mapped_column(String(80), unique=True)
    job: Mapped[str] = mapped_column(String(80))
    cron: Mapped[str | None] = mapped_column(String(80))
    interval_seconds: Mapped[int | None] = mapped_column(Integer)
    timezone: Mapped[str] = mapped_column(String(64))
    missed: Mapped[str] = mapped_column(String(16))
    is_paused: Mapped[bool] = mapped_column(Boolean, default=False)
    run_now_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    last_run_at: Mapped[datetime | None] = mapped_column(DateTimeUTC)
    next_run_at: Mapped[datetime] = mapped_column(DateTimeUTC)
    # counts what administrators change
    version: Mapped[int] = mapped_column(Integer, default=1, server_default=text("1"))


class IdempotencyKey(Base):
    """A POST that named a key, and what was answered: the same again gets the same answer, for 24 hours.

    It is written in the transaction that does what was asked for.
    """

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    # of address and body
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTimeUTC, index=True)


class ProcessHeartbeat(Base):
    """When a background process last said that it is alive."""

    __tablename__ = "process_heartbeats"

    process: Mapped[str] = mapped_column(String(120), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), index=True)
    seen_at: Mapped[datetime] = mapped_column(DateTimeUTC)
