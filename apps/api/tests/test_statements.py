"""How many SQL statements a request costs: bounded, and the same for one row and for many."""

from __future__ import annotations


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
