"""Notifications: what reaches a person, fed by the events of others."""

from synergy_domain.notifications.contracts import (
    NotificationQuery,
    NotificationType,
    NotificationView,
    PreferencesChange,
    PreferencesView,
    UnreadCount,
    UnsubscribeView,
)
from synergy_domain.notifications.deliver import deliver
from synergy_domain.notifications.digests import DIGESTS, send_digests
from synergy_domain.notifications.drafts import Draft
from synergy_domain.notifications.preferences import (
    change_preferences,
    my_preferences,
    read_unsubscribe,
    unsubscribe,
    unsubscribe_token,
)
from synergy_domain.notifications.reminders import DEADLINES, OVERDUE, notify_deadlines, notify_overdue
from synergy_domain.notifications.service import (
    delete_old,
    delete_read,
    list_notifications,
    mark_all_read,
    mark_read,
    unread_count,
)
from synergy_domain.notifications.triggers import NOTIFY, NOTIFY_ABOUT, notify_about

__all__ = [
    "DEADLINES", "DIGESTS", "NOTIFY", "NOTIFY_ABOUT", "OVERDUE", "Draft", "NotificationQuery", "NotificationType",
    "NotificationView", "PreferencesChange", "PreferencesView", "UnreadCount", "UnsubscribeView",
    "change_preferences", "delete_old", "delete_read", "deliver", "list_notifications", "mark_all_read", "mark_read",
    "my_preferences", "notify_about", "notify_deadlines", "notify_overdue", "read_unsubscribe", "send_digests",
    "unread_count", "unsubscribe", "unsubscribe_token",
]  # fmt: skip
