"""Every column that names a user, and what becomes of it.

A test compares this with the schema: a new column has to be decided here before it can be released.
"""

from __future__ import annotations

from typing import Literal

import msgspec

# keep: the row stays, under "Deleted user" · clear: null · drop: the row goes · own: a statement of its own
OnDelete = Literal["keep", "clear", "drop", "own"]
# move: it names the account from now on · drop: the row goes · keep: it goes on naming the person · own: as above
OnLink = Literal["move", "drop", "keep", "own"]


class Reference(msgspec.Struct, frozen=True):
    """A column that names a user."""

    table: str
    column: str
    on_delete: OnDelete
    on_link: OnLink


REFERENCES: tuple[Reference, ...] = (
    Reference("admin_accesses", "user_id", "drop", "drop"),
    Reference("api_tokens", "user_id", "drop", "drop"),
    Reference("attachments", "uploader_id", "keep", "move"),
    Reference("comments", "author_id", "keep", "move"),
    Reference("email_codes", "user_id", "drop", "drop"),
    # the ledger: who did it, who may see it, whom it is about, and in `data` whom it names
    Reference("events", "actor_id", "keep", "own"),
    Reference("events", "recipient_id", "keep", "own"),
    Reference("events", "object_id", "keep", "own"),
    Reference("events", "data", "own", "own"),
    Reference("external_identities", "user_id", "drop", "drop"),
    Reference("external_sign_ins", "user_id", "drop", "drop"),
    Reference("idempotency_keys", "user_id", "drop", "drop"),
    Reference("imports", "user_id", "drop", "move"),
    # an accepted one holds the address
    Reference("invitations", "accepted_by", "drop", "move"),
    # it ends with the account of its sender anyway
    Reference("invitations", "invited_by", "keep", "move"),
    Reference("mails", "recipient_id", "drop", "move"),
    Reference("mfa_challenges", "user_id", "drop", "drop"),
    Reference("mfa_roles", "required_by", "keep", "move"),
    Reference("notification_preferences", "user_id", "drop", "drop"),
    Reference("notifications", "recipient_id", "drop", "drop"),
    Reference("one_time_links", "user_id", "drop", "drop"),
    Reference("project_members", "user_id", "own", "own"),
    Reference("project_members", "added_by", "keep", "move"),
    Reference("projects", "owner_id", "own", "own"),
    Reference("recovery_codes", "user_id", "drop", "drop"),
    # append-only, and the record of who it was
    Reference("security_events", "user_id", "keep", "keep"),
    Reference("sessions", "user_id", "drop", "drop"),
    Reference("subtasks", "assignee_id", "clear", "move"),
    Reference("subtasks", "completed_by", "keep", "move"),
    Reference("task_assignees", "user_id", "drop", "own"),
    Reference("tasks", "reporter_id", "keep", "move"),
    Reference("webhooks", "created_by", "keep", "move"),
)
