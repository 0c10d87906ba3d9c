"""What the calendar tells: deadlines that come near, and tasks that have become overdue.

A due date ends at midnight in the timezone of the project's owner. Each job takes a batch and has the rest done by the
next one, so that its memory and its transaction stay small.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from synergy_domain.notifications.contracts import NotificationType
from synergy_domain.notifications.deliver import deliver
from synergy_domain.notifications.drafts import Draft
from synergy_domain.notifications.triggers import task_url
from synergy_domain.notifications.zones import known_zones
from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime

DEADLINES = "notifications.deadlines"
OVERDUE = "notifications.overdue"
BATCH = 500
_DEADLINE_AHEAD = timedelta(hours=24)
# so that a server that was down for some days, or is new, does not bring up old stories
_OVERDUE_BEHIND = timedelta(days=3)
_FIRST = UUID(int=0)

# $1 now, $2 a day later, $3 and $4 the last row of the batch before, $5 its size, $6 the zones that there are
_NEAR = """
    WITH known_zones AS MATERIALIZED (SELECT unnest($6::text[]) AS name)
    SELECT t.id, t.project_id, t.title, t.due_date, p.key || '-' || t.number AS key, u.id AS user_id
    FROM tasks t JOIN projects p ON p.id = t.project_id JOIN users o ON o.id = p.owner_id
    LEFT JOIN known_zones oz ON oz.name = o.timezone
    JOIN task_assignees a ON a.task_id = t.id
    JOIN project_members m ON m.project_id = t.project_id AND m.user_id = a.user_id
    JOIN users u ON u.id = a.user_id
    WHERE t.deleted_at IS NULL AND t.status <> 'done' AND p.deleted_at IS NULL AND p.archived_at IS NULL AND u.is_active
      AND t.due_date BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date - 2
                         AND ($2::timestamptz AT TIME ZONE 'UTC')::date + 2
      AND ((t.due_date + 1)::timestamp AT TIME ZONE coalesce(oz.name, 'UTC')) > $1
      AND ((t.due_date + 1)::timestamp AT TIME ZONE coalesce(oz.name, 'UTC')) <= $2
      AND (t.id, u.id) > ($3, $4)
      AND NOT EXISTS (SELECT 1 FROM notifications n
                      WHERE n.recipient_id = u.id AND n.source_key = 'deadline:' || t.id || ':' || t.due_date)
    ORDER BY t.id, u.id LIMIT $5
"""
# $1 now, $2 how far behind, $3 and $4 as above. Recipients are told after ten past midnight of their own: `day.began`
# is the last time that it was.
_OVERDUE = """
    WITH known_zones AS MATERIALIZED (SELECT unnest($6::text[]) AS name)
    SELECT t.id, t.project_id, t.title, t.due_date, p.key || '-' || t.number AS key, u.id AS user_id
    FROM tasks t JOIN projects p ON p.id = t.project_id JOIN users o ON o.id = p.owner_id
    LEFT JOIN known_zones oz ON oz.name = o.timezone
    CROSS JOIN LATERAL (SELECT user_id FROM task_assignees WHERE task_id = t.id UNION SELECT p.owner_id) AS told
    JOIN project_members m ON m.project_id = t.project_id AND m.user_id = told.user_id
    JOIN users u ON u.id = told.user_id
    LEFT JOIN known_zones uz ON uz.name = u.timezone
    CROSS JOIN LATERAL (
      SELECT (date_trunc('day', ($1::timestamptz AT TIME ZONE coalesce(uz.name, 'UTC')) - interval '10 minutes')
              + interval '10 minutes') AT TIME ZONE coalesce(uz.name, 'UTC') AS began
    ) AS day
    WHERE t.deleted_at IS NULL AND t.status <> 'done' AND p.deleted_at IS NULL AND p.archived_at IS NULL AND u.is_active
      AND t.due_date BETWEEN (($1::timestamptz - $2::interval) AT TIME ZONE 'UTC')::date - 4
                         AND ($1::timestamptz AT TIME ZONE 'UTC')::date + 1
      AND ((t.due_date + 1)::timestamp AT TIME ZONE coalesce(oz.name, 'UTC')) <= day.began
      AND ((t.due_date + 1)::timestamp AT TIME ZONE coalesce(oz.name, 'UTC')) > day.began - $2::interval
      AND (t.id, u.id) > ($3, $4)
      AND NOT EXISTS (SELECT 1 FROM notifications n
                      WHERE n.recipient_id = u.id AND n.source_key = 'overdue:' || t.id || ':' || t.due_date)
    ORDER BY t.id, u.id LIMIT $5
"""


async def notify_deadlines(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job, hourly: tell assignees of tasks that end within 24 hours; once for each task and due date."""
    rows = await uow.rows(_NEAR, uow.now, uow.now + _DEADLINE_AHEAD, *_behind(payload), BATCH, await known_zones(uow))
    await _remind(runtime, uow, rows, "deadline_approaching", "deadline", "is due soon")
    _go_on(uow, DEADLINES, rows)


async def notify_overdue(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job, every 15 minutes: tell assignees and the owner of tasks that became overdue, at 00:10 of their own time.

    Once for each task and due date.
    """
    rows = await uow.rows(_OVERDUE, uow.now, _OVERDUE_BEHIND, *_behind(payload), BATCH, await known_zones(uow))
    await _remind(runtime, uow, rows, "task_overdue", "overdue", "is overdue")
    _go_on(uow, OVERDUE, rows)


async def _remind(
    runtime: Runtime, uow: UnitOfWork, rows: list[asyncpg.Record], kind: NotificationType, source: str, verb: str
) -> None:
    drafts = [
        Draft(
            recipient_id=row["user_id"], type=kind, title=f"{row['key']} {verb}", message=row["title"],
            action_url=task_url(row["project_id"], row["key"]),
            data={
                "project_id": str(row["project_id"]), "task_id": str(row["id"]), "task_key": row["key"],
                "due_date": row["due_date"].isoformat(),
            },
            source_key=f"{source}:{row['id']}:{row['due_date'].isoformat()}",
        )
        for row in rows
    ]  # fmt: skip
    # who may see the project stands in the queries
    await deliver(runtime, uow, drafts, project_id=None, actor_id=None, remember=True)


def _behind(payload: dict[str, Any]) -> tuple[UUID, UUID]:
    task_id, user_id = payload.get("after", (None, None))
    return (UUID(task_id), UUID(user_id)) if task_id else (_FIRST, _FIRST)


def _go_on(uow: UnitOfWork, job: str, rows: list[asyncpg.Record]) -> None:
    if len(rows) == BATCH:
        uow.enqueue(job, {"after": [rows[-1]["id"], rows[-1]["user_id"]]})
