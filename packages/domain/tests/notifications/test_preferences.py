"""What people chose: by type and channel; mails at once; links that switch them off."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime, timedelta
from email import policy

import msgspec
import pytest

from synergy_domain.notifications import (
    NotificationQuery,
    delete_old,
    delete_read,
    list_notifications,
    mark_all_read,
    my_preferences,
    read_unsubscribe,
    unread_count,
    unsubscribe,
    unsubscribe_token,
)
from synergy_domain.notifications.contracts import NotificationType
from synergy_platform.errors import InvalidInput, NotFound
from synergy_platform.mail import encode_mail
from synergy_platform.mail.message import Mail
from synergy_platform.tokens import Keyring

MAILED = {
    "task_assigned", "mention", "milestone_due", "milestone_completed", "milestone_overdue", "deadline_approaching",
    "invitation",
}  # fmt: skip


async def assign(desk, project, *people):
    task = await desk.make.task(project, assignee_ids=[person.user_id for person in people])
    await desk.tell(task.id, "task.assigned")
    return task


async def test_defaults_are_those_of_the_product(timed):
    view = await my_preferences(timed.runtime.database.reader(), await timed.reader(timezone="Europe/Vienna"))
    assert set(view.types) == set(msgspec.json.schema(NotificationType)["enum"])
    assert {name for name, chosen in view.types.items() if not chosen.in_app} == {"task_completed"}
    assert {name for name, chosen in view.types.items() if chosen.email} == MAILED
    assert (view.digest, view.digest_time, view.digest_weekday) == ("never", "09:00", "monday")
    assert (view.timezone, view.email_verified) == ("Europe/Vienna", True)


async def test_change_keeps_what_is_not_named_and_refuses_unknown_types(timed):
    reader = await timed.reader()
    await timed.prefer(reader, types={"mention": {"email": False}, "task_completed": {"in_app": True}}, digest="weekly")
    await timed.prefer(reader, types={"mention": {"in_app": False}}, digest_weekday="friday", digest_time="18:30")
    view = await my_preferences(timed.runtime.database.reader(), reader)
    assert (view.types["mention"].in_app, view.types["mention"].email) == (False, False)
    assert view.types["task_completed"].in_app
    assert (view.digest, view.digest_time, view.digest_weekday) == ("weekly", "18:30", "friday")
    with pytest.raises(InvalidInput) as caught:
        await timed.prefer(reader, types={"mentions": {"email": True}, "mention": {"email": True}})
    assert [fault.pointer for fault in caught.value.faults] == ["/types/mentions"]
    assert not (await my_preferences(timed.runtime.database.reader(), reader)).types["mention"].email


async def test_channels_are_chosen_apart(timed):
    project = await timed.make.project()
    both, app_only, mail_only, neither, unverified = [await timed.make.member(project) for _ in range(5)]
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id <> $1", unverified.user_id)
    await timed.prefer(app_only, types={"task_assigned": {"email": False}})
    await timed.prefer(mail_only, types={"task_assigned": {"in_app": False}})
    await timed.prefer(neither, types={"task_assigned": {"in_app": False, "email": False}})
    task = await assign(timed, project, both, app_only, mail_only, neither, unverified)
    title = f"Test Person assigned {task.key} to you"
    for person, listed, mailed in (
        (both, True, True), (app_only, True, False), (mail_only, False, True), (neither, False, False),
        (unverified, True, False),
    ):  # fmt: skip
        assert [entry for _, entry in await timed.inbox(person)] == [title] * listed
        assert [mail["subject"] for mail in await timed.mails(person)] == [title] * mailed
    db, query = timed.runtime.database.reader(), NotificationQuery()
    assert (await list_notifications(db, timed.runtime.cursors, mail_only, query)).items == []
    assert (await unread_count(db, mail_only)).unread == 0
    assert await timed.rows(neither) == []
    told = await db.rows("SELECT recipient_id FROM events WHERE type = 'notification.created'")
    assert {row["recipient_id"] for row in told} == {both.user_id, app_only.user_id, unverified.user_id}


async def test_mail_has_both_parts_links_and_one_click_headers(timed):
    project = await timed.make.project()
    member = await timed.make.member(project)
    async with timed.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
    task = await assign(timed, project, member)
    (row,) = await timed.mails(member)
    mail = Mail(
        to=row["to_address"], subject=row["subject"], text=row["text"], html=row["html"], kind=row["kind"],
        headers=row["headers"], written_at=row["created_at"],
    )  # fmt: skip
    message = email.message_from_bytes(encode_mail(mail, "SynergyOS <a@b.org>"), policy=policy.default)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (token,) = re.fullmatch(
        r"<https://pm\.example\.org/api/v1/unsubscribe/([\w-]+)>", message["List-Unsubscribe"]
    ).groups()
    for kind in ("plain", "html"):
        content = message.get_body((kind,)).get_content().replace("&amp;", "&")
        assert f"https://pm.example.org/projects/{project.id}/board?task={task.key}" in content
        assert f"https://pm.example.org/unsubscribe/{token}" in content
    assert (row["kind"], row["to_address"]) == ("task_assigned", f"{member.username}@example.org")
    assert await timed.runtime.database.reader().value("SELECT count(*) FROM jobs WHERE queue = 'io'") == 1
    keyring = timed.runtime.keyring
    view = await read_unsubscribe(timed.runtime.database.reader(), keyring, token)
    assert (view.type, view.subscribed) == ("task_assigned", True)
    for _ in range(2):
        async with timed.runtime.database.unit_of_work() as uow:
            assert not (await unsubscribe(uow, keyring, token)).subscribed
    assert not (await read_unsubscribe(timed.runtime.database.reader(), keyring, token)).subscribed
    await assign(timed, project, member)
    assert len(await timed.mails(member)) == 1
    preferences = await my_preferences(timed.runtime.database.reader(), member)
    assert {name for name, chosen in preferences.types.items() if chosen.email} == MAILED - {"task_assigned"}


async def test_unsubscribing_from_the_digest_ends_all_mails(timed):
    reader = await timed.reader()
    await timed.prefer(reader, digest="daily")
    token = unsubscribe_token(timed.runtime.keyring, reader.user_id, "digest")
    async with timed.runtime.database.unit_of_work() as uow:
        assert not (await unsubscribe(uow, timed.runtime.keyring, token)).subscribed
    view = await my_preferences(timed.runtime.database.reader(), reader)
    assert not any(chosen.email for chosen in view.types.values())
    assert view.types["mention"].in_app


async def test_forged_token_is_nothing_of_ours(timed):
    reader, keyring = await timed.reader(), timed.runtime.keyring
    token = unsubscribe_token(keyring, reader.user_id, "mention")
    other = unsubscribe_token(Keyring(["another secret that is long enough to be one"]), reader.user_id, "mention")
    rotated = Keyring(["a new secret in front of it, long enough", *timed.runtime.settings.secret_keys])
    for wrong in ("", "x", "é", token[:-2], token[::-1], other, f"{token}AAAA"):
        with pytest.raises(NotFound):
            await read_unsubscribe(timed.runtime.database.reader(), keyring, wrong)
    assert (await read_unsubscribe(timed.runtime.database.reader(), rotated, token)).subscribed


async def test_deleted_ones_leave_the_list_and_later_the_table(timed):
    project = await timed.make.project()
    member = await timed.make.member(project)
    await assign(timed, project, member)
    async with timed.runtime.database.unit_of_work() as uow:
        await mark_all_read(uow, member)
        await delete_read(uow, member)
    assert await timed.inbox(member) == []
    (kept,) = await timed.rows(member)
    assert (kept["title"], kept["message"], kept["data"]) == ("", "", {})
    later = datetime.now(UTC) + timedelta(days=31)
    async with timed.runtime.database.unit_of_work() as uow:
        assert await delete_old(uow, read_before=datetime(2000, 1, 1, tzinfo=UTC), unlisted_before=later) == 1
    assert await timed.rows(member) == []
