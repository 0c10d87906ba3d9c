"""Every way in which an invitation is accepted over HTTP, or refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from synergy_testing.factories import PASSWORD
from synergy_testing.invitations import address, registration


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
