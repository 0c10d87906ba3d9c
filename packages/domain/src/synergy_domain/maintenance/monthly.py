"""The monthly checks that the system does itself: security events and old data."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from synergy_domain.maintenance import retention
from synergy_domain.maintenance.finding import Finding, Look, conclude, counted, iso
from synergy_domain.maintenance.records import recent_records
from synergy_platform.ids import first_id_at

MONTH = timedelta(days=30)
UNUSED_TOKEN = timedelta(days=90)
DORMANT = timedelta(days=180)
# administrators can do more harm
DORMANT_ADMIN = timedelta(days=90)
MOST_IDS = 50
# failed sign-ins: twice as many as in the month before, and not by chance
MORE = 2
MANY_FAILURES = 100

_EVENTS = """
    SELECT type, count(*) FILTER (WHERE created_at >= $2) AS month, count(*) FILTER (WHERE created_at < $2) AS before
    FROM security_events WHERE created_at >= $1 GROUP BY type ORDER BY type
"""
# who became or ceased to be one, and who did it; people by their ids only
_ADMIN_CHANGES = """
    SELECT created_at, user_id, detail ->> 'by' AS by, detail ->> 'from' AS from, detail ->> 'to' AS to
    FROM security_events
    WHERE type = 'role_changed' AND created_at >= $1 AND 'admin' IN (detail ->> 'from', detail ->> 'to')
    ORDER BY created_at DESC LIMIT $2
"""
_ADMINS = """
    SELECT id, totp_confirmed_at IS NULL AND email_mfa_at IS NULL AS is_without_factor,
           coalesce(last_login_at, created_at) < $1 AS is_dormant
    FROM users WHERE role = 'admin' AND is_active AND deleted_at IS NULL ORDER BY id LIMIT 1000
"""
_DORMANT = """
    SELECT count(*) FROM users WHERE is_active AND NOT is_person_only AND deleted_at IS NULL
      AND coalesce(last_login_at, created_at) < $1
"""
_TOKENS = """
    SELECT count(*) AS alive, count(*) FILTER (WHERE expires_at IS NULL) AS without_end,
           count(*) FILTER (WHERE coalesce(last_used_at, created_at) < $2) AS unused,
           count(*) FILTER (WHERE coalesce(last_used_at, created_at) < $2 AND 'admin' = ANY(scopes)) AS unused_admin
    FROM api_tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
"""
_TRASH = "SELECT count(*) AS n, min(deleted_at) AS oldest FROM {table} WHERE deleted_at IS NOT NULL"
_BEYOND = "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {condition} LIMIT 1000) AS found"


async def security_events(look: Look) -> Finding:
    """Events by type against the month before, changes of administrators, accounts and tokens that nobody uses."""
    month, before = look.now - MONTH, look.now - 2 * MONTH
    types = {
        row["type"]: {"month": row["month"], "before": row["before"]}
        for row in await look.db.rows(_EVENTS, before, month)
    }
    admins = await look.db.rows(_ADMINS, look.now - DORMANT_ADMIN)
    bare = [str(row["id"]) for row in admins if row["is_without_factor"]]
    dormant = [str(row["id"]) for row in admins if row["is_dormant"]]
    tokens = dict(await look.db.row(_TOKENS, look.now, look.now - UNUSED_TOKEN) or {})
    changes = [
        {**row, "created_at": row["created_at"].isoformat(), "user_id": str(row["user_id"])}
        for row in await look.db.rows(_ADMIN_CHANGES, month, MOST_IDS)
    ]
    detail: dict[str, Any] = {
        "types": types, "admin_changes": changes, "admins": len(admins),
        "admins_without_second_factor": bare[:MOST_IDS], "dormant_admins": dormant[:MOST_IDS],
        "dormant_accounts": await look.db.value(_DORMANT, look.now - DORMANT), "tokens": tokens,
    }  # fmt: skip
    troubles: list[str] = []
    if bare:
        troubles.append(f"{counted(len(bare), 'administrator')} of {len(admins)} without a second factor.")
    if dormant:
        troubles.append(
            f"{counted(len(dormant), 'administrator')} did not sign in for {DORMANT_ADMIN.days} days."
            " Take the role or the account from whoever does not need it."
        )
    failed = types.get("login_failed", {"month": 0, "before": 0})
    if failed["month"] >= MANY_FAILURES and failed["month"] > failed["before"] * MORE:
        troubles.append(f"{failed['month']} sign-ins failed, after {failed['before']} in the month before.")
    if reused := types.get("token_reuse", {"month": 0})["month"]:
        troubles.append(f"{counted(reused, 'session')} ended because a refresh token was used twice: stolen, perhaps.")
    if tokens["unused_admin"]:
        troubles.append(
            f"{counted(tokens['unused_admin'], 'token')} with the scope of administrators was not used for"
            f" {UNUSED_TOKEN.days} days: revoke it."
        )
    events = sum(each["month"] for each in types.values())
    return conclude(
        detail, troubles,
        f"{counted(events, 'event')}, {counted(len(changes), 'change')} of administrators;"
        f" {counted(detail['dormant_accounts'], 'dormant account')}, {counted(tokens['unused'], 'unused token')}.",
    )  # fmt: skip


async def old_data(look: Look) -> Finding:
    """What the daily cleanup removed in the last month, what is there beyond its time, and what is in the trash."""
    since = look.now - MONTH
    removed, orphans = Counter[str](), Counter[str]()
    runs = 0
    for record in await recent_records(look.db, ("cleanup", "file_sweep"), limit=200):
        if record.finished_at < since:
            continue
        if record.task == "cleanup":
            runs += 1
            removed.update(record.detail)
        else:
            orphans.update(record.detail)
    beyond = {
        rule.table: await look.db.value(
            _BEYOND.format(table=rule.table, condition=rule.condition), look.now - rule.kept - retention.SLACK
        )
        for rule in retention.KEPT
    }
    beyond["events"] = await look.db.value(
        _BEYOND.format(table="events", condition="seq IS NOT NULL AND id < $1"),
        first_id_at(look.now - retention.LEDGER - retention.SLACK),
    )
    trash: dict[str, Any] = {}
    for table in retention.TRASHED:
        row = dict(await look.db.row(_TRASH.format(table=table)) or {})
        trash[table] = {"rows": row["n"], "oldest": iso(row["oldest"])}
        beyond[table] = await look.db.value(
            _BEYOND.format(table=table, condition="deleted_at < $1"), look.now - retention.TRASH - retention.SLACK
        )
    beyond = {table: rows for table, rows in beyond.items() if rows}
    detail: dict[str, Any] = {
        "since": since.isoformat(), "cleanups": runs, "removed": dict(removed), "orphaned_files_removed": dict(orphans),
        "beyond_their_time": beyond, "trash": trash,
    }  # fmt: skip
    troubles: list[str] = []
    if beyond:
        names = ", ".join(f"{table} ({rows if rows < 1000 else '1000 or more'})" for table, rows in beyond.items())
        troubles.append(f"There is data beyond its time: {names}. See whether the cleanup runs.")
    if not runs:
        troubles.append("No cleanup is recorded for the last 30 days.")
    return conclude(
        detail, troubles,
        f"{counted(runs, 'cleanup')} removed {counted(removed.total(), 'row')} and"
        f" {counted(orphans.total(), 'orphaned file')}; nothing is beyond its time;"
        f" {counted(sum(each['rows'] for each in trash.values()), 'row')} in the trash.",
    )  # fmt: skip
