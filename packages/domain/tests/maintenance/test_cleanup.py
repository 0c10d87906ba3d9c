"""The daily cleanup deletes what is old, and only that."""

from __future__ import annotations

import os
from datetime import timedelta

from synergy_domain.maintenance import SWEEP_FILES, clean_up, sweep_files
from synergy_domain.projects import InvitationInput, invite
from synergy_domain.work import AttachmentUpload, add_attachment, delete_attachment, delete_task
from synergy_platform.ids import first_id_at, new_id
from synergy_platform.storage import StoredFile


async def test_cleanup_deletes_what_is_old_and_keeps_the_rest(make, own_runtime):
    make = type(make)(own_runtime)
    project = await make.project()
    old_project = await make.project()
    kept, gone = await make.task(project), await make.task(project)
    owner = make.owner(project)
    await make.access_token(owner)
    async with own_runtime.database.unit_of_work() as uow:
        await delete_task(uow, owner, str(gone.id))
    async with own_runtime.database.unit_of_work() as uow:
        old = uow.now - timedelta(days=31)
        await uow.value("UPDATE tasks SET deleted_at = $2 WHERE id = $1", gone.id, old)
        await uow.value("UPDATE projects SET deleted_at = $2 WHERE id = $1", old_project.id, old)
        await uow.value("UPDATE sessions SET expires_at = $1", old)
        await uow.value("UPDATE events SET seq = ord")
        await uow.value(
            "UPDATE events SET id = $1 WHERE seq = (SELECT min(seq) FROM events)",
            first_id_at(uow.now - timedelta(days=401)),
        )
        # long ago, but recorded now: an import
        await uow.value("UPDATE events SET occurred_at = $1", uow.now - timedelta(days=3000))

    reader = own_runtime.database.reader()
    events = await reader.value("SELECT count(*) FROM events")
    async with own_runtime.database.unit_of_work() as uow:
        await clean_up(own_runtime, uow, {})
    assert [row["id"] for row in await reader.rows("SELECT id FROM tasks")] == [kept.id]
    assert [row["id"] for row in await reader.rows("SELECT id FROM projects")] == [project.id]
    assert await reader.value("SELECT count(*) FROM sessions") == 0
    assert await reader.value("SELECT count(*) FROM events") == events - 1
    assert await reader.value("SELECT key FROM retired_project_keys") == old_project.key
    assert await reader.value("SELECT count(*) FROM jobs WHERE name = $1", SWEEP_FILES) == 1


async def test_cleanup_deletes_invitations_a_month_after_they_ended(make, own_runtime):
    make = type(make)(own_runtime)
    owner = await make.user(verified=True)
    project = await make.project(owner)
    names = ("open", "accepted long ago", "revoked long ago", "expired long ago", "accepted now")
    for name in names:
        async with own_runtime.database.unit_of_work() as uow:
            data = InvitationInput(email=f"{name.replace(' ', '-')}@example.org")
            await invite(own_runtime, uow, owner, project.id, data)
    async with own_runtime.database.unit_of_work() as uow:
        old = uow.now - timedelta(days=31)
        for name, column, moment in zip(
            names[1:], ("accepted_at", "revoked_at", "expires_at", "accepted_at"), (old, old, old, uow.now), strict=True
        ):
            sql = f"UPDATE invitations SET {column} = $2 WHERE email = $1"  # noqa: S608 - columns of the test
            await uow.value(sql, f"{name.replace(' ', '-')}@example.org", moment)
    async with own_runtime.database.unit_of_work() as uow:
        await clean_up(own_runtime, uow, {})
    left = await own_runtime.database.reader().rows("SELECT email FROM invitations ORDER BY email")
    assert [row["email"] for row in left] == ["accepted-now@example.org", "open@example.org"]


async def stored(runtime, area: str, *, old: bool) -> StoredFile:
    async def content():
        yield b"{}"

    file = await runtime.storage.write(area, content(), max_bytes=10)
    if old:
        os.utime(runtime.storage.path(file.key), (0, 0))
    return file


async def test_cleanup_forgets_what_admins_reached_long_ago_and_keeps_the_record(make, own_runtime):
    make = type(make)(own_runtime)
    project = await make.project()
    async with own_runtime.database.unit_of_work() as uow:
        for hours in (1, 25):
            await uow.value(
                "INSERT INTO admin_accesses (user_id, project_id, hour) VALUES ($1, $2, $3)",
                new_id(), project.id, uow.now - timedelta(hours=hours),
            )  # fmt: skip
        for days in (399, 401):
            await uow.value(
                "INSERT INTO security_events (id, type, detail, created_at) VALUES ($1, 'admin_access', '{}', $2)",
                new_id(), uow.now - timedelta(days=days),
            )  # fmt: skip
    async with own_runtime.database.unit_of_work() as uow:
        await clean_up(own_runtime, uow, {})

    reader = own_runtime.database.reader()
    assert await reader.value("SELECT count(*) FROM admin_accesses") == 1
    assert await reader.value("SELECT count(*) FROM security_events WHERE type = 'admin_access'") == 1


async def test_sweep_deletes_old_files_that_nobody_names(make, own_runtime):
    make = type(make)(own_runtime)
    project = await make.project()
    owner = make.owner(project)
    task, purged = await make.task(project), await make.task(project)
    files = {
        name: await stored(own_runtime, area, old=old)
        for name, area, old in (
            ("orphan", "attachments", True), ("young", "attachments", False), ("used", "attachments", True),
            ("in the trash", "attachments", True), ("of a purged task", "attachments", True),
            ("orphaned import", "imports", True), ("waiting import", "imports", True),
            ("young import", "imports", False),
        )
    }  # fmt: skip
    for name, holder in (("used", task), ("in the trash", task), ("of a purged task", purged)):
        upload = AttachmentUpload(file=files[name], name="a.json", media_type=None)
        async with own_runtime.database.unit_of_work() as uow:
            view = await add_attachment(uow, owner, str(holder.id), upload)
            if name == "in the trash":
                await delete_attachment(uow, owner, view.id)
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE tasks SET deleted_at = $2 WHERE id = $1", purged.id, uow.now - timedelta(days=31))
        await uow.value(
            """INSERT INTO imports (id, user_id, source, file_key, dry_run, mapping, status, progress, created_at)
               VALUES ($1, $2, 'trello', $3, false, '{}', 'queued', 0, $4)""",
            new_id(), owner.user_id, files["waiting import"].key, uow.now,
        )  # fmt: skip
    for job in (clean_up, sweep_files):
        async with own_runtime.database.unit_of_work() as uow:
            await job(own_runtime, uow, {})
    gone = {name for name, file in files.items() if not own_runtime.storage.path(file.key).exists()}
    assert gone == {"orphan", "of a purged task", "orphaned import"}


async def test_cleanup_purges_attachments_that_were_long_in_the_trash(make, own_runtime):
    make = type(make)(own_runtime)
    project = await make.project()
    task, owner = await make.task(project), make.owner(project)
    file = await stored(own_runtime, "attachments", old=True)
    upload = AttachmentUpload(file=file, name="a.json", media_type=None)
    async with own_runtime.database.unit_of_work() as uow:
        await add_attachment(uow, owner, str(task.id), upload)
        await uow.value("UPDATE attachments SET deleted_at = $1", uow.now - timedelta(days=31))
    for job in (clean_up, sweep_files):
        async with own_runtime.database.unit_of_work() as uow:
            await job(own_runtime, uow, {})
    assert await own_runtime.database.reader().value("SELECT count(*) FROM attachments") == 0
    assert not own_runtime.storage.path(file.key).exists()


async def test_cleanup_deletes_links_and_tokens_that_can_never_be_used_again(make, own_runtime):
    make = type(make)(own_runtime)
    user = await make.user()
    await make.access_token(user)
    reader = own_runtime.database.reader()
    async with own_runtime.database.unit_of_work() as uow:
        session = await uow.value("SELECT id FROM sessions WHERE user_id = $1", user.user_id)
        for number, (expires, revoked) in enumerate(
            [
                ("1 hour", None),
                ("-1 hour", None),
                ("-31 days", None),
                (None, None),
                (None, "-1 day"),
                (None, "-31 days"),
            ]
        ):
            await uow.value(
                """INSERT INTO api_tokens (id, user_id, name, prefix, token_hash, scopes, created_at, expires_at,
                                           revoked_at)
                   VALUES (gen_random_uuid(), $1, $2::text, 'syn_', $2::text::bytea, '{read}', now(),
                           now() + $3::text::interval, now() + $4::text::interval)""",
                user.user_id, f"token {number}", expires, revoked,
            )  # fmt: skip
        for table, columns, values in (
            ("one_time_links", "user_id, purpose, email", f"'{user.user_id}', 'password_reset', 'a@example.org'"),
            ("refresh_tokens", "session_id", f"'{session}'"),
        ):
            for name, age in (("good", "1 hour"), ("old", "-1 second")):
                await uow.value(
                    f"""INSERT INTO {table} (token_hash, created_at, expires_at, {columns})
                        VALUES ($1, now(), now() + $2::text::interval, {values})""",  # noqa: S608 - of the test
                    name.encode(), age,
                )  # fmt: skip
    async with own_runtime.database.unit_of_work() as uow:
        await clean_up(own_runtime, uow, {})
    names = {row["name"] for row in await reader.rows("SELECT name FROM api_tokens")}
    assert names == {"token 0", "token 1", "token 3", "token 4"}
    links = await reader.rows("SELECT token_hash FROM one_time_links")
    assert [row["token_hash"] for row in links] == [b"good"]
    hashes = {row["token_hash"] for row in await reader.rows("SELECT token_hash FROM refresh_tokens")}
    assert b"good" in hashes
    assert b"old" not in hashes
