"""What events of the ledger become outside: their types, and what a message says.

A webhook event is told once for each change, although the ledger may describe one change by several entries:

- `task.assigned` is left out. It never stands alone: the same commit holds `task.created`, or `task.updated` with
  `changes.assignee_ids`, which say who is on the task. (It is in the ledger for those who are assigned.)
- `task.completed` is sent beside `task.updated`, since it is another type: who wants only completions subscribes to it.
- `member.joined` tells of somebody whom a manager added (`member.added`) and of somebody who accepted an invitation.
- `member.invited` names the address, which the ledger masks: managers, who make webhooks, see it in the list too.
- A move on the board is `task.updated` with `changes.status`, or `changes.position` within its column.

So the mapping is by type alone. Joining what one request did would need to look at its other events, and would break
once something did two things in one commit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from synergy_domain.webhooks.contracts import WebhookEventType

Data = dict[str, Any]


class LedgerFact(msgspec.Struct, kw_only=True, frozen=True):
    """An event of the ledger with the names that a message shows; `quiet`: an import brought it."""

    id: str
    number: int | None
    type: str
    occurred_at: datetime
    object_type: str
    object_id: str
    quiet: bool
    data: Data
    project: Data
    actor: Data | None


def _same(data: Data) -> Data:
    return data


def _task(data: Data) -> Data:
    return {**{name: value for name, value in data.items() if name != "task_version"}, "version": data["task_version"]}


def _task_moved(data: Data) -> Data:
    before, after = data["from_status"], data["to_status"]
    changes = {"status": [before, after]} if before != after else {"position": _UNTOLD}
    return {
        "key": data["key"], "title": data["title"], "changes": changes, "version": data["task_version"]
    }  # fmt: skip


def _project_updated(data: Data) -> Data:
    return {"name": data["name"], "changes": data["changes"], "version": data["project_version"]}


def _project_archived(data: Data) -> Data:
    return {"name": data["name"], "changes": {"archived": [False, True]}}


def _project_unarchived(data: Data) -> Data:
    return {"name": data["name"], "changes": {"archived": [True, False]}}


def _project_transferred(data: Data) -> Data:
    return {"name": data["name"], "changes": {"owner_id": [data["from_user_id"], data["to_user_id"]]}}


def _comment(data: Data) -> Data:
    return {
        "task": {"id": data["task_id"], "key": data["task_key"], "title": data["task_title"]},
        "excerpt": data["excerpt"],
        "mentioned_ids": data["mentioned_ids"],
    }


_UNTOLD = ["…", "…"]  # it changed; before and after are not told, as of long texts

_MAPPING: dict[str, tuple[WebhookEventType, Callable[[Data], Data]]] = {
    "project.created": ("project.created", _same),
    "project.updated": ("project.updated", _project_updated),
    "project.archived": ("project.updated", _project_archived),
    "project.unarchived": ("project.updated", _project_unarchived),
    "project.transferred": ("project.updated", _project_transferred),
    "project.deleted": ("project.deleted", _same),
    "task.created": ("task.created", _task),
    "task.updated": ("task.updated", _task),
    "task.moved": ("task.updated", _task_moved),
    "task.completed": ("task.completed", _task),
    "task.deleted": ("task.deleted", _same),
    "member.added": ("member.joined", _same),
    "member.invited": ("member.invited", _same),
    "member.joined": ("member.joined", _same),
    "member.removed": ("member.removed", _same),
    "comment.created": ("comment.created", _comment),
}
LEDGER_TYPES = frozenset(_MAPPING)


def webhook_type(ledger_type: str) -> WebhookEventType:
    """The type outside of an event of the ledger; only for `LEDGER_TYPES`."""
    return _MAPPING[ledger_type][0]


def ledger_types(chosen: list[str]) -> list[str]:
    """The types of the ledger that an endpoint with these types is sent."""
    return sorted(inside for inside, (outside, _) in _MAPPING.items() if "*" in chosen or outside in chosen)


def describe(fact: LedgerFact) -> Data:
    """The message of an event: `{type, timestamp, data}`."""
    outside, translate = _MAPPING[fact.type]
    return _message(
        outside,
        fact.occurred_at,
        {
            "id": fact.object_id,
            "object": fact.object_type,
            "number": fact.number,
            "project": fact.project,
            "actor": fact.actor,
            "imported": fact.quiet,
            **translate(fact.data),
        },
    )


def describe_test(now: datetime, webhook_id: str, name: str, project: Data, actor: Data) -> Data:
    """The message that tries an endpoint."""
    data = {
        "id": webhook_id, "object": "webhook", "number": None, "project": project, "actor": actor, "imported": False,
        "name": name,
    }  # fmt: skip
    return _message("webhook.test", now, data)


def _message(kind: WebhookEventType, at: datetime, data: Data) -> Data:
    timestamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"type": kind, "timestamp": timestamp, "data": data}
