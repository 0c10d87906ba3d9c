"""Tasks, board, subtasks, comments and labels over HTTP."""

from __future__ import annotations

import asyncio
import random
from uuid import uuid4

import pytest


@pytest.fixture
async def project(make):
    return await make.project()


@pytest.fixture
async def caller(api, make, project):
    return await api.as_(make.owner(project))


async def test_create_task_has_every_field(caller, make, project):
    member = await make.member(project)
    label = (await caller.post(f"/projects/{project.id}/labels", {"name": "bug", "color": "#aa0000"})).json()
    first = await make.task(project, title="First")
    answer = await caller.post(
        f"/projects/{project.id}/tasks",
        {"title": " Second ", "description": "see **this**", "priority": "high", "assignee_ids": [str(member.user_id)],
         "label_ids": [label["id"]], "depends_on_ids": [str(first.id)], "impact": "12.50", "story_points": 5,
         "due_date": "2026-12-24", "estimate_minutes": 90},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    task = answer.json()
    assert answer.headers["location"] == f"/api/v1/tasks/{task['id']}"
    assert (task["key"], task["number"], task["title"], task["version"]) == (f"{project.key}-2", 2, "Second", 1)
    assert [person["id"] for person in task["assignees"]] == [str(member.user_id)]
    assert task["labels"] == [{name: label[name] for name in ("id", "name", "color")}]
    assert [other["key"] for other in task["blocked_by"]] == [f"{project.key}-1"]
    assert (task["can_start"], task["impact"], task["subtasks"]) == (False, "12.50", {"total": 0, "completed": 0})
    assert task["description_html"] == "<p>see <strong>this</strong></p>\n"
    by_key = await caller.get(f"/tasks/{task['key'].lower()}")
    assert by_key.json() == task
    blocks = (await caller.get(f"/tasks/{first.id}")).json()["blocks"]
    assert [other["key"] for other in blocks] == [task["key"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"title": None}, "/title"),
        ({"impact": "100.01"}, "/impact"),
        ({"impact": "1.234"}, "/impact"),
        ({"story_points": 14}, "/story_points"),
        ({"due_date": "24.12.2026"}, "/due_date"),
        ({"start_date": "2026-02-02", "due_date": "2026-02-01"}, "/due_date"),
        ({"assignee_ids": ["x"]}, "/assignee_ids/0"),
        ({"assignee_ids": [str(uuid4())]}, "/assignee_ids/0"),
        ({"label_ids": [str(uuid4())]}, "/label_ids/0"),
        ({"depends_on_ids": [str(uuid4())]}, "/depends_on_ids/0"),
        ({"unknown": 1}, "/unknown"),
        ({"status": "doing"}, "/status"),
        ({"title": "nul \x00 byte"}, "/title"),
        ({"title": "two\nlines"}, "/title"),
        ({"description": "nul \x00 byte"}, ""),
    ],
)
async def test_create_task_with_bad_input_names_the_field_and_writes_nothing(caller, project, fields, pointer):
    answer = await caller.post(f"/projects/{project.id}/tasks", {"title": "A task", **fields})
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert (await caller.get(f"/projects/{project.id}/tasks")).json()["items"] == []
    assert (await caller.get(f"/projects/{project.id}")).json()["tasks_total"] == 0


@pytest.mark.parametrize(("content", "status"), [(b"{", 400), (b"", 400), (b"\xff", 400), (b"[]", 422), (b'"x"', 422)])
async def test_create_task_with_a_broken_body_is_a_clear_problem(caller, project, content, status):
    answer = await caller.request(
        "POST", f"/projects/{project.id}/tasks", content=content, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


async def test_ids_of_another_project_are_422(api, caller, make, project):
    other = await make.project()
    foreign_task = await make.task(other)
    task = await make.task(project)
    for field, value in [
        ("assignee_ids", str(other.owner.id)),
        ("depends_on_ids", str(foreign_task.id)),
    ]:
        answer = await caller.patch(f"/tasks/{task.id}", {field: [value]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}/0")
    moved = await caller.post(f"/tasks/{task.id}/move", {"status": "todo", "before": str(foreign_task.id)})
    assert moved.status_code == 422


async def test_move_puts_the_task_between_its_neighbours(caller, make, project):
    one, two, three = [str((await make.task(project, title=str(n))).id) for n in range(3)]

    async def column(status="todo"):
        board = (await caller.get(f"/projects/{project.id}/board")).json()
        return [task["id"] for c in board["columns"] if c["status"] == status for task in c["tasks"]]

    assert await column() == [one, two, three]
    await caller.post(f"/tasks/{three}/move", {"status": "todo", "before": one})
    assert await column() == [three, one, two]
    await caller.post(f"/tasks/{three}/move", {"status": "todo", "after": one})
    assert await column() == [one, three, two]
    done = await caller.post(f"/tasks/{one}/move", {"status": "done"})
    assert done.json()["completed_at"] is not None
    assert (await column(), await column("done")) == ([three, two], [one])
    back = await caller.post(f"/tasks/{one}/move", {"status": "todo", "before": two})
    assert back.json()["completed_at"] is None
    gone = await caller.post(f"/tasks/{two}/move", {"status": "todo", "after": two})
    assert gone.status_code == 422
    await caller.post(f"/tasks/{one}/move", {"status": "review"})
    stale = await caller.post(f"/tasks/{two}/move", {"status": "todo", "after": one})
    assert (stale.status_code, stale.json()["code"]) == (409, "neighbour_moved")


async def test_concurrent_drags_keep_one_order(caller, make, project):
    ids = [str((await make.task(project, title=str(n))).id) for n in range(8)]
    draw = random.Random(7)

    async def drag():
        moved, beside = draw.sample(ids, 2)
        side = draw.choice(["before", "after"])
        answer = await caller.post(f"/tasks/{moved}/move", {"status": "todo", side: beside})
        assert answer.status_code == 200, answer.text

    for _ in range(5):
        await asyncio.gather(*(drag() for _ in range(10)))
    board = (await caller.get(f"/projects/{project.id}/board")).json()
    seen = [task["id"] for task in board["columns"][0]["tasks"]]
    assert sorted(seen) == sorted(ids)
    # a stable order: the list says the same as the board
    listed = (await caller.get(f"/projects/{project.id}/tasks?status=todo&sort=position")).json()["items"]
    assert [task["id"] for task in listed] == seen


async def test_board_column_goes_on_in_the_list(caller, make, project):
    for number in range(53):
        await make.task(project, title=str(number))
    column = (await caller.get(f"/projects/{project.id}/board")).json()["columns"][0]
    assert (column["total"], len(column["tasks"])) == (53, 50)
    path = f"/projects/{project.id}/tasks?status=todo&sort=position&cursor={column['next_cursor']}"
    rest = (await caller.get(path)).json()
    assert [task["title"] for task in rest["items"]] == ["50", "51", "52"]
    assert rest["next_cursor"] is None


async def test_progress_follows_impact_exactly(caller, make, project):
    async def progress():
        return (await caller.get(f"/projects/{project.id}")).json()["progress"]

    assert await progress() == 0
    tasks = [await make.task(project, title=str(n)) for n in range(3)]
    await caller.patch(f"/tasks/{tasks[0].id}", {"status": "done"})
    assert await progress() == 33
    await caller.patch(f"/tasks/{tasks[1].id}", {"impact": "10"})
    assert await progress() == 0
    await caller.patch(f"/tasks/{tasks[0].id}", {"impact": "19.99"})
    assert await progress() == 66
    await caller.post(f"/tasks/{tasks[1].id}/move", {"status": "done"})
    assert await progress() == 100
    await caller.delete(f"/tasks/{tasks[0].id}")
    await caller.patch(f"/tasks/{tasks[1].id}", {"impact": "0"})
    assert await progress() == 50
    explained = (await caller.get(f"/projects/{project.id}/progress")).json()
    assert (explained["formula"], explained["tasks_total"], explained["tasks_done"]) == ("count", 2, 1)
    assert [part["counts"] for part in explained["contributions"]] == [True, False]


async def test_dependency_cycle_of_any_length_names_its_path(caller, make, project):
    one = await make.task(project)
    two = await make.task(project, depends_on_ids=[one.id])
    three = await make.task(project, depends_on_ids=[two.id])
    answer = await caller.patch(f"/tasks/{one.id}", {"depends_on_ids": [str(three.id)]})
    assert (answer.status_code, answer.json()["code"]) == (409, "dependency_cycle")
    assert answer.json()["path"] == [one.key, three.key, two.key, one.key]
    itself = await caller.patch(f"/tasks/{one.id}", {"depends_on_ids": [str(one.id)]})
    assert itself.json()["code"] == "dependency_cycle"


async def test_concurrent_dependencies_never_close_a_cycle(caller, make, project):
    for _ in range(5):
        one, two = await make.task(project), await make.task(project)
        answers = await asyncio.gather(
            caller.patch(f"/tasks/{one.id}", {"depends_on_ids": [str(two.id)]}),
            caller.patch(f"/tasks/{two.id}", {"depends_on_ids": [str(one.id)]}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_blocked_task_warns_or_is_refused(caller, make, project):
    first = await make.task(project)
    second = await make.task(project, depends_on_ids=[first.id])
    warned = await caller.patch(f"/tasks/{second.id}", {"status": "in_progress"})
    assert (warned.status_code, warned.json()["warnings"]) == (200, [f"This task waits for {first.key}."])
    await caller.patch(f"/projects/{project.id}", {"settings": {"enforce_dependencies": True}})
    refused = await caller.post(f"/tasks/{second.id}/move", {"status": "done"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_blocked")
    await caller.post(f"/tasks/{first.id}/move", {"status": "done"})
    assert (await caller.post(f"/tasks/{second.id}/move", {"status": "done"})).status_code == 200


async def test_change_task_with_an_old_version_is_412_with_the_present_state(caller, make, project):
    task = await make.task(project)
    etag = (await caller.get(f"/tasks/{task.id}")).headers["etag"]
    assert (await caller.patch(f"/tasks/{task.id}", {"title": "One"}, headers={"If-Match": etag})).status_code == 200
    late = await caller.patch(f"/tasks/{task.id}", {"title": "Two"}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"], late.json()["current"]["title"]) == (412, "version_mismatch", "One")
    assert (await caller.patch(f"/tasks/{task.id}", {"title": "Two"}, headers={"If-Match": "x"})).status_code == 400


@pytest.mark.parametrize("sort", ["due_date", "-due_date"])
async def test_list_tasks_without_due_dates_by_due_date_pages_through_all(caller, make, project, sort):
    tasks = [await make.task(project) for _ in range(5)]

    found, cursor = [], ""
    while cursor is not None:
        page = (await caller.get(f"/projects/{project.id}/tasks?limit=2&sort={sort}{cursor}")).json()
        found += [task["id"] for task in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None

    assert sorted(found) == sorted(str(task.id) for task in tasks)


async def test_list_tasks_filters_and_sorts(caller, api, make, project):
    member = await make.member(project)
    await make.task(project, title="Alpha", priority="urgent", due_date="2026-03-01", assignee_ids=[member.user_id])
    await make.task(project, title="Beta 100%", priority="low", due_date="2026-02-01")
    await make.task(project, title="Gamma", status="done")

    async def titles(query):
        answer = await caller.get(f"/projects/{project.id}/tasks?{query}")
        assert answer.status_code == 200, answer.text
        return [task["title"] for task in answer.json()["items"]]

    assert await titles("sort=number") == ["Alpha", "Beta 100%", "Gamma"]
    assert await titles("status=todo&sort=due_date") == ["Beta 100%", "Alpha"]
    assert await titles("sort=due_date") == ["Beta 100%", "Alpha", "Gamma"]
    assert await titles("sort=-due_date") == ["Alpha", "Beta 100%", "Gamma"]
    assert await titles("sort=-priority") == ["Alpha", "Gamma", "Beta 100%"]
    assert await titles(f"assignee={member.user_id}") == ["Alpha"]
    assert await titles("assignee=none&sort=number") == ["Beta 100%", "Gamma"]
    assert await titles("due_from=2026-02-15&due_to=2026-03-01") == ["Alpha"]
    assert await titles("q=100%25") == ["Beta 100%"]
    assert await titles("status=todo,done&priority=urgent") == ["Alpha"]
    mine = (await (await api.as_(member)).get("/me/tasks")).json()["items"]
    assert [task["title"] for task in mine] == ["Alpha"]
    for sort in ("position", "due_date", "-due_date", "priority", "-priority", "number", "-updated_at"):
        first = (await caller.get(f"/projects/{project.id}/tasks?limit=2&sort={sort}")).json()
        path = f"/projects/{project.id}/tasks?limit=2&sort={sort}&cursor={first['next_cursor']}"
        second = (await caller.get(path)).json()
        assert len({task["id"] for task in first["items"] + second["items"]}) == 3, sort
    for bad in ("due_from=x", "assignee=somebody", "label=x", "status=todo,nope"):
        assert (await caller.get(f"/projects/{project.id}/tasks?{bad}")).status_code == 400


async def test_subtasks_are_counted_ticked_and_deleted(caller, make, project):
    task = await make.task(project)
    one = (await caller.post(f"/tasks/{task.key}/subtasks", {"title": "One", "group": "Before"})).json()
    two = (await caller.post(f"/tasks/{task.id}/subtasks", {"title": "Two"})).json()
    ticked = (await caller.patch(f"/subtasks/{one['id']}", {"is_completed": True})).json()
    assert ticked["completed_by"]["id"] == str(project.owner.id)
    assert (await caller.get(f"/tasks/{task.id}")).json()["subtasks"] == {"total": 2, "completed": 1}
    listed = (await caller.get(f"/tasks/{task.id}/subtasks")).json()["items"]
    assert [(item["title"], item["group"]) for item in listed] == [("One", "Before"), ("Two", None)]
    assert (await caller.patch(f"/subtasks/{one['id']}", {"is_completed": False})).json()["completed_at"] is None
    assert (await caller.delete(f"/subtasks/{two['id']}")).status_code == 204
    assert (await caller.delete(f"/subtasks/{two['id']}")).status_code == 404
    outsider = await caller.patch(f"/subtasks/{one['id']}", {"assignee_id": str(uuid4())})
    assert outsider.status_code == 422


async def test_comments_belong_to_their_author(api, caller, make, project):
    task = await make.task(project)
    member, viewer = await make.member(project), await make.member(project, "viewer")
    theirs = await api.as_(member)
    comment = (await theirs.post(f"/tasks/{task.id}/comments", {"body": "*hello*"})).json()
    assert comment["body_html"] == "<p><em>hello</em></p>\n"
    assert (await caller.patch(f"/comments/{comment['id']}", {"body": "changed"})).status_code == 403
    edited = (await theirs.patch(f"/comments/{comment['id']}", {"body": "changed"})).json()
    assert edited["edited_at"] is not None
    assert (await (await api.as_(viewer)).post(f"/tasks/{task.id}/comments", {"body": "x"})).status_code == 403
    assert (await caller.get(f"/tasks/{task.id}")).json()["comment_count"] == 1
    assert (await caller.delete(f"/comments/{comment['id']}")).status_code == 204
    assert (await caller.get(f"/tasks/{task.id}/comments")).json()["items"] == []
    assert (await caller.post(f"/tasks/{task.id}/comments", {"body": "  "})).status_code == 422


async def test_labels_are_unique_without_regard_to_case(caller, make, project):
    path = f"/projects/{project.id}/labels"
    label = (await caller.post(path, {"name": "Bug", "color": "#123abc"})).json()
    again = await caller.post(path, {"name": "bug", "color": "#000000"})
    assert (again.status_code, again.json()["code"]) == (409, "label_exists")
    assert (await caller.patch(f"/labels/{label['id']}", {"color": "#ffffff"})).json()["color"] == "#ffffff"
    await make.task(project, label_ids=[label["id"]])
    assert (await caller.delete(f"/labels/{label['id']}")).status_code == 204
    assert (await caller.get(f"/projects/{project.id}/tasks")).json()["items"][0]["labels"] == []


async def test_member_deletes_only_what_they_reported(api, caller, make, project):
    member = await make.member(project)
    theirs = await api.as_(member)
    own, other = await make.task(project, by=member), await make.task(project)
    assert (await theirs.delete(f"/tasks/{other.id}")).status_code == 403
    assert (await theirs.delete(f"/tasks/{own.id}")).status_code == 204
    assert (await theirs.get(f"/tasks/{own.id}")).status_code == 404
    assert (await caller.delete(f"/tasks/{other.id}")).status_code == 204


async def test_twenty_tasks_at_once_get_numbers_without_gap(caller, project):
    answers = await asyncio.gather(
        *(caller.post(f"/projects/{project.id}/tasks", {"title": str(n)}) for n in range(20))
    )
    assert sorted(answer.json()["number"] for answer in answers) == list(range(1, 21))
