"""Many sign-ins at once: what they do to other requests, and what happens when there are more than fit."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from cases import Person
from figures import Row, milliseconds, percentile, ratio_with_interval
from steady import SteadyJob, SteadyResult
from system import Memory, Target
from wire import Answer, AsyncWire, raw, raw_sign_in

from synergy_platform.passwords import MEMORY_KIB

CLIENTS = 50
RATE = 20.0
_CONNECTIONS = 16
_SETTLE_SECONDS = 2.0
_MOST = 2.0
_HANGS_SECONDS = 60.0


class Crowd:
    """Clients that sign in again and again, each with one account, from a device that is known after the first time."""

    def __init__(self, target: Target, names: list[str]) -> None:
        self._target = target
        self._names = names
        self.answers: list[Answer] = []
        self._ending = asyncio.Event()

    async def _client(self, name: str) -> None:
        wire = await AsyncWire.open(self._target.host, self._target.port)
        device_id: str | None = None
        while not self._ending.is_set():
            answer = await wire.ask(raw_sign_in(name, device_id=device_id))
            self.answers.append(answer)
            if answer.status == 200:
                device_id = msgspec.json.decode(answer.body)["device_id"]
            elif answer.status == 503:  # a client that is told when to come back does that
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), int(answer.headers["retry-after"]))
            else:
                print(f"Sign-in of {name}: {answer.status} {answer.body.decode(errors='replace')}", file=sys.stderr)
        wire.close()

    @contextlib.asynccontextmanager
    async def signing_in(self) -> AsyncIterator[None]:
        """Sign in during the block; at its end, the last ones are waited for."""
        async with asyncio.timeout(600), asyncio.TaskGroup() as group:
            for name in self._names:
                group.create_task(self._client(name))
            try:
                yield
            finally:
                self._ending.set()


async def measure_beside(
    target: Target, names: list[str], persons: list[Person], *, seconds: float, rounds: int
) -> list[Row]:
    """Other requests without sign-ins, with them, without them, and so on."""
    job = SteadyJob(
        host=target.host, port=target.port, kinds=_other_requests(persons), rate=RATE, seconds=seconds,
        connections=_CONNECTIONS,
    )  # fmt: skip
    await _steady(msgspec.structs.replace(job, seconds=3))  # caches and plans
    quiet, busy = [await _steady(job)], list[SteadyResult]()
    signed_in: Counter[int] = Counter()
    for number in range(rounds):
        crowd = Crowd(target, names[:CLIENTS])
        async with crowd.signing_in():
            await asyncio.sleep(_SETTLE_SECONDS)
            crowd.answers.clear()
            began = time.perf_counter()
            busy.append(await _steady(job))
            signed_in.update(answer.status for answer in crowd.answers)
            rate = sum(answer.status == 200 for answer in crowd.answers) / (time.perf_counter() - began)
        print(f"round {number + 1}: {rate:.1f} sign-ins a second", file=sys.stderr)
        await asyncio.sleep(_SETTLE_SECONDS)
        quiet.append(await _steady(job))
    return [*_beside_rows(quiet, busy), _crowd_row(signed_in, seconds * rounds)]


def _other_requests(persons: list[Person]) -> dict[str, list[str]]:
    paths = {
        "me": [(who, "/api/v1/me") for who in persons],
        "task": [(who, f"/api/v1/tasks/{task}") for who in persons for task in who.tasks[:5]],
        "board": [(who, f"/api/v1/projects/{board}/board") for who in persons for board in who.boards[:2]],
    }
    return {kind: [raw("GET", path, token=who.token).decode() for who, path in each] for kind, each in paths.items()}


async def _steady(job: SteadyJob) -> SteadyResult:
    program = str(Path(__file__).with_name("steady.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(msgspec.json.encode(job))
    if process.returncode != 0:
        raise SystemExit("The steady load failed.")
    return msgspec.json.decode(output, type=SteadyResult)


def _all(results: list[SteadyResult], kind: str | None = None) -> list[float]:
    return [
        latency
        for result in results
        for name, latencies in result.latencies.items()
        if kind in {None, name}
        for latency in latencies
    ]


def _p99(values: list[float]) -> float:
    return percentile(values, 0.99)


def _beside_rows(quiet: list[SteadyResult], busy: list[SteadyResult]) -> list[Row]:
    order = [result for pair in zip(quiet, [*busy, None], strict=True) for result in pair if result is not None]
    drift = ", ".join(milliseconds(_all([result]), 0.99) for result in order)
    without, beside = _all(quiet), _all(busy)
    errors = [error for result in order for error in result.errors]
    if errors:
        print("Other requests failed:", *errors[:5], sep="\n", file=sys.stderr)
    rows = [
        Row(
            f"{kind}: p50 / p95 / p99 without sign-ins, with them",
            f"{milliseconds(_all(quiet, kind), 0.5, 0.95, 0.99)}, {milliseconds(_all(busy, kind), 0.5, 0.95, 0.99)} ms",
        )
        for kind in quiet[0].latencies
    ]
    return [
        *rows,
        Row("all of them: p99 without, with, without, …", f"{drift} ms"),
        Row(
            f"p99 of other requests with {CLIENTS} clients that sign in : without",
            ratio_with_interval(beside, without, _p99), f"at most {_MOST:g}", _p99(beside) / _p99(without) <= _MOST,
        ),
        Row("other requests that failed", f"{len(errors)} of {len(without) + len(beside)}", "0", not errors),
    ]  # fmt: skip


def _crowd_row(signed_in: Counter[int], seconds: float) -> Row:
    others = {status: count for status, count in signed_in.items() if status not in {200, 503}}
    said = f"{signed_in[200] / seconds:.1f} a second, {signed_in[503]} times 503"
    return Row("sign-ins meanwhile", said + (f", others {others}" if others else ""), "no other answer", not others)


async def measure_queue(target: Target, names: list[str]) -> list[Row]:
    """All of them sign in at the same moment; only so many fit into the queue of one process."""
    first = await AsyncWire.open(target.host, target.port)
    await first.ask(raw_sign_in(names[0]))  # everything is loaded
    wires = [await AsyncWire.open(target.host, target.port) for _ in names]
    before = Memory.of(target.pid, anew=True)
    hangs = 0
    answers: list[Answer] = []

    async def sign_in(wire: AsyncWire, name: str) -> None:
        nonlocal hangs
        try:
            async with asyncio.timeout(_HANGS_SECONDS):
                answers.append(await wire.ask(raw_sign_in(name)))
        except (TimeoutError, OSError, EOFError):
            hangs += 1
        wire.close()

    await asyncio.gather(*(sign_in(wire, name) for wire, name in zip(wires, names, strict=True)))
    after = Memory.of(target.pid)
    again = await first.ask(raw_sign_in(names[0]))
    first.close()
    return [*_queue_rows(answers, hangs, again.status), *_memory_rows(before, after)]


def _queue_rows(answers: list[Answer], hangs: int, status_again: int) -> list[Row]:
    counts = Counter(answer.status for answer in answers)
    let_in = [answer.seconds for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 503]
    polite = all(answer.headers.get("retry-after", "").isdigit() for answer in refused)
    others = {status: count for status, count in counts.items() if status not in {200, 503}}
    said = f"{counts[200]} let in, {len(refused)} refused with 503" + (f", others {others}" if others else "")
    rows = [
        Row(f"{len(answers) + hangs} sign-ins at once at one process", said, "no other", bool(let_in) and not others),
        Row("refusals without Retry-After", "none" if polite else "some", "none", polite),
        Row("without any answer", str(hangs), "0", not hangs),
        Row("a sign-in afterwards", str(status_again), "200", status_again == 200),
    ]
    if refused and let_in:
        quick, longest = percentile([answer.seconds for answer in refused], 0.99), max(let_in)
        rows += [
            Row("200: p50 / longest", f"{milliseconds(let_in, 0.5, 1)} ms"),
            Row(
                "503: p50 / p99", f"{milliseconds([answer.seconds for answer in refused], 0.5, 0.99)} ms",
                "p99 at most half of the longest 200", quick <= longest / 2,
            ),
        ]  # fmt: skip
    return rows


def _memory_rows(before: Memory, after: Memory) -> list[Row]:
    grown = after.most - before.now
    figure = f"{before.now / 1024:.0f}, {after.most / 1024:.0f}, {after.now / 1024:.0f} MiB"
    # one hash at a time, and as much again for what 500 requests hold
    most = 2 * MEMORY_KIB
    return [
        Row("memory before, at most, after", figure),
        Row("memory more than before, at most", f"{grown / 1024:.0f} MiB", f"{most // 1024} MiB", grown <= most),
    ]
