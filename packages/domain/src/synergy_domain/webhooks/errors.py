"""What can go wrong with webhooks."""

from __future__ import annotations

from synergy_platform.errors import Conflict, NotFound


class WebhookNotFound(NotFound):
    """There is no such webhook, or the caller may not see its project."""

    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such webhook, or you may not see it.")


class DeliveryNotFound(NotFound):
    """There is no such delivery, or the caller may not see its project."""

    code = "webhook_delivery_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such delivery, or you may not see it. Deliveries are kept for 30 days.")


class TooManyWebhooks(Conflict):
    """The project has as many as it may have."""

    code = "too_many_webhooks"

    def __init__(self, most: int) -> None:
        super().__init__(f"A project has at most {most} webhooks. Delete one that is not needed.")


class WebhookInactive(Conflict):
    """Nothing is sent to an endpoint that is switched off."""

    code = "webhook_inactive"

    def __init__(self) -> None:
        super().__init__("This webhook is not active, so nothing is sent. Activate it first.")


class DeliveryPending(Conflict):
    """It is on its way, or waits for its next attempt."""

    code = "delivery_pending"

    def __init__(self) -> None:
        super().__init__("This delivery is not over yet: it is tried again by itself.")


class TooMuchToReplay(Conflict):
    """The range holds more events than one replay sends."""

    code = "too_much_to_replay"

    def __init__(self, most: int) -> None:
        super().__init__(f"There are more than {most} events in this time. Replay a shorter one.")
