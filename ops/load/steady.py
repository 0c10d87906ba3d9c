"""A light load that goes on whatever the server does: so many requests a second, each at its time.

A program of its own, so that nothing else delays it. A job comes as JSON on standard input, the result goes as JSON to
standard output. A request's latency counts from the moment at which it was due.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque

import msgspec
import uvloop
from wire import AsyncWire


class SteadyJob(msgspec.Struct, kw_only=True):
    """What to send: one request of each kind in turn, of those of a kind any."""

    host: str
    port: int
    kinds: dict[str, list[str]]
    rate: float
    seconds: float
    connections: int


class SteadyResult(msgspec.Struct, kw_only=True):
    """Latencies in seconds by kind, and what was not a 200."""

    latencies: dict[str, list[float]]
    errors: list[str]


async def run(job: SteadyJob) -> SteadyResult:
    """Send all of them, and wait for the answers."""
    # in rotation, so that each of the server's processes gets some
    free = deque([await AsyncWire.open(job.host, job.port) for _ in range(job.connections)])
    rng = random.Random(3)  # noqa: S311 - the same load in every run
    names = list(job.kinds)
    result = SteadyResult(latencies={name: [] for name in names}, errors=[])
    began = time.perf_counter()

    async def send(kind: str, due: float) -> None:
        try:
            wire = free.popleft() if free else await AsyncWire.open(job.host, job.port)
            answer = await wire.ask(rng.choice(job.kinds[kind]).encode())
        except (OSError, EOFError) as error:
            result.errors.append(f"{kind}: {error!r}")
            return
        result.latencies[kind].append(time.perf_counter() - began - due)
        if answer.status != 200:
            result.errors.append(f"{kind}: {answer.status} {answer.body[:300].decode(errors='replace')}")
        free.append(wire)

    async with asyncio.timeout(job.seconds + 60), asyncio.TaskGroup() as group:
        for number in range(round(job.seconds * job.rate)):
            # not in step with anything that happens at fixed times
            due = (number + rng.random()) / job.rate
            await asyncio.sleep(max(0.0, due - (time.perf_counter() - began)))
            group.create_task(send(names[number % len(names)], due))
    for wire in free:
        wire.close()
    return result


if __name__ == "__main__":
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=SteadyJob)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(job))))
