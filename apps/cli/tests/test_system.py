"""The whole system, as `synergy up` starts it, used over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from synergy_platform.embedded.process import free_port
from synergy_testing.log_schema import fault_of_entry

BOARD = Path(__file__).parents[3] / "packages/domain/tests/transfer/data/trello-board.json"
PASSWORD = "correct horse 7 battery"
pytestmark = pytest.mark.slow


class System:
    """A running `synergy up`, its address and its log."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.clients: list[httpx.AsyncClient] = []

    def lines(self) -> list[str]:
        """What was written to standard output so far."""
        return self.log.read_text().splitlines()

    def child(self, module: str) -> psutil.Process:
        """The process that the supervisor started for a module."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if module in child.cmdline() or module in " ".join(child.cmdline()))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for the tests of this file."""
    folder = tmp_path_factory.mktemp("system")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SYNERGY_", "DB_", "COV"))},
        "SYNERGY_HOME": str(folder / "home"), "SYNERGY_PORT": str(port), "SYNERGY_RATE_LIMIT_REGISTER": "0",
    }  # fmt: skip
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "synergy_cli", "up", "--no-web"],
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        running = System(process, port, log)
        try:
            _wait(lambda: _healthy(running.url), 90)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert process.wait(30) == 0
            assert time.monotonic() - started < 12


@pytest.fixture(autouse=True)
async def close_clients(system: System) -> AsyncIterator[None]:
    """No test leaves a connection open."""
    yield
    for client in system.clients:
        await client.aclose()
    system.clients.clear()


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/auth/health/", timeout=2).json()["status"] == "healthy"
    except (httpx.HTTPError, ValueError):
        return False


def _wait(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


async def _signed_in(system: System, name: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=f"{system.url}/api/v1", timeout=30)
    system.clients.append(client)
    body = {
        "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": "Test",
        "last_name": "Person",
    }  # fmt: skip
    assert (await client.post("/auth/register", json=body)).status_code == 201
    tokens = (await client.post("/auth/login", json={"identifier": name, "password": PASSWORD})).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return client


async def _team(system: System, name: str) -> tuple[httpx.AsyncClient, httpx.AsyncClient, dict, dict]:
    """An owner and a member in one project with one task that the member is assigned to."""
    owner, member = await _signed_in(system, f"{name}-owner"), await _signed_in(system, f"{name}-member")
    project = (await owner.post("/projects", json={"name": f"Project {name}"})).json()
    shared = (await member.post("/projects", json={"name": f"Shared {name}"})).json()
    me, them = (await member.get("/me")).json(), (await owner.get("/me")).json()
    # people see one another through common projects only, so an admin's place is taken by the database here
    await _introduce(system, shared["id"], them["id"])
    added = await owner.post(f"/projects/{project['id']}/members", json={"user_id": me["id"]})
    assert added.status_code == 201, added.text
    task = (
        await owner.post(f"/projects/{project['id']}/tasks", json={"title": "Work", "assignee_ids": [me["id"]]})
    ).json()
    return owner, member, project, task


async def _introduce(system: System, project_id: str, user_id: str) -> None:
    environment = json.loads((system.log.parent / "home" / "running.json").read_text())["environment"]
    connection = await asyncpg.connect(
        host=environment["DB_HOST"], port=int(environment["DB_PORT"]), user=environment["DB_USER"],
        password=environment["DB_PASSWORD"], database=environment["DB_NAME"],
    )  # fmt: skip
    try:
        await connection.execute(
            "INSERT INTO project_members (project_id, user_id, role, joined_at) VALUES ($1, $2, 'viewer', now())",
            project_id, user_id,
        )  # fmt: skip
    finally:
        await connection.close()


async def _all(client: httpx.AsyncClient, path: str) -> list[dict]:
    items, cursor = [], None
    while True:
        page = (await client.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def test_kill_worker_while_comments_are_posted_loses_and_doubles_nothing(system):
    owner, member, project, task = await _team(system, "killed")
    await asyncio.sleep(1)
    numbers = iter(range(500))

    async def write() -> None:
        for number in numbers:
            answer = await owner.post(f"/tasks/{task['id']}/comments", json={"body": f"comment {number}"})
            assert answer.status_code == 201

    writers = [asyncio.create_task(write()) for _ in range(8)]
    for _ in range(3):
        await asyncio.sleep(1)
        worker = system.child("synergy_worker")
        for process in [worker, *worker.children(recursive=True)]:
            os.kill(process.pid, signal.SIGKILL)
    await asyncio.gather(*writers)

    async def everything_is_there() -> bool:
        count = (await member.get("/notifications/unread-count")).json()["unread"]
        return count >= 501  # one for the assignment

    end = time.monotonic() + 60
    while not await everything_is_there():
        assert time.monotonic() < end, (await member.get("/notifications/unread-count")).text
        await asyncio.sleep(0.2)
    notified = [
        item["data"]["comment_id"] for item in await _all(member, "/notifications") if "comment_id" in item["data"]
    ]
    active = [
        item for item in await _all(owner, f"/projects/{project['id']}/activity") if item["type"] == "comment.created"
    ]
    assert len(notified) == len(set(notified)) == 500
    assert len(active) == len({item["object"]["id"] for item in active}) == 500
    ledger = [item["number"] for item in active]
    assert ledger == sorted(ledger, reverse=True)


async def test_a_change_reaches_an_open_stream_within_a_second_and_can_be_resumed(system):
    owner, member, project, task = await _team(system, "live")
    stranger = await _signed_in(system, "live-stranger")
    seen: list[tuple[int, str]] = []
    strange: list[str] = []

    async def follow(client: httpx.AsyncClient, into, address: str = "/events", **headers) -> None:
        async with client.stream("GET", address, headers=headers, timeout=30) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            number = 0
            async for line in stream.aiter_lines():
                if line.startswith("id:"):
                    number = int(line[3:])
                if line.startswith("event:"):
                    into((number, line[7:]))

    followers = [
        asyncio.create_task(follow(member, seen.append)),
        asyncio.create_task(follow(stranger, lambda event: strange.append(event[1]))),
    ]
    await asyncio.sleep(1)
    started = time.monotonic()
    await owner.post(f"/tasks/{task['id']}/move", json={"status": "review"})
    while not any(kind == "task.moved" for _, kind in seen):
        assert time.monotonic() - started < 1, seen
        await asyncio.sleep(0.01)
    number = seen[-1][0]
    followers[0].cancel()
    await owner.patch(f"/tasks/{task['id']}", json={"title": "Renamed"})
    resumed: list[tuple[int, str]] = []
    # as a browser does that began with this address
    again = asyncio.create_task(follow(member, resumed.append, "/events?after=0", **{"Last-Event-ID": str(number)}))
    while not any(kind == "task.updated" for _, kind in resumed):
        assert time.monotonic() - started < 5
        await asyncio.sleep(0.05)
    assert all(later > number for later, _ in resumed)
    me = (await member.get("/me")).json()
    await owner.delete(f"/projects/{project['id']}/members/{me['id']}")
    await owner.patch(f"/tasks/{task['id']}", json={"title": "Secret"})
    await asyncio.sleep(1)
    kinds = [kind for _, kind in resumed]
    # what is told of the move comes when the worker has come to it
    assert set(kinds[kinds.index("member.removed") + 1 :]) <= {"notification.created", "notification.updated"}
    assert strange == []
    listed = (await member.get("/events?after=0&limit=200", headers={"Accept": "application/json"})).json()
    assert project["id"] not in {item["project_id"] for item in listed["items"]}
    for follower in (*followers, again):
        follower.cancel()
    await asyncio.gather(*followers, again, return_exceptions=True)


async def test_a_real_board_comes_in_by_http(system):
    owner = await _signed_in(system, "importer")
    answer = await owner.post("/imports", data={"source": "trello"}, files={"file": ("board.json", BOARD.read_bytes())})
    assert answer.status_code == 202, answer.text
    address = answer.headers["location"].removeprefix("/api/v1")
    end = time.monotonic() + 30
    while (job := (await owner.get(address)).json())["status"] not in {"completed", "failed"}:
        assert time.monotonic() < end, job
        await asyncio.sleep(0.1)
    assert job["status"] == "completed", job
    board = (await owner.get(f"/projects/{job['project_id']}/board")).json()
    assert sum(column["total"] for column in board["columns"]) == job["report"]["counts"]["tasks"] > 0


async def test_every_line_on_stdout_is_one_json_object_with_the_request_id(system):
    owner = await _signed_in(system, "logs")
    answer = await owner.get(
        "/me", headers={"X-Request-ID": "trace-me-123", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    )
    assert answer.headers["x-request-id"] == "trace-me-123"
    await owner.get("/me", headers={"Authorization": "Bearer secret-canary-token"})
    await asyncio.sleep(0.5)
    entries = [json.loads(line) for line in system.lines()]
    assert [fault for entry in entries if (fault := fault_of_entry(entry))] == []
    mine = [entry for entry in entries if entry.get("request.id") == "trace-me-123"]
    assert [(entry["message"], entry["trace.id"]) for entry in mine] == [("http.request", "a" * 32)]
    assert "secret-canary-token" not in system.log.read_text()
    assert PASSWORD not in system.log.read_text()
