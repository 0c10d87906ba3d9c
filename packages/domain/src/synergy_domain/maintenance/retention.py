"""How long data is kept: the daily cleanup deletes by it, and the monthly look at old data holds the tables to it."""

from __future__ import annotations

from datetime import timedelta

import msgspec

READ_NOTIFICATIONS = timedelta(days=90)
# kept so that their causes do not tell a second time, or until a digest
UNLISTED_NOTIFICATIONS = timedelta(days=30)
MAILS = timedelta(days=30)
DELIVERIES = timedelta(days=30)
INVITATIONS = timedelta(days=30)
TRASH = timedelta(days=30)
LEDGER = timedelta(days=400)
SECURITY_EVENTS = timedelta(days=400)
RECORDS = timedelta(days=800)
# they only keep an administrator's reach from being recorded twice in an hour
ADMIN_ACCESSES = timedelta(days=1)
ORPHANED_FILES = timedelta(days=1)

# tables whose rows rest in the trash before they go; in this order, since rows of the first hang on the last
TRASHED = ("attachments", "comments", "tasks", "webhooks", "projects")
# the cleanup runs once a day, and may have missed one
SLACK = timedelta(days=2)


class Kept(msgspec.Struct, frozen=True):
    """Rows of `table` for which `condition` holds at `$1`, the moment that long ago, should be gone."""

    table: str
    condition: str
    kept: timedelta


# what the cleanup deletes by just these; the other tables' own modules know how
PLAIN = (
    Kept("security_events", "created_at < $1", SECURITY_EVENTS),
    Kept("admin_accesses", "hour < $1", ADMIN_ACCESSES),
    Kept("maintenance_records", "finished_at < $1", RECORDS),
)
KEPT = (
    Kept("notifications", "read_at < $1", READ_NOTIFICATIONS),
    Kept("mails", "created_at < $1", MAILS),
    Kept("webhook_deliveries", "created_at < $1", DELIVERIES),
    Kept("invitations", "least(expires_at, accepted_at, revoked_at) < $1", INVITATIONS),
    *PLAIN,
    Kept("sessions", "expires_at < $1", timedelta()),
    Kept("refresh_tokens", "expires_at < $1", timedelta()),
    Kept("one_time_links", "expires_at < $1", timedelta()),
)
