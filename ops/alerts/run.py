"""Put faults into a running system, and see whether its alerts are told in time; or that none is while all is well.

    hatch run alerts:run                                each fault, and the seconds until its alert was told
    hatch run alerts:run --only ApiDown WorkerGone      some of them
    hatch run alerts:run --healthy 3600                 an hour without a fault, and without an alert

The system is the embedded one, with a little traffic; a real Prometheus and a real Alertmanager of Debian's packages
watch it, with the rules, intervals and routes of ops/. Exits with 1 when an alert is late, or one is told that should
not be. Nothing is mocked; MemoryHigh is not tried, since that would take the memory of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from faults import FAULTS, Fault
from system import Watched

LONGEST_SECONDS = 90.0
QUIET_SECONDS = 300.0


class Traffic:
    """A little of everything that people do, so that rates are rates of something."""

    def __init__(self, system: Watched) -> None:
        self._system = system
        self.statuses: Counter[str] = Counter()

    async def run(self) -> None:
        """Go on until cancelled, whatever is answered."""
        async with self._system.client() as client:
            for number in itertools.count():
                with contextlib.suppress(httpx.HTTPError):
                    await self._once(client, number)
                await asyncio.sleep(1.0)

    async def _once(self, client: httpx.AsyncClient, number: int) -> None:
        for path in ("/me", "/projects", f"/projects/{self._system.project}/tasks", "/notifications"):
            self._count(await client.get(path))
        task = self._count(
            await client.post(f"/projects/{self._system.project}/tasks", json={"title": f"Task {number}"})
        )
        if task.status_code == 201:
            path = f"/tasks/{task.json()['id']}/comments"
            self._count(await client.post(path, json={"body": "look, @bob"}))

    def _count(self, answer: httpx.Response) -> httpx.Response:
        self.statuses[str(answer.status_code)] += 1
        return answer


async def until_quiet(system: Watched) -> None:
    """Until nothing is pending or firing, and everything that fired was told to be over; SystemExit when it is not."""
    deadline = time.monotonic() + QUIET_SECONDS
    active: dict[str, str] = {}
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            active = await system.active_alerts()
            if not active and not system.outside.firing and await system.targets_up() == 2:
                return
        await asyncio.sleep(1)
    raise SystemExit(f"Not quiet after {QUIET_SECONDS:.0f} s: {active or system.outside.firing}, see {system.folder}.")


async def try_faults(system: Watched, faults: list[Fault]) -> int:
    """Make these at the same time; the number of alerts that were late. Prints a line for each."""
    wanted = {each.alert for each in faults}
    seconds: dict[str, float] = {}
    begun: dict[str, float] = {}
    system.outside.alerts.clear()
    async with contextlib.AsyncExitStack() as stack:
        for each in faults:
            begun[each.alert] = time.monotonic()
            await stack.enter_async_context(each.make(system))
        end = max(begun.values()) + LONGEST_SECONDS + 30  # it is told how late a late one was
        while time.monotonic() < end and set(seconds) < wanted:
            for name, at in system.outside.alerts:
                if name in wanted:
                    seconds.setdefault(name, at - begun[name])
            await asyncio.sleep(0.2)
    late = 0
    for each in faults:
        took = seconds.get(each.alert)
        is_late = took is None or took > LONGEST_SECONDS
        late += is_late
        told = "never" if took is None else f"{took:.0f} s"
        print(f"{'LATE ' if is_late else 'ok   '}  {each.text:<66}  {each.alert:<18}  {told:>6}", flush=True)
    others = sorted({name for name, _ in system.outside.alerts} - wanted)
    if others:
        print(f"       told besides: {', '.join(others)}", flush=True)
    return late


async def stay_healthy(system: Watched, seconds: float, traffic: Traffic) -> int:
    """The number of alerts that were told although nothing is the matter."""
    system.outside.alerts.clear()
    began, pending = time.monotonic(), Counter[str]()
    while time.monotonic() - began < seconds:
        await asyncio.sleep(min(10.0, seconds))
        pending.update(list(await system.active_alerts()))
    names = [name for name, _ in system.outside.alerts]
    print(f"{time.monotonic() - began:.0f} s without a fault: {len(names)} alerts told {names or ''}", flush=True)
    print(f"looks at which one was pending: {dict(pending) or 0}; answers {dict(traffic.statuses)}", flush=True)
    return len(names)


async def watch(system: Watched, faults: list[Fault], healthy: float) -> int:
    """All that was asked for; the number of things that were not as they should be."""
    await system.start()
    traffic = Traffic(system)
    running = asyncio.create_task(traffic.run())
    try:
        await until_quiet(system)
        await asyncio.sleep(60)  # rates look back for so long
        if healthy:
            return await stay_healthy(system, healthy, traffic)
        late = 0
        for _, together in itertools.groupby(faults, key=lambda each: each.round):
            late += await try_faults(system, list(together))
            await until_quiet(system)
        print(f"{len(faults)} faults, {late} told late or never", flush=True)
        return late
    finally:
        running.cancel()
        await system.outside.stop()


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [each.alert for each in FAULTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="ALERT", help=f"of {', '.join(names)}")
    parser.add_argument("--healthy", type=float, default=0, metavar="SECONDS", help="no fault, for so long")
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    options = parser.parse_args()
    missing = [name for name in ("prometheus", "prometheus-alertmanager") if shutil.which(name) is None]
    if missing:
        parser.error(
            f"Debian's packages {' and '.join(missing)} are not installed: apt-get install {' '.join(missing)}"
        )
    folder = Path(tempfile.mkdtemp(prefix="synergy-alerts-"))
    print(f"logs in {folder}", flush=True)
    system = Watched(folder)
    faults = [each for each in FAULTS if not options.only or each.alert in options.only]
    if not system.can_mount:
        faults = [each for each in faults if each.alert != "DiskLow"]
        print("DiskLow is not tried: only root can mount the small disk that it fills", flush=True)
    try:
        system.start_servers()
        wrong = asyncio.run(watch(system, faults, options.healthy))
    finally:
        system.stop_servers()
    if not wrong and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
