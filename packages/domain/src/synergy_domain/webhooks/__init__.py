"""Webhooks: a project's events, signed and sent to the addresses that its managers name."""

from synergy_domain.webhooks.contracts import (
    DeliveryQuery,
    DeliveryState,
    DeliverySummary,
    DeliveryView,
    ReplayInput,
    ReplayView,
    WebhookChange,
    WebhookEventType,
    WebhookEventView,
    WebhookInput,
    WebhookSecret,
    WebhookView,
)
from synergy_domain.webhooks.delivering import FAN_OUT, FAN_OUT_EVENTS, SEND, fan_out, renew_secrets, send_delivery
from synergy_domain.webhooks.repository import delete_old_deliveries
from synergy_domain.webhooks.service import (
    change_webhook,
    create_webhook,
    delete_webhook,
    get_delivery,
    get_webhook,
    list_deliveries,
    list_webhooks,
    redeliver,
    replay,
    rotate_secret,
    send_test,
    webhook_events,
)
from synergy_domain.webhooks.signing import is_secret, signature_fault

__all__ = [
    "FAN_OUT", "FAN_OUT_EVENTS", "SEND", "DeliveryQuery", "DeliveryState", "DeliverySummary", "DeliveryView",
    "ReplayInput", "ReplayView", "WebhookChange", "WebhookEventType", "WebhookEventView", "WebhookInput",
    "WebhookSecret", "WebhookView", "change_webhook", "create_webhook", "delete_old_deliveries", "delete_webhook",
    "fan_out", "get_delivery", "get_webhook", "is_secret", "list_deliveries", "list_webhooks", "redeliver",
    "renew_secrets", "replay", "rotate_secret", "send_delivery", "send_test", "signature_fault", "webhook_events",
]  # fmt: skip
