"""What notifications take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

NotificationType = Literal["task_assigned", "mention", "comment_added", "deadline_approaching", "system"]


class NotificationView(msgspec.Struct, kw_only=True):
    """Something that a user should know; `action_url` is a path of the web app."""

    id: UUID
    type: NotificationType
    title: str
    message: str
    action_url: str | None
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


class UnreadCount(msgspec.Struct, kw_only=True):
    """How many notifications wait."""

    unread: int


class NotificationQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of one's notifications."""

    unread: bool = False
    types: frozenset[NotificationType] = frozenset()
    cursor: str | None = None
    limit: int = 50
