"""The types of events, each with its sentence and an example of what is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from synergy_domain.webhooks.contracts import WebhookEventType, WebhookEventView
from synergy_domain.webhooks.payloads import LedgerFact, describe, describe_test

_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_PROJECT = {"id": "019cacc1-0000-7000-8000-000000000001", "key": "WEB", "name": "Website"}
_ACTOR = {"id": "019cacc1-0000-7000-8000-000000000002", "username": "ada", "name": "Ada Lovelace"}
_TASK = {"key": "WEB-42", "title": "Write the imprint", "task_version": 3}
_MEMBER = {"username": "grace", "role": "member"}
_OBJECT = "019cacc1-0000-7000-8000-000000000003"

# where it is not what the type begins with
_OBJECTS = {"member.added": "user", "member.removed": "user", "member.invited": "invitation"}

# type → sentence, the event of the ledger that the example comes from, and its data
_SENT: dict[WebhookEventType, tuple[str, str, dict[str, Any]]] = {
    "project.created": (
        "The project was made. An endpoint is younger than its project, so this comes by a replay only.",
        "project.created",
        {"key": "WEB", "name": "Website"},
    ),
    "project.updated": (
        "Fields of the project changed, or it was archived, unarchived or given to another owner.",
        "project.updated",
        {"name": "Website", "project_version": 4, "changes": {"status": ["planning", "active"]}},
    ),
    "project.deleted": ("The project went to the trash.", "project.deleted", {"key": "WEB", "name": "Website"}),
    "task.created": ("A task was made.", "task.created", {**_TASK, "status": "todo", "task_version": 1}),
    "task.updated": (
        "Fields of a task changed, people were put on it or taken off, or it was moved on the board.",
        "task.updated",
        {**_TASK, "changes": {"priority": ["medium", "high"]}},
    ),
    "task.completed": ("A task is done; beside it comes task.updated or task.created.", "task.completed", _TASK),
    "task.deleted": (
        "A task went to the trash.",
        "task.deleted",
        {"key": "WEB-42", "title": "Write the imprint"},
    ),
    "member.joined": ("Somebody joined the project; the object is the user.", "member.added", _MEMBER),
    "member.invited": (
        "Somebody was invited by mail, or again; the object is the invitation.",
        "member.invited",
        {"email": "grace@example.org", "role": "member"},
    ),
    "member.removed": ("Somebody left the project or was removed; the object is the user.", "member.removed", _MEMBER),
    "comment.created": (
        "Somebody commented on a task; the excerpt is the beginning of the text.",
        "comment.created",
        {
            "task_id": "019cacc1-0000-7000-8000-000000000004",
            "task_key": "WEB-42",
            "task_title": "Write the imprint",
            "excerpt": "Who has the address?",
            "mentioned_ids": [],
        },
    ),
}
# named, so that an endpoint can subscribe to them now: what they tell of is not there yet
_LATER: dict[WebhookEventType, tuple[str, str, dict[str, Any]]] = {
    "message.created": ("Somebody wrote to the project.", "message", {"excerpt": "The new logo is there."}),
    "sprint.started": ("A sprint began.", "sprint", {"name": "Sprint 7"}),
    "sprint.completed": ("A sprint was closed.", "sprint", {"name": "Sprint 7"}),
    "milestone.completed": ("A milestone is reached.", "milestone", {"name": "Launch"}),
    "proof.submitted": ("A task's proof waits for its review.", "task", {"key": "WEB-42"}),
}


def list_events() -> list[WebhookEventView]:
    """All types, those that are sent first."""
    sent = [
        WebhookEventView(type=kind, description=sentence, available=True, example=_example(ledger_type, data))
        for kind, (sentence, ledger_type, data) in _SENT.items()
    ]
    test = WebhookEventView(
        type="webhook.test",
        description="Somebody tries the endpoint; it is sent whatever the endpoint subscribes to.",
        available=True,
        example=describe_test(_AT, _OBJECT, "Our chat", _PROJECT, _ACTOR),
    )
    later = [
        WebhookEventView(type=kind, description=sentence, available=False, example=_later(kind, object_type, data))
        for kind, (sentence, object_type, data) in _LATER.items()
    ]
    return [*sent, test, *later]


def _example(ledger_type: str, data: dict[str, Any]) -> dict[str, Any]:
    object_type = _OBJECTS.get(ledger_type, ledger_type.partition(".")[0])
    return describe(
        LedgerFact(
            id=_OBJECT, number=1234, type=ledger_type, occurred_at=_AT, object_type=object_type, object_id=_OBJECT,
            quiet=False, data=data, project=_PROJECT, actor=_ACTOR,
        )
    )  # fmt: skip


def _later(kind: WebhookEventType, object_type: str, data: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "id": _OBJECT, "object": object_type, "number": 1234, "project": _PROJECT, "actor": _ACTOR, "imported": False,
        **data,
    }  # fmt: skip
    return {"type": kind, "timestamp": "2026-03-02T09:30:00Z", "data": shown}
