"""Accounts and security events, as administrators see and change them."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta

import pytest

from synergy_domain.identity.repository import add_security_event
from synergy_platform.ids import new_id


@pytest.fixture
async def boss(make):
    return await make.user(role="admin")


@pytest.fixture
async def admin(boss, api):
    return await api.as_(boss)


async def events_of(admin, user_id, **parameters):
    answer = await admin.get("/admin/security-events", params={"user_id": str(user_id), **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def last_event(admin, user_id):
    return (await events_of(admin, user_id))[0]


def new_account(**fields):
    name = f"n{new_id().hex[-12:]}"
    return {
        "username": name, "email": f"{name}@example.org", "first_name": "Nora", "last_name": "Neu", **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/users"), ("POST", "/admin/users"), ("GET", "/admin/users/{}"), ("PATCH", "/admin/users/{}"),
        ("POST", "/admin/users/{}/deactivate"), ("POST", "/admin/users/{}/activate"),
        ("POST", "/admin/users/{}/reset-mfa"), ("POST", "/admin/users/{}/sign-out"),
        ("GET", "/admin/security-events"), ("GET", "/admin/security-events?format=csv"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["member", "manager"])
async def test_administration_by_others_is_refused(api, make, method, path, role):
    user = await make.user(role=role)
    caller = await api.as_(user)
    body = {"POST": new_account(), "PATCH": {"first_name": "Eve"}}.get(method)

    answer = await caller.request(method, path.format(user.user_id), json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "admins_only")


async def test_list_users_by_text_role_and_state_pages_through_those_that_fit(admin, make):
    marker = f"x{new_id().hex[-10:]}"
    people = [await make.user(first_name=f"A{letter}", username=f"{marker}{letter}") for letter in "cab"]
    inactive = await make.user(username=f"{marker}z", is_active=False)
    manager = await make.user(username=f"{marker}m", role="manager")

    async def found(**parameters):
        answer = await admin.get("/admin/users", params={"q": marker, **parameters})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    everybody = [str(user.user_id) for user in (people[1], people[2], people[0], manager, inactive)]
    assert await found() == everybody
    assert await found(sort="-username") == everybody[::-1]
    assert await found(sort="created_at") == [str(user.user_id) for user in (*people, inactive, manager)]
    assert await found(role="manager") == [str(manager.user_id)]
    assert await found(is_active="false") == [str(inactive.user_id)]
    for sort in ("username", "-username", "name", "-name", "last_login_at", "-last_login_at", "-created_at"):
        paged: list[str] = []
        cursor = None
        while True:
            parameters = {"q": marker, "limit": 2, "sort": sort, "count": "true"}
            page = (await admin.get("/admin/users", params=parameters | ({"cursor": cursor} if cursor else {}))).json()
            assert page["total"] == 5
            paged += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert paged == await found(sort=sort, limit="200"), sort
        assert sorted(paged) == sorted(everybody)
    assert (await admin.get("/admin/users?sort=password_hash")).status_code == 400


async def test_create_user_makes_an_account_with_a_mail_on_its_way(admin, runtime, boss):
    fields = new_account(role="manager")

    made = await admin.post("/admin/users", fields)

    assert made.status_code == 201, made.text
    user = made.json()
    assert {name: user[name] for name in fields} == fields
    assert (user["is_active"], user["email_verified_at"], user["version"]) == (True, None, 1)
    assert made.headers["location"] == f"/api/v1/admin/users/{user['id']}"
    assert (await admin.get(made.headers["location"])).json() == user
    job = await runtime.database.reader().value("SELECT name FROM jobs WHERE payload ->> 'user_id' = $1", user["id"])
    assert job == "identity.send_password_link"
    event = await last_event(admin, user["id"])
    assert (event["type"], event["detail"]) == ("registration", {"role": "manager", "by": str(boss.user_id)})


async def test_create_user_with_a_taken_name_is_a_conflict_that_names_it(admin, make):
    there = await make.user()

    answer = await admin.post("/admin/users", new_account(username=there.username))

    assert (answer.status_code, answer.json()["code"]) == (409, "already_taken")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/username"]
    bad = await admin.post("/admin/users", new_account(first_name="<b>"))
    assert bad.status_code == 422


async def test_change_user_with_if_match_changes_only_the_version_it_names(admin, make):
    user = await make.user()
    path = f"/admin/users/{user.user_id}"
    etag = (await admin.get(path)).headers["etag"]

    changed = await admin.patch(path, {"first_name": "Zoë"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["first_name"], changed.json()["version"]) == (200, "Zoë", 2)
    late = await admin.patch(path, {"first_name": "Zora"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["current"]["first_name"]) == (412, "Zoë")
    again = await admin.patch(path, {"last_name": "Zett"}, headers={"If-Match": changed.headers["etag"]})
    assert again.status_code == 200
    unchanged = await admin.patch(path, {"last_name": "Zett"})
    assert unchanged.json()["version"] == 3


async def test_change_user_to_another_address_has_it_verified_and_voids_old_links(admin, make, runtime):
    user = await make.user()
    reader = runtime.database.reader()
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", user.user_id)
        await uow.value(
            """INSERT INTO one_time_links (token_hash, user_id, purpose, email, created_at, expires_at)
               VALUES ($1, $2, 'password_reset', 'old@example.org', now(), now() + interval '1 hour')""",
            user.user_id.bytes, user.user_id,
        )  # fmt: skip
    email = f"{new_id().hex}@example.org"

    answer = await admin.patch(f"/admin/users/{user.user_id}", {"email": email})

    assert (answer.json()["email"], answer.json()["email_verified_at"]) == (email, None)
    assert await reader.value("SELECT used_at FROM one_time_links WHERE user_id = $1", user.user_id) is not None
    assert (
        await reader.value("SELECT name FROM jobs WHERE payload ->> 'user_id' = $1", str(user.user_id))
        == "identity.send_verification"
    )
    event = await last_event(admin, user.user_id)
    assert (event["type"], event["detail"]["changes"]["email"][1]) == ("user_changed", email)


async def test_change_user_to_a_taken_name_is_a_conflict(admin, make):
    one, other = await make.user(), await make.user()

    answer = await admin.patch(f"/admin/users/{one.user_id}", {"username": other.username})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_taken")
    assert (await admin.patch(f"/admin/users/{one.user_id}", {"username": one.username})).status_code == 200


async def test_change_role_counts_at_once_for_tokens_that_are_out(admin, api, make):
    user = await make.user(role="admin")
    lowered = await api.as_(user)
    assert (await lowered.get("/admin/users")).status_code == 200

    answer = await admin.patch(f"/admin/users/{user.user_id}", {"role": "member"})

    assert answer.json()["role"] == "member"
    assert (await lowered.get("/admin/users")).status_code == 403
    [event] = await events_of(admin, user.user_id, type="role_changed")
    assert (event["detail"]["from"], event["detail"]["to"]) == ("admin", "member")


async def test_change_of_ones_own_role_is_refused(admin, boss):
    answer = await admin.patch(f"/admin/users/{boss.user_id}", {"role": "member"})

    assert (answer.status_code, answer.json()["code"]) == (403, "own_role")
    same = await admin.patch(f"/admin/users/{boss.user_id}", {"role": "admin", "last_name": "Boss"})
    assert (same.status_code, same.json()["last_name"]) == (200, "Boss")


async def test_deactivate_user_ends_sessions_at_once_and_sign_in_until_activated(admin, api, make):
    user = await make.user()
    caller = await api.as_(user)
    assert (await caller.get("/me")).status_code == 200

    answer = await admin.post(f"/admin/users/{user.user_id}/deactivate")

    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert answer.json()["deactivated_at"] is not None
    assert (await caller.get("/me")).status_code == 401
    assert (await last_event(admin, user.user_id))["type"] == "user_deactivated"
    assert (await admin.post(f"/admin/users/{user.user_id}/deactivate")).json() == answer.json()

    back = await admin.post(f"/admin/users/{user.user_id}/activate")
    assert (back.json()["is_active"], back.json()["deactivated_at"]) == (True, None)
    assert (await caller.get("/me")).status_code == 401
    assert (await (await api.as_(user)).get("/me")).status_code == 200
    assert (await last_event(admin, user.user_id))["type"] == "user_activated"


async def test_sign_user_out_ends_all_sessions(admin, api, make):
    user = await make.user()
    callers = [await api.as_(user), await api.as_(user)]

    assert (await admin.post(f"/admin/users/{user.user_id}/sign-out")).status_code == 204

    assert [(await caller.get("/me")).status_code for caller in callers] == [401, 401]
    assert (await last_event(admin, user.user_id))["type"] == "session_revoked"


async def test_reset_mfa_forgets_factors_and_recovery_codes(admin, make, runtime):
    user = await make.user()
    path = f"/admin/users/{user.user_id}"
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET totp_secret = 's', totp_confirmed_at = now() WHERE id = $1", user.user_id)
        await uow.value(
            "INSERT INTO recovery_codes (code_hash, user_id, created_at) VALUES ($1, $2, now())",
            user.user_id.bytes, user.user_id,
        )  # fmt: skip
    assert (await admin.get(path)).json()["has_second_factor"] is True

    answer = await admin.post(f"{path}/reset-mfa")

    assert (answer.status_code, answer.json()["has_second_factor"]) == (200, False)
    reader = runtime.database.reader()
    assert await reader.value("SELECT count(*) FROM recovery_codes WHERE user_id = $1", user.user_id) == 0
    assert await reader.value("SELECT totp_secret FROM users WHERE id = $1", user.user_id) is None
    assert (await last_event(admin, user.user_id))["type"] == "mfa_disabled"


async def test_person_without_account_takes_names_but_no_role_and_no_sign_in(admin, make):
    person = await make.user(email=None, password_hash=None, is_active=False, is_person_only=True)
    path = f"/admin/users/{person.user_id}"

    assert (await admin.patch(path, {"first_name": "Grace"})).json()["first_name"] == "Grace"
    for answer in (
        await admin.patch(path, {"role": "admin"}),
        await admin.patch(path, {"email": "grace@example.org"}),
        await admin.post(f"{path}/activate"),
        await admin.post(f"{path}/deactivate"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "person_only")


async def test_unknown_user_is_not_found(admin):
    path = f"/admin/users/{new_id()}"

    assert [
        (await admin.get(path)).status_code,
        (await admin.patch(path, {"first_name": "Nobody"})).status_code,
        (await admin.post(f"{path}/deactivate")).status_code,
        (await admin.post(f"{path}/activate")).status_code,
        (await admin.post(f"{path}/reset-mfa")).status_code,
        (await admin.post(f"{path}/sign-out")).status_code,
    ] == [404] * 6


async def add_events(runtime, user_id, *kinds, **fields):
    async with runtime.database.unit_of_work() as uow:
        for kind in kinds:
            add_security_event(uow, kind, **{"user_id": user_id, "ip": "192.0.2.7", "user_agent": "tests", **fields})
            await uow.flush()


async def test_security_events_by_filter_are_those_that_fit(admin, make, runtime):
    user, other = await make.user(first_name="Quirin"), await make.user()
    await add_events(runtime, user.user_id, "login_failed", "login_success", "logout", username_tried="quirin@x.org")
    await add_events(runtime, other.user_id, "login_failed", ip="2001:db8::7", detail={"by": str(user.user_id)})

    async def kinds(**parameters):
        answer = await admin.get("/admin/security-events", params=parameters)
        assert answer.status_code == 200, answer.text
        return {(item["type"], item["user"]["id"]) for item in answer.json()["items"]}

    mine, theirs = str(user.user_id), str(other.user_id)
    assert await kinds(user_id=mine) == {("login_failed", mine), ("login_success", mine), ("logout", mine)}
    assert await kinds(user_id=mine, type="login_failed,logout") == {("login_failed", mine), ("logout", mine)}
    assert await kinds(by=mine) == {("login_failed", theirs)}
    assert await kinds(user_id=theirs, ip="2001:db8::/32") == {("login_failed", theirs)}
    assert await kinds(user_id=theirs, ip="192.0.2.7") == set()
    assert len(await kinds(user_id=mine, q="Quirin@x.org")) == 3
    assert await kinds(user_id=mine, q="nobody") == set()
    now = runtime.clock.now()
    assert await kinds(user_id=mine, to=(now - timedelta(hours=1)).isoformat()) == set()
    since = {"from": (now - timedelta(hours=1)).isoformat()}
    assert len(await kinds(user_id=mine, **since)) == 3
    for wrong in ({"type": "nothing"}, {"ip": "no address"}, {"from": "today"}, {"format": "xlsx"}, {"user_id": "me"}):
        assert (await admin.get("/admin/security-events", params=wrong)).status_code == 400, wrong


async def test_security_events_about_many_users_are_found_too(admin, make, runtime):
    user = await make.user(last_name="Person")
    await make.user(last_name="Person")
    await add_events(runtime, user.user_id, "logout")
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO users (id, username, first_name, last_name, role, timezone, locale, theme, is_active,
                                  is_person_only, created_at, updated_at)
               SELECT gen_random_uuid(), left('q' || gen_random_uuid(), 30), 'One', 'Person', 'member', 'UTC', 'en',
                      'system', false, true, now(), now() FROM generate_series(1, 101)"""
        )

    found = (await admin.get("/admin/security-events?q=person&type=logout")).json()["items"]

    assert str(user.user_id) in {item["user"]["id"] for item in found}


async def test_own_security_events_do_not_tell_where_administrators_were(admin, api, make):
    user = await make.user()
    assert (await admin.patch(f"/admin/users/{user.user_id}", {"first_name": "Zoë"})).status_code == 200

    [event] = (await (await api.as_(user)).get("/me/security-events?type=user_changed")).json()["items"]

    assert (event["ip"], event["user_agent"]) == (None, None)
    assert (await last_event(admin, user.user_id))["ip"] is not None


async def test_security_events_in_pages_are_all_of_them_once(admin, make, runtime):
    user = await make.user()
    await add_events(runtime, user.user_id, *["login_failed"] * 7)  # of one moment: the id decides
    whole = [item["id"] for item in await events_of(admin, user.user_id)]

    paged, cursor = [], None
    while True:
        parameters = {"user_id": str(user.user_id), "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/admin/security-events", params=parameters)).json()
        paged += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert (len(whole), paged) == (7, whole)


HOSTILE_CELLS = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "＝1+1", "＋1", "－1",
    "＠x", "\u00a0=1+1", '"=1+1', '";=1+1', '",=1+1,"', "a\r\n=1+1", '=HYPERLINK("http://x.example","click")',
]  # fmt: skip


async def test_security_events_as_csv_are_all_of_them_without_formulas(admin, make, runtime):
    user = await make.user(first_name="Ada, Augusta")
    for cell in HOSTILE_CELLS:
        await add_events(runtime, user.user_id, "login_failed", username_tried=cell, user_agent=cell)

    answer = await admin.get(f"/admin/security-events?format=csv&limit=1&user_id={user.user_id}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="security-events.csv"'
    header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["username_tried"].removeprefix("'") for row in cells] == HOSTILE_CELLS[::-1]
    assert {row["username"] for row in cells} == {user.username}
    for cell in (cell for row in rows for cell in row if cell):
        assert cell.strip()[:1] not in set("=+-@＝＋－＠"), cell
        assert cell[0] not in "\t\r\n", cell


async def test_security_events_as_csv_go_on_beyond_a_batch(admin, make, runtime):
    user = await make.user()
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            """INSERT INTO security_events (id, type, user_id, detail, created_at)
               SELECT gen_random_uuid(), 'logout', $1, '{}', $2 FROM generate_series(1, 2500)""",
            user.user_id, uow.now,
        )  # fmt: skip

    answer = await admin.get(f"/admin/security-events?format=csv&user_id={user.user_id}")

    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert len({row[-1] for row in rows[1:]}) == len(rows) - 1 == 2500


async def test_admins_who_lower_each_other_at_once_leave_one(own_runtime, make, settings):
    """The rows of all active administrators are locked in one order, so that the second sees what the first did."""
    from synergy_domain.common import Actor
    from synergy_domain.identity import Client, administration
    from synergy_domain.identity.administration import UserChange
    from synergy_platform.errors import Conflict

    own = type(make)(own_runtime)
    client = Client("127.0.0.1", "tests")

    async def take_away(by: Actor, whom: Actor, how: str) -> str:
        try:
            async with own_runtime.database.unit_of_work() as uow:
                if how == "deactivate":
                    await administration.deactivate_user(uow, by, client, whom.user_id)
                else:
                    await administration.change_user(uow, by, client, whom.user_id, UserChange(role="member"))
        except Conflict as error:
            return error.code
        return "done"

    for how in ("lower", "deactivate"):
        async with own_runtime.database.unit_of_work() as uow:
            await uow.value("UPDATE users SET is_active = false")
        admins = [await own.user(role="admin") for _ in range(4)]
        results = await asyncio.gather(
            *(take_away(admins[number - 1], admin, how) for number, admin in enumerate(admins))
        )
        assert sorted(results) == ["done", "done", "done", "last_admin"]
        left = await own_runtime.database.reader().value(
            "SELECT count(*) FROM users WHERE role = 'admin' AND is_active"
        )
        assert left == 1
