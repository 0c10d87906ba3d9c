"""From drafts to what reaches people: the list in the app, a mail, the next digest. A handful of statements for all."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.notifications.catalogue import channels_of
from synergy_domain.notifications.drafts import Draft
from synergy_domain.notifications.events import NotificationCreated, NotificationUpdated
from synergy_domain.notifications.mailing import notification_mail
from synergy_platform.database import UnitOfWork
from synergy_platform.ids import new_id
from synergy_platform.mail import one_line
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime

FOLDED_FOR = timedelta(minutes=5)

# Whoever folds into the notifications about an object waits for others who do: the lock is held when `_STORE` begins to
# look.
_RECIPIENTS = """
    WITH locked AS MATERIALIZED (
      SELECT pg_advisory_xact_lock(hashtextextended(key, 7310003)) FROM unnest($3::text[]) AS key ORDER BY key
    )
    SELECT u.id, u.email, u.email IS NOT NULL AND u.email_verified_at IS NOT NULL AS has_mail,
           p.channels::text AS channels, p.digest
    FROM (SELECT count(*) FROM locked) AS locks
    CROSS JOIN users u LEFT JOIN notification_preferences p ON p.user_id = u.id
    WHERE u.id = ANY($1::uuid[]) AND u.is_active
      AND ($2::uuid IS NULL OR EXISTS (
        SELECT 1 FROM project_members m JOIN projects pr ON pr.id = m.project_id
        WHERE m.project_id = $2 AND m.user_id = u.id AND pr.deleted_at IS NULL))
"""
_STORE = """
    WITH wanted AS (
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                           $8::text[], $9::text[], $10::bool[], $11::bool[])
           AS w (id, recipient_id, type, title, message, action_url, data, source_key, object_key, is_listed,
                 awaits_digest)
    ), fresh AS (
      SELECT * FROM wanted w WHERE NOT EXISTS (
        SELECT 1 FROM notifications n WHERE n.recipient_id = w.recipient_id AND n.source_key = w.source_key)
    ), folded AS (
      UPDATE notifications n
      SET title = f.title, message = f.message, action_url = f.action_url, source_key = f.source_key, updated_at = $12,
          data = f.data || jsonb_build_object('count', coalesce((n.data ->> 'count')::int, 1) + 1),
          is_listed = n.is_listed OR f.is_listed, awaits_digest = n.awaits_digest OR f.awaits_digest
      FROM fresh f
      WHERE n.read_at IS NULL AND n.id = (
        SELECT c.id FROM notifications c
        WHERE c.recipient_id = f.recipient_id AND c.object_key = f.object_key AND c.type = f.type
          AND c.read_at IS NULL AND c.created_at > $13
        ORDER BY c.created_at DESC LIMIT 1)
      RETURNING n.id, f.id AS draft_id, n.is_listed
    ), added AS (
      INSERT INTO notifications (id, recipient_id, type, title, message, action_url, data, source_key, object_key,
                                 is_listed, awaits_digest, created_at)
      SELECT f.*, $12 FROM fresh f WHERE NOT EXISTS (SELECT 1 FROM folded WHERE folded.draft_id = f.id)
      ON CONFLICT (recipient_id, source_key) DO NOTHING
      RETURNING id, is_listed
    )
    SELECT id, draft_id, is_listed, true AS is_folded FROM folded
    UNION ALL SELECT id, id, is_listed, false FROM added
"""


async def deliver(
    runtime: Runtime,
    uow: UnitOfWork,
    drafts: list[Draft],
    *,
    project_id: UUID | None,
    actor_id: UUID | None,
    remember: bool = False,
) -> None:
    """Bring them to those who are active, may still see the project, and did not do it themselves.

    `remember` stores also what its recipient wants nowhere, so that the same cause is not looked at again.
    """
    drafts = [draft for draft in drafts if draft.recipient_id != actor_id]
    if not drafts:
        return
    people = list({draft.recipient_id for draft in drafts})
    objects = list({draft.object_key for draft in drafts if draft.object_key is not None})
    recipients = {row["id"]: row for row in await uow.rows(_RECIPIENTS, people, project_id, objects)}
    mails: dict[UUID, Draft] = {}
    rows: dict[UUID, Draft] = {}
    columns: list[tuple[object, ...]] = []
    for draft in drafts:
        recipient = recipients.get(draft.recipient_id)
        if recipient is None:
            continue
        listed, mailed = _ways(draft, recipient)
        if not (listed or mailed or remember):
            continue
        has_digest = (recipient["digest"] or "never") != "never"
        row_id = new_id()
        rows[row_id] = draft
        if mailed and not has_digest:
            mails[row_id] = draft
        columns.append(
            (
                row_id, draft.recipient_id, draft.type, one_line(draft.title, 300), draft.message, draft.action_url,
                msgspec.json.encode(draft.data).decode(), draft.source_key, draft.object_key, listed,
                mailed and has_digest,
            )
        )  # fmt: skip
    if not columns:
        return
    stored = await uow.rows(
        _STORE, *(list(column) for column in zip(*columns, strict=True)), uow.now, uow.now - FOLDED_FOR
    )
    _tell_lists(uow, stored, rows, actor_id)
    new = {row["id"] for row in stored if not row["is_folded"]}
    await queue_mail(
        runtime,
        uow,
        *(
            notification_mail(runtime, draft, address=recipients[draft.recipient_id]["email"], now=uow.now)
            for row_id, draft in mails.items()
            if row_id in new
        ),
    )


def _ways(draft: Draft, recipient: asyncpg.Record) -> tuple[bool, bool]:
    """Whether it goes into the list, and whether by mail."""
    chosen: dict[str, dict[str, bool]] = msgspec.json.decode(recipient["channels"]) if recipient["channels"] else {}
    channels = channels_of(draft.type, chosen)
    return channels.in_app, channels.email and recipient["has_mail"] and not draft.mailed_already


def _tell_lists(uow: UnitOfWork, stored: list[asyncpg.Record], rows: dict[UUID, Draft], actor_id: UUID | None) -> None:
    """The events that open lists follow."""
    for row in stored:
        if not row["is_listed"]:
            continue
        draft = rows[row["draft_id"]]
        kind = NotificationUpdated if row["is_folded"] else NotificationCreated
        event = kind(object_id=row["id"], recipient_id=draft.recipient_id, type=draft.type, title=draft.title)
        uow.emit(event, by=actor_id)
