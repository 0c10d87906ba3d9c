"""Projects and members over HTTP."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from synergy_domain import projects
from synergy_domain.projects import Transfer
from synergy_platform.errors import InvalidInput


async def test_create_project_proposes_a_key_and_makes_its_owner(api, make):
    owner = await make.user()
    caller = await api.as_(owner)
    answer = await caller.post("/projects", {"name": "Große Übersicht", "description": "**bold** <script>x</script>"})
    assert answer.status_code == 201, answer.text
    project = answer.json()
    assert answer.headers["location"] == f"/api/v1/projects/{project['id']}"
    assert project["key"].startswith("GU")
    assert project["owner"]["id"] == str(owner.user_id)
    assert (project["my_role"], project["status"], project["priority"], project["progress"]) == (
        "owner",
        "planning",
        "medium",
        0,
    )
    assert "<strong>bold</strong>" in project["description_html"]
    assert "<script>" not in project["description_html"]
    listed = await caller.get("/projects")
    assert [item["id"] for item in listed.json()["items"]] == [project["id"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"key": "lower"}, "/key"),
        ({"key": "TOOLONGKEY"}, "/key"),
        ({"status": "done"}, "/status"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-31"}, "/end_date"),
        ({"budget": "1.234"}, "/budget"),
        ({"budget": "NaN"}, "/budget"),
        ({"color": "red"}, "/color"),
        ({"nonsense": 1}, "/nonsense"),
        ({"settings": {"enforce_dependencies": "yes"}}, "/settings/enforce_dependencies"),
    ],
)
async def test_create_project_with_bad_input_names_the_field(api, make, fields, pointer):
    caller = await api.as_(await make.user())
    answer = await caller.post("/projects", {"name": "A project", **fields})
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_create_project_with_a_taken_key_conflicts(api, make):
    project = await make.project()
    caller = await api.as_(await make.user())
    answer = await caller.post("/projects", {"name": "Other", "key": project.key})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_taken")


async def test_stranger_gets_404_for_everything_in_a_project(api, make):
    project = await make.project()
    task = await make.task(project)
    stranger = await api.as_(await make.user())
    for method, path, body in [
        ("GET", f"/projects/{project.id}", None),
        ("PATCH", f"/projects/{project.id}", {"name": "Mine"}),
        ("DELETE", f"/projects/{project.id}", None),
        ("GET", f"/projects/{project.id}/members", None),
        ("POST", f"/projects/{project.id}/members", {"user_id": str(uuid4())}),
        ("GET", f"/projects/{project.id}/board", None),
        ("GET", f"/projects/{project.id}/progress", None),
        ("GET", f"/projects/{project.id}/activity", None),
        ("GET", f"/projects/{project.id}/labels", None),
        ("POST", f"/projects/{project.id}/tasks", {"title": "x"}),
        ("GET", f"/projects/{project.id}/tasks", None),
        ("GET", f"/tasks/{task.id}", None),
        ("GET", f"/tasks/{task.key}", None),
        ("PATCH", f"/tasks/{task.id}", {"title": "x"}),
        ("POST", f"/tasks/{task.id}/move", {"status": "done"}),
        ("POST", f"/tasks/{task.id}/comments", {"body": "x"}),
        ("GET", f"/tasks/{task.id}/comments", None),
        ("GET", f"/tasks/{task.id}/subtasks", None),
        ("DELETE", f"/tasks/{task.id}", None),
    ]:
        answer = await stranger.request(method, path, **({"json": body} if body else {}))
        assert answer.status_code == 404, (method, path, answer.text)
    nowhere = await stranger.get("/projects/not-an-id")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("viewer", {"task": 403, "project": 403, "label": 403, "member": 403, "delete": 403}),
        ("member", {"task": 201, "project": 403, "label": 403, "member": 403, "delete": 403}),
        ("manager", {"task": 201, "project": 200, "label": 201, "member": 201, "delete": 403}),
        ("owner", {"task": 201, "project": 200, "label": 201, "member": 201, "delete": 204}),
    ],
)
async def test_role_decides_what_a_member_may_do(api, make, role, expected):
    project = await make.project()
    user = make.owner(project) if role == "owner" else await make.member(project, role)
    # somebody whom the member can see, in no way through this project
    other = await make.project(owner=user)
    friend = await make.member(other)
    caller = await api.as_(user)
    results = {
        "task": await caller.post(f"/projects/{project.id}/tasks", {"title": "x"}),
        "project": await caller.patch(f"/projects/{project.id}", {"name": "Renamed"}),
        "label": await caller.post(f"/projects/{project.id}/labels", {"name": "bug", "color": "#ff0000"}),
        "member": await caller.post(f"/projects/{project.id}/members", {"user_id": str(friend.user_id)}),
        "delete": await caller.delete(f"/projects/{project.id}"),
    }
    assert {name: answer.status_code for name, answer in results.items()} == expected
    assert (await caller.get(f"/projects/{project.id}/board")).status_code == (404 if role == "owner" else 200)


async def test_manager_cannot_touch_the_owner_or_make_one(api, make):
    project = await make.project()
    manager = await make.member(project, "manager")
    member = await make.member(project)
    caller = await api.as_(manager)
    path = f"/projects/{project.id}/members"
    assert (await caller.patch(f"{path}/{project.owner.id}", {"role": "viewer"})).json()["code"] == "owner_stays"
    assert (await caller.delete(f"{path}/{project.owner.id}")).status_code == 409
    assert (await caller.patch(f"{path}/{member.user_id}", {"role": "owner"})).status_code == 422
    raised = await caller.patch(f"{path}/{member.user_id}", {"role": "manager"})
    assert raised.json()["role"] == "manager"
    assert (await caller.delete(f"{path}/{member.user_id}")).status_code == 204
    assert (await caller.delete(f"{path}/{member.user_id}")).status_code == 404


async def test_add_member_whom_one_cannot_see_is_422(api, make):
    project = await make.project()
    hidden = await make.user()
    caller = await api.as_(make.owner(project))
    for user_id in (hidden.user_id, uuid4()):
        answer = await caller.post(f"/projects/{project.id}/members", {"user_id": str(user_id)})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/user_id")


async def test_transfer_project_swaps_the_roles(api, make):
    project = await make.project()
    heir = await make.member(project)
    caller = await api.as_(make.owner(project))
    answer = await caller.post(f"/projects/{project.id}/transfer", {"user_id": str(heir.user_id)})
    assert answer.json()["owner"]["id"] == str(heir.user_id)
    assert answer.json()["my_role"] == "manager"
    assert (await caller.delete(f"/projects/{project.id}")).status_code == 403


@pytest.mark.parametrize("is_person_only", [False, True])
async def test_transfer_to_somebody_who_cannot_sign_in_is_422(api, make, runtime, is_person_only):
    project = await make.project()
    heir = await make.member(project)
    async with runtime.database.unit_of_work() as uow:
        await uow.value(
            "UPDATE users SET is_active = false, is_person_only = $2 WHERE id = $1", heir.user_id, is_person_only
        )
    caller = await api.as_(make.owner(project))
    answer = await caller.post(f"/projects/{project.id}/transfer", {"user_id": str(heir.user_id)})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_a_member")


async def test_transfer_to_somebody_who_leaves_meanwhile_is_422(make, runtime):
    """Else the project would have an owner who is not in it."""
    project = await make.project()
    heir = await make.member(project)
    owner = make.owner(project)

    async def transfer():
        async with runtime.database.unit_of_work() as uow:
            await projects.transfer_project(uow, owner, project.id, Transfer(user_id=heir.user_id))

    async with runtime.database.unit_of_work() as uow:
        await projects.remove_member(uow, heir, project.id, heir.user_id)
        handing_over = asyncio.create_task(transfer())
        await asyncio.sleep(0.3)
    with pytest.raises(InvalidInput):
        await handing_over
    assert [member.role for member in await projects.list_members(runtime.database.reader(), owner, project.id)] == [
        "owner"
    ]


async def test_owner_cannot_leave_and_everybody_else_may(api, make):
    project = await make.project()
    for role, status in (("viewer", 204), ("member", 204), ("manager", 204), ("owner", 409)):
        user = make.owner(project) if role == "owner" else await make.member(project, role)
        answer = await (await api.as_(user)).delete(f"/projects/{project.id}/members/{user.user_id}")
        assert answer.status_code == status, (role, answer.text)


async def test_transfer_to_somebody_who_imported_the_same_board_conflicts(api, make, runtime):
    project, other = await make.project(), await make.project()
    heir = await make.member(project, "manager")
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE projects SET import_source = $2 WHERE id = $1", project.id, f"trello:{project.id}")
        await uow.value(
            "UPDATE projects SET import_source = $2, owner_id = $3 WHERE id = $1",
            other.id, f"trello:{project.id}", heir.user_id,
        )  # fmt: skip
    caller = await api.as_(make.owner(project))
    answer = await caller.post(f"/projects/{project.id}/transfer", {"user_id": str(heir.user_id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "imported_already")


async def test_archived_project_is_read_only_until_it_is_unarchived(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    assert (await caller.post(f"/projects/{project.id}/archive")).json()["archived_at"] is not None
    refused = await caller.post(f"/projects/{project.id}/tasks", {"title": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "project_archived")
    assert (await caller.get("/projects")).json()["items"] == []
    assert len((await caller.get("/projects?archived=true")).json()["items"]) == 1
    assert (await caller.post(f"/projects/{project.id}/unarchive")).json()["archived_at"] is None
    assert (await caller.post(f"/projects/{project.id}/tasks", {"title": "x"})).status_code == 201


async def test_key_is_fixed_after_the_first_task(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    changed = await caller.patch(f"/projects/{project.id}", {"key": f"Z{project.key[1:]}"})
    assert changed.status_code == 200, changed.text
    await make.task(project)
    fixed = await caller.patch(f"/projects/{project.id}", {"key": project.key})
    assert (fixed.status_code, fixed.json()["code"]) == (409, "key_fixed")


async def test_key_that_a_project_had_is_not_given_again(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    await caller.patch(f"/projects/{project.id}", {"key": f"Z{project.key[1:]}"})
    for answer in (
        await caller.post("/projects", {"name": "Other", "key": project.key}),
        await caller.patch(f"/projects/{project.id}", {"key": project.key}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "key_taken")


async def test_list_projects_pages_through_everything_once(api, make):
    owner = await make.user()
    made = [str((await make.project(owner, name=f"P{number}")).id) for number in range(7)]
    caller = await api.as_(owner)
    for sort in ("-updated_at", "name", "-created_at", "-name"):
        seen, cursor = [], None
        while True:
            query = f"/projects?limit=3&sort={sort}" + (f"&cursor={cursor}" if cursor else "")
            page = (await caller.get(query)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(made), sort
        assert len(seen) == 7
    counted = (await caller.get("/projects?count=true&limit=1&q=P3")).json()
    assert (counted["total"], len(counted["items"])) == (1, 1)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "sort=color", "status=nope", "unknown=1", "cursor=nonsense", "limit=1&limit=2",
     "archived=perhaps"],
)  # fmt: skip
async def test_list_projects_with_bad_parameters_is_400(api, make, query):
    caller = await api.as_(await make.user())
    answer = await caller.get(f"/projects?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text
    assert answer.json()["errors"][0]["pointer"] == query.split("=")[0]


async def test_cursor_of_another_sort_is_400(api, make):
    owner = await make.user()
    for number in range(2):
        await make.project(owner, name=f"P{number}")
    caller = await api.as_(owner)
    cursor = (await caller.get("/projects?limit=1&sort=name")).json()["next_cursor"]
    assert (await caller.get(f"/projects?limit=1&sort=name&cursor={cursor}")).status_code == 200
    assert (await caller.get(f"/projects?limit=1&sort=-created_at&cursor={cursor}")).status_code == 400
    assert (await caller.get(f"/projects?limit=1&sort=name&cursor={cursor[:-3]}abc")).status_code == 400


async def test_admin_sees_every_project_but_lists_only_their_own(api, make):
    project = await make.project()
    admin = await api.as_(await make.user(role="admin"))
    assert (await admin.get(f"/projects/{project.id}")).json()["my_role"] is None
    assert (await admin.get("/projects")).json()["items"] == []
    found = (await admin.get(f"/projects?all=true&q={project.key}")).json()["items"]
    assert [item["id"] for item in found] == [str(project.id)]


async def test_people_are_those_of_common_projects(api, make):
    project = await make.project()
    member = await make.member(project)
    stranger = await make.user()
    caller = await api.as_(member)
    names = {person["username"] for person in (await caller.get("/users")).json()["items"]}
    assert names == {member.username, project.owner.username}
    assert (await caller.get(f"/users/{project.owner.id}")).status_code == 200
    assert (await caller.get(f"/users/{stranger.user_id}")).status_code == 404
    manager = await api.as_(await make.user(role="manager"))
    assert (await manager.get(f"/users/{stranger.user_id}")).status_code == 200


async def test_directory_offers_only_accounts_in_use(api, make, runtime):
    """Who was in a project stays to be seen there, and one by one; who is deleted is nobody."""
    project = await make.project()
    caller = await api.as_(make.owner(project))
    people = {
        name: await make.member(project) for name in ("active", "inactive", "person", "deleted")
    }  # fmt: skip
    async with runtime.database.unit_of_work() as uow:
        for name, change in (
            ("inactive", "is_active = false"),
            ("person", "is_active = false, is_person_only = true"),
            ("deleted", "is_active = false, deleted_at = now()"),
        ):
            await uow.value(f"UPDATE users SET {change} WHERE id = $1", people[name].user_id)  # noqa: S608 - of the test
    offered = {item["id"] for item in (await caller.get("/users")).json()["items"]}
    assert offered == {str(project.owner.id), str(people["active"].user_id)}
    statuses = {name: (await caller.get(f"/users/{user.user_id}")).status_code for name, user in people.items()}
    assert statuses == {"active": 200, "inactive": 200, "person": 200, "deleted": 404}
    manager = await api.as_(await make.user(role="manager"))
    assert (await manager.get(f"/users/{people['deleted'].user_id}")).status_code == 404
    other = await make.project(make.owner(project))
    for name, status in (("active", 201), ("inactive", 422), ("person", 422), ("deleted", 422)):
        body = {"user_id": str(people[name].user_id)}
        assert (await caller.post(f"/projects/{other.id}/members", body)).status_code == status, name


async def test_global_manager_sees_all_people_and_no_project(api, make):
    project = await make.project()
    manager = await api.as_(await make.user(role="manager"))
    assert (await manager.get(f"/users/{project.owner.id}")).status_code == 200
    assert (await manager.get(f"/projects/{project.id}")).status_code == 404
    assert (await manager.get("/projects?all=true")).json()["items"] == []


async def test_get_project_with_its_etag_is_not_modified(api, make):
    project = await make.project()
    caller = await api.as_(make.owner(project))
    first = await caller.get(f"/projects/{project.id}")
    assert first.headers["etag"].startswith('"1-')
    second = await caller.get(f"/projects/{project.id}", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
