"""Events of notifications: personal, seen by their recipient alone."""

from __future__ import annotations

from typing import ClassVar

from synergy_platform.events import Event


class NotificationCreated(Event, frozen=True, kw_only=True):
    """Somebody has something new to know."""

    TYPE: ClassVar[str] = "notification.created"
    OBJECT: ClassVar[str] = "notification"

    type: str
    title: str


class NotificationUpdated(Event, frozen=True, kw_only=True):
    """A later change was folded into a notification that is not read yet."""

    TYPE: ClassVar[str] = "notification.updated"
    OBJECT: ClassVar[str] = "notification"

    type: str
    title: str


class NotificationsRead(Event, frozen=True, kw_only=True):
    """Somebody read one (the object) or all (the object is the user) of their notifications."""

    TYPE: ClassVar[str] = "notification.read"
    OBJECT: ClassVar[str] = "notification"

    everything: bool
