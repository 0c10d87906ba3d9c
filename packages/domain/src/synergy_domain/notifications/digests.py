"""Digests: what has waited since the last one, at the time of day that its reader chose."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from synergy_domain.notifications.mailing import DigestItem, digest_mail
from synergy_domain.notifications.zones import known_zones
from synergy_platform.database import UnitOfWork
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime

DIGESTS = "notifications.digests"
BATCH = 100
# more than that nobody reads in a mail
MOST_ITEMS = 50

# `slot.day` is the local day whose digest time came last (`preferences.last_due` says the same). Days are compared, not
# moments: a day has one digest, also when the clock is put back or forward over its time, or its reader moves.
_DUE = """
    WITH known_zones AS MATERIALIZED (SELECT unnest($3::text[]) AS name)
    SELECT p.user_id, p.digest, u.email, u.timezone, slot.day
    FROM notification_preferences p JOIN users u ON u.id = p.user_id
    LEFT JOIN known_zones z ON z.name = u.timezone
    CROSS JOIN LATERAL (SELECT $1::timestamptz AT TIME ZONE coalesce(z.name, 'UTC') AS at) AS local
    CROSS JOIN LATERAL (SELECT local.at::date - CASE WHEN local.at::time >= p.digest_time THEN 0 ELSE 1 END AS day)
      AS daily
    CROSS JOIN LATERAL (
      SELECT daily.day - CASE WHEN p.digest = 'weekly'
                              THEN (extract(isodow FROM daily.day)::int - p.digest_weekday + 7) % 7 ELSE 0 END AS day
    ) AS slot
    WHERE p.digest <> 'never' AND u.is_active AND u.email IS NOT NULL AND u.email_verified_at IS NOT NULL
      AND (p.last_digest_on IS NULL OR slot.day > p.last_digest_on)
    ORDER BY p.user_id LIMIT $2 FOR UPDATE OF p SKIP LOCKED
"""
_HAD = """
    UPDATE notification_preferences p SET last_digest_on = had.day
    FROM unnest($1::uuid[], $2::date[]) AS had (user_id, day) WHERE p.user_id = had.user_id
"""
_TAKE = """
    WITH taken AS (
      UPDATE notifications SET awaits_digest = false WHERE awaits_digest AND recipient_id = ANY($1::uuid[])
      RETURNING id, recipient_id, title, message, action_url, coalesce((data ->> 'count')::int, 1) AS count, read_at,
                created_at, (data ->> 'project_id')::uuid AS project_id
    ), placed AS (
      SELECT taken.*, row_number() OVER (PARTITION BY recipient_id ORDER BY created_at DESC, id DESC) AS place,
             count(*) OVER (PARTITION BY recipient_id) AS total
      FROM taken
      WHERE read_at IS NULL AND (project_id IS NULL OR EXISTS (
        SELECT 1 FROM project_members m JOIN projects p ON p.id = m.project_id
        WHERE m.project_id = taken.project_id AND m.user_id = taken.recipient_id AND p.deleted_at IS NULL))
    )
    SELECT * FROM placed WHERE place <= $2 ORDER BY recipient_id, place
"""


async def send_digests(runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job, every 15 minutes: a mail to those whose digest time has come since the last one, if there is something.

    Once for each local day or week; what was missed while nothing ran comes in one. A batch of readers at a time.
    """
    due = await uow.rows(_DUE, uow.now, BATCH, await known_zones(uow))
    if not due:
        return
    readers: dict[UUID, asyncpg.Record] = {row["user_id"]: row for row in due}
    await uow.value(_HAD, list(readers), [row["day"] for row in due])
    waited = await uow.rows(_TAKE, list(readers), MOST_ITEMS)
    mails = [
        _mail(runtime, readers[user_id], list(rows), uow.now)
        for user_id, rows in groupby(waited, key=lambda row: row["recipient_id"])
    ]
    await queue_mail(runtime, uow, *mails)
    if len(due) == BATCH:
        uow.enqueue(DIGESTS)


def _mail(runtime: Runtime, reader: asyncpg.Record, rows: list[asyncpg.Record], now: datetime) -> Mail:
    zone = ZoneInfo(reader["timezone"])
    items = [
        DigestItem(
            title=row["title"], message=row["message"], action_url=row["action_url"], count=row["count"],
            time=f"{row['created_at'].astimezone(zone):%a %d %b, %H:%M}",
        )
        for row in rows
    ]  # fmt: skip
    return digest_mail(
        runtime, items, total=rows[0]["total"], frequency=reader["digest"], user_id=reader["user_id"],
        address=reader["email"], now=now,
    )  # fmt: skip
