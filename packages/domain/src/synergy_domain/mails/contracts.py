"""What the record of mails gives."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from synergy_platform.mail.outbox import MailState


class MailView(msgspec.Struct, kw_only=True):
    """A mail on its way or gone. `last_error` is what the server said the last time that it did not take it."""

    id: UUID
    kind: str
    to: str
    recipient_id: UUID | None
    subject: str
    state: MailState
    attempts: int
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None


class MailContent(msgspec.Struct, kw_only=True):
    """What a mail says, as it landed in the folder of a development system."""

    id: UUID
    to: str
    subject: str
    headers: dict[str, str]
    text: str
    html: str | None


class MailQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of mails, the newest first."""

    states: frozenset[MailState] = frozenset()
    to: str | None = None
    cursor: str | None = None
    limit: int = 50


__all__ = ["MailContent", "MailQuery", "MailState", "MailView"]
