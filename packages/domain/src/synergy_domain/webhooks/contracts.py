"""What webhooks take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from synergy_domain.common import Line, PersonView

WebhookEventType = Literal[
    "project.created",
    "project.updated",
    "project.deleted",
    "task.created",
    "task.updated",
    "task.completed",
    "task.deleted",
    "member.invited",
    "member.joined",
    "member.removed",
    "message.created",
    "comment.created",
    "sprint.started",
    "sprint.completed",
    "milestone.completed",
    "proof.submitted",
    "webhook.test",
]
DeliveryState = Literal["pending", "delivered", "failed", "cancelled"]
DeliveryOrigin = Literal["event", "test", "redelivery", "replay"]

EventChoice = Annotated[
    Literal["*"] | Annotated[list[WebhookEventType], msgspec.Meta(min_length=1, max_length=50)],
    msgspec.Meta(description="`*` for all, or a list of types"),
]
WebhookName = Annotated[Line, msgspec.Meta(min_length=1, max_length=100)]
WebhookUrl = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=2000, description="A public http(s) address", examples=["https://example.org/hook"]
    ),
]


class WebhookInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new endpoint."""

    name: WebhookName
    url: WebhookUrl
    events: EventChoice = "*"
    is_active: bool = True


class WebhookChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of an endpoint; absent fields stay. `is_active: true` also lifts a disabling."""

    name: WebhookName | msgspec.UnsetType = msgspec.UNSET
    url: WebhookUrl | msgspec.UnsetType = msgspec.UNSET
    events: EventChoice | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class ReplayInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The time to replay, by when the events were recorded; `until` is now unless it is sent."""

    since: datetime
    until: datetime | None = None


class WebhookView(msgspec.Struct, kw_only=True):
    """An endpoint.

    `delivered_count` and `failed_count` count deliveries that are over, `consecutive_failures` counts attempts.
    `failing_since` is the first failure since the last success; `disabled_at` is when that had gone on for too long.
    Until `previous_secret_until` messages are signed with the previous secret too.
    """

    id: UUID
    project_id: UUID
    name: str
    url: str
    events: EventChoice
    is_active: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    previous_secret_until: datetime | None
    delivered_count: int
    failed_count: int
    consecutive_failures: int
    failing_since: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    created_by: PersonView
    created_at: datetime
    updated_at: datetime
    version: int


class WebhookSecret(msgspec.Struct, kw_only=True):
    """A secret, shown this once: whoever receives the messages verifies them with it."""

    secret: str
    webhook: WebhookView


class DeliverySummary(msgspec.Struct, kw_only=True):
    """A message to an endpoint; `message_id` is its `webhook-id`, `attempt_count` how often it was tried."""

    id: UUID
    webhook_id: UUID
    message_id: str
    type: WebhookEventType
    origin: DeliveryOrigin
    state: DeliveryState
    attempt_count: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    finished_at: datetime | None
    created_at: datetime


class AttemptView(msgspec.Struct, kw_only=True):
    """One try: the status that came back, or why none did. `response` is the beginning of the body, up to 2 KB."""

    number: int
    started_at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    response: str | None


class DeliveryView(DeliverySummary, kw_only=True):
    """A message with its content and every attempt."""

    payload: dict[str, Any]
    attempts: list[AttemptView]


class ReplayView(msgspec.Struct, kw_only=True):
    """How many messages are sent again."""

    deliveries: int


class WebhookEventView(msgspec.Struct, kw_only=True):
    """A type of events that an endpoint can subscribe to. Not `available`: named already, and not sent yet."""

    type: WebhookEventType
    description: str
    available: bool
    example: dict[str, Any]


class DeliveryQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of an endpoint's deliveries."""

    states: frozenset[DeliveryState] = frozenset()
    types: frozenset[WebhookEventType] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50
