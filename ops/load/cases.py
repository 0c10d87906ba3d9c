"""The requests that are measured, as quality.md lists them."""

from __future__ import annotations

import random
from collections.abc import Callable

import asyncpg
import msgspec
from system import Target

from synergy_domain.demo import PASSWORD
from synergy_platform.settings import Settings

_SIGN_IN = "/api/v1/auth/login"
_PATHS_EACH = 40


class Person(msgspec.Struct, frozen=True):
    """Somebody who sends requests, with what they may see."""

    token: str
    tasks: list[str]
    projects: list[str]
    listed: list[str]
    boards: list[str]


class Case(msgspec.Struct, frozen=True):
    """A request; `goal` is the least part of the floor's requests/s, `paths` are those of a person."""

    name: str
    goal: float
    paths: Callable[[Person], list[str]]
    method: str = "GET"
    body: bytes | None = None
    status: int = 200
    authenticated: bool = True

    def raw(self, target: Target, person: Person) -> list[str]:
        """The requests of one connection, as they go over the wire."""
        lines = [f"Host: {target.host}:{target.port}", "Accept: application/json"]
        if self.authenticated:
            lines.append(f"Authorization: Bearer {person.token}")
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        end = "\r\n".join(["", *lines, "", (self.body or b"").decode()])
        return [f"{self.method} {path} HTTP/1.1{end}" for path in self.paths(person)]


CASES = (
    Case("task by id", 0.5, lambda who: [f"/api/v1/tasks/{task}" for task in who.tasks]),
    Case("me", 0.5, lambda _who: ["/api/v1/me"]),
    Case("project by id", 0.5, lambda who: [f"/api/v1/projects/{project}" for project in who.projects]),
    Case("50 tasks of a project", 0.6, lambda who: [f"/api/v1/projects/{project}/tasks" for project in who.listed]),
    Case("board of 200 tasks", 0.6, lambda who: [f"/api/v1/projects/{project}/board" for project in who.boards]),
    Case(
        "create a task", 0.5, lambda who: [f"/api/v1/projects/{who.listed[0]}/tasks"], "POST",
        b'{"title": "Check the address form on small screens", "priority": "high"}', 201,
    ),
    Case("health/live", 0.6, lambda _who: ["/api/health/live"], authenticated=False),
)  # fmt: skip


async def people(settings: Settings, target: Target, count: int) -> list[Person]:
    """`count` members of the reference set, signed in, and what each of them asks for; the same in every run."""
    rng = random.Random(count)  # noqa: S311 - the same choice in every run
    connection = await asyncpg.connect(settings.database_url())
    try:
        users = await connection.fetch(
            """SELECT id, username FROM users WHERE role = 'member'
               AND EXISTS (SELECT 1 FROM project_members WHERE user_id = users.id) ORDER BY username LIMIT $1""",
            count,
        )
        return [await _person(connection, target, rng, user) for user in users]
    finally:
        await connection.close()


async def _person(connection: asyncpg.Connection, target: Target, rng: random.Random, user: asyncpg.Record) -> Person:
    credentials = msgspec.json.encode({"identifier": user["username"], "password": PASSWORD})
    status, body = target.request("POST", _SIGN_IN, credentials)
    if status != 200:
        raise SystemExit(f"Sign-in of {user['username']} failed: {status} {body.decode(errors='replace')}")
    rows = await connection.fetch(
        """SELECT p.id, c.tasks_total FROM projects p JOIN project_counters c ON c.project_id = p.id
           JOIN project_members m ON m.project_id = p.id AND m.user_id = $1 WHERE m.role <> 'viewer' ORDER BY p.id""",
        user["id"],
    )
    boards = await connection.fetch(
        """SELECT p.id FROM projects p WHERE (SELECT count(*) FROM project_members WHERE project_id = p.id) = 100
           ORDER BY p.id"""
    )
    on_board = {row["id"] for row in boards}
    # more than a page, so that every list has its 50 tasks and a cursor
    listed = [row["id"] for row in rows if row["tasks_total"] > 50 and row["id"] not in on_board]
    tasks = await connection.fetch(
        "SELECT id FROM tasks WHERE project_id = ANY($1) ORDER BY id", [row["id"] for row in rows]
    )
    return Person(
        token=msgspec.json.decode(body)["access_token"],
        tasks=[str(row["id"]) for row in rng.sample(tasks, _PATHS_EACH)],
        projects=[str(row["id"]) for row in rng.choices(rows, k=_PATHS_EACH)],
        listed=[str(project) for project in rng.sample(listed, min(10, len(listed)))],
        boards=[str(row["id"]) for row in boards],
    )
