"""Kill everything at random while clients write, then compare what they were told with what there is.

    hatch run chaos:run                 20 kills, under 5 minutes
    hatch run chaos:run --kills 200     the long run

Exits with 1 when anything acknowledged is lost, doubled or never arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from background import SLOT
from clients import Ledger, Reader, Receivers, Writer, prepare
from redis.asyncio import Redis
from system import System, running

from synergy_platform.embedded.process import free_port
from synergy_platform.runtime import Runtime

WRITERS = 4
WRITER_PAUSE_SECONDS = 0.4
BETWEEN_KILLS_SECONDS = 5.0
# one more than there are events between the kills
MIN_KILLS = 8
# the longest third pause of a job that kills hit (160 s), and how far the clock jumps ahead (90 s)
SETTLE_SECONDS = 300.0
POISON = ("chaos.crash", "chaos.block", "chaos.hang")


class Verdict:
    """The comparison, printed line by line."""

    def __init__(self) -> None:
        self.faults = 0

    def line(self, what: str, figure: object, *, ok: bool = True) -> None:
        """One comparison."""
        self.faults += not ok
        print(f"{'ok   ' if ok else 'FAULT'}  {what:<58} {figure}", flush=True)

    def equal(self, what: str, found: object, wanted: object) -> None:
        """Two figures that must be the same."""
        self.line(what, found if found == wanted else f"{found}, wanted {wanted}", ok=found == wanted)


async def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help=f"{MIN_KILLS} at least (20)")
    parser.add_argument(
        "--between", type=float, default=BETWEEN_KILLS_SECONDS, help="seconds between kills, on average"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeats the same choice of victims")
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    options = parser.parse_args()
    if options.kills < MIN_KILLS:
        parser.error(f"--kills: {MIN_KILLS} at least, so that everything else between them has its turn")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="synergy-chaos-"))
    print(f"{options.kills} kills, seed {seed}, logs in {folder}", flush=True)
    mail_port, hook_port = free_port(), free_port()
    receivers = Receivers()
    await receivers.start(mail_port, hook_port)
    context = running(folder, mail_port=mail_port)
    system = await asyncio.to_thread(context.__enter__)
    try:
        faults = await _run(system, receivers, hook_port, options, random.Random(seed))  # noqa: S311 - repeatable
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await receivers.stop()
    if not options.keep and not faults:
        await asyncio.to_thread(_remove, folder)
    return 1 if faults else 0


async def _run(
    system: System, receivers: Receivers, hook_port: int, options: argparse.Namespace, chance: random.Random
) -> int:
    sql = Sql(system)
    await sql.execute("CREATE TABLE chaos_slots (slot timestamptz NOT NULL, at timestamptz NOT NULL)")
    tokens, project = await prepare(system.api_ports[0], f"http://127.0.0.1:{hook_port}/hook", sql.execute)
    ledger = Ledger()
    writers = [Writer(system.api_ports, tokens, project, ledger) for _ in range(WRITERS)]
    reader = Reader(system.api_ports, tokens["ada"])
    reading = asyncio.create_task(reader.run())
    began = time.monotonic()
    writing = [asyncio.create_task(writer.run(f"writer {i}", WRITER_PAUSE_SECONDS)) for i, writer in enumerate(writers)]
    victims = await _kill_at_random(system, options.kills, options.between, chance)
    killed = time.monotonic()
    system.shift_clock(0)
    for writer in writers:
        writer.ended.set()
    await asyncio.gather(*writing)
    settled = await _settle(sql, receivers, reader)
    verdict = Verdict()
    lasted = time.monotonic() - began
    print(f"\n{lasted:.0f} s, killed {dict(sorted(victims.items()))}, answers {dict(ledger.statuses)}", flush=True)
    reading.cancel()
    await _compare(sql, ledger, receivers, reader, verdict)
    seconds = f"{settled - killed:.1f} s" if settled else f"not within {SETTLE_SECONDS:.0f} s"
    verdict.line("settled after the last kill", seconds, ok=settled is not None)
    return verdict.faults


class Sql:
    """Statements on a database that may be away for a moment."""

    def __init__(self, system: System) -> None:
        self._url = system.settings.database_url()

    async def execute(self, query: str, *args: object) -> None:
        """Run it."""
        await self._ask("execute", query, *args)

    async def value(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any SQL type
        """The first value."""
        return await self._ask("fetchval", query, *args)

    async def rows(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        return await self._ask("fetch", query, *args)

    async def _ask(self, how: str, query: str, *args: object) -> Any:  # noqa: ANN401 - any SQL type
        deadline = time.monotonic() + 60
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                try:
                    return await getattr(connection, how)(query, *args, timeout=20)
                finally:
                    await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.3)


async def _kill_at_random(system: System, kills: int, between: float, chance: random.Random) -> Counter[str]:
    """Kill one part after the other; in between, what else can happen."""
    victims: Counter[str] = Counter()
    events = {
        kills * place // MIN_KILLS: event
        for place, event in enumerate(
            (_poison, _jump_ahead, _empty_broker, _stop_broker, _jump_back, _stop_database, _jump_home), 1
        )
    }
    for number in range(kills):
        await asyncio.sleep(chance.uniform(0.5, 1.5) * between)
        if number in events:
            print(f"{number:4}  {events[number].__name__.strip('_').replace('_', ' ')}", flush=True)
            await events[number](system)
        name = chance.choice(sorted(system.parts))
        victims[name] += 1
        print(f"{number:4}  kill -9 {name}", flush=True)
        system.parts[name].signal(signal.SIGKILL)
    return victims


async def _poison(system: System) -> None:
    runtime = Runtime(system.settings, application="synergy-chaos")
    await runtime.open()
    for _ in range(60):  # the database may be down at this moment
        with contextlib.suppress(Exception):
            async with runtime.database.unit_of_work() as uow:
                for name in (*POISON, "chaos.unknown"):
                    uow.enqueue(name)
            break
        await asyncio.sleep(0.5)
    await runtime.close()
    redis = Redis.from_url(system.settings.broker_url)
    with contextlib.suppress(Exception):
        for stream in ("fast", "bulk", "io"):
            await redis.xadd(f"synergy:jobs:{stream}", {"data": b"\xff not a message", "task": "x"})
    await redis.aclose()


async def _jump_ahead(system: System) -> None:
    system.shift_clock(90)


async def _jump_back(system: System) -> None:
    system.shift_clock(-90)


async def _jump_home(system: System) -> None:
    system.shift_clock(0)


async def _empty_broker(system: System) -> None:
    redis = Redis.from_url(system.settings.broker_url)
    with contextlib.suppress(Exception):
        await redis.flushall()
    await redis.aclose()


async def _stop_broker(system: System) -> None:
    await _pause(system, "broker", 8)


async def _stop_database(system: System) -> None:
    await _pause(system, "database", 4)


async def _pause(system: System, name: str, seconds: float) -> None:
    system.parts[name].signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    system.parts[name].signal(signal.SIGCONT)


async def _settle(sql: Sql, receivers: Receivers, reader: Reader) -> float | None:
    """The moment at which all is done that has to be; None when that does not come."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        # the pauses between the tries of poison are cut short
        await sql.execute(
            "UPDATE jobs SET run_at = now() WHERE name IN ('chaos.crash', 'chaos.unknown') AND state = 'waiting'"
        )
        open_work = await sql.value(
            """SELECT (SELECT count(*) FROM jobs WHERE state = 'waiting' AND name <> 'chaos.tick')
                    + (SELECT count(*) FROM events WHERE seq IS NULL)
                    + (SELECT count(*) FROM mails WHERE state = 'queued')
                    + (SELECT count(*) FROM webhook_deliveries WHERE state = 'pending')"""
        )
        comments = await sql.value("SELECT count(*) FROM comments")
        if open_work == 0 and len(set(reader.comments)) == comments == len(set(receivers.hook_objects.values())):
            return time.monotonic()
        await asyncio.sleep(0.5)
    return None


async def _compare(sql: Sql, ledger: Ledger, receivers: Receivers, reader: Reader, verdict: Verdict) -> None:
    tasks = {str(row["id"]): row["title"] for row in await sql.rows("SELECT id, title FROM tasks")}
    comments = {str(row["id"]): str(row["task_id"]) for row in await sql.rows("SELECT id, task_id FROM comments")}
    print(f"{len(ledger.tasks)} tasks and {len(ledger.comments)} comments acknowledged, "
          f"{len(ledger.maybe_tasks) + len(ledger.maybe_comments)} answers lost\n")  # fmt: skip
    verdict.equal("answers that say nothing (500)", ledger.statuses["500"], 0)
    verdict.equal("tasks acknowledged and missing", len(ledger.tasks.keys() - tasks.keys()), 0)
    verdict.equal("tasks doubled", len(tasks) - len(set(tasks.values())), 0)
    strangers = set(tasks.values()) - set(ledger.tasks.values()) - ledger.maybe_tasks
    verdict.equal("tasks that nobody asked for", len(strangers), 0)
    verdict.equal("comments acknowledged and missing", len(ledger.comments.keys() - comments.keys()), 0)
    verdict.equal("comments doubled", len(comments) - len(set(comments.values())), 0)

    gaps = await sql.value("SELECT max(seq) - count(*) FROM events")
    verdict.equal("gaps in the ledger", gaps, 0)
    facts = "SELECT count(*) FROM events WHERE type = 'comment.created'"
    verdict.equal("events of comments", await sql.value(facts), len(comments))
    told = await sql.rows("SELECT object_key, (data ->> 'count')::int AS n FROM notifications WHERE type = 'mention'")
    verdict.equal("notifications of mentions", len(told), len(comments))
    verdict.equal("notifications made twice from one cause", sum(row["n"] is not None for row in told), 0)

    mails = {
        str(row["id"]): row["state"] for row in await sql.rows("SELECT id, state FROM mails WHERE kind = 'mention'")
    }
    verdict.equal("mails of mentions", len(mails), len(comments))
    verdict.equal("mails not sent", sum(state != "sent" for state in mails.values()), 0)
    arrived = {message_id.strip("<>").split("@")[0] for message_id in receivers.mails}
    verdict.equal("mails that never arrived", len(mails.keys() - arrived), 0)
    verdict.line("mails that arrived more than once", sum(count > 1 for count in receivers.mails.values()))

    deliveries = await sql.rows("SELECT message_id, state FROM webhook_deliveries")
    verdict.equal("webhook deliveries", len(deliveries), len(comments))
    verdict.equal("webhook deliveries not successful", sum(row["state"] != "delivered" for row in deliveries), 0)
    sent = {row["message_id"] for row in deliveries}
    verdict.equal("webhooks that never arrived", len(sent - receivers.hooks.keys()), 0)
    verdict.equal("webhooks without a delivery", len(receivers.hooks.keys() - sent), 0)
    verdict.line("webhooks that arrived more than once", sum(count > 1 for count in receivers.hooks.values()))

    ordered = all(a < b for a, b in itertools.pairwise(reader.numbers))
    verdict.line(f"event stream in order over {reader.connections} connections", len(reader.numbers), ok=ordered)
    verdict.equal("comments seen in the stream", len(set(reader.comments)), len(comments))
    verdict.equal("comments seen twice in the stream", len(reader.comments) - len(set(reader.comments)), 0)

    slots = [row["slot"] for row in await sql.rows("SELECT slot FROM chaos_slots ORDER BY slot")]
    verdict.equal("slots doubled", len(slots) - len(set(slots)), 0)
    missed = sum(b - a > SLOT + timedelta(seconds=1) for a, b in itertools.pairwise(slots))
    verdict.line("slots missed", f"{missed} of {len(slots)}", ok=missed == 0 and len(slots) > 1)

    dead = Counter(row["name"] for row in await sql.rows("SELECT name FROM jobs WHERE state = 'dead'"))
    allowed = {*POISON, "chaos.unknown", "message"}
    verdict.line("dead letters", dict(dead), ok=dead.keys() <= allowed)
    verdict.equal("poison among the dead letters", sum(dead[name] for name in (*POISON, "chaos.unknown")), 4)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
