"""Digests: at local time, once a day or week, over changes of the clock and gaps."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from synergy_domain.common import Actor
from synergy_domain.notifications import mark_all_read, send_digests
from synergy_domain.notifications.digests import BATCH, MOST_ITEMS
from synergy_domain.notifications.preferences import last_due
from synergy_platform.ids import new_id

SLOT = timedelta(minutes=15)


async def something(desk, actor: Actor, *, title="Something", kind="mention"):
    """What would have been delivered to somebody with a digest."""
    async with desk.runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO notifications (id, recipient_id, type, title, message, action_url, data, source_key,
                                          awaits_digest, created_at)
               VALUES ($1, $2, $3, $4, 'More', '/projects', '{}', $6, true, $5)""",
            new_id(), actor.user_id, kind, title, uow.now, str(new_id()),
        )  # fmt: skip


async def run_until(desk, actor, end, *, news_every=timedelta(hours=5)):
    """Run the schedule; the local times at which a digest was queued."""
    sent, next_news = [], desk.clock.now()
    while desk.clock.now() < end:
        if desk.clock.now() >= next_news:
            await something(desk, actor)
            next_news += news_every
        before = len(await desk.mails(actor))
        await desk.job(send_digests)
        sent += [desk.clock.now()] * (len(await desk.mails(actor)) - before)
        desk.clock.advance(SLOT)
    return sent


@pytest.mark.parametrize(
    ("zone", "at", "change"),
    [
        ("Europe/Vienna", "09:00", (2026, 3, 29)),
        ("Europe/Vienna", "02:30", (2026, 3, 29)),  # there is no such time that day
        ("Europe/Vienna", "02:30", (2026, 10, 25)),  # it comes twice
        ("America/New_York", "01:15", (2026, 11, 1)),  # it comes twice
        ("Australia/Lord_Howe", "01:45", (2026, 4, 5)),  # half an hour back, over the time
        ("America/Santiago", "00:00", (2026, 9, 6)),  # no midnight
        ("Asia/Kathmandu", "09:00", (2026, 3, 29)),  # a zone of quarter hours
    ],
)
async def test_daily_digest_comes_once_each_local_day(timed, zone, at, change):
    start = datetime(*change, tzinfo=ZoneInfo(zone)) - timedelta(days=2)
    timed.clock.advance(start.astimezone(UTC) - timed.clock.now())
    reader = await timed.reader(timezone=zone)
    await timed.prefer(reader, digest="daily", digest_time=at)
    sent = await run_until(timed, reader, start.astimezone(UTC) + timedelta(days=5))
    local = [moment.astimezone(ZoneInfo(zone)) for moment in sent]
    days = [moment.date() for moment in local]
    assert days == sorted(set(days))
    assert len(days) == (days[-1] - days[0]).days + 1 >= 4
    for moment in local:
        late = (moment.hour * 60 + moment.minute) - (int(at[:2]) * 60 + int(at[3:]))
        assert 0 <= late < 75 if moment.date() == datetime(*change, tzinfo=UTC).date() else 0 <= late < 15


async def test_weekly_digest_comes_on_its_day(timed):
    timed.at(2026, 3, 25, 12)  # a Wednesday
    reader = await timed.reader(timezone="Europe/Vienna")
    await timed.prefer(reader, digest="weekly", digest_time="08:00", digest_weekday="friday")
    sent = await run_until(timed, reader, datetime(2026, 4, 6, tzinfo=UTC))
    # over the change of the 29th: 08:00 is 07:00 in UTC, then 06:00
    assert sent == [datetime(2026, 3, 27, 7, tzinfo=UTC), datetime(2026, 4, 3, 6, tzinfo=UTC)]


async def test_choosing_a_digest_does_not_send_one_for_a_time_that_has_passed(timed):
    timed.at(2026, 1, 10, 12)
    reader = await timed.reader()
    await timed.prefer(reader, digest="daily")
    await something(timed, reader)
    await timed.job(send_digests)
    assert await timed.mails(reader) == []
    timed.at(2026, 1, 11, 9)
    await timed.job(send_digests)
    await timed.job(send_digests)
    (mail,) = await timed.mails(reader)
    assert (mail["subject"], mail["kind"]) == ("1 thing happened in your projects", "digest")
    assert "List-Unsubscribe" in mail["headers"]


async def test_missed_days_come_in_one_digest_and_an_empty_one_is_not_sent(timed):
    timed.at(2026, 1, 10, 12)
    reader = await timed.reader()
    await timed.prefer(reader, digest="daily")
    await something(timed, reader, title="First")
    timed.at(2026, 1, 14, 11)  # nothing ran for four days
    await something(timed, reader, title="Second")
    await timed.job(send_digests)
    (mail,) = await timed.mails(reader)
    assert mail["text"].index("Second") < mail["text"].index("First")
    timed.at(2026, 1, 15, 10)
    await timed.job(send_digests)
    timed.at(2026, 1, 16, 10)
    await something(timed, reader, title="Seen already")
    async with timed.runtime.database.unit_of_work() as uow:
        await mark_all_read(uow, reader)
    await timed.job(send_digests)
    assert len(await timed.mails(reader)) == 1


async def test_moving_to_another_zone_gives_no_second_digest_that_day(timed):
    timed.at(2026, 1, 10)
    reader = await timed.reader(timezone="Europe/Vienna")
    await timed.prefer(reader, digest="daily")
    await something(timed, reader)
    timed.at(2026, 1, 10, 8)
    await timed.job(send_digests)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET timezone = 'America/New_York' WHERE id = $1", reader.user_id)
    await something(timed, reader)
    timed.at(2026, 1, 10, 14, 30)
    await timed.job(send_digests)
    assert len(await timed.mails(reader)) == 1
    timed.at(2026, 1, 11, 14, 30)
    await timed.job(send_digests)
    assert len(await timed.mails(reader)) == 2


async def test_single_mails_stop_with_a_digest_and_types_keep_their_choice(timed):
    timed.at(2026, 1, 10, 12)
    project = await timed.make.project()
    member = await timed.make.member(project)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
    await timed.prefer(member, digest="daily", types={"task_assigned": {"in_app": False}})
    task = await timed.make.task(project, assignee_ids=[member.user_id])
    await timed.tell(task.id, "task.assigned")
    assert (await timed.mails(member), await timed.inbox(member)) == ([], [])
    await something(timed, member, title="Not any more", kind="mention")
    await timed.prefer(member, types={"mention": {"email": False}})
    timed.at(2026, 1, 11, 12)
    await timed.job(send_digests)
    (mail,) = await timed.mails(member)
    assert f"assigned {task.key} to you" in mail["text"]
    assert "Not any more" not in mail["text"]
    # without a digest single mails come again, and what waited does not come later
    await something(timed, member, kind="task_assigned")
    await timed.prefer(member, digest="never")
    await timed.prefer(member, digest="daily")
    timed.at(2026, 1, 12, 12)
    await timed.job(send_digests)
    assert len(await timed.mails(member)) == 1


async def test_digest_has_nothing_of_a_project_that_its_reader_left(timed):
    stays, left = await timed.make.project(), await timed.make.project()
    member = await timed.make.member(left)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
        await uow.value(
            "INSERT INTO project_members (project_id, user_id, role, joined_at) VALUES ($1, $2, 'member', now())",
            stays.id, member.user_id,
        )  # fmt: skip
    await timed.prefer(member, digest="daily")
    for project in (stays, left):
        task = await timed.make.task(project, assignee_ids=[member.user_id], title=f"Of {project.key}")
        await timed.tell(task.id, "task.assigned")
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("DELETE FROM project_members WHERE project_id = $1 AND user_id = $2", left.id, member.user_id)
    timed.at(2026, 1, 2, 9)
    await timed.job(send_digests)
    (mail,) = await timed.mails(member)
    assert f"Of {stays.key}" in mail["text"]
    assert f"Of {left.key}" not in mail["text"]
    assert mail["subject"] == "1 thing happened in your projects"


async def test_day_that_was_due_last_is_the_same_in_sql_and_in_python(timed):
    chance = random.Random(7)
    reader = await timed.reader()
    await timed.prefer(reader, digest="daily")
    zones = ["Europe/Vienna", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]
    changes = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 29), (10, 25), (4, 4), (4, 5), (9, 6), (10, 3))]
    for _ in range(200):
        zone, digest, weekday = chance.choice(zones), chance.choice(["daily", "weekly"]), chance.randint(1, 7)
        at = time(chance.choice([0, 1, 2, 3, 9, 23]), chance.choice([0, 5, 30, 59]))
        now = chance.choice(changes) + timedelta(minutes=chance.randint(-1500, 1500))
        expected = last_due(now, zone, digest, at, weekday)
        for had in (expected, expected - timedelta(days=1)):
            async with timed.runtime.database.unit_of_work() as uow:
                await uow.value("UPDATE users SET timezone = $2 WHERE id = $1", reader.user_id, zone)
                await uow.value(
                    """UPDATE notification_preferences SET digest = $2, digest_time = $3, digest_weekday = $4,
                                                           last_digest_on = $5 WHERE user_id = $1""",
                    reader.user_id, digest, at, weekday, had,
                )  # fmt: skip
                uow.now = now
                await send_digests(timed.runtime, uow, {})
                last = await uow.value(
                    "SELECT last_digest_on FROM notification_preferences WHERE user_id = $1", reader.user_id
                )
            assert last == expected, (now, zone, digest, at, weekday)


async def test_who_is_inactive_or_unverified_has_no_digest(timed):
    gone, unverified = await timed.reader(), await timed.make.user()
    for reader in (gone, unverified):
        await timed.prefer(reader, digest="daily")
        await something(timed, reader)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET is_active = false WHERE id = $1", gone.user_id)
    timed.at(2026, 1, 3, 12)
    await timed.job(send_digests)
    assert await timed.mails(gone) == await timed.mails(unverified) == []


async def test_many_readers_come_in_batches_of_a_few_statements(timed, counter):
    reader = await timed.reader()
    await timed.prefer(reader, digest="daily")
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value(
            """WITH people AS (
                 INSERT INTO users (id, username, email, first_name, last_name, role, timezone, locale, theme,
                                    is_active, is_person_only, email_verified_at, created_at, updated_at)
                 SELECT gen_random_uuid(), 'r' || n, 'r' || n || '@example.org', 'R', 'R', 'member', 'UTC', 'en',
                        'system', true, false, $1, $1, $1 FROM generate_series(1, $2) AS n RETURNING id)
               INSERT INTO notification_preferences
               SELECT id, '{}', 'daily', '09:00', 1, '2025-12-31', $1 FROM people""",
            uow.now, BATCH + 20,
        )  # fmt: skip
        await uow.value(
            """INSERT INTO notifications (id, recipient_id, type, title, message, action_url, data, source_key,
                                          awaits_digest, created_at)
               SELECT gen_random_uuid(), user_id, 'mention', 'T' || n, '', '/x', '{}', n::text, true,
                      $1::timestamptz + n * interval '1 s'
               FROM notification_preferences, generate_series(1, $2) AS n""",
            uow.now, MOST_ITEMS + 3,
        )  # fmt: skip
    timed.at(2026, 1, 2, 9)
    reader_db = timed.runtime.database.reader()
    for total in (BATCH, BATCH + 21):
        counter.statements.clear()
        await timed.job(send_digests)
        assert len(counter.statements) <= 6
        assert await reader_db.value("SELECT count(*) FROM mails") == total
    assert await reader_db.value("SELECT count(*) FROM jobs WHERE name = 'notifications.digests'") == 1
    (mail,) = await timed.mails(reader)
    assert mail["subject"] == f"{MOST_ITEMS + 3} things happened in your projects"
    assert mail["text"].count("\n* ") == MOST_ITEMS
    assert "and 3 more." in mail["text"]
