"""Notifications: what reaches a person, fed by the events of others."""

from synergy_domain.notifications.contracts import (
    NotificationQuery,
    NotificationType,
    NotificationView,
    UnreadCount,
)
from synergy_domain.notifications.service import (
    DEADLINES,
    NOTIFY,
    NOTIFY_ABOUT,
    delete_old_read,
    delete_read,
    list_notifications,
    mark_all_read,
    mark_read,
    notify_about,
    notify_deadlines,
    unread_count,
)

__all__ = [
    "DEADLINES", "NOTIFY", "NOTIFY_ABOUT", "NotificationQuery", "NotificationType", "NotificationView", "UnreadCount",
    "delete_old_read", "delete_read", "list_notifications", "mark_all_read", "mark_read", "notify_about",
    "notify_deadlines", "unread_count",
]  # fmt: skip
