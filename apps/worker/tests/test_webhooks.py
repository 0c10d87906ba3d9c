"""Webhooks through the product's own worker, from a change to the receiver."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from synergy_domain import webhooks
from synergy_domain.webhooks import WebhookInput
from synergy_platform.runtime import Runtime
from synergy_testing.factories import Factory

ALLOWED = {"SYNERGY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}


class Receiver:
    """Takes messages, each after `pause` seconds."""

    def __init__(self) -> None:
        self.url = ""
        self.pause = 0.1
        self.begun: list[str] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.at_once = self.most_at_once = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.begun.append(headers["webhook-id"])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.pause)
        finally:
            self.at_once -= 1
        self.got.append((headers, body))
        return web.Response(text="thanks")


@pytest.fixture
async def receiver():
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def endpoint(work, receiver, own_settings):
    """A project with an endpoint."""
    settings = msgspec.structs.replace(own_settings, webhook_allowed_networks=("127.0.0.0/8",))
    runtime = Runtime(settings, application="synergy-test")
    make = Factory(work.runtime)
    project = await make.project()
    admin = await make.user(role="admin")
    async with work.runtime.database.unit_of_work() as uow:
        data = WebhookInput(name="Receiver", url=receiver.url)
        made = await webhooks.create_webhook(runtime, uow, admin, project.id, data)
    return make, project, made


async def states(work):
    rows = await work.connection.fetch("SELECT state, count(*) AS count FROM webhook_deliveries GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


async def test_work_hundred_changes_reach_the_receiver_signed_and_sixteen_at_a_time(work, start, receiver, endpoint):
    make, project, made = endpoint
    worker = start.product("worker", **ALLOWED)
    await work.until(lambda: worker.lines("worker.started"))
    for _ in range(100):
        await make.task(project)
    await work.until(lambda: _delivered(work, 100))
    for headers, body in receiver.got:
        Webhook(made.secret).verify(body, headers)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 100
    assert receiver.most_at_once <= 16
    await work.until(work.is_done)
    assert await worker.end() == 0
    assert not [line for line in worker.lines() if line["log.level"] in {"error", "critical"}]
    assert made.secret not in worker.log.read_text()


async def test_work_killed_while_sending_is_sent_again_with_the_same_id(work, start, receiver, endpoint):
    make, project, _ = endpoint
    receiver.pause = 30.0
    first = start.product("worker", **ALLOWED)
    for _ in range(5):
        await make.task(project)
    await work.until(lambda: len(receiver.begun) == 5)
    first.kill()
    receiver.pause = 0.01
    start.product("worker", **ALLOWED)
    await work.until(lambda: _delivered(work, 5))
    assert await states(work) == {"delivered": 5}
    assert Counter(receiver.begun) == dict.fromkeys(set(receiver.begun), 2)
    assert await work.connection.fetchval("SELECT count(*) FROM webhook_attempts") == 5
    await work.until(work.is_done)


async def test_work_receiver_that_is_down_is_tried_again(work, start, receiver, endpoint):
    make, project, _ = endpoint
    await work.connection.execute("UPDATE webhooks SET url = 'http://127.0.0.1:9/'")
    start.product("worker", **ALLOWED)
    await make.task(project)
    await work.until(lambda: work.connection.fetchval("SELECT count(*) FROM webhook_attempts"))
    await work.connection.execute("UPDATE webhooks SET url = $1", receiver.url)
    await work.until(lambda: _delivered(work, 1))  # after 5 s
    assert await work.connection.fetchval("SELECT attempts FROM webhook_deliveries") == 2
    assert len(receiver.got) == 1


async def _delivered(work, count):
    return (await states(work)).get("delivered") == count
