"""Jobs of the notifications domain."""

from __future__ import annotations

from synergy_domain import notifications
from synergy_platform.jobs import JobHandler

HANDLERS = (
    JobHandler(
        name=notifications.NOTIFY,
        function=notifications.notify_about,
        events=notifications.NOTIFY_ABOUT,
        skips_quiet=True,
    ),
    JobHandler(name=notifications.DEADLINES, function=notifications.notify_deadlines),
    JobHandler(name=notifications.OVERDUE, function=notifications.notify_overdue),
    JobHandler(name=notifications.DIGESTS, function=notifications.send_digests),
)
