"""Webhooks: where a project's events are sent, and what became of each message."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from synergy_api import params
from synergy_api.documentation import CHANGE, READ, WRITE, errors
from synergy_api.etags import expected_version
from synergy_api.lists import ItemList, whole
from synergy_api.params import CursorParam, Limit
from synergy_domain import webhooks
from synergy_domain.common import Actor
from synergy_domain.webhooks import (
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
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]

_READ = {**READ, **errors(403)}
_SECRET = {"Cache-Control": "no-store"}


@get("/webhook-events", tags=["webhooks"], responses=errors(400, 401))
async def list_webhook_events(actor: NamedDependency[Actor]) -> ItemList[WebhookEventView]:
    """The types of events that a webhook can subscribe to, each with an example of what is sent."""
    del actor  # whoever is signed in
    return whole(webhooks.webhook_events())


@get("/projects/{project_id:uuid}/webhooks", tags=["webhooks"], responses=_READ)
async def list_webhooks(
    project_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ItemList[WebhookView]:
    """All webhooks of a project, for its managers."""
    return whole(await webhooks.list_webhooks(db, actor, project_id))


@post("/projects/{project_id:uuid}/webhooks", tags=["webhooks"], opt={"secret_answer": True}, responses=WRITE)
async def create_webhook(
    project_id: FromPath[UUID],
    data: JSONBody[WebhookInput],
    state: State,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> Response[WebhookSecret]:
    """Make a webhook; the answer holds its secret, this once."""
    made = await webhooks.create_webhook(state.runtime, uow, actor, project_id, data)
    return Response(made, status_code=201, headers={"Location": f"/api/v1/webhooks/{made.webhook.id}", **_SECRET})


@get("/webhooks/{webhook_id:uuid}", tags=["webhooks"], responses=_READ)
async def get_webhook(
    webhook_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> WebhookView:
    """One webhook."""
    return await webhooks.get_webhook(db, actor, webhook_id)


@patch("/webhooks/{webhook_id:uuid}", tags=["webhooks"], responses=CHANGE)
async def change_webhook(
    webhook_id: FromPath[UUID],
    data: JSONBody[WebhookChange],
    request: AnyRequest,
    state: State,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> WebhookView:
    """Change the fields that are sent; with If-Match only the version that it names."""
    return await webhooks.change_webhook(
        state.runtime, uow, actor, webhook_id, data, expected_version=expected_version(request)
    )


@delete("/webhooks/{webhook_id:uuid}", tags=["webhooks"], responses=CHANGE)
async def delete_webhook(
    webhook_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Delete a webhook, with If-Match only the version that it names; what is on its way is cancelled."""
    await webhooks.delete_webhook(uow, actor, webhook_id, expected_version=expected_version(request))


@post("/webhooks/{webhook_id:uuid}/test", tags=["webhooks"], status_code=202, responses=WRITE)
async def test_webhook(
    webhook_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[DeliveryView]:
    """Send a `webhook.test`, once. The answer is the delivery: ask for it until it is over."""
    return _accepted(await webhooks.send_test(uow, actor, webhook_id))


@post(
    "/webhooks/{webhook_id:uuid}/rotate-secret",
    tags=["webhooks"],
    status_code=200,
    opt={"secret_answer": True},
    responses=WRITE,
)
async def rotate_webhook_secret(
    webhook_id: FromPath[UUID], state: State, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[WebhookSecret]:
    """A new secret, shown this once; the previous one signs too for 24 hours."""
    made = await webhooks.rotate_secret(state.runtime, uow, actor, webhook_id)
    return Response(made, status_code=200, headers=_SECRET)


@post("/webhooks/{webhook_id:uuid}/replay", tags=["webhooks"], status_code=202, responses=WRITE)
async def replay_webhook(
    webhook_id: FromPath[UUID],
    data: JSONBody[ReplayInput],
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ReplayView:
    """Send the events of a time again that the webhook subscribes to, at most 1000, each with its own `webhook-id`."""
    return await webhooks.replay(uow, actor, webhook_id, data)


@get("/webhooks/{webhook_id:uuid}/deliveries", tags=["webhooks"], responses=_READ)
async def list_deliveries(
    webhook_id: FromPath[UUID],
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    states: Annotated[str | None, QueryParameter(name="state", description="States, separated by commas")] = None,
    kinds: Annotated[str | None, QueryParameter(name="type", description="Types, separated by commas")] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
) -> Page[DeliverySummary]:
    """What was sent to a webhook within the last 30 days, the newest first."""
    query = DeliveryQuery(
        states=params.choices("state", states, DeliveryState), types=params.choices("type", kinds, WebhookEventType),
        since=params.moment("since", since), until=params.moment("until", until), cursor=cursor, limit=limit,
    )  # fmt: skip
    return await webhooks.list_deliveries(db, state.runtime.cursors, actor, webhook_id, query)


@get("/webhook-deliveries/{delivery_id:uuid}", tags=["webhooks"], responses=_READ)
async def get_delivery(
    delivery_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> DeliveryView:
    """One delivery with its content and every attempt."""
    return await webhooks.get_delivery(db, actor, delivery_id)


@post("/webhook-deliveries/{delivery_id:uuid}/redeliver", tags=["webhooks"], status_code=202, responses=WRITE)
async def redeliver(
    delivery_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[DeliveryView]:
    """Send the same message again, with the same `webhook-id`. The answer is the new delivery."""
    return _accepted(await webhooks.redeliver(uow, actor, delivery_id))


def _accepted(delivery: DeliveryView) -> Response[DeliveryView]:
    return Response(delivery, status_code=202, headers={"Location": f"/api/v1/webhook-deliveries/{delivery.id}"})


router = Router(
    "",
    route_handlers=[
        list_webhook_events, list_webhooks, create_webhook, get_webhook, change_webhook, delete_webhook, test_webhook,
        rotate_webhook_secret, replay_webhook, list_deliveries, get_delivery, redeliver,
    ],
)  # fmt: skip
