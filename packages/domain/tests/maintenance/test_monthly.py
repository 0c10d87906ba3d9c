"""The monthly checks, on data whose outcome is known."""

from __future__ import annotations

from datetime import timedelta

from synergy_domain.maintenance import clean_up, sweep_files
from synergy_platform.ids import new_id

DAY = timedelta(days=1)


async def event(checks, kind, at, user_id=None, detail="{}"):
    await checks.sql(
        "INSERT INTO security_events (id, type, user_id, detail, created_at) VALUES ($1, $2, $3, $4, $5)",
        new_id(), kind, user_id, detail, at,
    )  # fmt: skip


async def token(checks, user, *, scopes, used=None, expires=None, revoked=None):
    await checks.sql(
        """INSERT INTO api_tokens (id, user_id, name, prefix, token_hash, scopes, created_at, last_used_at, expires_at,
                                   revoked_at)
           VALUES ($1, $2, 'Script', 'syn_', $3, $4, $5, $6, $7, $8)""",
        new_id(), user.user_id, new_id().bytes, scopes, checks.now - 200 * DAY, used, expires, revoked,
    )  # fmt: skip


async def test_security_events_of_a_system_where_nothing_happened_are_well(checks, own):
    await own.user(role="admin", totp_confirmed_at=checks.now, totp_secret=b"x", last_login_at=checks.now)
    finding = await checks.do("monthly.security_events")
    assert (finding.outcome, finding.summary) == (
        "ok", "0 events, 0 changes of administrators; 0 dormant accounts, 0 unused tokens.",
    )  # fmt: skip


async def test_security_events_are_held_against_the_month_before(checks, own):
    good = await own.user(role="admin", totp_confirmed_at=checks.now, totp_secret=b"x", last_login_at=checks.now)
    bare = await own.user(role="admin", last_login_at=checks.now - 91 * DAY)
    await own.user(role="admin", is_active=False)
    dormant = await own.user(created_at=checks.now - 181 * DAY)
    await own.user(created_at=checks.now - 181 * DAY, last_login_at=checks.now - 179 * DAY)
    for days in range(10):
        await event(checks, "login_success", checks.now - days * DAY, good.user_id)
    for number in range(110):
        await event(checks, "login_failed", checks.now - number * DAY / 10)
    for _ in range(20):
        await event(checks, "login_failed", checks.now - 45 * DAY)
    await event(checks, "login_failed", checks.now - 70 * DAY)
    await event(checks, "token_reuse", checks.now - DAY, dormant.user_id)
    by = f'{{"by": "{good.user_id}", "from": "member", "to": "admin"}}'
    await event(checks, "role_changed", checks.now - DAY, bare.user_id, by)
    await event(checks, "role_changed", checks.now - DAY, bare.user_id, '{"from": "member", "to": "manager"}')
    await token(checks, good, scopes=["read"])
    await token(checks, good, scopes=["read", "admin"])
    await token(checks, good, scopes=["admin"], used=checks.now - 89 * DAY)
    await token(checks, good, scopes=["admin"], expires=checks.now - DAY)
    await token(checks, good, scopes=["admin"], revoked=checks.now - DAY)

    finding = await checks.do("monthly.security_events")
    assert finding.outcome == "attention"
    assert finding.detail["types"]["login_failed"] == {"month": 110, "before": 20}
    assert finding.detail["types"]["login_success"] == {"month": 10, "before": 0}
    assert finding.detail["admin_changes"] == [
        {
            "created_at": (checks.now - DAY).isoformat(), "user_id": str(bare.user_id), "by": str(good.user_id),
            "from": "member", "to": "admin",
        }
    ]  # fmt: skip
    assert finding.detail["admins_without_second_factor"] == [str(bare.user_id)]
    assert finding.detail["dormant_admins"] == [str(bare.user_id)]
    assert finding.detail["dormant_accounts"] == 1
    assert finding.detail["tokens"] == {"alive": 3, "without_end": 3, "unused": 2, "unused_admin": 1}
    for part in (
        "1 administrator of 2 without a second factor.", "1 administrator did not sign in for 90 days.",
        "110 sign-ins failed, after 20 in the month before.", "1 session ended because a refresh token was used twice",
        "1 token with the scope of administrators was not used for 90 days",
    ):  # fmt: skip
        assert part in finding.summary
    # people are named by their ids only
    assert bare.username not in str(finding.detail)


async def test_old_data_tells_what_the_cleanup_removed_and_what_is_beyond_its_time(checks, own):
    project = await own.project()
    first, second, _ = [await own.task(project) for _ in range(3)]
    await checks.sql("UPDATE tasks SET deleted_at = $1 WHERE id = $2", checks.now - 31 * DAY, first.id)
    await checks.sql("UPDATE tasks SET deleted_at = $1 WHERE id = $2", checks.now - 3 * DAY, second.id)
    for days in (10, 31, 40):
        await checks.sql(
            """INSERT INTO mails (id, to_address, kind, subject, state, attempts, created_at)
               VALUES ($1, 'a@example.org', 'digest', 'Hello', 'sent', 1, $2)""",
            new_id(), checks.now - days * DAY,
        )  # fmt: skip
    finding = await checks.do("monthly.old_data")
    # one day over is the next cleanup's; more means that there is none
    assert finding.detail["beyond_their_time"] == {"mails": 1}
    assert finding.summary == (
        "There is data beyond its time: mails (1). See whether the cleanup runs."
        " No cleanup is recorded for the last 30 days."
    )
    assert finding.detail["trash"]["tasks"] == {"rows": 2, "oldest": (checks.now - 31 * DAY).isoformat()}

    async with checks.runtime.database.unit_of_work() as uow:
        await clean_up(checks.runtime, uow, {})
    async with checks.runtime.database.unit_of_work() as uow:
        await sweep_files(checks.runtime, uow, {})
    finding = await checks.do("monthly.old_data", now=checks.runtime.clock.now())
    assert (finding.outcome, finding.detail["cleanups"]) == ("ok", 1)
    assert {name: rows for name, rows in finding.detail["removed"].items() if rows} == {"mails": 2, "tasks": 1}
    assert finding.summary.startswith(
        "1 cleanup removed 3 rows and 0 orphaned files; nothing is beyond its time; 1 row in"
    )
    assert {"attachments", "imports", "avatars"} >= set(finding.detail["orphaned_files_removed"])
