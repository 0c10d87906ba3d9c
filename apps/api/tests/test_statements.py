"""How many SQL statements a request costs: bounded, and the same for one row and for many."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event

from synergy_platform.database import Reader


class Counter:
    """Counts statements of the ORM and of readers."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def note(self, *args) -> None:
        statement = next(part for part in args if isinstance(part, str))
        if "FROM events e" not in statement:  # the hub reads the ledger meanwhile, for nobody's request
            self.statements.append(statement)

    async def cost(self, request) -> int:
        self.statements.clear()
        answer = await request
        assert answer.status_code < 300, answer.text
        return len(self.statements)


@pytest.fixture
def counter(monkeypatch):
    counted = Counter()
    for name in ("rows", "row", "value"):
        original = getattr(Reader, name)

        async def counting(self, query, *args, original=original):
            counted.note(query)
            return await original(self, query, *args)

        monkeypatch.setattr(Reader, name, counting)

    def executed(_connection, _cursor, statement, *_rest):
        counted.note(statement)

    event.listen(Engine, "before_cursor_execute", executed)
    yield counted
    event.remove(Engine, "before_cursor_execute", executed)


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
