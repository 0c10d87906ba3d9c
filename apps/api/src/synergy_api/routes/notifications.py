"""One's notifications, and what one wants to be told."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from synergy_api import params
from synergy_api.documentation import CHANGE, READ, WRITE
from synergy_api.etags import expected_version
from synergy_api.params import CursorParam, Limit
from synergy_domain import notifications
from synergy_domain.common import Actor
from synergy_domain.notifications import (
    NotificationQuery,
    NotificationType,
    NotificationView,
    PreferencesChange,
    PreferencesView,
    UnreadCount,
)
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]


@get("/notifications", tags=["notifications"], responses=READ)
async def list_notifications(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    unread: FromQuery[bool] = False,
    kind: Annotated[str | None, QueryParameter(name="type", description="Types, separated by commas")] = None,
) -> Page[NotificationView]:
    """One's notifications, the newest first."""
    query = NotificationQuery(
        unread=unread, types=params.choices("type", kind, NotificationType), cursor=cursor, limit=limit
    )
    return await notifications.list_notifications(db, state.runtime.cursors, actor, query)


@get("/notifications/unread-count", tags=["notifications"], responses=READ)
async def count_unread(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> UnreadCount:
    """How many are unread."""
    return await notifications.unread_count(db, actor)


@post("/notifications/{notification_id:uuid}/read", tags=["notifications"], status_code=200, responses=WRITE)
async def mark_read(
    notification_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> NotificationView:
    """Mark one as read."""
    return await notifications.mark_read(uow, actor, notification_id)


@post("/notifications/read-all", tags=["notifications"], status_code=200, responses=WRITE)
async def mark_all_read(uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]) -> UnreadCount:
    """Mark all as read."""
    return await notifications.mark_all_read(uow, actor)


@delete("/notifications/read", tags=["notifications"], responses=WRITE)
async def delete_read(uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]) -> None:
    """Delete those that are read."""
    await notifications.delete_read(uow, actor)


@get("/me/notification-preferences", tags=["me"], responses=READ)
async def get_notification_preferences(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> PreferencesView:
    """What one is told, where, and when the digest comes."""
    return await notifications.my_preferences(db, actor)


@patch("/me/notification-preferences", tags=["me"], responses=CHANGE)
async def change_notification_preferences(
    data: JSONBody[PreferencesChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> PreferencesView:
    """Change what is sent, with If-Match only the version that it names.

    Such as `{"types": {"mention": {"email": false}}, "digest": "daily"}`.
    """
    return await notifications.change_preferences(uow, actor, data, expected_version=expected_version(request))


router = Router(
    "",
    route_handlers=[
        list_notifications, count_unread, mark_read, mark_all_read, delete_read, get_notification_preferences,
        change_notification_preferences,
    ],
)  # fmt: skip
