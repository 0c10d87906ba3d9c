"""The weekly checks that the system does itself: disk space, backups, error rates."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from synergy_domain.maintenance.contracts import RecordView
from synergy_domain.maintenance.finding import Finding, Look, conclude, counted, is_much, iso, readable
from synergy_domain.maintenance.lists import LOGS_REVIEWED
from synergy_domain.maintenance.log_review import server_error_troubles
from synergy_domain.maintenance.records import recent_records
from synergy_domain.maintenance.status import maintenance_status
from synergy_platform.machine import disk_of
from synergy_platform.mail.outbox import GIVE_UP_AFTER

TABLES = 15
# below that much of the disk, or with fewer days until it is full at this pace, somebody has to look
LEAST_FREE = 0.1
LEAST_DAYS = 30
# what is nearer together says nothing of a pace
LEAST_APART = timedelta(hours=12)
LONGEST_LOOK = timedelta(days=31)
ARCHIVE_SILENCE = timedelta(hours=1)
MOST_BOUNCED = 0.05
MOST_UNDELIVERED = 0.1

_TABLES = """
    SELECT relname AS name, pg_total_relation_size(oid)::bigint AS bytes, greatest(reltuples, 0)::bigint AS rows
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm') ORDER BY 2 DESC, 1 LIMIT $1
"""
_SIZES = """
    SELECT pg_database_size(current_database())::bigint AS database,
           pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_written,
           (SELECT coalesce(sum(size), 0) FROM attachments)::bigint AS attachments
"""
_ARCHIVE = """
    SELECT current_setting('archive_mode') <> 'off' AS is_on, last_archived_time, failed_count, last_failed_time
    FROM pg_stat_archiver
"""
_DEAD = """
    SELECT name, count(*) AS dead, count(*) FILTER (WHERE died_at >= $1) AS new FROM jobs WHERE state = 'dead'
    GROUP BY name ORDER BY 3 DESC, 2 DESC LIMIT 20
"""
_FAILING = "SELECT count(*) FROM jobs WHERE state = 'waiting' AND attempts > 0"
_MAILS = "SELECT state, count(*) AS n FROM mails WHERE created_at >= $1 GROUP BY state"
_DELIVERIES = "SELECT state, count(*) AS n FROM webhook_deliveries WHERE created_at >= $1 GROUP BY state"
_FAILED = """
    SELECT (SELECT count(*) FROM mails WHERE state = 'failed' AND created_at >= $1) AS mails,
           (SELECT count(*) FROM webhook_deliveries WHERE state = 'failed' AND created_at >= $1) AS webhook_deliveries
"""
_DISABLED = (
    "SELECT count(*) FROM webhooks WHERE deleted_at IS NULL AND disabled_at >= $1 AND disabled_reason IS NOT NULL"
)


async def disk_space(look: Look) -> Finding:
    """Sizes of the tables, the log and the files, how they grew, and in how many days the disk is full at that pace.

    The disk is the one that the worker has its files on: mostly, but not always, also the database's. The log is
    counted by what was written, since its files are not the worker's to see.
    """
    sizes = dict(await look.db.row(_SIZES) or {})
    tables = [dict(row) for row in await look.db.rows(_TABLES, TABLES)]
    total, free = await asyncio.to_thread(disk_of, look.runtime.settings.media_path)
    detail: dict[str, Any] = {
        "database_bytes": sizes["database"], "attachments_bytes": sizes["attachments"],
        "wal_written_bytes": sizes["wal_written"], "tables": tables,
        "disk": {"bytes": total, "free_bytes": free},
    }  # fmt: skip
    base = _base(look)
    if base is not None:
        _add_growth(detail, base, look.now)
    days_left = detail.get("growth", {}).get("days_left")
    troubles: list[str] = []
    if free < total * LEAST_FREE:
        troubles.append(f"Only {free / total:.0%} of the disk is free ({readable(free)}).")
    if days_left is not None and days_left < LEAST_DAYS:
        troubles.append(f"At this pace the disk is full in {counted(days_left, 'day')}.")
    forecast = "" if days_left is None else f", full in {counted(days_left, 'day')} at this pace"
    summary = (
        f"The database has {readable(sizes['database'])}, attachments {readable(sizes['attachments'])};"
        f" {readable(free)} of {readable(total)} are free{forecast}."
    )
    return conclude(detail, troubles, summary)


def _base(look: Look) -> RecordView | None:
    """The oldest of the last records that is far enough away to tell a pace."""
    apart = [each for each in look.earlier if look.now - each.finished_at >= LEAST_APART and "disk" in each.detail]
    return apart[-1] if apart else None


def _add_growth(detail: dict[str, Any], base: RecordView, now: datetime) -> None:
    days = (now - base.finished_at) / timedelta(days=1)
    before = base.detail

    def pace(name: str) -> int:
        return round((detail[name] - before[name]) / days)

    used = detail["disk"]["bytes"] - detail["disk"]["free_bytes"]
    used_before = before["disk"]["bytes"] - before["disk"]["free_bytes"]
    is_same_disk = detail["disk"]["bytes"] == before["disk"]["bytes"]
    disk_pace = (used - used_before) / days if is_same_disk else 0
    # a restored cluster counts its log from elsewhere
    wal_pace = pace("wal_written_bytes")
    detail["growth"] = {
        "since": base.finished_at.isoformat(),
        "database_bytes_a_day": pace("database_bytes"),
        "attachments_bytes_a_day": pace("attachments_bytes"),
        "wal_bytes_a_day": wal_pace if wal_pace >= 0 else None,
        "disk_bytes_a_day": round(disk_pace) if is_same_disk else None,
        "days_left": int(detail["disk"]["free_bytes"] / disk_pace) if disk_pace > 0 else None,
    }
    sizes = {table["name"]: table["bytes"] for table in before["tables"]}
    for table in detail["tables"]:
        table["grown_bytes"] = table["bytes"] - sizes[table["name"]] if table["name"] in sizes else None


async def backups_verified(look: Look) -> Finding:
    """What the records say of the last backup, its drill and its copy elsewhere, and the archive of the log."""
    detail: dict[str, Any] = {}
    troubles: list[str] = []
    for task in await maintenance_status(look.db, look.now):
        if task.task not in ("backup", "drill", "offsite_copy"):
            continue
        last = task.last
        detail[task.task] = {
            "state": task.state, "last_ok_at": iso(task.last_ok_at),
            "summary": None if last is None else last.summary,
        }  # fmt: skip
        if last is not None and last.outcome != "ok":
            troubles.append(f"{task.title}: the last one ended with “{last.outcome}”.")
        elif task.state == "overdue" and task.last_ok_at is not None:
            troubles.append(f"{task.title}: the last one is {_days(look.now - task.last_ok_at)} old.")
        elif task.state in ("overdue", "never"):
            troubles.append(f"{task.title}: there is none yet.")
    archive = dict(await look.db.row(_ARCHIVE) or {})
    if archive.get("is_on"):
        troubles += _archive_troubles(archive, look.now)
        detail["wal_archive"] = {
            "last_archived_at": iso(archive["last_archived_time"]), "failures": archive["failed_count"],
            "last_failed_at": iso(archive["last_failed_time"]),
        }  # fmt: skip
    return conclude(detail, troubles, "The last backup, its drill and the archive of the log are as they should be.")


def _archive_troubles(archive: dict[str, Any], now: datetime) -> list[str]:
    archived, failed = archive["last_archived_time"], archive["last_failed_time"]
    if failed is not None and (archived is None or failed > archived):
        return ["The database's log is not archived any more: the last try failed."]
    if archived is None or now - archived > ARCHIVE_SILENCE:
        return ["No part of the database's log was archived in the last hour."]
    return []


async def error_rates(look: Look) -> Finding:
    """Dead letters, jobs that fail, mails and webhooks that did not arrive, since the last record.

    Answers of 5xx are counted by each API process and in the logs, neither of which the worker sees: they come from the
    last review of the logs.
    """
    earliest = look.now - LONGEST_LOOK
    since = max(earliest, look.last.finished_at) if look.last else look.now - timedelta(days=7)
    dead = [dict(row) for row in await look.db.rows(_DEAD, since)]
    mails = {row["state"]: row["n"] for row in await look.db.rows(_MAILS, since)}
    deliveries = {row["state"]: row["n"] for row in await look.db.rows(_DELIVERIES, since)}
    # what is tried for days may fail after the record of its week; what had failed by then is in that one
    told: dict[str, int] = look.last.detail.get("young_failures", {}) if look.last else {}
    failed: dict[str, int] = {
        name: max(0, count - told.get(name, 0))
        for name, count in dict(await look.db.row(_FAILED, since - GIVE_UP_AFTER) or {}).items()
    }
    disabled = await look.db.value(_DISABLED, since)
    review = next(iter(await recent_records(look.db, [LOGS_REVIEWED], limit=1)), None)
    # a review elsewhere, signed off by hand, has no figures
    http: dict[str, Any] | None = None
    if review is not None and "http" in review.detail:
        http = {"reviewed_at": review.finished_at.isoformat(), **review.detail["http"]}
    detail: dict[str, Any] = {
        "since": since.isoformat(), "dead_letters": dead, "failing_jobs": await look.db.value(_FAILING),
        "mails": mails, "webhook_deliveries": deliveries, "webhooks_disabled": disabled, "http": http,
        "failed": failed, "young_failures": dict(await look.db.row(_FAILED, look.now - GIVE_UP_AFTER) or {}),
    }  # fmt: skip
    troubles: list[str] = []
    if new := sum(job["new"] for job in dead):
        names = ", ".join(job["name"] for job in dead if job["new"])
        troubles.append(f"{counted(new, 'job')} became dead letters: {names}.")
    if failed["mails"]:
        troubles.append(f"{counted(failed['mails'], 'mail was', 'mails were')} given up.")
    if is_much(mails.get("bounced", 0), sum(mails.values()), MOST_BOUNCED):
        troubles.append(f"{counted(mails['bounced'], 'mail')} of {sum(mails.values())} bounced.")
    if is_much(failed["webhook_deliveries"], sum(deliveries.values()), MOST_UNDELIVERED):
        troubles.append(
            f"{failed['webhook_deliveries']} of {counted(sum(deliveries.values()), 'webhook message')} failed."
        )
    if disabled:
        troubles.append(f"{counted(disabled, 'webhook was', 'webhooks were')} turned off because they kept failing.")
    if http:
        troubles += server_error_troubles(http)
    sent = counted(mails.get("sent", 0), "mail")
    delivered = counted(deliveries.get("delivered", 0), "webhook message")
    return conclude(detail, troubles, f"No new dead letters; {sent} and {delivered} arrived.")


def _days(age: timedelta) -> str:
    return counted(max(1, round(age / timedelta(days=1))), "day")
