"""A notification before it is known how it reaches its recipient."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from synergy_domain.notifications.contracts import NotificationType


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A notification for one person.

    The same `source_key` reaches them once. `object_key` names what it is about: it is folded into an unread one of
    its type about the same that is not older than five minutes; without, it stands alone. `mailed_already`: another
    mail says it, so this sends none.
    """

    recipient_id: UUID
    type: NotificationType
    title: str
    message: str
    action_url: str
    data: dict[str, Any]
    source_key: str
    object_key: str | None = None
    mailed_already: bool = False
