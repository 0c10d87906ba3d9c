"""The verbs of endpoints: what their managers do with them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor, expect_version, given
from synergy_domain.identity import require_verified_email
from synergy_domain.projects import Access, access_to, require
from synergy_domain.webhooks import policy, repository
from synergy_domain.webhooks.catalogue import list_events
from synergy_domain.webhooks.contracts import (
    DeliveryQuery,
    DeliverySummary,
    DeliveryView,
    EventChoice,
    ReplayInput,
    ReplayView,
    WebhookChange,
    WebhookEventView,
    WebhookInput,
    WebhookSecret,
    WebhookView,
)
from synergy_domain.webhooks.delivering import enqueue_deliveries, message_of, secret_box
from synergy_domain.webhooks.errors import (
    DeliveryNotFound,
    DeliveryPending,
    TooManyWebhooks,
    TooMuchToReplay,
    WebhookInactive,
    WebhookNotFound,
)
from synergy_domain.webhooks.models import Webhook
from synergy_domain.webhooks.payloads import describe_test, ledger_types
from synergy_domain.webhooks.repository import NewDelivery
from synergy_domain.webhooks.signing import new_secret
from synergy_platform.addresses import BadUrl, check_url, parse_networks
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime

MOST_PER_PROJECT = 20
MOST_REPLAYED = 1000
SECRET_OVERLAP = timedelta(hours=24)
_SORT = "-created_at"


def webhook_events() -> list[WebhookEventView]:
    """What an endpoint can subscribe to."""
    return list_events()


async def list_webhooks(db: Reader, actor: Actor, project_id: UUID) -> list[WebhookView]:
    """All endpoints of a project; managers and owners."""
    access = await access_to(db, actor, project_id)
    require(access, policy.may_manage(access.role), "see its webhooks", on_archived=True)
    return await repository.list_webhooks(db, project_id)


async def get_webhook(db: Reader, actor: Actor, webhook_id: UUID) -> WebhookView:
    """One endpoint."""
    view, _ = await _managed(db, actor, webhook_id, "see its webhooks")
    return view


async def create_webhook(
    runtime: Runtime, uow: UnitOfWork, actor: Actor, project_id: UUID, data: WebhookInput
) -> WebhookSecret:
    """Make an endpoint; its secret is shown now and never again."""
    access = await access_to(uow, actor, project_id)
    require(access, policy.may_manage(access.role), "make webhooks")
    await require_verified_email(uow, actor)
    name = _clean_name(data.name)
    _check_address(runtime, data.url)
    if await repository.count_webhooks(uow, project_id) >= MOST_PER_PROJECT:
        raise TooManyWebhooks(MOST_PER_PROJECT)
    secret = new_secret()
    webhook = Webhook(
        id=new_id(), project_id=project_id, name=name, url=data.url, events=_chosen(data.events),
        secret=secret_box(runtime).encrypt(secret), is_active=data.is_active, created_by=actor.user_id,
        created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    uow.session.add(webhook)
    await uow.flush()
    return WebhookSecret(secret=secret, webhook=await get_webhook(uow, actor, webhook.id))


async def change_webhook(
    runtime: Runtime,
    uow: UnitOfWork,
    actor: Actor,
    webhook_id: UUID,
    data: WebhookChange,
    *,
    expected_version: int | None = None,
) -> WebhookView:
    """Change the fields that were sent. Activating forgets past failures; what waits for an inactive one is cancelled.

    Raises PreconditionFailed when the version is another than expected.
    """
    await _managed(uow, actor, webhook_id, "change its webhooks")
    webhook = await _locked(uow, webhook_id)
    await expect_version("webhook", webhook.version, expected_version, lambda: get_webhook(uow, actor, webhook_id))
    if not isinstance(data.url, msgspec.UnsetType):
        _check_address(runtime, data.url)
    before = (webhook.name, webhook.url, webhook.events, webhook.is_active)
    webhook.name = _clean_name(given(data.name, webhook.name))
    webhook.url = given(data.url, webhook.url)
    webhook.events = webhook.events if isinstance(data.events, msgspec.UnsetType) else _chosen(data.events)
    webhook.is_active = given(data.is_active, webhook.is_active)
    if webhook.is_active and not before[-1]:
        webhook.disabled_at = webhook.disabled_reason = webhook.failing_since = None
        webhook.consecutive_failures = 0
    if before != (webhook.name, webhook.url, webhook.events, webhook.is_active):
        webhook.updated_at = uow.now
        await uow.flush()
    return await get_webhook(uow, actor, webhook_id)


async def rotate_secret(runtime: Runtime, uow: UnitOfWork, actor: Actor, webhook_id: UUID) -> WebhookSecret:
    """Give it a new secret; for a day the previous one signs too, so that the receiver can change over."""
    await _managed(uow, actor, webhook_id, "change its webhooks")
    webhook = await _locked(uow, webhook_id)
    secret = new_secret()
    webhook.previous_secret, webhook.previous_secret_until = webhook.secret, uow.now + SECRET_OVERLAP
    webhook.secret = secret_box(runtime).encrypt(secret)
    webhook.updated_at = uow.now
    await uow.flush()
    return WebhookSecret(secret=secret, webhook=await get_webhook(uow, actor, webhook_id))


async def delete_webhook(
    uow: UnitOfWork, actor: Actor, webhook_id: UUID, *, expected_version: int | None = None
) -> None:
    """Send nothing there any more; its log is gone from view, and its secrets for good."""
    await _managed(uow, actor, webhook_id, "delete its webhooks")
    webhook = await _locked(uow, webhook_id)
    await expect_version("webhook", webhook.version, expected_version, lambda: get_webhook(uow, actor, webhook_id))
    webhook.deleted_at = webhook.updated_at = uow.now
    webhook.secret, webhook.previous_secret = b"", None
    await uow.flush()


async def send_test(uow: UnitOfWork, actor: Actor, webhook_id: UUID) -> DeliveryView:
    """Send `webhook.test`, once: whoever asked looks at what comes of it."""
    view, access = await _managed(uow, actor, webhook_id, "try its webhooks")
    _must_be_active(view)
    person = {"id": str(actor.user_id), "username": actor.username, "name": await _name_of(uow, actor)}
    project = {"id": str(access.project_id), "key": access.key, "name": access.name}
    message = describe_test(uow.now, str(view.id), view.name, project, person)
    delivery = NewDelivery(
        webhook_id=view.id,
        message_id=f"msg_{new_id().hex}",
        event_id=None,
        type="webhook.test",
        payload=msgspec.json.encode(message).decode(),
    )
    (delivery_id,) = await enqueue_deliveries(uow, [delivery], "test")
    return await get_delivery(uow, actor, delivery_id)


async def list_deliveries(
    db: Reader, cursors: Cursors, actor: Actor, webhook_id: UUID, query: DeliveryQuery
) -> Page[DeliverySummary]:
    """A page of what was sent to an endpoint, the newest first."""
    await _managed(db, actor, webhook_id, "see its webhooks")
    after = repository.DELIVERY_ORDER.decode(cursors, _SORT, query.cursor)
    found = await repository.list_deliveries(db, webhook_id, query, after)
    return make_page(found, query.limit, lambda last: cursors.encode(_SORT, repository.sort_values(last)), None)


async def get_delivery(db: Reader, actor: Actor, delivery_id: UUID) -> DeliveryView:
    """One delivery with its content and every attempt."""
    delivery, _ = await _managed_delivery(db, actor, delivery_id, "see its webhooks")
    return await repository.delivery_view(db, delivery)


async def redeliver(uow: UnitOfWork, actor: Actor, delivery_id: UUID) -> DeliveryView:
    """Send the same message again, as a delivery of its own with the same `webhook-id`."""
    delivery, view = await _managed_delivery(uow, actor, delivery_id, "send from its webhooks")
    _must_be_active(view)
    if delivery["state"] == "pending":
        raise DeliveryPending
    again = NewDelivery(
        webhook_id=view.id, message_id=delivery["message_id"], event_id=delivery["event_id"], type=delivery["type"],
        payload=delivery["payload"],
    )  # fmt: skip
    (new,) = await enqueue_deliveries(uow, [again], "redelivery")
    return await get_delivery(uow, actor, new)


async def replay(uow: UnitOfWork, actor: Actor, webhook_id: UUID, data: ReplayInput) -> ReplayView:
    """Send all events of a time again that the endpoint subscribes to, also those that it was not there for."""
    view, _ = await _managed(uow, actor, webhook_id, "send from its webhooks")
    _must_be_active(view)
    until = data.until or uow.now
    for pointer, moment in (("/since", data.since), ("/until", until)):
        if moment.tzinfo is None:
            raise InvalidInput.at(pointer, "must be a time with its offset, such as 2026-01-31T12:00:00Z")
    if data.since >= until:
        raise InvalidInput.at("/since", "must be before until and before now", "out_of_range")
    types = ledger_types(_chosen(view.events))
    facts = await repository.facts_between(uow, view.project_id, types, data.since, until, MOST_REPLAYED + 1)
    if len(facts) > MOST_REPLAYED:
        raise TooMuchToReplay(MOST_REPLAYED)
    await enqueue_deliveries(uow, [message_of(fact, view.id) for fact in facts], "replay")
    return ReplayView(deliveries=len(facts))


async def _managed(db: Reader, actor: Actor, webhook_id: UUID, doing: str) -> tuple[WebhookView, Access]:
    """An endpoint that the actor may manage, also in an archived project: those still send."""
    found = await repository.find_webhook(db, actor, webhook_id)
    if found is None:
        raise WebhookNotFound
    view, access = found
    require(access, policy.may_manage(access.role), doing, on_archived=True)
    return view, access


async def _managed_delivery(
    db: Reader, actor: Actor, delivery_id: UUID, doing: str
) -> tuple[asyncpg.Record, WebhookView]:
    """A delivery of an endpoint that the actor may manage, and the endpoint."""
    found = await repository.find_delivery(db, actor, delivery_id)
    if found is None:
        raise DeliveryNotFound
    delivery, view, access = found
    require(access, policy.may_manage(access.role), doing, on_archived=True)
    return delivery, view


async def _locked(uow: UnitOfWork, webhook_id: UUID) -> Webhook:
    webhook = await repository.Webhooks(session=uow.session).get_one_or_none(
        Webhook.id == webhook_id, Webhook.deleted_at.is_(None), with_for_update={"key_share": True}
    )
    if webhook is None:
        raise WebhookNotFound
    return webhook


async def _name_of(db: Reader, actor: Actor) -> str:
    return await db.value("SELECT first_name || ' ' || last_name FROM users WHERE id = $1", actor.user_id)


def _must_be_active(view: WebhookView) -> None:
    if not view.is_active:
        raise WebhookInactive


def _chosen(events: EventChoice) -> list[str]:
    """As they are stored: `["*"]` for all."""
    return ["*"] if isinstance(events, str) else sorted(set(events))


def _clean_name(name: str) -> str:
    if not name.strip():
        raise InvalidInput.at("/name", "must not be empty", "too_short")
    return name.strip()


def _check_address(runtime: Runtime, url: str) -> None:
    """Refuse what can be seen now; where a name leads is looked at whenever something is sent."""
    allowed = parse_networks(runtime.settings.webhook_allowed_networks)
    try:
        check_url(url, allowed=allowed, encrypted_only=runtime.settings.is_production)
    except BadUrl as error:
        raise InvalidInput.at("/url", str(error), "address_refused") from None
