"""A real Prometheus watches a real API, worker and scheduler: quiet while they run, and told when they are gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from synergy_platform.embedded.process import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="Debian's package prometheus is not installed"),
]

OPS = Path(__file__).parents[1]
LONGEST_SECONDS = 90
# the machine that tests run on may be nearly full
OF_THE_MACHINE = {"MemoryHigh", "DiskLow"}
# they have labels that nobody knows before: the first job, a replication slot
NOT_YET = {"synergy_jobs_total", "synergy_replication_slot_active", "synergy_wal_retained_bytes"}


def watched_series() -> set[str]:
    """All that the rules look at."""
    # not the names of slots, in quotes
    return set(re.findall(r'(?<!")\bsynergy_\w+', (OPS / "prometheus" / "alerts.yml").read_text()))


def configure(folder: Path, targets: dict[str, int]) -> Path:
    """The configuration as it is, but for where the targets are, and nobody who is called."""
    config = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
    del config["alerting"]
    config["rule_files"] = [str(OPS / "prometheus" / "alerts.yml")]
    config["scrape_configs"] = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for name, port in targets.items()
    ]
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(config))
    return path


@contextlib.contextmanager
def started(log: Path, *command: str, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, env=env, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()


class Prometheus:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, path: str, **params: str) -> dict:
        try:
            answer = await self._client.get(path, params=params)
        except httpx.TransportError:  # it starts still
            return {}
        return answer.json()["data"] if answer.status_code == 200 else {}

    async def alerts(self, *states: str) -> set[str]:
        found = (await self.ask("/alerts")).get("alerts", [])
        return {alert["labels"]["alertname"] for alert in found if alert["state"] in states} - OF_THE_MACHINE

    async def is_told(self, query: str) -> bool:
        return bool((await self.ask("/query", query=query)).get("result"))

    async def until(self, what, seconds: float) -> float:
        began = time.monotonic()
        while not await what():
            assert time.monotonic() - began < seconds, f"not after {seconds} s: {await self.ask('/alerts')}"
            await asyncio.sleep(0.5)
        return time.monotonic() - began


async def test_nothing_fires_while_all_is_well_and_what_is_gone_is_told_within_90_seconds(serve, tmp_path):
    api, worker, own = free_port(), free_port(), free_port()
    server = await serve(SYNERGY_METRICS_PORT=str(api))
    environ = server.environ | {"SYNERGY_METRICS_PORT": str(worker)}
    config = configure(tmp_path, {"synergy-api": api, "synergy-worker": worker})
    watching = ("prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'series'}")
    with (
        started(tmp_path / "worker.log", sys.executable, "-m", "synergy_worker", "worker", env=environ) as working,
        started(tmp_path / "scheduler.log", sys.executable, "-m", "synergy_worker", "scheduler", env=environ),
        started(tmp_path / "prometheus.log", *watching, f"--web.listen-address=127.0.0.1:{own}"),
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own}/api/v1") as client:
            prometheus = Prometheus(client)
            await prometheus.until(lambda: prometheus.is_told('synergy_processes{role="scheduler"} > 0'), 120)
            await prometheus.until(lambda: prometheus.is_told('up{job="synergy-api"} == 1'), 60)
            await client.get(f"{server.url}/api/health/live")
            await asyncio.sleep(25)
            missing = {name for name in watched_series() if not await prometheus.is_told(name)}
            assert missing <= NOT_YET
            assert await prometheus.alerts("pending", "firing") == set()
            working.terminate()
            server.process.terminate()

            async def both_fire() -> bool:
                return {"WorkerGone", "ApiDown"} <= await prometheus.alerts("firing")

            took = await prometheus.until(both_fire, LONGEST_SECONDS)
    print(f"both fired after {took:.0f} s")
