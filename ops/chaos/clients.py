"""Writing clients with a ledger of their own, and the receivers of what the system sends."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import Counter
from email import message_from_bytes, policy
from typing import Any

import httpx
from aiohttp import web
from aiosmtpd.smtp import SMTP

PASSWORD = "a quiet river bends twice"  # noqa: S105 - of accounts that live for some minutes


class Ledger:
    """What was acknowledged to the clients; what was not may have happened or not."""

    def __init__(self) -> None:
        self.tasks: dict[str, str] = {}  # id -> title
        self.comments: dict[str, str] = {}  # id -> task
        self.maybe_tasks: set[str] = set()  # titles
        self.maybe_comments: set[str] = set()  # tasks
        self.statuses: Counter[str] = Counter()


class Writer:
    """Makes a task, then a comment on it that mentions somebody; again and again, on whichever API answers."""

    def __init__(self, ports: list[int], tokens: dict[str, str], project: str, ledger: Ledger) -> None:
        self._ports = ports
        self._headers = {"Authorization": f"Bearer {tokens['ada']}"}
        self._project = project
        self._ledger = ledger
        self._numbers = itertools.count()
        self.ended = asyncio.Event()

    async def run(self, name: str, pause: float) -> None:
        """Write until ended."""
        async with httpx.AsyncClient(headers=self._headers, timeout=35) as client:
            while not self.ended.is_set():
                title = f"{name} {next(self._numbers)}"
                task = await self._write(client, f"/projects/{self._project}/tasks", {"title": title})
                if task is None:
                    self._ledger.maybe_tasks.add(title)
                else:
                    self._ledger.tasks[task["id"]] = title
                    comment = await self._write(client, f"/tasks/{task['id']}/comments", {"body": "look, @bob"})
                    if comment is None:
                        self._ledger.maybe_comments.add(task["id"])
                    else:
                        self._ledger.comments[comment["id"]] = task["id"]
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), random.uniform(0, 2 * pause))  # noqa: S311 - a pause

    async def _write(self, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        port = random.choice(self._ports)  # noqa: S311 - any will do
        try:
            answer = await client.post(f"http://127.0.0.1:{port}/api/v1{path}", json=body)
        except httpx.HTTPError as error:
            self._ledger.statuses[type(error).__name__] += 1
            return None
        self._ledger.statuses[str(answer.status_code)] += 1
        return answer.json() if answer.status_code == 201 else None


class Reader:
    """Follows the event stream, resuming with the last id whenever it breaks."""

    def __init__(self, ports: list[int], token: str) -> None:
        self._ports = ports
        self._headers = {"Authorization": f"Bearer {token}"}
        self.numbers: list[int] = []
        self.comments: list[str] = []
        self.connections = 0
        self._frame: dict[str, str] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        timeout = httpx.Timeout(10, read=25)
        async with httpx.AsyncClient(headers=self._headers, timeout=timeout) as client:
            while True:
                port = random.choice(self._ports)  # noqa: S311 - any will do
                headers = {"Last-Event-ID": str(self.numbers[-1] if self.numbers else 0)}
                with contextlib.suppress(httpx.HTTPError):
                    async with client.stream(
                        "GET", f"http://127.0.0.1:{port}/api/v1/events", headers=headers
                    ) as stream:
                        self.connections += 1
                        self._frame.clear()
                        async for line in stream.aiter_lines():
                            self._take(line)
                await asyncio.sleep(0.2)

    def _take(self, line: str) -> None:
        """An event counts once the empty line behind it is there: a kill may cut one in its middle."""
        if line:
            field, _, value = line.partition(": ")
            self._frame[field] = value
            return
        frame, self._frame = self._frame, {}
        if "id" not in frame:
            return
        self.numbers.append(int(frame["id"]))
        if frame["event"] == "comment.created":
            self.comments.append(json.loads(frame["data"])["object"]["id"])


class Receivers:
    """An SMTP server and a webhook receiver that note all they get."""

    def __init__(self) -> None:
        self.mails: Counter[str] = Counter()  # Message-ID
        self.hooks: Counter[str] = Counter()  # webhook-id
        self.hook_objects: dict[str, str] = {}  # webhook-id -> comment
        self._closing: list[Any] = []

    async def start(self, mail_port: int, hook_port: int) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="chaos"), "127.0.0.1", mail_port)
        application = web.Application()
        application.router.add_post("/hook", self._hook)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", hook_port).start()
        self._closing = [server, runner]

    async def stop(self) -> None:
        """Listen no more."""
        server, runner = self._closing
        server.close()
        await runner.cleanup()

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's name
        """Take a mail."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails[str(message["Message-ID"])] += 1
        return "250 taken"

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.json()
        number = request.headers["webhook-id"]
        self.hooks[number] += 1
        if body["type"] == "comment.created":
            self.hook_objects[number] = body["data"]["id"]
        await asyncio.sleep(0.05)
        return web.Response(status=200)


async def prepare(port: int, hook_url: str, execute: Any) -> tuple[dict[str, str], str]:  # noqa: ANN401 - asyncpg's execute
    """Two people, their project and its webhook; returns their tokens and the project's id."""
    base = f"http://127.0.0.1:{port}/api/v1"
    tokens: dict[str, str] = {}
    async with httpx.AsyncClient(timeout=30) as client:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"http://127.0.0.1:{port}/api/health/ready")).status_code == 200:
                    break
            if time.monotonic() > deadline:
                raise SystemExit("The API did not become ready.")
            await asyncio.sleep(0.2)
        people: dict[str, str] = {}
        for name in ("ada", "bob"):
            person = {
                "username": name, "email": f"{name}@example.org", "password": PASSWORD, "first_name": name.title(),
                "last_name": "Tester",
            }  # fmt: skip
            answer = await client.post(f"{base}/auth/register", json=person)
            answer.raise_for_status()
            people[name] = answer.json()["id"]
        await execute("UPDATE users SET email_verified_at = now(), role = 'admin'")
        for name in people:
            answer = await client.post(f"{base}/auth/login", json={"identifier": name, "password": PASSWORD})
            tokens[name] = answer.json()["access_token"]
        client.headers["Authorization"] = f"Bearer {tokens['ada']}"
        project = (await client.post(f"{base}/projects", json={"name": "Chaos"})).json()["id"]
        member = {"user_id": people["bob"], "role": "member"}
        (await client.post(f"{base}/projects/{project}/members", json=member)).raise_for_status()
        hook = {"name": "Receiver", "url": hook_url, "events": ["comment.created"]}
        (await client.post(f"{base}/projects/{project}/webhooks", json=hook)).raise_for_status()
    return tokens, project
