"""Invitations over HTTP: who sends them, what they show, and every way in which they are accepted or refused."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import structlog

from synergy_domain import projects
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import read_queued
from synergy_testing.factories import PASSWORD


def address(name: str = "guest") -> str:
    return f"{name}-{new_id().hex[-12:]}@example.org"


def registration(**fields: str) -> dict[str, dict[str, str]]:
    account = {
        "username": f"g{new_id().hex[-12:]}", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper"
    }  # fmt: skip
    return {"registration": {**account, **fields}}


class Desk:
    """A project whose owner has a confirmed address, and what the worker would do for it."""

    def __init__(self, api, make, runtime) -> None:
        self.api, self.make, self.runtime = api, make, runtime

    async def open(self, **fields) -> Desk:
        self.owner = await self.make.user(**{"verified": True, **fields})
        self.project = await self.make.project(self.owner)
        self.caller = await self.api.as_(self.owner)
        self.path = f"/projects/{self.project.id}/invitations"
        return self

    async def invite(self, email: str, role: str = "member", caller=None) -> dict:
        answer = await (caller or self.caller).post(self.path, {"email": email, "role": role})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def mail(self, invitation: dict) -> Mail | None:
        """Do the job that mails the link; the mail that it queued, if any."""
        sql = "SELECT id FROM mails WHERE to_address = $1 AND kind = 'invitation' ORDER BY id DESC LIMIT 1"
        async with self.runtime.database.unit_of_work() as uow:
            before = await uow.value(sql, invitation["email"])
            await projects.send_invitation(self.runtime, uow, {"invitation_id": invitation["id"]})
            after = await uow.value(sql, invitation["email"])
            return None if after == before else await read_queued(self.runtime, uow, after)

    async def token(self, invitation: dict) -> str:
        return re.search(r"/invitations#token=([\w-]{43})\n", (await self.mail(invitation)).text)[1]

    async def invited(self, email: str | None = None, role: str = "member") -> str:
        return await self.token(await self.invite(email or address(), role))

    async def set(self, invitation: dict, column: str, value: object) -> None:
        async with self.runtime.database.unit_of_work() as uow:
            sql = f"UPDATE invitations SET {column} = $2 WHERE id = $1"  # noqa: S608 - a column that the test names
            await uow.value(sql, UUID(invitation["id"]), value)

    async def row(self, sql: str, *args):
        return await self.runtime.database.reader().row(sql, *args)

    async def events(self) -> list[tuple[str, dict]]:
        rows = await self.runtime.database.reader().rows(
            "SELECT type, data::text AS data FROM events WHERE project_id = $1 ORDER BY id", self.project.id
        )
        return [(row["type"], msgspec.json.decode(row["data"])) for row in rows]


@pytest.fixture
async def desk(api, make, runtime) -> Desk:
    return await Desk(api, make, runtime).open()


async def test_invite_mails_a_link_that_shows_what_it_is_for(desk):
    email = address()
    invitation = await desk.invite(email, "manager")
    assert (invitation["email"], invitation["role"], invitation["state"]) == (email, "manager", "open")
    assert invitation["invited_by"]["id"] == str(desk.owner.user_id)
    sent, until = (datetime.fromisoformat(invitation[name]) for name in ("sent_at", "expires_at"))
    assert until - sent == timedelta(days=7)
    token = await desk.token(invitation)
    shown = await desk.api.anonymous.get(f"/invitations/{token}")
    assert shown.json() == {
        "project_name": "Website", "inviter": "Test Person", "email": email, "role": "manager",
        "account_exists": False, "expires_at": invitation["expires_at"],
    }  # fmt: skip
    listed = (await desk.caller.get(desk.path)).json()
    assert listed == {"items": [invitation], "next_cursor": None}


async def test_link_is_stored_hashed_and_told_to_nobody_but_the_addressee(desk):
    invitation = await desk.invite(address())
    token = await desk.token(invitation)
    row = await desk.row("SELECT * FROM invitations WHERE id = $1", UUID(invitation["id"]))
    assert token not in str(dict(row))
    sql = "SELECT payload::text AS text FROM jobs WHERE payload ->> 'invitation_id' = $1"
    job = await desk.row(sql, invitation["id"])
    assert msgspec.json.decode(job["text"]) == {"invitation_id": invitation["id"]}


async def test_no_line_of_the_log_has_the_token(desk):
    token = await desk.invited()
    with structlog.testing.capture_logs() as lines:
        assert (await desk.api.anonymous.get(f"/invitations/{token}")).status_code == 200
        assert (await desk.api.anonymous.post(f"/invitations/{token}/accept", registration())).status_code == 200
    paths = [line["url.path"] for line in lines if line["event"] == "http.request"]
    assert paths == ["/api/v1/invitations/[redacted]", "/api/v1/invitations/[redacted]/accept"]
    assert token not in str(lines)


async def test_no_error_answer_has_the_token(desk):
    token = await desk.invited()
    for answer, shown in [
        (await desk.api.anonymous.post(f"/invitations/{token}/accept", {}), "/api/v1/invitations/[redacted]/accept"),
        (await desk.api.anonymous.get(f"/invitations/{token}x"), "/api/v1/invitations/[redacted]"),
        (await desk.api.anonymous.get(f"/unsubscribe/{token}"), "/api/v1/unsubscribe/[redacted]"),
    ]:
        assert answer.status_code in {401, 404}
        assert answer.json()["instance"] == shown
        assert token not in answer.text


async def test_mail_escapes_what_people_wrote(desk, api):
    await desk.caller.patch(f"/projects/{desk.project.id}", {"name": "<b>Web site</b> & co"})
    mail = await desk.mail(await desk.invite(address()))
    assert "&lt;b&gt;Web site&lt;/b&gt; &amp; co" in mail.html
    assert "<b>" not in mail.html
    assert "> <b>Web" in mail.text


@pytest.mark.parametrize(
    ("role", "granted", "status"),
    [
        ("viewer", "viewer", 403), ("member", "viewer", 403), ("manager", "manager", 201), ("manager", "viewer", 201),
        ("owner", "manager", 201), ("owner", "owner", 422), ("stranger", "viewer", 404), ("admin", "manager", 201),
    ],
)  # fmt: skip
async def test_invite_is_allowed_up_to_ones_own_rank(desk, make, api, role, granted, status):
    user = {
        "owner": lambda: desk.owner,
        "stranger": lambda: None,
        "admin": lambda: None,
    }.get(role)
    if user is None:
        someone = await make.member(desk.project, role)
        async with desk.runtime.database.unit_of_work() as uow:
            await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", someone.user_id)
    else:
        someone = user() or await make.user(verified=True, role="admin" if role == "admin" else "member")
    answer = await (await api.as_(someone)).post(desk.path, {"email": address(), "role": granted})
    assert answer.status_code == status, answer.text


async def test_list_and_steer_invitations_is_for_managers(desk, make, api):
    invitation = await desk.invite(address())
    for role in ("viewer", "member"):
        caller = await api.as_(await make.member(desk.project, role))
        assert (await caller.get(desk.path)).status_code == 403
        assert (await caller.post(f"{desk.path}/{invitation['id']}/resend")).status_code == 403
        assert (await caller.delete(f"{desk.path}/{invitation['id']}")).status_code == 403
    stranger = await api.as_(await make.user())
    assert (await stranger.get(desk.path)).status_code == 404


async def test_invite_without_a_confirmed_address_is_refused_but_for_admins(api, make, runtime):
    desk = await Desk(api, make, runtime).open(verified=False)
    refused = await desk.caller.post(desk.path, {"email": address()})
    assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
    admin = await api.as_(await make.user(role="admin"))
    assert (await admin.post(desk.path, {"email": address()})).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"email": "nobody"}, "/email"), ({"email": "a@b.c\n"}, "/email"), ({}, "/email"),
     ({"email": "a@example.org", "role": "boss"}, "/role"), ({"email": "a@example.org", "x": 1}, "/x")],
)  # fmt: skip
async def test_invite_with_bad_input_names_the_field(desk, body, pointer):
    answer = await desk.caller.post(desk.path, body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_invite_answers_the_same_whether_the_account_exists(desk, make):
    """Nor for a member of the project: addresses of colleagues are not shown either."""
    known, member = await make.user(verified=True), await make.member(desk.project)
    keys = ("role", "state", "invited_by")
    answers = []
    for email in (f"{known.username}@example.org", f"{member.username}@example.org", address()):
        invitation = await desk.invite(email)
        answers.append(({name: invitation[name] for name in keys}, sorted(invitation)))
    assert answers[0] == answers[1] == answers[2]


async def test_invite_the_same_address_twice_conflicts_until_it_is_revoked_or_over(desk):
    email = address()
    invitation = await desk.invite(email)
    again = await desk.caller.post(desk.path, {"email": email.upper()})
    assert (again.status_code, again.json()["code"]) == (409, "already_invited")
    assert (await desk.caller.delete(f"{desk.path}/{invitation['id']}")).status_code == 204
    second = await desk.invite(email)
    await desk.set(second, "expires_at", datetime.now(UTC) - timedelta(seconds=1))
    assert [item["state"] for item in (await desk.caller.get(desk.path)).json()["items"]] == ["expired"]
    third = await desk.invite(email, "viewer")
    assert [item["id"] for item in (await desk.caller.get(desk.path)).json()["items"]] == [third["id"]]


async def test_two_invitations_at_once_to_one_address_are_one(desk):
    email = address()
    answers = await asyncio.gather(*(desk.caller.post(desk.path, {"email": email}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_invite_beyond_fifty_an_hour_is_429(desk):
    statuses = [
        (await desk.caller.post(desk.path, {"email": address(str(number))})).status_code for number in range(51)
    ]
    assert statuses == [201] * 50 + [429]


async def test_one_address_gets_ten_a_day_from_whomever(api, make, runtime):
    email = address()
    statuses = []
    for _ in range(11):
        desk = await Desk(api, make, runtime).open()
        statuses.append((await desk.caller.post(desk.path, {"email": email})).status_code)
    assert statuses == [201] * 10 + [429]


async def test_resend_makes_a_new_link_and_voids_the_old_one(desk):
    invitation = await desk.invite(address())
    old = await desk.token(invitation)
    path = f"{desk.path}/{invitation['id']}/resend"
    soon = await desk.caller.post(path)
    assert soon.status_code == 429
    assert 1 <= int(soon.headers["retry-after"]) <= 60
    earlier = datetime.now(UTC) - timedelta(days=8)
    await desk.set(invitation, "sent_at", earlier)
    await desk.set(invitation, "expires_at", earlier + timedelta(days=7))
    expired = await desk.api.anonymous.get(f"/invitations/{old}")
    assert (expired.status_code, expired.json()["code"]) == (404, "invitation_expired")
    again = await desk.caller.post(path)
    assert (again.status_code, again.json()["state"]) == (200, "open")
    assert (await desk.api.anonymous.get(f"/invitations/{old}")).json()["code"] == "invitation_not_found"
    token = await desk.token(invitation)
    assert (await desk.api.anonymous.get(f"/invitations/{token}")).status_code == 200


async def test_revoked_link_is_void_and_cannot_be_sent_again(desk):
    invitation = await desk.invite(address())
    token = await desk.token(invitation)
    assert (await desk.caller.delete(f"{desk.path}/{invitation['id']}")).status_code == 204
    for answer in (
        await desk.api.anonymous.get(f"/invitations/{token}"),
        await desk.api.anonymous.post(f"/invitations/{token}/accept", registration()),
        await desk.caller.post(f"{desk.path}/{invitation['id']}/resend"),
        await desk.caller.delete(f"{desk.path}/{invitation['id']}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")


async def test_invitation_of_another_project_is_404(desk, api, make, runtime):
    other = await Desk(api, make, runtime).open()
    invitation = await other.invite(address())
    assert (await desk.caller.delete(f"{desk.path}/{invitation['id']}")).status_code == 404
    assert (await desk.caller.post(f"{desk.path}/{invitation['id']}/resend")).status_code == 404


async def test_accept_when_signed_in_joins_and_uses_the_invitation_up(desk, make, api):
    guest = await make.user()
    token = await desk.invited(role="manager")
    caller = await api.as_(guest)
    answer = await caller.post(f"/invitations/{token}/accept", {})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["project_id"], body["project_key"]) == (str(desk.project.id), desk.project.key)
    assert body["user"]["id"] == str(guest.user_id)
    assert (await caller.get(f"/projects/{desk.project.id}")).json()["my_role"] == "manager"
    assert (await desk.caller.get(desk.path)).json()["items"] == []
    again = await (await api.as_(await make.user())).post(f"/invitations/{token}/accept", {})
    assert (again.status_code, again.json()["code"]) == (404, "invitation_not_found")
    member = await desk.row(
        "SELECT added_by FROM project_members WHERE project_id = $1 AND user_id = $2", desk.project.id, guest.user_id
    )
    assert member["added_by"] == desk.owner.user_id


async def test_accept_confirms_the_address_only_if_it_is_ones_own(desk, make, api):
    own, other = await make.user(), await make.user()
    for guest, email, confirmed in ((own, f"{own.username.upper()}@example.org", True), (other, address(), False)):
        token = await desk.invited(email)
        answer = await (await api.as_(guest)).post(f"/invitations/{token}/accept", {})
        assert (answer.json()["user"]["email_verified_at"] is not None) is confirmed


async def test_accept_by_id_needs_the_confirmed_address(desk, make, api):
    guest = await make.user(verified=True)
    unconfirmed = await make.user()
    for user, status in ((guest, 200), (unconfirmed, 404)):
        invitation = await desk.invite(f"{user.username}@example.org")
        caller = await api.as_(user)
        assert (await caller.get(f"/invitations/{invitation['id']}")).status_code == status
        assert (await desk.api.anonymous.get(f"/invitations/{invitation['id']}")).status_code == 404
        assert (await desk.caller.get(f"/invitations/{invitation['id']}")).status_code == 404
        assert (await caller.post(f"/invitations/{invitation['id']}/accept", {})).status_code == status


@pytest.mark.parametrize(
    ("present", "invited", "role"),
    [("viewer", "manager", "manager"), ("manager", "viewer", "manager"), ("member", "member", "member")],
)
async def test_accept_as_a_member_keeps_the_higher_role(desk, make, api, present, invited, role):
    member = await make.member(desk.project, present)
    token = await desk.invited(role=invited)
    caller = await api.as_(member)
    assert (await caller.post(f"/invitations/{token}/accept", {})).status_code == 200
    assert (await caller.get(f"/projects/{desk.project.id}")).json()["my_role"] == role
    assert (await caller.get(f"/invitations/{token}")).status_code == 404


async def test_accept_as_the_owner_changes_nothing(desk):
    token = await desk.invited(role="manager")
    assert (await desk.caller.post(f"/invitations/{token}/accept", {})).status_code == 200
    assert (await desk.caller.get(f"/projects/{desk.project.id}")).json()["my_role"] == "owner"


async def test_accept_with_a_registration_makes_a_confirmed_account_that_is_in(desk):
    email = address()
    token = await desk.invited(email, "viewer")
    body = registration()
    answer = await desk.api.anonymous.post(f"/invitations/{token}/accept", body)
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    assert (user["email"], user["role"], user["username"]) == (email, "member", body["registration"]["username"])
    assert user["email_verified_at"] is not None
    signed_in = await desk.api.anonymous.post("/auth/login", {"identifier": email, "password": PASSWORD})
    assert signed_in.status_code == 200, signed_in.text
    row = await desk.row(
        """SELECT (SELECT role FROM project_members WHERE user_id = $1 AND project_id = $2) AS role,
                  (SELECT count(*) FROM security_events WHERE user_id = $1 AND type = 'registration') AS recorded,
                  (SELECT count(*) FROM jobs WHERE name = 'identity.send_verification'
                                               AND payload ->> 'user_id' = $1::text) AS verifications""",
        UUID(user["id"]), desk.project.id,
    )  # fmt: skip
    assert dict(row) == {"role": "viewer", "recorded": 1, "verifications": 0}
    assert (await desk.api.anonymous.post(f"/invitations/{token}/accept", registration())).status_code == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"username": "No"}, "/registration/username"),
        ({"password": "password1"}, "/registration/password"),
        ({"password": "short"}, "/registration/password"),
        ({"first_name": "1337"}, "/registration/first_name"),
        ({"email": "other@example.org"}, "/registration"),
    ],
)
async def test_accept_with_a_bad_registration_names_the_field_and_keeps_the_link(desk, fields, pointer):
    token = await desk.invited()
    answer = await desk.api.anonymous.post(f"/invitations/{token}/accept", registration(**fields))
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert (await desk.api.anonymous.get(f"/invitations/{token}")).status_code == 200


async def test_accept_with_a_taken_username_conflicts_and_leaves_nothing(desk, make):
    other = await make.user()
    email = address()
    token = await desk.invited(email)
    answer = await desk.api.anonymous.post(f"/invitations/{token}/accept", registration(username=other.username))
    assert (answer.status_code, answer.json()["code"]) == (409, "already_taken")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/registration/username"]
    assert await desk.row("SELECT 1 FROM users WHERE email = $1", email) is None
    assert (await desk.api.anonymous.get(f"/invitations/{token}")).status_code == 200


async def test_accept_with_a_registration_when_the_account_exists_asks_to_sign_in(desk, make):
    known = await make.user()
    token = await desk.invited(f"{known.username.upper()}@example.org")
    assert (await desk.api.anonymous.get(f"/invitations/{token}")).json()["account_exists"] is True
    answer = await desk.api.anonymous.post(f"/invitations/{token}/accept", registration())
    assert (answer.status_code, answer.json()["code"]) == (409, "account_exists")
    untouched = await desk.row("SELECT email_verified_at, first_name FROM users WHERE id = $1", known.user_id)
    assert dict(untouched) == {"email_verified_at": None, "first_name": "Test"}


async def test_accept_as_nobody_with_nothing_is_401_and_signed_in_with_a_registration_422(desk):
    token = await desk.invited()
    assert (await desk.api.anonymous.post(f"/invitations/{token}/accept", {})).status_code == 401
    answer = await desk.caller.post(f"/invitations/{token}/accept", registration())
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "signed_in")


async def test_caller_with_a_dead_cookie_is_nobody_and_with_a_dead_bearer_401(desk):
    token = await desk.invited()
    path = f"/invitations/{token}"
    dead = await desk.api.anonymous.get(path, headers={"Cookie": "synergy_access=gone"})
    assert dead.status_code == 200
    assert (await desk.api.anonymous.get(path, headers={"Authorization": "Bearer gone"})).status_code == 401


async def test_two_accepts_at_once_let_one_in(desk, make, api):
    token = await desk.invited()
    callers = [await api.as_(await make.user()) for _ in range(2)]
    answers = await asyncio.gather(
        *(caller.post(f"/invitations/{token}/accept", {}) for caller in callers),
        *(desk.api.anonymous.post(f"/invitations/{token}/accept", registration()) for _ in range(2)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 404} == {"invitation_not_found"}
    count = await desk.row("SELECT count(*) FROM project_members WHERE project_id = $1", desk.project.id)
    assert count["count"] == 2


async def test_two_registrations_at_once_with_one_username_make_one_account(desk):
    body = registration()
    tokens = [await desk.invited() for _ in range(3)]
    answers = await asyncio.gather(*(desk.api.anonymous.post(f"/invitations/{token}/accept", body) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_archived_project_refuses_and_deleted_project_forgets(desk, make, api):
    invitation = await desk.invite(address())
    token = await desk.token(invitation)
    guest = await api.as_(await make.user())
    await desk.caller.post(f"/projects/{desk.project.id}/archive")
    for answer in (
        await guest.post(f"/invitations/{token}/accept", {}),
        await desk.api.anonymous.post(f"/invitations/{token}/accept", registration()),
        await desk.caller.post(desk.path, {"email": address()}),
        await desk.caller.post(f"{desk.path}/{invitation['id']}/resend"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "project_archived")
    assert (await desk.caller.get(desk.path)).status_code == 200
    await desk.caller.delete(f"/projects/{desk.project.id}")
    gone = await guest.post(f"/invitations/{token}/accept", {})
    assert (gone.status_code, gone.json()["code"]) == (404, "invitation_not_found")


@pytest.mark.parametrize(
    "ends",
    [
        "UPDATE project_members SET role = 'member' WHERE user_id = $1",
        "DELETE FROM project_members WHERE user_id = $1",
        "UPDATE users SET is_active = false WHERE id = $1",
    ],
)
async def test_invitation_is_void_once_its_sender_could_not_send_it(desk, make, api, ends):
    manager = await make.member(desk.project, "manager")
    async with desk.runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE users SET email_verified_at = now() WHERE id = $1", manager.user_id)
    invitation = await desk.invite(address(), caller=await api.as_(manager))
    token = await desk.token(invitation)
    async with desk.runtime.database.unit_of_work() as uow:
        await uow.value(ends, manager.user_id)
    answer = await (await api.as_(await make.user())).post(f"/invitations/{token}/accept", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")
    assert await desk.mail(invitation) is None
    assert [item["state"] for item in (await desk.caller.get(desk.path)).json()["items"]] == ["expired"]
    # somebody who may sends it again, and it is theirs
    await desk.set(invitation, "sent_at", datetime.now(UTC) - timedelta(hours=1))
    again = await desk.caller.post(f"{desk.path}/{invitation['id']}/resend")
    assert (again.json()["state"], again.json()["invited_by"]["id"]) == ("open", str(desk.owner.user_id))


@pytest.mark.parametrize(("change", "stands"), [("viewer", False), ("member", True), ("manager", True), (None, False)])
async def test_member_who_is_lowered_or_removed_cannot_come_back_by_an_old_invitation(desk, make, api, change, stands):
    member = await make.member(desk.project)
    token = await desk.invited(f"{member.username}@example.org", "manager")
    path = f"/projects/{desk.project.id}/members/{member.user_id}"
    answer = await (desk.caller.patch(path, {"role": change}) if change else desk.caller.delete(path))
    assert answer.is_success
    accepted = await (await api.as_(member)).post(f"/invitations/{token}/accept", {})
    assert accepted.status_code == (200 if stands else 404)


async def test_accept_while_being_removed_ends_one_way_or_the_other(desk, make, api):
    for _ in range(5):
        member = await make.member(desk.project, "viewer")
        token = await desk.invited(f"{member.username}@example.org")
        caller = await api.as_(member)
        accepted, removed = await asyncio.gather(
            caller.post(f"/invitations/{token}/accept", {}),
            desk.caller.delete(f"/projects/{desk.project.id}/members/{member.user_id}"),
        )
        assert (accepted.status_code, removed.status_code) in {(200, 204), (404, 204)}


async def test_invitations_are_told_with_the_address_masked(desk, make, api):
    email = address("grace")
    invitation = await desk.invite(email, "viewer")
    guest = await make.user()
    token = await desk.token(invitation)
    await (await api.as_(guest)).post(f"/invitations/{token}/accept", {})
    other = await desk.invite(address("bob"))
    await desk.caller.delete(f"{desk.path}/{other['id']}")
    assert (await desk.events())[1:] == [
        ("member.invited", {"email": "g…@example.org", "role": "viewer"}),
        ("member.joined", {"username": guest.username, "role": "viewer"}),
        ("member.invited", {"email": "b…@example.org", "role": "member"}),
        ("invitation.revoked", {"email": "b…@example.org", "role": "member"}),
    ]
    assert email not in str(await desk.events())


@pytest.mark.parametrize(
    ("mode", "status", "code"), [("open", 200, None), ("invite", 200, None), ("closed", 403, "registration_closed")]
)
async def test_registration_by_invitation_follows_the_mode(desk, api_with, settings, mode, status, code):
    client = api_with(msgspec.structs.replace(settings, registration=mode))
    assert (await client.get("/api/v1/auth/options")).json() == {"registration": mode, "oidc_providers": []}
    token = await desk.invited()
    answer = await client.post(f"/api/v1/invitations/{token}/accept", json=registration())
    assert answer.status_code == status, answer.text
    assert answer.json().get("code") == code
    if mode == "closed":
        member = await desk.make.access_token(await desk.make.user())
        joined = await client.post(
            f"/api/v1/invitations/{token}/accept", json={}, headers={"Authorization": f"Bearer {member}"}
        )
        assert joined.status_code == 200, joined.text
    body = {**registration()["registration"], "email": address()}
    assert (await client.post("/api/v1/auth/register", json=body)).status_code == (201 if mode == "open" else 403)
