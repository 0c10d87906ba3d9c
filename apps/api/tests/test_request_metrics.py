"""What the API tells Prometheus of its requests: on Granian, with several processes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from synergy_platform.embedded.process import free_port
from synergy_platform.version import VERSION

pytestmark = pytest.mark.slow

PERSON = {"username": "anna", "email": "a@example.org", "password": "correct horse 7 battery", "first_name": "Anna",
          "last_name": "A"}  # fmt: skip


class Told:
    """What is answered on the port for metrics."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.text = ""

    async def read(self) -> Told:
        async with httpx.AsyncClient() as client:
            self.text = (await client.get(self.url)).text
        return self

    def value(self, name: str, **labels: str) -> float:
        """The sum of all series that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str) -> set[str]:
        return set(re.findall(rf'{name}="([^"]*)"', self.text))


async def test_requests_of_all_processes_are_told_by_route_method_and_status(serve):
    told = Told(port := free_port())
    server = await serve(WEB_WORKERS="2", SYNERGY_METRICS_PORT=str(port), SYNERGY_RATE_LIMIT_REGISTER="2/m")
    async with httpx.AsyncClient(base_url=f"{server.url}/api", timeout=30) as client:
        assert (await client.post("/v1/auth/register", json=PERSON)).status_code == 201
        login = {"identifier": "anna", "password": PERSON["password"]}
        tokens = (await client.post("/v1/auth/login", json=login)).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        ids = [
            (await client.post("/v1/projects", json={"name": f"P{n}"}, headers=headers)).json()["id"] for n in range(5)
        ]
        for project in ids:
            assert (await client.get(f"/v1/projects/{project}", headers=headers)).status_code == 200
        for number in range(20):
            await client.get(f"/v1/made-up-{number}", headers=headers | {"Connection": "close"})
        await client.request("BREW", "/v1/me", headers=headers)
        async with client.stream("GET", "/v1/events", headers=headers) as stream:
            assert "retry" in await anext(stream.aiter_text())
        limited = [(await client.post("/v1/auth/register", json=PERSON)).status_code for _ in range(4)]
    await asyncio.sleep(0.3)
    await told.read()
    template = "/api/v1/projects/{project_id}"
    series = {"route": template, "method": "GET"}
    assert told.value("synergy_http_requests_total", **series, status="200") == 5
    assert told.value("synergy_http_request_seconds_count", **series) == 5
    assert 0 < told.value("synergy_http_request_seconds_sum", **series) < 30
    assert told.value("synergy_http_request_seconds_bucket", **series, le="+Inf") == 5
    assert told.value("synergy_http_requests_total", route="unmatched", status="404") == 20
    assert told.value("synergy_http_requests_total", method="other") == 1
    assert told.value("synergy_http_requests_total", route="/api/v1/events", status="200") == 1
    assert told.value("synergy_http_request_seconds_count", route="/api/v1/events") == 0, "a stream is not slow"
    assert limited.count(429) >= 1
    assert told.value("synergy_rate_limited_total", limit="register") == limited.count(429)
    assert told.value("synergy_build_info", version=VERSION) == 1
    assert told.value("synergy_db_pool_size", pool="readers") > 0
    assert told.value("synergy_memory_used_bytes") > 0
    assert told.value("synergy_disk_free_bytes") > 0
    assert told.value("process_start_time_seconds") > 0
    assert "synergy_db_refused 0.0" in told.text
    assert told.labels("method") <= {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "other"}
    for secret in ("made-up", "anna", PERSON["password"], tokens["access_token"], *ids, "BREW"):
        assert secret not in told.text


async def test_what_a_process_counted_stays_when_it_is_gone_and_its_files_do_not(serve):
    told = Told(port := free_port())
    server = await serve(WEB_WORKERS="2", SYNERGY_METRICS_PORT=str(port))
    folder = _folder_of(server.process.pid)

    async def ask(times: int) -> None:
        for _ in range(times):
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
                await client.get("/api/health/live")

    counted = 0
    for _ in range(2):
        await ask(30)
        counted += 30
        for doomed in (old := server.workers()):
            os.kill(doomed, signal.SIGKILL)
        await server.until(lambda old=old: len(server.workers() - old) == 2, 60)
        await server.until_ready(2)
        await told.read()
        assert told.value("synergy_http_requests_total", route="/api/health/live") == counted
        assert told.value("synergy_http_request_seconds_count", route="/api/health/live") == counted
        kept = {path.stem.rsplit("_", 1)[1] for path in folder.glob("*.db")}
        assert kept <= {str(process) for process in (server.process.pid, *server.workers())} | {"ended"}


def _folder_of(process: int) -> Path:
    """Where the server keeps its figures: of all such folders, the one with the files of this process."""
    (found,) = {path.parent for path in Path(tempfile.gettempdir()).glob(f"synergy-metrics-*/*_{process}.db")}
    return found
