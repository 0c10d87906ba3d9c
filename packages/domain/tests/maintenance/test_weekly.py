"""The weekly checks, on data whose outcome is known."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import pytest

from synergy_domain.maintenance import run_check
from synergy_domain.maintenance.lists import TASKS
from synergy_domain.webhooks import WebhookInput, create_webhook
from synergy_platform.errors import NotFound
from synergy_platform.ids import new_id

SILENT = "No part of the database's log was archived in the last hour."
FAILING = "The database's log is not archived any more: the last try failed."
# fills a part of the log, so that it has to be archived
SWITCH = "SELECT pg_switch_wal()"
DAY = timedelta(days=1)
GIB = 1024**3


async def test_disk_space_tells_sizes_as_the_database_and_the_disk_have_them(checks):
    finding = await checks.do("weekly.disk_space")
    size = await checks.reader.value("SELECT pg_database_size(current_database())")
    assert abs(finding.detail["database_bytes"] - size) < 1024 * 1024
    assert finding.detail["attachments_bytes"] == 0
    sizes = [table["bytes"] for table in finding.detail["tables"]]
    assert (len(sizes), sizes) == (15, sorted(sizes, reverse=True))
    disk = shutil.disk_usage(checks.runtime.settings.home_path)
    assert finding.detail["disk"]["bytes"] == disk.total
    assert "growth" not in finding.detail
    # the number of statements does not grow with the data
    assert checks.reader.statements <= 6


async def test_disk_space_forecasts_from_the_oldest_record_and_warns_in_time(checks, monkeypatch):
    free = 50 * GIB
    monkeypatch.setattr("synergy_domain.maintenance.weekly.disk_of", lambda _: (100 * GIB, free))
    base = (await checks.do("weekly.disk_space", now=checks.now - 20 * DAY)).detail
    await checks.sql("INSERT INTO retired_project_keys SELECT 'K' || n FROM generate_series(1, 20000) n")
    free = 40 * GIB
    finding = await checks.do("weekly.disk_space", now=checks.now)
    growth = finding.detail["growth"]
    assert growth["disk_bytes_a_day"] == GIB // 2
    assert (growth["days_left"], finding.outcome) == (80, "ok")
    grown = finding.detail["database_bytes"] - base["database_bytes"]
    assert grown > 500_000
    assert growth["database_bytes_a_day"] == round(grown / 20)
    assert growth["wal_bytes_a_day"] > 25_000
    [keys] = [table for table in finding.detail["tables"] if table["name"] == "retired_project_keys"]
    assert keys["bytes"] > 500_000
    assert keys["grown_bytes"] is None  # it was none of the largest before

    free = 12 * GIB
    finding = await checks.do("weekly.disk_space", now=checks.now + DAY)
    assert (finding.outcome, finding.detail["growth"]["days_left"]) == ("attention", 6)
    assert finding.summary == "At this pace the disk is full in 6 days."

    free = 9 * GIB
    finding = await checks.do("weekly.disk_space", now=checks.now + 2 * DAY)
    assert finding.summary.startswith("Only 9% of the disk is free (9.0 GiB).")


async def test_disk_space_does_not_forecast_from_a_disk_that_was_replaced(checks, monkeypatch):
    size = 100 * GIB
    monkeypatch.setattr("synergy_domain.maintenance.weekly.disk_of", lambda _: (size, 50 * GIB))
    await checks.do("weekly.disk_space", now=checks.now - 7 * DAY)
    size = 200 * GIB
    growth = (await checks.do("weekly.disk_space")).detail["growth"]
    assert (growth["disk_bytes_a_day"], growth["days_left"]) == (None, None)


async def test_backups_verified_says_what_is_missing_old_or_failed(checks):
    finding = await checks.do("weekly.backups_verified")
    assert finding.outcome == "attention"
    assert finding.summary == (
        "Backup of database and files: there is none yet. Restore of the last backup, tried: there is none yet."
    )
    await checks.record("backup", checks.now - DAY)
    await checks.record("drill", checks.now - DAY)
    finding = await checks.do("weekly.backups_verified")
    assert (finding.outcome, finding.detail["offsite_copy"]["state"]) == ("ok", "not_applicable")

    await checks.record("backup", checks.now - 4 * DAY)
    finding = await checks.do("weekly.backups_verified", now=checks.now + 2 * DAY)
    assert "Backup of database and files: the last one is 3 days old." in finding.summary
    await checks.record("drill", checks.now, "failed")
    await checks.record("offsite_copy", checks.now, "failed")
    finding = await checks.do("weekly.backups_verified")
    assert finding.summary == (
        "Restore of the last backup, tried: the last one ended with “failed”."
        " Copy of the backups elsewhere: the last one ended with “failed”."
    )


async def test_backups_verified_sees_that_the_log_is_not_archived(checks_on):
    async with checks_on(SWITCH, archive_mode="on", archive_command="false", wal_level="replica") as checks:
        await checks.record("backup", checks.now)
        await checks.record("drill", checks.now)
        finding = await checks.do("weekly.backups_verified")
        async with asyncio.timeout(30):
            while finding.summary != FAILING:
                assert finding.summary == SILENT
                await asyncio.sleep(0.5)
                finding = await checks.do("weekly.backups_verified")
        assert finding.outcome == "attention"
        assert finding.detail["wal_archive"]["failures"] >= 1


async def test_error_rates_counts_what_failed_since_the_last_record(checks, own):
    finding = await checks.do("weekly.error_rates", now=checks.now - DAY)
    assert (finding.outcome, finding.detail["http"], finding.detail["dead_letters"]) == ("ok", None, [])

    for name, state, died in (
        ("mail.send", "dead", -0.1),
        ("mail.send", "dead", -2),
        ("webhooks.send", "dead", -2),
        ("a", "waiting", None),
    ):
        await checks.sql(
            """INSERT INTO jobs (id, name, queue, payload, state, attempts, run_at, created_at, died_at)
               VALUES ($1, $2, 'io', '{}', $3, 3, now(), now(), $4)""",
            new_id(), name, state, None if died is None else checks.now + died * DAY,
        )  # fmt: skip
    for state, count in (("sent", 8), ("bounced", 1), ("failed", 1)):
        for _ in range(count):
            await checks.sql(
                """INSERT INTO mails (id, to_address, kind, subject, state, attempts, created_at)
                   VALUES ($1, 'a@example.org', 'digest', 'Hello', $2, 1, $3)""",
                new_id(), state, checks.now - DAY / 24,
            )  # fmt: skip
    project = await own.project(await own.user(verified=True))
    async with checks.runtime.database.unit_of_work() as uow:
        data = WebhookInput(name="Chat", url="https://hooks.example.org/key", events=["task.created"])
        webhook = await create_webhook(checks.runtime, uow, own.owner(project), project.id, data)
    for state, count in (("delivered", 8), ("failed", 2)):
        for _ in range(count):
            await checks.sql(
                """INSERT INTO webhook_deliveries (id, webhook_id, message_id, type, origin, payload, state, attempts,
                                                   created_at)
                   VALUES ($1, $2, 'm', 'task.created', 'ping', '{}', $3, 1, $4)""",
                new_id(), webhook.webhook.id, state, checks.now - DAY / 24,
            )  # fmt: skip
    await checks.sql(
        "UPDATE webhooks SET is_active = false, disabled_at = $1, disabled_reason = 'it fails'",
        checks.now - DAY / 24,
    )
    http = {"requests": 1000, "client_errors": 5, "server_errors": 11}
    await checks.record("weekly.logs_reviewed", checks.now, http=http)

    finding = await checks.do("weekly.error_rates")
    assert finding.outcome == "attention"
    assert finding.summary.split(". ") == [
        "1 job became dead letters: mail.send", "1 mail was given up", "1 mail of 10 bounced",
        "2 of 10 webhook messages failed", "1 webhook was turned off because they kept failing",
        "11 of 1000 requests were answered with 5xx.",
    ]  # fmt: skip
    assert finding.detail["dead_letters"][0] == {"name": "mail.send", "dead": 2, "new": 1}
    assert finding.detail["failing_jobs"] == 1
    assert "key" not in str(finding.detail)
    # a mail of that week is given up a day later
    await checks.record("weekly.logs_reviewed", checks.now, http={**http, "server_errors": 9})
    await checks.sql(
        """INSERT INTO mails (id, to_address, kind, subject, state, attempts, created_at)
           VALUES ($1, 'a@example.org', 'digest', 'Hello', 'failed', 9, $2)""",
        new_id(), checks.now - DAY / 24,
    )  # fmt: skip
    later = await checks.do("weekly.error_rates", now=checks.now + DAY)
    assert (later.outcome, later.summary) == ("attention", "1 mail was given up.")
    # nothing has failed since
    await checks.record("weekly.logs_reviewed", checks.now, http={**http, "server_errors": 9})
    assert (await checks.do("weekly.error_rates", now=checks.now + 2 * DAY)).outcome == "ok"


@pytest.mark.parametrize("task", [task.name for task in TASKS if task.how == "job"])
async def test_each_task_of_the_system_is_done_by_the_command_that_its_row_names(checks, task):
    async with checks.runtime.database.unit_of_work() as uow:
        await run_check(checks.runtime, uow, task, done_by="ada")
    assert await checks.reader.value("SELECT task FROM maintenance_records") == task


async def test_run_check_records_what_was_found_and_who_did_it(checks):
    async with checks.runtime.database.unit_of_work() as uow:
        finding = await run_check(checks.runtime, uow, "weekly.disk_space", done_by="ada")
    row = await checks.reader.row(
        "SELECT outcome, done_by, summary, finished_at >= started_at AS ok FROM maintenance_records"
    )
    assert tuple(row) == (finding.outcome, "ada", finding.summary, True)
    async with checks.runtime.database.unit_of_work() as uow:
        with pytest.raises(NotFound, match="just maintenance record quarterly"):
            await run_check(checks.runtime, uow, "quarterly.load_test", done_by="ada")
