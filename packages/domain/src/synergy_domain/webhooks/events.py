"""Events of webhooks."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from synergy_platform.events import Event


class WebhookDisabled(Event, frozen=True, kw_only=True):
    """An endpoint was switched off after nothing but failures; `created_by` is who made it.

    Everybody in the project sees the event, so it names the host only: the rest of an address may be confidential.
    """

    TYPE: ClassVar[str] = "webhook.disabled"
    OBJECT: ClassVar[str] = "webhook"

    name: str
    host: str
    created_by: UUID
    reason: str
