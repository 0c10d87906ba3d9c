"""The floor: what the same answers cost without a framework.

A bare ASGI function on Granian, asyncpg and msgspec. It runs the same statements as our routes (their text is taken
from our repositories at the start, so that it cannot fall behind) and returns the same bodies. It leaves out whatever
else a real system does: routing, validation, dependency injection, logs, request ids, security headers, ETags, an ORM.

Authentication: the token's signature and expiry are checked by hand (HMAC-SHA256), then the session is looked up with
the statement that our authentication uses. Both halves are work that "authenticated" means, so both stay in.
"""

from __future__ import annotations

import base64
import hmac
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import msgspec
from fractional_indexing import generate_key_between
from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

from synergy_domain.common import Actor, PersonView
from synergy_domain.identity import UserView
from synergy_domain.identity import repository as identity_sql
from synergy_domain.projects import ProjectSettings, ProjectView
from synergy_domain.projects import repository as project_sql
from synergy_domain.work import STATUSES, BoardView, LabelView, TaskInput, TaskQuery, TaskSummary, TaskView
from synergy_domain.work import repository as task_sql
from synergy_domain.work.contracts import BoardColumn, SubtaskCount, TaskReference
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page
from synergy_platform.settings import load_settings
from synergy_platform.tokens import Keyring

_USER, _SESSION, _PROJECT, _TASK = (UUID(int=number) for number in (1, 2, 3, 4))
_NOW = datetime.min.replace(tzinfo=UTC)
_BOARD_COLUMN, _LIST = 50, 50
_SERVER_SETTINGS = {"statement_timeout": "15000", "lock_timeout": "5000", "timezone": "UTC", "jit": "off"}


class Statement(msgspec.Struct, frozen=True):
    """The text of a statement, and its arguments where one of the names above stands for what each request has."""

    text: str
    args: tuple[object, ...]

    def fill(self, values: dict[Any, object]) -> list[object]:
        """The arguments of one request."""
        return [values.get(arg, arg) if isinstance(arg, (UUID, datetime)) else arg for arg in self.args]


class Recorder:
    """Stands in for the database and keeps what it is asked."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    async def rows(self, query: str, *args: object) -> list[Any]:
        """No rows."""
        self.statements.append(Statement(query, args))
        return []

    async def row(self, query: str, *args: object) -> None:
        """No row."""
        self.statements.append(Statement(query, args))

    async def value(self, query: str, *args: object) -> None:
        """No value."""
        self.statements.append(Statement(query, args))


async def _recorded(ask: Callable[[Any], Awaitable[object]]) -> list[Statement]:
    recorder = Recorder()
    await ask(recorder)
    return recorder.statements


_INSERT_TASK = """
    INSERT INTO tasks (id, project_id, number, title, description, description_html, status, priority, reporter_id,
                       impact, story_points, start_date, due_date, estimate_minutes, position, completed_at,
                       created_at, updated_at, deleted_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULL, $16, $16, NULL, 1)
"""
_INSERT_EVENT = """
    WITH one AS (
      INSERT INTO events (id, type, version, occurred_at, actor_id, project_id, object_type, object_id, quiet, data)
      VALUES ($1, 'task.created', 1, $2, $3, $4, 'task', $5, false, $6))
    SELECT pg_notify('synergy_outbox', '')
"""

_people = msgspec.json.Decoder(list[PersonView]).decode
_person = msgspec.json.Decoder(PersonView).decode
_labels = msgspec.json.Decoder(list[LabelView]).decode
_references = msgspec.json.Decoder(list[TaskReference]).decode
_subtasks = msgspec.json.Decoder(SubtaskCount).decode
_input = msgspec.json.Decoder(TaskInput).decode
_claims = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def _summary(row: asyncpg.Record, kind: Any = TaskSummary, **more: Any) -> Any:  # noqa: ANN401 - one of two contracts
    depends_on = _references(row["depends_on"]) if row["depends_on"] else []
    blocked_by = [other for other in depends_on if other.status != "done"]
    return kind(
        id=row["id"], key=row["key"], number=row["number"], project_id=row["project_id"], title=row["title"],
        status=row["status"], priority=row["priority"],
        reporter=_person(row["reporter"]) if row["reporter"] else None,
        assignees=_people(row["assignees"]) if row["assignees"] else [],
        labels=_labels(row["labels"]) if row["labels"] else [],
        depends_on=depends_on, blocked_by=blocked_by,
        blocks=_references(row["blocks"]) if row["blocks"] else [], can_start=not blocked_by, impact=row["impact"],
        story_points=row["story_points"], start_date=row["start_date"], due_date=row["due_date"],
        estimate_minutes=row["estimate_minutes"], subtasks=_subtasks(row["subtasks"]),
        comment_count=row["comment_count"], attachment_count=row["attachment_count"],
        completed_at=row["completed_at"], created_at=row["created_at"], updated_at=row["updated_at"],
        version=row["version"], **more,
    )  # fmt: skip


def _task(row: asyncpg.Record) -> TaskView:
    return _summary(
        row, TaskView, description=row["description"], description_html=row["description_html"], warnings=[]
    )


def _project(row: asyncpg.Record) -> ProjectView:
    return ProjectView(
        id=row["id"], key=row["key"], name=row["name"], description=row["description"],
        description_html=row["description_html"], status=row["status"], priority=row["priority"],
        owner=PersonView(id=row["owner_id"], username=row["owner_username"], name=row["owner_name"]),
        start_date=row["start_date"], end_date=row["end_date"], budget=row["budget"], currency=row["currency"],
        color=row["color"],
        settings=ProjectSettings(
            enforce_dependencies=row["enforce_dependencies"], proof_required=row["proof_required"]
        ),
        progress=row["progress"], tasks_total=row["tasks_total"], tasks_done=row["tasks_done"], my_role=row["my_role"],
        archived_at=row["archived_at"], created_at=row["created_at"], updated_at=row["updated_at"],
        version=row["version"],
    )  # fmt: skip


class Floor:
    """The ASGI function, with its pool and the statements."""

    def __init__(self) -> None:
        self._settings = load_settings(os.environ)
        keyring = Keyring(self._settings.secret_keys)
        self._key = keyring.keys("jwt:access")[0]
        self._cursors = Cursors(keyring)

    async def open(self) -> None:
        """Record the statements and connect."""
        actor = Actor(user_id=_USER, username="", role="member")
        query = TaskQuery(project_id=_PROJECT, limit=_LIST)
        # keyset of the default sort; everything else is a constant
        self._actor = (await _recorded(lambda db: identity_sql.find_actor(db, _USER, _SESSION, _NOW)))[0]
        self._me = (await _recorded(lambda db: identity_sql.find_user(db, _USER)))[0]
        self._access = (await _recorded(lambda db: project_sql.find_access(db, actor, _PROJECT)))[0]
        self._project = (await _recorded(lambda db: project_sql.find_project(db, actor, _PROJECT)))[0]
        self._task = (await _recorded(lambda db: task_sql.find_task(db, actor, str(_TASK))))[0]
        self._list = (await _recorded(lambda db: task_sql.list_tasks(db, actor, query, None)))[0]
        self._board = await _recorded(lambda db: task_sql.board_tasks(db, _PROJECT, _BOARD_COLUMN))
        number = task_sql.next_number
        self._number = (await _recorded(lambda db: number(db, _PROJECT, done=False, impact=cast("Any", 0))))[0]
        self._last = (await _recorded(lambda db: task_sql.last_position(db, _PROJECT, "todo")))[0]

        async def keep(_connection: object) -> None:
            """Nothing in a session is changed, so nothing has to be reset between requests."""

        self._pool = await asyncpg.create_pool(
            self._settings.database_url(),
            min_size=0,
            max_size=self._settings.db_pool_size,
            server_settings={**_SERVER_SETTINGS, "application_name": "synergy-floor"},
            reset=keep,
        )

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path: str = scope["path"]
        if path == "/api/health/live":
            await _answer(send, 200, b'{"status":"alive"}')
            return
        async with self._pool.acquire() as connection:
            who = self._verified(scope)
            actor = who and await connection.fetchrow(self._actor.text, *self._actor.fill(who))
            if not who or not actor:
                await _answer(send, 401, b"{}")
                return
            parts = path[8:].split("/")
            if scope["method"] == "POST":
                message = await receive()
                body = await self._create(connection, who, UUID(parts[1]), message["body"])
            else:
                body = await self._read(connection, who, parts)
        await _answer(send, 201 if scope["method"] == "POST" else 200, body)

    def _verified(self, scope: dict[str, Any]) -> dict[Any, object] | None:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        signed, _, signature = header[7:].rpartition(b".")
        mine = base64.urlsafe_b64encode(hmac.digest(self._key, signed, "sha256")).rstrip(b"=")
        if not hmac.compare_digest(mine, signature):
            return None
        payload = signed.partition(b".")[2]
        claims = _claims(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        if claims["exp"] <= time.time():
            return None
        return {_USER: UUID(claims["sub"]), _SESSION: UUID(claims["sid"]), _NOW: datetime.now(UTC)}

    async def _read(self, connection: Any, who: dict[Any, object], parts: list[str]) -> bytes:  # noqa: ANN401 - of the pool
        match parts:
            case ["me"]:
                row = await connection.fetchrow(self._me.text, *self._me.fill(who))
                return _encode(UserView(**row))
            case ["tasks", task]:
                row = await connection.fetchrow(self._task.text, *self._task.fill({**who, _TASK: UUID(task)}))
                return _encode(_task(row))
            case ["projects", project]:
                values = {**who, _PROJECT: UUID(project)}
                return _encode(_project(await connection.fetchrow(self._project.text, *self._project.fill(values))))
            case ["projects", project, what]:
                values = {**who, _PROJECT: UUID(project)}
                await connection.fetchrow(self._access.text, *self._access.fill(values))
                if what == "tasks":
                    return await self._tasks(connection, values)
                return await self._columns(connection, values)
            case _:
                raise LookupError(parts)

    async def _tasks(self, connection: Any, values: dict[Any, object]) -> bytes:  # noqa: ANN401 - of the pool
        found = [_summary(row) for row in await connection.fetch(self._list.text, *self._list.fill(values))]
        cursor = None
        if len(found) > _LIST:
            last = found[_LIST - 1]
            cursor = self._cursors.encode("-created_at", [last.created_at, last.id])
        return _encode(Page(items=found[:_LIST], next_cursor=cursor))

    async def _columns(self, connection: Any, values: dict[Any, object]) -> bytes:  # noqa: ANN401 - of the pool
        tasks, counts = self._board
        columns: dict[str, list[TaskSummary]] = {status: [] for status in STATUSES}
        for row in await connection.fetch(tasks.text, *tasks.fill(values)):
            columns[row["status"]].append(_summary(row))
        totals = {row["status"]: row["total"] for row in await connection.fetch(counts.text, *counts.fill(values))}
        # the boards that are asked for fit, so there are no cursors
        return _encode(
            BoardView(
                columns=[
                    BoardColumn(status=status, total=totals.get(status, 0), tasks=columns[status], next_cursor=None)
                    for status in STATUSES
                ]
            )
        )

    async def _create(self, connection: Any, who: dict[Any, object], project_id: UUID, body: bytes) -> bytes:  # noqa: ANN401 - of the pool
        data = _input(body)
        values = {**who, _PROJECT: project_id}
        user_id, task_id, now = who[_USER], new_id(), datetime.now(UTC)
        async with connection.transaction():
            access = await connection.fetchrow(self._access.text, *self._access.fill(values))
            number = await connection.fetchval(self._number.text, *self._number.fill(values))
            last = await connection.fetchval(self._last.text, *self._last.fill(values))
            await connection.execute(
                _INSERT_TASK, task_id, project_id, number, data.title, data.description, "", data.status, data.priority,
                user_id, data.impact, data.story_points, data.start_date, data.due_date, data.estimate_minutes,
                generate_key_between(last, None), now,
            )  # fmt: skip
            told = {
                "key": f"{access['project_key']}-{number}", "title": data.title, "status": data.status,
                "task_version": 1,
            }  # fmt: skip
            await connection.fetchval(
                _INSERT_EVENT, new_id(), now, user_id, project_id, task_id, _encode(told).decode()
            )
            row = await connection.fetchrow(self._task.text, *self._task.fill({**who, _TASK: task_id}))
        return _encode(_task(row))

    async def _lifespan(self, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await receive()
        await self.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Any, status: int, body: bytes) -> None:  # noqa: ANN401 - ASGI
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = Floor() if os.environ.get("SECRET_KEY") else None


def main() -> None:
    """Serve on the API's address, with the API's number of processes and Granian's settings of the API."""
    settings = load_settings(os.environ)
    Server(
        "floor:app", address=settings.api_host, port=settings.api_port, interface=Interfaces.ASGI,
        workers=settings.web_workers, loop=Loops.uvloop, http=HTTPModes.http1, websockets=False, backlog=1024,
        backpressure=128, log_access=False,
    ).serve()  # fmt: skip


if __name__ == "__main__":
    main()
