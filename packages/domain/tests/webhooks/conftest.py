"""A receiver on loopback, and a runtime that may send to it, on a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiohttp import web

from synergy_domain import webhooks
from synergy_domain.common import Actor
from synergy_domain.projects import ProjectView
from synergy_domain.webhooks import DeliveryQuery, DeliveryView, WebhookInput, WebhookSecret
from synergy_domain.webhooks.delivering import SEND, fan_out, send_delivery
from synergy_platform.clock import SetClock
from synergy_platform.outgoing import Outgoing
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_testing.factories import Factory


class Receiver:
    """Keeps what it got; `answer` is a status, or a function of the request that gives a response."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: int | Callable[..., Any] = 200
        self.at_once = 0
        self.most_at_once = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if callable(self.answer):
                return await self.answer(request)
            return web.Response(status=self.answer, text=f"answered {self.answer}")
        finally:
            self.at_once -= 1

    def messages(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.got]

    def types(self) -> list[str]:
        return [message["type"] for message in self.messages()]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class Hooks:
    """What the tests do: change something, let the jobs run as the worker would, look at the log."""

    def __init__(self, runtime: Runtime, clock: SetClock, receiver: Receiver) -> None:
        self.runtime = runtime
        self.clock = clock
        self.receiver = receiver
        self.make = Factory(runtime)
        self._told = 0

    async def endpoint(self, project: ProjectView, *, maker: Actor | None = None, **fields: Any) -> WebhookSecret:
        """An endpoint; without a maker an admin makes it."""
        data = WebhookInput(**{"name": "Chat", "url": self.receiver.url, **fields})
        maker = maker or await self.make.user(role="admin")
        async with self.runtime.database.unit_of_work() as uow:
            return await webhooks.create_webhook(self.runtime, uow, maker, project.id, data)

    async def do(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One verb in a unit of work."""
        async with self.runtime.database.unit_of_work() as uow:
            return await verb(uow, *args, **kwargs)

    async def number_events(self) -> None:
        """As the relay does; nobody else is on this database."""
        await self.do(lambda uow: uow.value("UPDATE events SET seq = ord WHERE seq IS NULL"))

    async def fan_out(self) -> None:
        """Run the job for each new event, each twice: the second time changes nothing."""
        await self.number_events()
        rows = await self.runtime.database.reader().rows(
            "SELECT id, seq FROM events WHERE seq > $1 AND type = ANY($2) ORDER BY seq",
            self._told, sorted(webhooks.FAN_OUT_EVENTS),
        )  # fmt: skip
        for row in rows:
            for _ in range(2):
                await self.do(lambda uow, event=row["id"]: fan_out(self.runtime, uow, {"event_id": str(event)}))
            self._told = row["seq"]

    async def due(self) -> list[dict[str, Any]]:
        """The jobs of sending that are due, as the relay would publish them."""
        rows = await self.runtime.database.reader().rows(
            """SELECT id, payload::text AS payload, attempts, run_at FROM jobs WHERE name = $1 AND queue = 'io'
                 AND state = 'waiting' AND run_at <= $2 ORDER BY run_at, id""",
            SEND, self.clock.now(),
        )  # fmt: skip
        return [dict(row) for row in rows]

    async def send_due(self, *, record: bool = True) -> int:
        """Do what is due, side by side; without `record` as by a process that dies after sending. How many."""
        jobs = await self.due()
        await asyncio.gather(*(self._run(job, record=record) for job in jobs))
        return len(jobs)

    async def _run(self, job: dict[str, Any], *, record: bool) -> None:
        finish = await send_delivery(self.runtime, msgspec.json.decode(job["payload"]), job["attempts"] + 1)
        if not record:
            return
        async with self.runtime.database.unit_of_work() as uow:
            after = await finish(uow)
            if after is None:
                await uow.value("DELETE FROM jobs WHERE id = $1", job["id"])
            else:
                await uow.value(
                    "UPDATE jobs SET run_at = $2, attempts = attempts + 1 WHERE id = $1", job["id"], uow.now + after
                )

    async def told(self, verb: Callable[..., Any], *args: Any) -> list[tuple[str, Any]]:
        """Do one thing; type and changes of each message that the receiver got of it, by type."""
        self.receiver.got.clear()
        await self.do(verb, *args)
        await self.fan_out()
        await self.send_due()
        return sorted((message["type"], message["data"].get("changes")) for message in self.receiver.messages())

    async def waits(self) -> timedelta | None:
        """How long until the next job of sending is due."""
        soonest = await self.runtime.database.reader().value("SELECT min(run_at) FROM jobs WHERE name = $1", SEND)
        return None if soonest is None else soonest - self.clock.now()

    async def log(self, webhook_id: UUID) -> list[DeliveryView]:
        """All deliveries of an endpoint with their attempts, the oldest first."""
        admin = await self.make.user(role="admin")
        reader = self.runtime.database.reader()
        page = await webhooks.list_deliveries(reader, self.runtime.cursors, admin, webhook_id, DeliveryQuery(limit=200))
        return [await webhooks.get_delivery(reader, admin, one.id) for one in reversed(page.items)]


@pytest.fixture
async def hooks(own_settings: Settings, receiver: Receiver) -> AsyncIterator[Hooks]:
    clock = SetClock(datetime.now(UTC).replace(microsecond=0))
    settings = msgspec.structs.replace(own_settings, webhook_allowed_networks=("127.0.0.0/8",))
    runtime = Runtime(settings, application="synergy-test", clock=clock, hasher=PasswordHasher(memory_kib=64))
    runtime.outgoing = Outgoing(settings, timeout=1)
    await runtime.open()
    yield Hooks(runtime, clock, receiver)
    await runtime.close()
