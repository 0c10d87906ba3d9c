"""The verbs of notifications: one's list, and what events make of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common import Actor
from synergy_domain.notifications.contracts import NotificationQuery, NotificationType, NotificationView, UnreadCount
from synergy_domain.notifications.events import NotificationCreated, NotificationsRead
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import NotFound
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime
from synergy_platform.sql import Keyset, Where

NOTIFY = "notifications.notify"
NOTIFY_ABOUT = frozenset({"task.assigned", "comment.created", "comment.updated"})
DEADLINES = "notifications.deadlines"
_DEADLINE_AHEAD = timedelta(hours=24)
_SORT = Keyset((("created_at", "timestamp", "desc"),), "id")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A notification for one person; the same `source_key` reaches them once."""

    recipient_id: UUID
    type: NotificationType
    title: str
    message: str
    action_url: str
    data: dict[str, Any]
    source_key: str


async def list_notifications(
    db: Reader, cursors: Cursors, actor: Actor, query: NotificationQuery
) -> Page[NotificationView]:
    """One's own notifications, the newest first."""
    where = Where(actor.user_id)
    where.add("recipient_id = $1")
    if query.unread:
        where.add("read_at IS NULL")
    where.among("type", query.types)
    _SORT.after(where, _SORT.decode(cursors, "-created_at", query.cursor))
    rows = await db.rows(
        f"""SELECT id, type, title, message, action_url, data::text AS data, read_at, created_at FROM notifications
            WHERE {where.sql} ORDER BY {_SORT.order} LIMIT {query.limit + 1}""",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [_to_view(row) for row in rows]
    return make_page(found, query.limit, lambda last: cursors.encode("-created_at", [last.created_at, last.id]), None)


async def unread_count(db: Reader, actor: Actor) -> UnreadCount:
    """How many of one's notifications are unread."""
    value = await db.value(
        "SELECT count(*) FROM notifications WHERE recipient_id = $1 AND read_at IS NULL", actor.user_id
    )
    return UnreadCount(unread=value)


async def mark_read(uow: UnitOfWork, actor: Actor, notification_id: UUID) -> NotificationView:
    """Mark one as read; a second time changes nothing."""
    row = await uow.row(
        """UPDATE notifications SET read_at = coalesce(read_at, $3) WHERE id = $1 AND recipient_id = $2
           RETURNING id, type, title, message, action_url, data::text AS data, read_at, created_at""",
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
        "UPDATE notifications SET read_at = $2 WHERE recipient_id = $1 AND read_at IS NULL", actor.user_id, uow.now
    )
    event = NotificationsRead(object_id=actor.user_id, recipient_id=actor.user_id, everything=True)
    uow.emit(event, by=actor.user_id)
    return UnreadCount(unread=0)


async def delete_read(uow: UnitOfWork, actor: Actor) -> None:
    """Delete those that are read."""
    await uow.value("DELETE FROM notifications WHERE recipient_id = $1 AND read_at IS NOT NULL", actor.user_id)


async def notify_about(_runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: make the notifications that an event of the ledger causes."""
    row = await uow.row(
        """SELECT e.id, e.type, e.actor_id, e.project_id, e.object_id, e.quiet, e.data::text AS data,
                  u.first_name || ' ' || u.last_name AS actor_name
           FROM events e LEFT JOIN users u ON u.id = e.actor_id WHERE e.id = $1""",
        UUID(payload["event_id"]),
    )
    if row is None or row["quiet"]:
        return
    data: dict[str, Any] = msgspec.json.decode(row["data"])
    if row["type"] == "task.assigned":
        drafts = _assigned(row, data)
    else:
        drafts = await _commented(uow, row, data)
    await _deliver(uow, row["project_id"], row["actor_id"], drafts)


async def notify_deadlines(_runtime: Runtime, uow: UnitOfWork, _payload: dict[str, Any]) -> None:
    """Job, hourly: tell assignees of tasks that end within 24 hours; once for each task and due date.

    A due date ends at midnight in the timezone of the project's owner.
    """
    rows = await uow.rows(
        """SELECT t.id, t.project_id, t.title, t.due_date, p.key || '-' || t.number AS key, a.user_id
           FROM tasks t JOIN projects p ON p.id = t.project_id JOIN users o ON o.id = p.owner_id
           JOIN task_assignees a ON a.task_id = t.id
           WHERE t.deleted_at IS NULL AND t.status <> 'done' AND p.deleted_at IS NULL AND p.archived_at IS NULL
             AND t.due_date BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date - 2
                                AND ($2::timestamptz AT TIME ZONE 'UTC')::date + 2
             AND ((t.due_date + 1)::timestamp AT TIME ZONE o.timezone) > $1
             AND ((t.due_date + 1)::timestamp AT TIME ZONE o.timezone) <= $2""",
        uow.now, uow.now + _DEADLINE_AHEAD,
    )  # fmt: skip
    by_project: dict[UUID, list[Draft]] = {}
    for row in rows:
        draft = Draft(
            recipient_id=row["user_id"], type="deadline_approaching", title=f"{row['key']} is due soon",
            message=row["title"], action_url=_task_url(row["project_id"], row["key"]),
            data={"task_id": str(row["id"]), "task_key": row["key"], "due_date": row["due_date"].isoformat()},
            source_key=f"deadline:{row['id']}:{row['due_date'].isoformat()}",
        )  # fmt: skip
        by_project.setdefault(row["project_id"], []).append(draft)
    for project_id, drafts in by_project.items():
        await _deliver(uow, project_id, None, drafts)


async def delete_old_read(uow: UnitOfWork, before: datetime) -> int:
    """Delete read notifications older than that; returns how many."""
    return await uow.value(
        """WITH gone AS (DELETE FROM notifications WHERE read_at < $1 RETURNING 1) SELECT count(*) FROM gone""", before
    )


def _assigned(row: asyncpg.Record, data: dict[str, Any]) -> list[Draft]:
    return [
        Draft(
            recipient_id=UUID(user_id), type="task_assigned",
            title=f"{row['actor_name']} assigned {data['key']} to you",
            message=data["title"], action_url=_task_url(row["project_id"], data["key"]),
            data={"task_id": str(row["object_id"]), "task_key": data["key"]}, source_key=f"event:{row['id']}",
        )
        for user_id in data["assignee_ids"]
    ]  # fmt: skip


async def _commented(uow: UnitOfWork, row: asyncpg.Record, data: dict[str, Any]) -> list[Draft]:
    mentioned = {UUID(user_id) for user_id in data["mentioned_ids"]}
    involved: set[UUID] = set()
    if row["type"] == "comment.created":
        people = await uow.rows(
            """SELECT user_id FROM task_assignees WHERE task_id = $1
               UNION SELECT reporter_id FROM tasks WHERE id = $1 AND reporter_id IS NOT NULL""",
            UUID(data["task_id"]),
        )
        involved = {person["user_id"] for person in people} - mentioned

    def draft(user_id: UUID, kind: NotificationType, verb: str) -> Draft:
        return Draft(
            recipient_id=user_id, type=kind, title=f"{row['actor_name']} {verb} {data['task_key']}",
            message=data["excerpt"], action_url=_task_url(row["project_id"], data["task_key"]),
            data={"task_id": data["task_id"], "task_key": data["task_key"], "comment_id": str(row["object_id"])},
            source_key=f"event:{row['id']}",
        )  # fmt: skip

    return [
        *(draft(user_id, "mention", "mentioned you on") for user_id in sorted(mentioned)),
        *(draft(user_id, "comment_added", "commented on") for user_id in sorted(involved)),
    ]


async def _deliver(uow: UnitOfWork, project_id: UUID | None, actor_id: UUID | None, drafts: list[Draft]) -> None:
    """Store them for those who may still see the project and did not do it themselves."""
    if not drafts:
        return
    rows = await uow.rows(
        """SELECT m.user_id FROM project_members m JOIN users u ON u.id = m.user_id
           WHERE m.project_id = $1 AND m.user_id = ANY($2::uuid[]) AND u.is_active""",
        project_id, [draft.recipient_id for draft in drafts],
    )  # fmt: skip
    reachable = {row["user_id"] for row in rows} - {actor_id}
    for draft in drafts:
        if draft.recipient_id not in reachable:
            continue
        created = await uow.value(
            """INSERT INTO notifications
                   (id, recipient_id, type, title, message, action_url, data, source_key, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)
               ON CONFLICT (recipient_id, source_key) DO NOTHING RETURNING id""",
            new_id(), draft.recipient_id, draft.type, draft.title[:300], draft.message, draft.action_url,
            msgspec.json.encode(draft.data).decode(), draft.source_key, uow.now,
        )  # fmt: skip
        if created is not None:
            event = NotificationCreated(
                object_id=created, recipient_id=draft.recipient_id, type=draft.type, title=draft.title
            )
            uow.emit(event, by=actor_id)


def _task_url(project_id: UUID, key: str) -> str:
    return f"/projects/{project_id}/board?task={key}"


def _to_view(row: asyncpg.Record) -> NotificationView:
    return NotificationView(
        id=row["id"],
        type=row["type"],
        title=row["title"],
        message=row["message"],
        action_url=row["action_url"],
        data=msgspec.json.decode(row["data"]),
        read_at=row["read_at"],
        created_at=row["created_at"],
    )
