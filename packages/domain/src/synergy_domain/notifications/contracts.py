"""What notifications take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from synergy_domain.common.contracts import END

NotificationType = Literal[
    "task_assigned", "task_updated", "task_completed", "task_overdue", "mention", "comment_added", "milestone_due",
    "milestone_completed", "milestone_overdue", "project_created", "project_updated", "project_completed",
    "deadline_approaching", "member_added", "invitation", "proof_submitted", "proof_reviewed", "webhook_disabled",
    "backup_failed", "system",
]  # fmt: skip
Digest = Literal["never", "daily", "weekly"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LocalTime = Annotated[
    str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d" + END, description="A local time such as 09:00")
]


class NotificationView(msgspec.Struct, kw_only=True):
    """Something that a user should know; `action_url` is a path of the web app.

    A later change to the same object is folded in while it is unread, for five minutes: `data.count` says how many it
    stands for then, and `updated_at` when the last one came; `created_at` stays.
    """

    id: UUID
    type: NotificationType
    title: str
    message: str
    action_url: str | None
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime
    updated_at: datetime


class UnreadCount(msgspec.Struct, kw_only=True):
    """How many notifications wait."""

    unread: int


class NotificationQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of one's notifications."""

    unread: bool = False
    types: frozenset[NotificationType] = frozenset()
    cursor: str | None = None
    limit: int = 50


class Channels(msgspec.Struct, kw_only=True):
    """Where notifications of a type go."""

    in_app: bool
    email: bool


class TypePreference(msgspec.Struct, kw_only=True):
    """What a type of notification is called, and where it goes."""

    label: str
    in_app: bool
    email: bool


class PreferencesView(msgspec.Struct, kw_only=True):
    """What a user is told and how; times are local to `timezone`, which is the profile's.

    Mails go only to a verified address. With a digest, those that would be mailed one by one wait for it;
    `digest_weekday` counts for weekly ones.
    """

    types: dict[NotificationType, TypePreference]
    digest: Digest
    digest_time: str
    digest_weekday: Weekday
    timezone: str
    email_verified: bool
    version: int


class ChannelsChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Channels to switch on or off."""

    in_app: bool | msgspec.UnsetType = msgspec.UNSET
    email: bool | msgspec.UnsetType = msgspec.UNSET


class PreferencesChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to change; types and channels that are not named stay as they are."""

    types: dict[str, ChannelsChange] | msgspec.UnsetType = msgspec.UNSET
    digest: Digest | msgspec.UnsetType = msgspec.UNSET
    digest_time: LocalTime | msgspec.UnsetType = msgspec.UNSET
    digest_weekday: Weekday | msgspec.UnsetType = msgspec.UNSET


class UnsubscribeView(msgspec.Struct, kw_only=True):
    """What an unsubscribe link switches off: mails of one type, or all of them (`digest`); whether they still come."""

    type: NotificationType | Literal["digest"]
    label: str
    subscribed: bool
