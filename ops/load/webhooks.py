"""How long 100 webhooks take to a receiver that needs 100 ms for each: `hatch run load:python ops/load/webhooks.py`.

On servers, worker processes and a receiver of its own, on loopback. The clock runs from the commit of the changes to
the last answer of the receiver, and to the last delivery that is recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web
from figures import Row, table
from servers import environment_of, processes, servers

from synergy_domain import projects, webhooks, work
from synergy_domain.common import Actor
from synergy_domain.identity import Client, Registration, create_account
from synergy_domain.projects import ProjectInput
from synergy_domain.webhooks import WebhookInput
from synergy_domain.work import TaskInput
from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings

LOCAL = "127.0.0.0/8"
_DELAY_SECONDS = 0.1
_GOAL_SECONDS = 1.0
_GIVE_UP_SECONDS = 60.0


class Receiver:
    """Answers each message after 100 ms."""

    def __init__(self) -> None:
        self.url = ""
        self.answered: list[float] = []
        self._at_once = 0
        self.most_at_once = 0

    async def take(self, request: web.Request) -> web.Response:
        """One message."""
        await request.read()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(_DELAY_SECONDS)
        self._at_once -= 1
        self.answered.append(time.perf_counter())
        return web.Response()

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_post("/", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"


async def _measure(settings: Settings, messages: int, rounds: int) -> list[Row]:
    runtime, receiver = Runtime(settings, application="measure"), Receiver()
    await runtime.open()
    await receiver.start()
    who = Registration(
        username="measure", email="measure@example.org", password="a long phrase 7 of it", first_name="M", last_name="E"  # noqa: S106 - of an account that lives for seconds
    )  # fmt: skip
    user = await create_account(runtime, who, role="admin", client=Client(None, "measure"))
    actor = Actor(user_id=user.id, username=user.username, role="admin")
    async with runtime.database.unit_of_work() as uow:
        project = await projects.create_project(uow, actor, ProjectInput(name="Measure"))
        data = WebhookInput(name="Receiver", url=receiver.url, events=["task.created"])
        await webhooks.create_webhook(runtime, uow, actor, project.id, data)

    async def change(uow: UnitOfWork, count: int) -> None:
        for number in range(count):
            await work.create_task(uow, actor, project.id, TaskInput(title=f"Task {number}"))

    async def send_again(uow: UnitOfWork, count: int) -> None:
        finished = await uow.rows("SELECT id FROM webhook_deliveries ORDER BY id LIMIT $1", count)
        for row in finished:
            await webhooks.redeliver(uow, actor, row["id"])

    async def one_round(cause: Callable[[UnitOfWork, int], Awaitable[None]], count: int) -> tuple[float, float]:
        receiver.answered.clear()
        async with runtime.database.unit_of_work() as uow:
            await cause(uow, count)
        committed = time.perf_counter()
        pending = "SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'"
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            # nobody tells when the worker has recorded the last one
            while len(receiver.answered) < count or await runtime.database.reader().value(pending):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return receiver.answered[-1] - committed, time.perf_counter() - committed

    await one_round(change, messages)  # all of it is loaded and connected
    rows: list[Row] = []
    for title, cause in (("changes, told to the receiver", change), ("deliveries in the queue", send_again)):
        found = [await one_round(cause, messages) for _ in range(rounds)]
        for name, values in (("answered", [one for one, _ in found]), ("recorded", [other for _, other in found])):
            middle = statistics.median(values)
            spread = f"{middle:.2f} s (least {min(values):.2f}, most {max(values):.2f})"
            rows.append(
                Row(f"{messages} {title}, the last {name}", spread, f"at most {_GOAL_SECONDS:g} s",
                    middle <= _GOAL_SECONDS, middle, "lower")
            )  # fmt: skip
    print(f"most at a time at the receiver: {receiver.most_at_once}", file=sys.stderr)
    await runtime.close()
    return rows


def measure(*, messages: int = 100, rounds: int = 5, workers: int = 1) -> list[Row]:
    """On servers, worker processes and a receiver of its own."""
    with tempfile.TemporaryDirectory(prefix="synergy-webhooks-") as temporary:
        folder = Path(temporary)
        log, command = folder / "workers.log", [sys.executable, "-m", "synergy_worker", "worker"]

        def is_ready() -> bool:
            return log.read_text().count("worker.started") >= workers

        with servers(folder, "webhooks") as settings:
            environment = environment_of(settings, SYNERGY_WEBHOOK_ALLOWED_NETWORKS=LOCAL)
            with processes([command] * workers, environment, log, is_ready):
                allowed = msgspec.structs.replace(settings, webhook_allowed_networks=(LOCAL,))
                return asyncio.run(_measure(allowed, messages, rounds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    arguments = parser.parse_args()
    print(table(measure(messages=arguments.messages, rounds=arguments.rounds, workers=arguments.workers)))


if __name__ == "__main__":
    main()
