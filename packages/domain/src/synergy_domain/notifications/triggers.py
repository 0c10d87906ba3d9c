"""What events of the ledger tell whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.notifications.contracts import NotificationType
from synergy_domain.notifications.deliver import deliver
from synergy_domain.notifications.drafts import Draft
from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime

NOTIFY = "notifications.notify"

_EVENT = """
    SELECT e.id, e.type, e.actor_id, e.project_id, e.object_id, e.quiet, e.data::text AS data,
           u.first_name || ' ' || u.last_name AS actor_name
    FROM events e LEFT JOIN users u ON u.id = e.actor_id WHERE e.id = $1
"""
_INVOLVED = """
    SELECT user_id FROM task_assignees WHERE task_id = $1
    UNION SELECT reporter_id FROM tasks WHERE id = $1 AND reporter_id IS NOT NULL
"""
_MEMBERS = "SELECT user_id FROM project_members WHERE project_id = $1"
_JOINED = """
    SELECT p.name AS project_name, u.first_name || ' ' || u.last_name AS name,
           array(SELECT user_id FROM project_members
                 WHERE project_id = p.id AND role IN ('owner', 'manager')) AS managers
    FROM projects p, users u WHERE p.id = $1 AND u.id = $2
"""
# only whoever has confirmed the address is told: an account of that address may be somebody else's
_INVITED = """
    SELECT u.id, p.name AS project_name
    FROM invitations i
    JOIN projects p ON p.id = i.project_id AND p.deleted_at IS NULL
    JOIN users u ON lower(u.email) = lower(i.email) AND u.email_verified_at IS NOT NULL
    WHERE i.id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM project_members m WHERE m.project_id = i.project_id AND m.user_id = u.id)
"""
_STATUSES = {"todo": "To do", "in_progress": "In progress", "review": "Review", "done": "Done"}
_FIELDS = {
    "assignee_ids": "assignees", "label_ids": "labels", "depends_on_ids": "dependencies",
    "estimate_minutes": "estimate",
}  # fmt: skip
_NOBODY: list[list[str]] = [[], []]


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event, as far as it is told."""

    id: UUID
    type: str
    who: str
    project_id: UUID
    object_id: UUID
    data: dict[str, Any]

    def draft(
        self, recipient_id: UUID, kind: NotificationType, title: str, message: str, url: str, data: dict[str, Any]
    ) -> Draft:
        """A notification of one person about the event's object."""
        return Draft(
            recipient_id=recipient_id, type=kind, title=title, message=message, action_url=url,
            data={"project_id": str(self.project_id), **data},
            source_key=f"event:{self.id}", object_key=f"{self.project_id}:{self.object_id}",
        )  # fmt: skip


async def notify_about(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: make the notifications that an event of the ledger causes."""
    row = await uow.row(_EVENT, UUID(payload["event_id"]))
    if row is None or row["quiet"] or row["project_id"] is None:
        return
    happened = _read(row)
    drafts = await _TRIGGERS[happened.type](uow, happened)
    # whoever is invited does not see the project yet
    project_id = None if happened.type == "member.invited" else happened.project_id
    await deliver(runtime, uow, drafts, project_id=project_id, actor_id=row["actor_id"])


async def _task_assigned(_uow: UnitOfWork, event: Happened) -> list[Draft]:
    people = map(UUID, event.data["assignee_ids"])
    return _about_task(event, people, "task_assigned", f"{_verb(event, 'assigned')} to you")


async def _task_updated(uow: UnitOfWork, event: Happened) -> list[Draft]:
    changes: dict[str, list[Any]] = dict(event.data["changes"])
    # that it is done is told by itself
    if "status" in changes and changes["status"][1] == "done":
        del changes["status"]
    if not changes:
        return []
    before, after = changes.get("assignee_ids", _NOBODY)
    told_apart = {UUID(user_id) for user_id in after if user_id not in before}  # by `task_assigned`
    people = await _involved(uow, event.object_id) - told_apart
    if set(changes) == {"status"}:
        return _about_task(event, people, "task_updated", _moved(event, changes["status"][1]))
    fields = [_FIELDS.get(name, name.replace("_", " ")) for name in changes]
    title = f"{_verb(event, 'changed')}: {', '.join(fields)}"
    return _about_task(event, people, "task_updated", title, fields=sorted(changes))


async def _task_moved(uow: UnitOfWork, event: Happened) -> list[Draft]:
    # another place in the same column is nothing to tell, and that it is done is told by itself
    status = event.data["to_status"]
    if status in {event.data["from_status"], "done"}:
        return []
    return _about_task(event, await _involved(uow, event.object_id), "task_updated", _moved(event, status))


async def _task_completed(uow: UnitOfWork, event: Happened) -> list[Draft]:
    people = await _involved(uow, event.object_id)
    return _about_task(event, people, "task_completed", _verb(event, "completed"))


async def _commented(uow: UnitOfWork, event: Happened) -> list[Draft]:
    task_id, key = event.data["task_id"], event.data["task_key"]
    mentioned = {UUID(user_id) for user_id in event.data["mentioned_ids"]}
    # an edited comment tells those whom it mentions now, nobody else a second time
    involved = await _involved(uow, UUID(task_id)) - mentioned if event.type == "comment.created" else set[UUID]()
    data = {"task_id": task_id, "task_key": key, "comment_id": str(event.object_id)}

    def drafts(people: set[UUID], kind: NotificationType, verb: str) -> list[Draft]:
        title, url = f"{event.who} {verb} {key}", task_url(event.project_id, key)
        return [event.draft(person, kind, title, event.data["excerpt"], url, data) for person in sorted(people)]

    return [*drafts(mentioned, "mention", "mentioned you on"), *drafts(involved, "comment_added", "commented on")]


async def _project_changed(uow: UnitOfWork, event: Happened) -> list[Draft]:
    name: str = event.data["name"]
    kind: NotificationType = "project_updated"
    data: dict[str, Any] = {}
    match event.type:
        case "project.archived":
            title = f"{event.who} archived {name}"
        case "project.unarchived":
            title = f"{event.who} made {name} active again"
        case "project.transferred":
            owner = await uow.value(
                "SELECT first_name || ' ' || last_name FROM users WHERE id = $1", UUID(event.data["to_user_id"])
            )
            title = f"{event.who} made {owner} the owner of {name}"
        case _:
            changes: dict[str, list[Any]] = event.data["changes"]
            data["fields"] = sorted(changes)
            title = f"{event.who} changed {name}: {', '.join(field.replace('_', ' ') for field in changes)}"
            if "status" in changes and changes["status"][1] == "completed":
                kind, title = "project_completed", f"{event.who} completed {name}"
    people = [row["user_id"] for row in await uow.rows(_MEMBERS, event.project_id)]
    url = f"/projects/{event.project_id}"
    return [event.draft(person, kind, title, "", url, data) for person in people]


async def _member_added(uow: UnitOfWork, event: Happened) -> list[Draft]:
    row = await uow.row(_JOINED, event.project_id, event.object_id)
    if row is None:
        return []
    project, newcomer = row["project_name"], event.object_id
    role = f"As {event.data['role']}"
    data = {"user_id": str(newcomer), "role": event.data["role"]}
    title, url = f"{event.who} added you to {project}", f"/projects/{event.project_id}"
    drafts = [event.draft(newcomer, "member_added", title, role, url, data)]
    title, url = f"{event.who} added {row['name']} to {project}", f"/projects/{event.project_id}/members"
    managers = sorted(set(row["managers"]) - {newcomer})
    return drafts + [event.draft(manager, "member_added", title, role, url, data) for manager in managers]


async def _member_joined(uow: UnitOfWork, event: Happened) -> list[Draft]:
    row = await uow.row(_JOINED, event.project_id, event.object_id)
    if row is None:
        return []
    data = {"user_id": str(event.object_id), "role": event.data["role"]}
    title, url = f"{event.who} joined {row['project_name']}", f"/projects/{event.project_id}/members"
    role = f"As {event.data['role']}"
    return [event.draft(manager, "member_added", title, role, url, data) for manager in sorted(row["managers"])]


async def _member_invited(uow: UnitOfWork, event: Happened) -> list[Draft]:
    """For whoever has an account: the list in the app. The mail with the link is the invitation's own."""
    row = await uow.row(_INVITED, event.object_id)
    if row is None:
        return []
    invitation_id = str(event.object_id)
    data = {"invitation_id": invitation_id, "role": event.data["role"]}
    # no secret: it is good only for whoever is signed in with that address
    url = f"/invitations#token={invitation_id}"
    title, role = f"{event.who} invited you to {row['project_name']}", f"As {event.data['role']}"
    draft = event.draft(row["id"], "invitation", title, role, url, data)
    return [msgspec.structs.replace(draft, mailed_already=True)]


async def _webhook_disabled(_uow: UnitOfWork, event: Happened) -> list[Draft]:
    maker = event.data.get("created_by")
    if maker is None:
        return []
    url = f"/projects/{event.project_id}/webhooks"
    data = {"webhook_id": str(event.object_id)}
    title = f"The webhook {event.data['name']} was disabled"
    return [event.draft(UUID(maker), "webhook_disabled", title, event.data["reason"], url, data)]


_TRIGGERS: dict[str, Callable[[UnitOfWork, Happened], Awaitable[list[Draft]]]] = {
    "task.assigned": _task_assigned,
    "task.updated": _task_updated,
    "task.moved": _task_moved,
    "task.completed": _task_completed,
    "comment.created": _commented,
    "comment.updated": _commented,
    "project.updated": _project_changed,
    "project.archived": _project_changed,
    "project.unarchived": _project_changed,
    "project.transferred": _project_changed,
    "member.added": _member_added,
    "member.joined": _member_joined,
    "member.invited": _member_invited,
    # of a domain beside this one, known by its name alone
    "webhook.disabled": _webhook_disabled,
}
NOTIFY_ABOUT = frozenset(_TRIGGERS)


def task_url(project_id: UUID, key: str) -> str:
    """Where the web app shows a task."""
    return f"/projects/{project_id}/board?task={key}"


def _read(row: asyncpg.Record) -> Happened:
    return Happened(
        id=row["id"],
        type=row["type"],
        who=row["actor_name"] or "SynergyOS",
        project_id=row["project_id"],
        object_id=row["object_id"],
        data=msgspec.json.decode(row["data"]),
    )


async def _involved(uow: UnitOfWork, task_id: UUID) -> set[UUID]:
    """Assignees and the reporter of a task."""
    return {row["user_id"] for row in await uow.rows(_INVOLVED, task_id)}


def _about_task(
    event: Happened, people: Iterable[UUID], kind: NotificationType, title: str, **more: object
) -> list[Draft]:
    key = event.data["key"]
    data = {"task_id": str(event.object_id), "task_key": key, **more}
    url = task_url(event.project_id, key)
    return [event.draft(person, kind, title, event.data["title"], url, data) for person in sorted(people)]


def _verb(event: Happened, verb: str) -> str:
    return f"{event.who} {verb} {event.data['key']}"


def _moved(event: Happened, status: str) -> str:
    return f"{_verb(event, 'moved')} to {_STATUSES.get(status, status)}"
