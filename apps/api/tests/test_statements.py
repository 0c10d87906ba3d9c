"""How many SQL statements a request costs: bounded, and the same for one row and for many."""

from __future__ import annotations

from synergy_platform.tokens import hash_token, new_opaque_token


async def test_requests_cost_no_more_statements_than_these(api, make, counter):
    project = await make.project()
    member = await make.member(project)
    task = await make.task(project)
    caller = await api.as_(make.owner(project))
    body = {"title": "New", "assignee_ids": [str(member.user_id)]}
    # each is one more than the work itself: who asks is looked up first
    costs = {
        "me": await counter.cost(caller.get("/me")),
        "task": await counter.cost(caller.get(f"/tasks/{task.id}")),
        "project": await counter.cost(caller.get(f"/projects/{project.id}")),
        "board": await counter.cost(caller.get(f"/projects/{project.id}/board")),
        "list": await counter.cost(caller.get(f"/projects/{project.id}/tasks")),
        "create": await counter.cost(caller.post(f"/projects/{project.id}/tasks", body)),
        "move": await counter.cost(caller.post(f"/tasks/{task.id}/move", {"status": "done"})),
        "comment": await counter.cost(caller.post(f"/tasks/{task.id}/comments", {"body": "hello"})),
    }
    bounds = {"me": 2, "task": 2, "project": 2, "board": 4, "list": 3, "create": 9, "move": 9, "comment": 6}
    assert {name: (cost, bounds[name]) for name, cost in costs.items() if cost > bounds[name]} == {}


async def test_a_list_of_many_costs_as_many_statements_as_a_list_of_one(api, make, counter):
    one, many = await make.project(), await make.project()
    for project, count in ((one, 1), (many, 60)):
        member = await make.member(project)
        for _ in range(count):
            await make.task(project, assignee_ids=[member.user_id])
    costs = []
    for project in (one, many):
        caller = await api.as_(make.owner(project))
        costs.append(
            [
                await counter.cost(caller.get(f"/projects/{project.id}/tasks?limit=200")),
                await counter.cost(caller.get(f"/projects/{project.id}/board")),
                await counter.cost(caller.get("/projects?limit=200")),
                await counter.cost(caller.get(f"/projects/{project.id}/members")),
            ]
        )
    assert costs[0] == costs[1]


async def test_lists_of_people_and_invitations_cost_as_many_statements_for_many_as_for_one(api, make, runtime, counter):
    costs = []
    for count in (1, 30):
        project = await make.project()
        for _ in range(count):
            await make.member(project)
        async with runtime.database.unit_of_work() as uow:
            await uow.value(
                """INSERT INTO invitations (id, project_id, email, role, token_hash, invited_by, created_at, sent_at,
                                            expires_at)
                   SELECT gen_random_uuid(), $1, n || '@example.org', 'viewer', uuid_send(gen_random_uuid()), $2, $3,
                          $3, $3 FROM generate_series(1, $4) AS n""",
                project.id, project.owner.id, uow.now, count,
            )  # fmt: skip
        caller = await api.as_(make.owner(project))
        costs.append(
            [
                await counter.cost(caller.get(f"/projects/{project.id}/members")),
                await counter.cost(caller.get(f"/projects/{project.id}/invitations")),
                await counter.cost(caller.get("/users?limit=200")),
            ]
        )
        assert len((await caller.get(f"/projects/{project.id}/invitations")).json()["items"]) == count
    # who asks, whether they see the project, and the list
    assert costs == [[3, 3, 2], [3, 3, 2]]


async def test_invitation_costs_no_more_statements_than_these(api, make, runtime, counter):
    owner = await make.user(verified=True)
    project = await make.project(owner)
    caller, guest = await api.as_(owner), await api.as_(await make.user())
    path = f"/projects/{project.id}/invitations"
    invite = await counter.cost(caller.post(path, {"email": f"{project.key}@example.org"}))
    row = await runtime.database.reader().row("SELECT id FROM invitations WHERE project_id = $1", project.id)
    token = new_opaque_token()
    async with runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE invitations SET token_hash = $2 WHERE id = $1", row["id"], hash_token(token))
    costs = {
        "invite": invite,
        "look": await counter.cost(guest.get(f"/invitations/{token}")),
        "accept": await counter.cost(guest.post(f"/invitations/{token}/accept", {})),
    }
    bounds = {"invite": 9, "look": 3, "accept": 9}
    assert {name: (cost, bounds[name]) for name, cost in costs.items() if cost > bounds[name]} == {}
