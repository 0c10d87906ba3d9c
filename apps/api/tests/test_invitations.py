"""Invitations over HTTP: who sends them, what they show, and when they are void."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import structlog

from synergy_testing.invitations import Desk, address, registration


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
