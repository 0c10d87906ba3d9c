"""All SQL of webhooks. Every read of a user begins at what they may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from advanced_alchemy.repository import SQLAlchemyAsyncRepository

from synergy_domain.common import Actor, PersonView
from synergy_domain.projects import ACCESS_COLUMNS, Access, to_access
from synergy_domain.webhooks.contracts import (
    AttemptView,
    DeliveryOrigin,
    DeliveryQuery,
    DeliverySummary,
    DeliveryView,
    WebhookView,
)
from synergy_domain.webhooks.models import Webhook
from synergy_domain.webhooks.payloads import LedgerFact
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.ids import first_id_at, new_id
from synergy_platform.sql import Keyset, Where

_VIEW = """w.id, w.project_id, w.name, w.url, w.events, w.is_active, w.disabled_at, w.disabled_reason,
           CASE WHEN w.previous_secret IS NOT NULL THEN w.previous_secret_until END AS previous_secret_until,
           w.delivered_count, w.failed_count, w.consecutive_failures, w.failing_since, w.last_success_at,
           w.last_failure_at, w.created_at, w.updated_at, w.version,
           c.id AS creator_id, c.username AS creator_username, c.first_name || ' ' || c.last_name AS creator_name"""
_VISIBLE = """JOIN projects p ON p.id = w.project_id AND p.deleted_at IS NULL
              LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
              WHERE w.deleted_at IS NULL AND (m.role IS NOT NULL OR $2)"""
_SUMMARY = """d.id, d.webhook_id, d.message_id, d.type, d.origin, d.state, d.attempts, d.last_status, d.last_error,
              d.next_attempt_at, d.finished_at, d.created_at"""
_FACT = """e.id, e.seq, e.type, e.occurred_at, e.object_type, e.object_id, e.quiet, e.data::text AS data, e.project_id,
           p.key AS project_key, p.name AS project_name,
           u.id AS actor_id, u.username, u.first_name || ' ' || u.last_name AS actor_name, i.email AS invited
           FROM events e JOIN projects p ON p.id = e.project_id LEFT JOIN users u ON u.id = e.actor_id
           LEFT JOIN invitations i ON e.type = 'member.invited' AND i.id = e.object_id"""

DELIVERY_ORDER = Keyset((("d.created_at", "timestamp", "desc"),), "d.id")


class Webhooks(SQLAlchemyAsyncRepository[Webhook]):
    """Endpoints, to change them."""

    model_type = Webhook


class NewDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message to put on its way; `event_id` is the ledger's event that it tells of."""

    webhook_id: UUID
    message_id: str
    event_id: UUID | None
    type: str
    payload: str


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender needs: the message, where it goes, and the encrypted secrets that sign it."""

    id: UUID
    webhook_id: UUID
    message_id: str
    type: str
    origin: DeliveryOrigin
    payload: str
    attempts: int
    is_wanted: bool
    url: str
    secret: bytes
    previous_secret: bytes | None
    previous_secret_until: datetime | None


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt, and what the delivery becomes by it."""

    started_at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    response: str | None
    state: str
    next_attempt_at: datetime | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint does after an attempt."""

    project_id: UUID
    name: str
    url: str
    created_by: UUID
    is_active: bool
    failing_since: datetime | None


async def count_webhooks(uow: UnitOfWork, project_id: UUID) -> int:
    """How many a project has; whoever adds one waits for others who do."""
    await uow.value("SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE", project_id)
    return await uow.value("SELECT count(*) FROM webhooks WHERE project_id = $1 AND deleted_at IS NULL", project_id)


async def list_webhooks(db: Reader, project_id: UUID) -> list[WebhookView]:
    """All of a project, the oldest first."""
    rows = await db.rows(
        f"""SELECT {_VIEW} FROM webhooks w JOIN users c ON c.id = w.created_by
            WHERE w.project_id = $1 AND w.deleted_at IS NULL ORDER BY w.id""",
        project_id,
    )
    return [_to_view(row) for row in rows]


async def find_webhook(db: Reader, actor: Actor, webhook_id: UUID) -> tuple[WebhookView, Access] | None:
    """An endpoint of a project that the actor may see, and their access to it."""
    row = await db.row(
        f"""SELECT {_VIEW}, {ACCESS_COLUMNS} FROM webhooks w JOIN users c ON c.id = w.created_by
            {_VISIBLE} AND w.id = $3""",
        actor.user_id, actor.is_admin, webhook_id,
    )  # fmt: skip
    return (_to_view(row), to_access(actor, row)) if row else None


async def list_deliveries(
    db: Reader, webhook_id: UUID, query: DeliveryQuery, after: list[Any] | None
) -> list[DeliverySummary]:
    """One row more than the limit, the newest first."""
    where = Where(webhook_id)
    where.add("d.webhook_id = $1")
    where.among("d.state", query.states)
    where.among("d.type", query.types)
    if query.since is not None:
        where.add(f"d.created_at >= {where.param(query.since)}")
    if query.until is not None:
        where.add(f"d.created_at < {where.param(query.until)}")
    DELIVERY_ORDER.after(where, after)
    rows = await db.rows(
        f"""SELECT {_SUMMARY} FROM webhook_deliveries d
            WHERE {where.sql} ORDER BY {DELIVERY_ORDER.order} LIMIT {query.limit + 1}""",
        *where.args,
    )
    return [_to_summary(row) for row in rows]


async def find_delivery(
    db: Reader, actor: Actor, delivery_id: UUID
) -> tuple[asyncpg.Record, WebhookView, Access] | None:
    """A delivery of a project that the actor may see, its endpoint, and their access."""
    row = await db.row(
        f"""SELECT {_VIEW}, {ACCESS_COLUMNS}, d.id AS delivery_id FROM webhook_deliveries d
            JOIN webhooks w ON w.id = d.webhook_id JOIN users c ON c.id = w.created_by
            {_VISIBLE} AND d.id = $3""",
        actor.user_id, actor.is_admin, delivery_id,
    )  # fmt: skip
    if row is None:
        return None
    delivery = await db.row(
        f"SELECT {_SUMMARY}, d.payload, d.event_id FROM webhook_deliveries d WHERE d.id = $1", delivery_id
    )
    return (delivery, _to_view(row), to_access(actor, row)) if delivery else None


async def delivery_view(db: Reader, delivery: asyncpg.Record) -> DeliveryView:
    """A delivery with its attempts."""
    rows = await db.rows(
        """SELECT number, started_at, duration_ms, status, error, response FROM webhook_attempts
           WHERE delivery_id = $1 ORDER BY number""",
        delivery["id"],
    )
    return DeliveryView(
        **msgspec.structs.asdict(_to_summary(delivery)),
        payload=msgspec.json.decode(delivery["payload"]),
        attempts=[AttemptView(**dict(row)) for row in rows],
    )


async def add_deliveries(uow: UnitOfWork, deliveries: Sequence[NewDelivery], origin: DeliveryOrigin) -> list[UUID]:
    """Add them, but for events that an endpoint has had already; the ids of those that are new, in their order."""
    ids = [new_id() for _ in deliveries]
    rows = await uow.rows(
        """INSERT INTO webhook_deliveries
               (id, webhook_id, message_id, event_id, type, origin, payload, state, attempts, next_attempt_at,
                created_at)
           SELECT d.id, d.webhook_id, d.message_id, d.event_id, d.type, $7, d.payload, 'pending', 0, $8, $8
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[])
                AS d (id, webhook_id, message_id, event_id, type, payload)
           ON CONFLICT (webhook_id, event_id) WHERE origin = 'event' DO NOTHING RETURNING id""",
        ids,
        [delivery.webhook_id for delivery in deliveries],
        [delivery.message_id for delivery in deliveries],
        [delivery.event_id for delivery in deliveries],
        [delivery.type for delivery in deliveries],
        [delivery.payload for delivery in deliveries],
        origin,
        uow.now,
    )
    added = {row["id"] for row in rows}
    return [delivery_id for delivery_id in ids if delivery_id in added]


async def find_wanted_fact(db: Reader, event_id: UUID) -> tuple[LedgerFact, dict[UUID, list[str]]] | None:
    """An event of the ledger, and what the project's endpoints subscribe to; None when nobody may want it.

    The endpoints are the active ones that were there when the event was recorded.
    """
    rows = await db.rows(
        f"""SELECT w.id AS webhook_id, w.events, {_FACT}
            JOIN webhooks w ON w.project_id = e.project_id AND w.deleted_at IS NULL AND w.is_active AND w.id < e.id
            WHERE e.id = $1 ORDER BY w.id""",
        event_id,
    )
    return (_to_fact(rows[0]), {row["webhook_id"]: row["events"] for row in rows}) if rows else None


async def facts_between(
    db: Reader, project_id: UUID, types: list[str], since: datetime, until: datetime, limit: int
) -> list[LedgerFact]:
    """The events of a project that were recorded in that time, in order. Their ids tell when that was."""
    rows = await db.rows(
        f"""SELECT {_FACT} WHERE e.project_id = $1 AND e.type = ANY($2::text[]) AND e.seq IS NOT NULL
              AND e.id >= $3 AND e.id < $4 ORDER BY e.seq LIMIT $5""",
        project_id, types, first_id_at(since), first_id_at(until), limit,
    )  # fmt: skip
    return [_to_fact(row) for row in rows]


async def find_shipment(db: Reader, delivery_id: UUID) -> Shipment | None:
    """A delivery that is still to be sent."""
    row = await db.row(
        """SELECT d.id, d.webhook_id, d.message_id, d.type, d.origin, d.payload, d.attempts,
                  w.is_active AND w.deleted_at IS NULL AS is_wanted, w.url, w.secret, w.previous_secret,
                  w.previous_secret_until
           FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
           WHERE d.id = $1 AND d.state = 'pending'""",
        delivery_id,
    )
    return Shipment(**dict(row)) if row else None


async def cancel_delivery(uow: UnitOfWork, delivery_id: UUID) -> None:
    """End a delivery that nobody wants any more."""
    await uow.value(
        """UPDATE webhook_deliveries SET state = 'cancelled', finished_at = $2, next_attempt_at = NULL
           WHERE id = $1 AND state = 'pending'""",
        delivery_id, uow.now,
    )  # fmt: skip


async def record_attempt(uow: UnitOfWork, shipment: Shipment, attempted: Attempted) -> Health | None:
    """Record an attempt in the log, the delivery and the endpoint's counters; None when that was done already.

    One statement, so that the endpoint's row, which all its deliveries write, is locked for a moment only.
    """
    row = await uow.row(
        """WITH delivery AS (
             UPDATE webhook_deliveries SET attempts = $2::int + 1, state = $3::text, next_attempt_at = $4::timestamptz,
                    last_status = $5::int, last_error = $6::text,
                    finished_at = CASE WHEN $4::timestamptz IS NULL THEN $7::timestamptz END
             WHERE id = $1 AND state = 'pending' AND attempts = $2::int RETURNING id, webhook_id
           ), attempt AS (
             INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, error, response)
             SELECT id, $2::int + 1, $8::timestamptz, $9::int, $5::int, $6::text, $10::text FROM delivery
           )
           UPDATE webhooks w SET
             delivered_count = delivered_count + ($3::text = 'delivered')::int,
             failed_count = failed_count + ($3::text = 'failed')::int,
             consecutive_failures = CASE WHEN $3::text = 'delivered' THEN 0 ELSE consecutive_failures + 1 END,
             failing_since = CASE WHEN $3::text <> 'delivered' THEN coalesce(failing_since, $7::timestamptz) END,
             last_success_at = CASE WHEN $3::text = 'delivered' THEN $7::timestamptz ELSE last_success_at END,
             last_failure_at = CASE WHEN $3::text <> 'delivered' THEN $7::timestamptz ELSE last_failure_at END
           FROM delivery WHERE w.id = delivery.webhook_id
           RETURNING w.project_id, w.name, w.url, w.created_by, w.failing_since,
                     w.is_active AND w.deleted_at IS NULL AS is_active""",
        shipment.id, shipment.attempts, attempted.state, attempted.next_attempt_at, attempted.status, attempted.error,
        uow.now, attempted.started_at, attempted.duration_ms, attempted.response,
    )  # fmt: skip
    return Health(**dict(row)) if row else None


async def disable_webhook(uow: UnitOfWork, webhook_id: UUID, reason: str) -> None:
    """Switch an endpoint off."""
    await uow.value(
        """UPDATE webhooks SET is_active = false, disabled_at = $2, disabled_reason = $3, updated_at = $2,
                  version = version + 1 WHERE id = $1""",
        webhook_id, uow.now, reason,
    )  # fmt: skip


async def delete_old_deliveries(uow: UnitOfWork, before: datetime) -> int:
    """Delete deliveries older than that, with their attempts; returns how many."""
    return await uow.value(
        """WITH gone AS (DELETE FROM webhook_deliveries WHERE created_at < $1 RETURNING 1)
           SELECT count(*) FROM gone""",
        before,
    )


async def stored_secrets(db: Reader) -> list[asyncpg.Record]:
    """Every secret that is kept, encrypted."""
    return await db.rows("SELECT id, secret, previous_secret FROM webhooks WHERE deleted_at IS NULL ORDER BY id")


async def store_secrets(uow: UnitOfWork, webhook_id: UUID, old: bytes, secret: bytes, previous: bytes | None) -> None:
    """Store the same secrets, encrypted anew, unless they were rotated meanwhile."""
    await uow.value(
        "UPDATE webhooks SET secret = $3, previous_secret = $4 WHERE id = $1 AND secret = $2",
        webhook_id, old, secret, previous,
    )  # fmt: skip


def sort_values(delivery: DeliverySummary) -> list[Any]:
    """What the cursor behind `delivery` holds."""
    return [delivery.created_at, delivery.id]


def _to_view(row: asyncpg.Record) -> WebhookView:
    return WebhookView(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        url=row["url"],
        events="*" if "*" in row["events"] else row["events"],
        is_active=row["is_active"],
        disabled_at=row["disabled_at"],
        disabled_reason=row["disabled_reason"],
        previous_secret_until=row["previous_secret_until"],
        delivered_count=row["delivered_count"],
        failed_count=row["failed_count"],
        consecutive_failures=row["consecutive_failures"],
        failing_since=row["failing_since"],
        last_success_at=row["last_success_at"],
        last_failure_at=row["last_failure_at"],
        created_by=PersonView(id=row["creator_id"], username=row["creator_username"], name=row["creator_name"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _to_summary(row: asyncpg.Record) -> DeliverySummary:
    return DeliverySummary(
        id=row["id"],
        webhook_id=row["webhook_id"],
        message_id=row["message_id"],
        type=row["type"],
        origin=row["origin"],
        state=row["state"],
        attempt_count=row["attempts"],
        last_status=row["last_status"],
        last_error=row["last_error"],
        next_attempt_at=row["next_attempt_at"],
        finished_at=row["finished_at"],
        created_at=row["created_at"],
    )


def _to_fact(row: asyncpg.Record) -> LedgerFact:
    data = msgspec.json.decode(row["data"])
    if row["invited"] is not None:
        data["email"] = row["invited"]
    actor = {"id": str(row["actor_id"]), "username": row["username"], "name": row["actor_name"]}
    return LedgerFact(
        id=str(row["id"]),
        number=row["seq"],
        type=row["type"],
        occurred_at=row["occurred_at"],
        object_type=row["object_type"],
        object_id=str(row["object_id"]),
        quiet=row["quiet"],
        data=data,
        project={"id": str(row["project_id"]), "key": row["project_key"], "name": row["project_name"]},
        actor=actor if row["actor_id"] else None,
    )
