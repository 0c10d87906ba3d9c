"""How events become messages, and how a message reaches its receiver.

Each event makes exactly one delivery for each endpoint that subscribes to it, in the transaction of the job that looks
at the event. Each delivery is sent at least once: a process may die between sending and recording it, and then it is
sent again with the same `webhook-id`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog

from synergy_domain.webhooks import repository
from synergy_domain.webhooks.contracts import DeliveryOrigin
from synergy_domain.webhooks.events import WebhookDisabled
from synergy_domain.webhooks.payloads import LEDGER_TYPES, LedgerFact, describe, webhook_type
from synergy_domain.webhooks.repository import Attempted, NewDelivery, Shipment
from synergy_domain.webhooks.signing import signed_headers
from synergy_platform.database import UnitOfWork
from synergy_platform.jobs import Finish
from synergy_platform.outgoing import OutgoingFault
from synergy_platform.runtime import Runtime
from synergy_platform.secretbox import SecretBox, SecretUnreadable
from synergy_platform.tracing import trace_parent

FAN_OUT = "webhooks.fan_out"
FAN_OUT_EVENTS = LEDGER_TYPES
SEND = "webhooks.send"

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
_JITTER = 0.1
DISABLE_AFTER = timedelta(days=3)
_DISABLED_REASON = "Nothing reached it for 3 days."

# A full host keeps a place of the queue only as long as a quick receiver needs to make room; then others go first.
_WAIT_FOR_PLACE_SECONDS = 0.5
_LONGEST_STEP_ASIDE_SECONDS = 30.0

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt; `duration_ms` in milliseconds."""

    started_at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    response: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def secret_box(runtime: Runtime) -> SecretBox:
    """Encrypts the secrets of endpoints."""
    return SecretBox(runtime.keyring, "webhooks")


def message_of(fact: LedgerFact, webhook_id: UUID) -> NewDelivery:
    """The message of an event for one endpoint; its id is the event's, however often and wherever it is sent."""
    return NewDelivery(
        webhook_id=webhook_id,
        message_id=f"msg_{UUID(fact.id).hex}",
        event_id=UUID(fact.id),
        type=webhook_type(fact.type),
        payload=msgspec.json.encode(describe(fact)).decode(),
    )


async def enqueue_deliveries(uow: UnitOfWork, deliveries: Sequence[NewDelivery], origin: DeliveryOrigin) -> list[UUID]:
    """Put messages on their way with the commit; the ids of those that were not there already."""
    if not deliveries:
        return []
    added = await repository.add_deliveries(uow, deliveries, origin)
    for delivery_id in added:
        uow.enqueue(SEND, {"delivery_id": str(delivery_id)}, queue="io", dedup_key=f"webhook:{delivery_id}")
    return added


async def fan_out(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job, for each event of a type that has a meaning outside: a delivery for each endpoint that subscribes to it.

    Imports too: people are not told of each card, but a program that mirrors the project has to be.
    """
    found = await repository.find_wanted_fact(uow, UUID(payload["event_id"]))
    if found is None:
        return
    fact, endpoints = found
    wanted = {"*", webhook_type(fact.type)}
    messages = [message_of(fact, endpoint) for endpoint, chosen in endpoints.items() if not wanted.isdisjoint(chosen)]
    await enqueue_deliveries(uow, messages, "event")


async def send_delivery(runtime: Runtime, payload: dict[str, Any], attempt: int) -> Finish:
    """Job of the queue io: one attempt at a delivery, unless that is over or nobody wants it any more.

    `attempt` counts the tries of the job; how often the message was sent stands in the delivery.
    """
    delivery_id = UUID(payload["delivery_id"])
    shipment = await repository.find_shipment(runtime.database.reader(), delivery_id)
    if shipment is None:
        return _nothing
    if not shipment.is_wanted:

        async def cancel(uow: UnitOfWork) -> None:
            await repository.cancel_delivery(uow, delivery_id)

        return cancel
    async with runtime.outgoing.place_at(shipment.url, wait=_WAIT_FOR_PLACE_SECONDS) as has_place:
        if not has_place:
            return _step_aside(attempt)
        outcome = await _try(runtime, shipment)

    async def finish(uow: UnitOfWork) -> timedelta | None:
        return await _record(uow, shipment, outcome)

    return finish


async def _nothing(_uow: UnitOfWork) -> None:
    """The job is over without a trace."""


def _step_aside(attempt: int) -> Finish:
    """The host has as many as it gets: nothing was sent, so nothing is counted. The longer it lasts, the rarer."""
    seconds = random.uniform(0.5, 1) * min(_LONGEST_STEP_ASIDE_SECONDS, 2.0 ** min(attempt, 10))  # noqa: S311 - spreads load

    async def again(_uow: UnitOfWork) -> timedelta:
        return timedelta(seconds=seconds)

    return again


async def _try(runtime: Runtime, shipment: Shipment) -> _Outcome:
    started_at, clock = runtime.clock.now(), time.perf_counter()

    def took() -> int:
        return round((time.perf_counter() - clock) * 1000)

    body = shipment.payload.encode()
    # not the address: where somebody has their messages sent is theirs to know, and some have a secret in the path
    attributes = {"http.request.method": "POST", "synergy.webhook_id": str(shipment.webhook_id)}
    try:
        with runtime.tracing.span("POST webhook", "client", trace_parent.get(), attributes) as span:
            headers = signed_headers(_keys(runtime, shipment, started_at), shipment.message_id, started_at, body)
            answer = await runtime.outgoing.post(shipment.url, body, headers | _origin())
            if span is not None:
                span.set("http.response.status_code", answer.status)
                if answer.status >= 400:
                    span.fail(str(answer.status))
    except (OutgoingFault, SecretUnreadable) as fault:
        return _Outcome(started_at=started_at, duration_ms=took(), error=str(fault)[:300])
    redirected = 300 <= answer.status < 400
    return _Outcome(
        started_at=started_at,
        duration_ms=took(),
        status=answer.status,
        error="Redirects are not followed: give the webhook the final address." if redirected else None,
        response=answer.text,
    )


def _origin() -> dict[str, str]:
    """Headers by which a receiver finds the request that caused the message, and goes on with its trace."""
    named = {
        "x-request-id": structlog.contextvars.get_contextvars().get("request.id"),
        "traceparent": trace_parent.get(),
    }
    return {name: value for name, value in named.items() if value}


def _keys(runtime: Runtime, shipment: Shipment, now: datetime) -> list[str]:
    """The secrets that sign: the present one, and for a while after a rotation the one before."""
    box = secret_box(runtime)
    keys = [box.decrypt(shipment.secret)]
    if shipment.previous_secret and shipment.previous_secret_until and now < shipment.previous_secret_until:
        keys.append(box.decrypt(shipment.previous_secret))
    return keys


async def _record(uow: UnitOfWork, shipment: Shipment, outcome: _Outcome) -> timedelta | None:
    """Record an attempt; the time until the next one, if there is to be one."""
    delay: timedelta | None = None
    # whoever tries an endpoint out looks at the first answer
    if not outcome.is_success and shipment.origin != "test" and shipment.attempts < len(RETRIES):
        delay = RETRIES[shipment.attempts] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load
    state = "delivered" if outcome.is_success else "failed" if delay is None else "pending"
    attempted = Attempted(
        **msgspec.structs.asdict(outcome),
        state=state,
        next_attempt_at=None if delay is None else uow.now + delay,
    )
    health = await repository.record_attempt(uow, shipment, attempted)
    if health is None:  # another process sent it too, and was quicker to say so
        return None
    log.info(
        "webhook.delivered" if outcome.is_success else "webhook.failed",
        webhook_id=str(shipment.webhook_id),
        delivery_id=str(shipment.id),
        type=shipment.type,
        attempt=shipment.attempts + 1,
        state=state,
        status=outcome.status,
        duration_ms=outcome.duration_ms,
    )
    if health.is_active and health.failing_since is not None and uow.now - health.failing_since >= DISABLE_AFTER:
        await repository.disable_webhook(uow, shipment.webhook_id, _DISABLED_REASON)
        event = WebhookDisabled(
            object_id=shipment.webhook_id,
            project_id=health.project_id,
            name=health.name,
            host=urlsplit(health.url).hostname or "",
            created_by=health.created_by,
            reason=_DISABLED_REASON,
        )
        uow.emit(event, by=None)
    return delay


async def renew_secrets(runtime: Runtime, uow: UnitOfWork) -> int:
    """Encrypt with the first key of SECRET_KEY what another one encrypted, so that old ones may go; how many."""
    box, renewed = secret_box(runtime), 0
    for row in await repository.stored_secrets(uow):
        try:
            secret = box.renew(row["secret"])
            previous = box.renew(row["previous_secret"]) if row["previous_secret"] else None
        except SecretUnreadable:
            log.warning("webhook.secret_unreadable", webhook_id=str(row["id"]))
            continue
        if secret is not None or previous is not None:
            await repository.store_secrets(
                uow, row["id"], row["secret"], secret or row["secret"], previous or row["previous_secret"]
            )
            renewed += 1
    return renewed
