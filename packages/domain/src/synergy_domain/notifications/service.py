"""One's own list of notifications."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor
from synergy_domain.notifications.contracts import NotificationQuery, NotificationView, UnreadCount
from synergy_domain.notifications.events import NotificationsRead
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotFound
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.sql import Keyset, Where

# by what never changes, so that a page does not shift while one is folded into
_SORT = Keyset((("created_at", "timestamp", "desc"),), "id")
_COLUMNS = """
    id, type, title, message, action_url, data::text AS data, read_at, created_at,
    coalesce(updated_at, created_at) AS updated_at
"""


async def list_notifications(
    db: Reader, cursors: Cursors, actor: Actor, query: NotificationQuery
) -> Page[NotificationView]:
    """One's own notifications, the newest first."""
    where = Where(actor.user_id)
    where.add("recipient_id = $1 AND is_listed")
    if query.unread:
        where.add("read_at IS NULL")
    where.among("type", query.types)
    _SORT.after(where, _SORT.decode(cursors, "-created_at", query.cursor))
    rows = await db.rows(
        f"SELECT {_COLUMNS} FROM notifications WHERE {where.sql} ORDER BY {_SORT.order} LIMIT {query.limit + 1}",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [_to_view(row) for row in rows]
    return make_page(found, query.limit, lambda last: cursors.encode("-created_at", [last.created_at, last.id]), None)


async def unread_count(db: Reader, actor: Actor) -> UnreadCount:
    """How many of one's notifications are unread."""
    value = await db.value(
        "SELECT count(*) FROM notifications WHERE recipient_id = $1 AND read_at IS NULL AND is_listed", actor.user_id
    )
    return UnreadCount(unread=value)


async def mark_read(uow: UnitOfWork, actor: Actor, notification_id: UUID) -> NotificationView:
    """Mark one as read; a second time changes nothing."""
    row = await uow.row(
        f"""UPDATE notifications SET read_at = coalesce(read_at, $3)
            WHERE id = $1 AND recipient_id = $2 AND is_listed RETURNING {_COLUMNS}""",  # noqa: S608 - constant columns
        notification_id, actor.user_id, uow.now,
    )  # fmt: skip
    if row is None:
        raise NotFound("There is no such notification.")
    event = NotificationsRead(object_id=notification_id, recipient_id=actor.user_id, everything=False)
    uow.emit(event, by=actor.user_id)
    return _to_view(row)


async def mark_all_read(uow: UnitOfWork, actor: Actor) -> UnreadCount:
    """Mark all as read."""
    await uow.value(
        "UPDATE notifications SET read_at = $2 WHERE recipient_id = $1 AND read_at IS NULL AND is_listed",
        actor.user_id, uow.now,
    )  # fmt: skip
    event = NotificationsRead(object_id=actor.user_id, recipient_id=actor.user_id, everything=True)
    uow.emit(event, by=actor.user_id)
    return UnreadCount(unread=0)


async def delete_read(uow: UnitOfWork, actor: Actor) -> None:
    """Delete those that are read. They leave the list; their rows go later, so that what caused one tells once only."""
    await uow.value(
        """UPDATE notifications SET is_listed = false, title = '', message = '', data = '{}'
           WHERE recipient_id = $1 AND read_at IS NOT NULL AND is_listed""",
        actor.user_id,
    )


async def delete_old(uow: UnitOfWork, *, read_before: datetime, unlisted_before: datetime) -> int:
    """Delete what was read before that time, and what is in no list and older than the other; returns how many."""
    return await uow.value(
        """WITH gone AS (DELETE FROM notifications
                         WHERE read_at < $1 OR (NOT is_listed AND created_at < $2) RETURNING 1)
           SELECT count(*) FROM gone""",
        read_before, unlisted_before,
    )  # fmt: skip


def _to_view(row: asyncpg.Record) -> NotificationView:
    fields = dict(row)
    fields["data"] = msgspec.json.decode(fields["data"])
    return NotificationView(**fields)
