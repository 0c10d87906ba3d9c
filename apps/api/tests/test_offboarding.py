"""Deleting accounts, and linking people without one to theirs, over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from synergy_domain.identity import Authenticator, Client
from synergy_domain.offboarding import OwnDeletion, delete_me, delete_user
from synergy_platform.errors import Conflict, InvalidInput, NotFound
from synergy_testing.factories import PASSWORD


@pytest.fixture
async def admin(make, api):
    return await api.as_(await make.user(role="admin"))


async def test_delete_account_leaves_its_texts_under_deleted_user(admin, api, make):
    project = await make.project()
    user = await make.member(project)
    caller, owner = await api.as_(user), await api.as_(make.owner(project))
    task = await make.task(project, by=user, assignee_ids=[user.user_id, project.owner.id])
    step = (await caller.post(f"/tasks/{task.id}/subtasks", {"title": "x", "assignee_id": str(user.user_id)})).json()
    await caller.post(f"/tasks/{task.id}/comments", {"body": f"Ask @{project.owner.username}"})
    await owner.post(f"/tasks/{task.id}/comments", {"body": f"Ask @{user.username}"})
    await caller.post(f"/tasks/{task.id}/attachments", files={"file": ("a.txt", b"text", "text/plain")})
    email = (await caller.get("/me")).json()["email"]

    answer = await admin.delete(f"/admin/users/{user.user_id}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await caller.get("/me")).status_code == 401
    seen = (await owner.get(f"/tasks/{task.id}")).json()
    assert seen["reporter"]["name"] == "Deleted user"
    assert seen["reporter"]["username"].startswith("deleted-")
    assert [person["id"] for person in seen["assignees"]] == [str(project.owner.id)]
    [subtask] = (await owner.get(f"/tasks/{task.id}/subtasks")).json()["items"]
    assert (subtask["id"], subtask["assignee"]) == (step["id"], None)
    comments = {c["author"]["name"]: c for c in (await owner.get(f"/tasks/{task.id}/comments")).json()["items"]}
    assert comments["Deleted user"]["body"] == f"Ask @{project.owner.username}"
    assert any(comment["body"] == f"Ask @{user.username}" for comment in comments.values())
    [file] = (await owner.get(f"/tasks/{task.id}/attachments")).json()["items"]
    assert file["uploader"]["name"] == "Deleted user"
    members = (await owner.get(f"/projects/{project.id}/members")).json()["items"]
    assert str(user.user_id) not in {member["user"]["id"] for member in members}
    for path in (f"/admin/users/{user.user_id}", f"/users/{user.user_id}"):
        assert (await admin.get(path)).status_code == 404
    assert (await admin.get(f"/admin/users?q={user.username}")).json()["items"] == []
    assert (await admin.get("/users?q=deleted-")).json()["items"] == []
    assert (await api.anonymous.post("/auth/login", {"identifier": email, "password": PASSWORD})).status_code == 401
    events = (await admin.get(f"/admin/security-events?user_id={user.user_id}")).json()["items"]
    assert (events[0]["type"], events[0]["user"]["name"]) == ("user_deleted", "Deleted user")
    # and both names are free again
    account = {"username": user.username, "email": email, "first_name": "New", "last_name": "One"}
    assert (await admin.post("/admin/users", account)).status_code == 201
    assert (await admin.delete(f"/admin/users/{user.user_id}")).status_code == 404


async def test_delete_owner_needs_somebody_who_gets_the_projects(admin, api, make, runtime):
    owner, heir = await make.user(), await make.user()
    one, two = await make.project(owner, name="One"), await make.project(owner, name="Two")
    binned = await make.project(owner)
    assert (await (await api.as_(owner)).delete(f"/projects/{binned.id}")).status_code == 204
    member = await make.member(one)
    path = f"/admin/users/{owner.user_id}"

    refused = await admin.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "owns_projects")
    assert sorted(refused.json()["projects"], key=lambda project: project["name"]) == [
        {"id": str(one.id), "key": one.key, "name": "One"}, {"id": str(two.id), "key": two.key, "name": "Two"},
    ]  # fmt: skip
    inactive = await make.user(is_active=False)
    for nobody in (inactive.user_id, owner.user_id, one.id):
        answer = await admin.delete(path, json={"transfer_to": str(nobody)})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/transfer_to")
    assert (await admin.get(path)).status_code == 200

    assert (await admin.delete(path, json={"transfer_to": str(heir.user_id)})).status_code == 204

    caller = await api.as_(heir)
    for project in (one, two):
        seen = (await caller.get(f"/projects/{project.id}")).json()
        assert (seen["my_role"], seen["owner"]["id"]) == ("owner", str(heir.user_id))
        members = (await caller.get(f"/projects/{project.id}/members")).json()["items"]
        roles = {item["user"]["id"]: item["role"] for item in members}
        assert roles == {str(heir.user_id): "owner"} | ({str(member.user_id): "member"} if project is one else {})
    told = await runtime.database.reader().rows("SELECT type FROM events WHERE project_id = $1 ORDER BY ord", one.id)
    assert [row["type"] for row in told][-3:] == ["member.removed", "member.added", "project.transferred"]


async def test_delete_owner_makes_a_member_the_owner(admin, api, make):
    project = await make.project()
    manager = await make.member(project, "manager")

    answer = await admin.delete(f"/admin/users/{project.owner.id}", json={"transfer_to": str(manager.user_id)})

    assert answer.status_code == 204
    assert (await (await api.as_(manager)).get(f"/projects/{project.id}")).json()["my_role"] == "owner"


async def test_delete_account_by_others_is_refused(api, make):
    victim = await make.user()
    for role in ("member", "manager"):
        caller = await api.as_(await make.user(role=role))
        assert (await caller.delete(f"/admin/users/{victim.user_id}")).status_code == 403
        answer = await caller.post(f"/admin/users/{victim.user_id}/link", {"user_id": str(victim.user_id)})
        assert answer.status_code == 403


async def test_admins_who_delete_each_other_at_once_leave_one(own_runtime, make):
    own = type(make)(own_runtime)
    admins = [await own.user(role="admin") for _ in range(4)]

    async def delete(by, whom) -> str:
        try:
            async with own_runtime.database.unit_of_work() as uow:
                await delete_user(uow, by, Client(None, None), whom.user_id, None)
        except Conflict as error:
            return error.code
        return "done"

    results = await asyncio.gather(*(delete(admins[number - 1], whom) for number, whom in enumerate(admins)))

    assert sorted(results) == ["done", "done", "done", "last_admin"]
    left = await own_runtime.database.reader().value("SELECT count(*) FROM users WHERE role = 'admin' AND is_active")
    assert left == 1


async def test_owners_who_get_each_others_projects_at_once_leave_none_without_an_owner(make, runtime):
    """Of two who are deleted in favour of each other, the second finds nobody to give to."""
    admin = await make.user(role="admin")
    owners = [await make.user(), await make.user()]
    projects = [await make.project(owner) for owner in owners]

    async def delete(whom, heir) -> bool:
        try:
            async with runtime.database.unit_of_work() as uow:
                await delete_user(uow, admin, Client(None, None), whom.user_id, heir.user_id)
        except (InvalidInput, NotFound):
            return False
        return True

    done = await asyncio.gather(delete(owners[0], owners[1]), delete(owners[1], owners[0]))

    assert sorted(done) == [False, True]
    rows = await runtime.database.reader().rows(
        "SELECT u.is_active FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.id = ANY($1::uuid[])",
        [project.id for project in projects],
    )
    assert [row["is_active"] for row in rows] == [True, True]


async def test_link_person_moves_their_work_and_keeps_the_higher_role(admin, api, make, runtime):
    project, other = await make.project(), await make.project()
    person = await make.user(
        email=None, password_hash=None, is_active=False, is_person_only=True, first_name="Grace", last_name="H"
    )
    account = await make.member(project, "viewer")
    async with runtime.database.unit_of_work() as uow:
        for where, role in ((project, "manager"), (other, "member")):
            await uow.value(
                "INSERT INTO project_members (project_id, user_id, role, joined_at) VALUES ($1, $2, $3, now())",
                where.id, person.user_id, role,
            )  # fmt: skip
    task = await make.task(project, by=person, assignee_ids=[person.user_id, account.user_id])
    theirs = await make.task(other, assignee_ids=[person.user_id])

    answer = await admin.post(f"/admin/users/{person.user_id}/link", {"user_id": str(account.user_id)})

    assert (answer.status_code, answer.json()["id"]) == (200, str(account.user_id)), answer.text
    caller = await api.as_(account)
    seen = (await caller.get(f"/tasks/{task.id}")).json()
    assert seen["reporter"]["id"] == str(account.user_id)
    assert [person["id"] for person in seen["assignees"]] == [str(account.user_id)]
    assert [item["id"] for item in (await caller.get("/me/tasks?sort=number")).json()["items"]] == [
        str(task.id), str(theirs.id),
    ]  # fmt: skip
    assert (await caller.get(f"/projects/{project.id}")).json()["my_role"] == "manager"
    assert (await caller.get(f"/projects/{other.id}")).json()["my_role"] == "member"
    assert (await admin.get(f"/admin/users/{person.user_id}")).status_code == 404
    [event] = (await admin.get(f"/admin/security-events?user_id={account.user_id}&type=user_linked")).json()["items"]
    assert (event["detail"]["person_id"], event["detail"]["name"]) == (str(person.user_id), "Grace H")


async def test_link_of_what_is_no_person_or_to_what_is_no_account_is_refused(admin, make):
    person = await make.user(email=None, password_hash=None, is_active=False, is_person_only=True)
    account = await make.user()

    async def link(whom, to):
        answer = await admin.post(f"/admin/users/{whom.user_id}/link", {"user_id": str(to.user_id)})
        return answer.status_code, answer.json()["code"]

    assert await link(account, account) == (409, "has_account")
    assert await link(person, person) == (422, "invalid_input")
    gone = await make.user()
    assert (await admin.delete(f"/admin/users/{gone.user_id}")).status_code == 204
    assert await link(person, gone) == (422, "invalid_input")
    assert await link(gone, account) == (404, "user_not_found")


async def test_delete_person_without_account_leaves_their_work(admin, api, make, runtime):
    project = await make.project()
    person = await make.user(email=None, password_hash=None, is_active=False, is_person_only=True)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "INSERT INTO project_members (project_id, user_id, role, joined_at) VALUES ($1, $2, 'member', now())",
            project.id, person.user_id,
        )  # fmt: skip
    task = await make.task(project, by=person, assignee_ids=[person.user_id])

    assert (await admin.delete(f"/admin/users/{person.user_id}")).status_code == 204

    seen = (await (await api.as_(make.owner(project))).get(f"/tasks/{task.id}")).json()
    assert (seen["reporter"]["name"], seen["assignees"]) == ("Deleted user", [])


async def test_delete_me_takes_the_password_and_signs_out(api, make, runtime):
    user = await make.user()
    caller, other = await api.as_(user), await api.as_(user)
    assert (await caller.delete("/me", json={})).status_code == 422
    wrong = await caller.delete("/me", json={"password": "not my password"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/password")

    answer = await caller.delete("/me", json={"password": PASSWORD})

    assert answer.status_code == 204
    assert all("Max-Age=0" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert [(await session.get("/me")).status_code for session in (caller, other)] == [401, 401]
    detail = await runtime.database.reader().value(
        "SELECT detail::text FROM security_events WHERE user_id = $1 AND type = 'user_deleted'", user.user_id
    )
    assert detail == f'{{"username": "{user.username}"}}'


async def test_delete_me_with_projects_names_somebody_whom_one_sees(api, make):
    project = await make.project()
    owner, member, stranger = make.owner(project), await make.member(project), await make.user()
    caller = await api.as_(owner)

    refused = await caller.delete("/me", json={"password": PASSWORD})
    assert (refused.status_code, [each["key"] for each in refused.json()["projects"]]) == (409, [project.key])
    for nobody in (stranger, owner):
        answer = await caller.delete("/me", json={"password": PASSWORD, "transfer_to": str(nobody.user_id)})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/transfer_to")

    answer = await caller.delete("/me", json={"password": PASSWORD, "transfer_to": str(member.user_id)})
    assert answer.status_code == 204
    assert (await (await api.as_(member)).get(f"/projects/{project.id}")).json()["my_role"] == "owner"


async def test_delete_me_as_the_last_admin_is_refused(own_runtime, make):
    own = type(make)(own_runtime)
    token = await own.access_token(await own.user(role="admin"))
    last = await Authenticator(own_runtime).session_actor(own_runtime.database.reader(), token)

    with pytest.raises(Conflict, match="last active administrator"):
        await delete_me(own_runtime, last, Client(None, None), OwnDeletion(password=PASSWORD))


async def test_delete_of_ones_own_account_as_an_admin_takes_the_password(admin, api, make):
    boss = await make.user(role="admin")

    answer = await (await api.as_(boss)).delete(f"/admin/users/{boss.user_id}")
    assert (answer.status_code, answer.json()["code"]) == (403, "own_account")
