"""The API as it runs in production: on Granian, with real processes, signals and connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest

from synergy_platform.embedded.process import free_port
from synergy_platform.jobs import Registry
from synergy_platform.outbox import number_events
from synergy_testing.granian import Server

pytestmark = pytest.mark.slow

POST = b"POST /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
RENEW_LARGE_WORKERS_SOON = """
import os
from synergy_api import serving
made = serving.make_server
def make_server(settings):
    server = made(settings)
    server.rss_sample_interval = 1
    return server
serving.make_server = make_server
raise SystemExit(serving.serve(os.environ))
"""


async def post_without_pause(port: int, outcomes: Counter[str], stop: asyncio.Event) -> None:
    """As a proxy without kept connections: what is refused is safe to repeat, what was set up must be answered."""
    while not stop.is_set():
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
        except OSError:
            outcomes["refused"] += 1
            await asyncio.sleep(0.02)
            continue
        try:
            writer.write(POST)
            answer = await asyncio.wait_for(reader.read(), 10)
            outcomes["answered" if answer.startswith(b"HTTP/1.1 404") else "lost"] += 1
        except (OSError, TimeoutError):
            outcomes["lost"] += 1
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def posting(port: int, clients: int = 12) -> AsyncIterator[Counter[str]]:
    """Clients that post all the time."""
    outcomes, stop = Counter(), asyncio.Event()
    tasks = [asyncio.create_task(post_without_pause(port, outcomes, stop)) for _ in range(clients)]
    yield outcomes
    stop.set()
    await asyncio.gather(*tasks)


async def account(url: str) -> dict[str, str]:
    """The headers of a user who is signed in."""
    person = {"username": "anna", "email": "a@example.org", "password": "correct horse 7 battery",
              "first_name": "Anna", "last_name": "A"}  # fmt: skip
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as client:
        assert (await client.post("/auth/register", json=person)).status_code == 201
        tokens = await client.post("/auth/login", json={"identifier": "anna", "password": person["password"]})
        return {"Authorization": f"Bearer {tokens.json()['access_token']}"}


async def test_sigterm_finishes_what_runs_and_ends_streams(serve, own_runtime):
    server = await serve()
    headers = await account(server.url)
    blocker = await own_runtime.database.connect_directly()
    async with httpx.AsyncClient(base_url=f"{server.url}/api", headers=headers, timeout=30) as client:
        project = (await client.post("/v1/projects", json={"name": "Old"})).json()
        async with client.stream("GET", "/v1/events") as stream:
            frames = stream.aiter_text()
            assert "retry" in await anext(frames)
            transaction = blocker.transaction()
            await transaction.start()
            await blocker.execute("SELECT 1 FROM projects FOR UPDATE")
            slow = asyncio.create_task(client.patch(f"/v1/projects/{project['id']}", json={"name": "New"}))
            await asyncio.sleep(0.3)
            before = await client.get("/health/live")
            server.process.send_signal(signal.SIGTERM)
            await server.until(lambda: server.lines("api.draining"))
            told = await client.get("/health/ready")
            assert (before.headers.get("connection"), told.headers.get("connection")) == (None, "close")
            assert told.status_code == 503
            assert [frame async for frame in frames] == []
            assert not slow.done()
            await asyncio.sleep(0.5)
            await transaction.rollback()
            answer = await slow
    assert (answer.status_code, answer.json()["name"]) == (200, "New")
    assert await server.ended() < 4
    await blocker.close()


async def test_sigterm_waits_for_a_request_slower_than_the_drain(serve, own_runtime):
    server = await serve(SYNERGY_REQUEST_DEADLINE="20")
    headers = await account(server.url)
    async with httpx.AsyncClient(base_url=f"{server.url}/api", headers=headers, timeout=30) as client:
        project = (await client.post("/v1/projects", json={"name": "Old"})).json()
        await own_runtime.database.reader().rows("SELECT 1")
        async with own_runtime.database.unit_of_work() as uow:
            await uow._connection.execute(
                "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; "
                "END $$; CREATE TRIGGER wait BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION wait()"
            )
        slow = asyncio.create_task(client.patch(f"/v1/projects/{project['id']}", json={"name": "New"}))
        await asyncio.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        answer = await slow
    assert (answer.status_code, answer.json()["name"]) == (200, "New")
    await server.ended()


async def test_sigterm_under_load_loses_no_request(serve):
    server = await serve(WEB_WORKERS="2")
    async with posting(server.port) as outcomes:
        await asyncio.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        await server.ended()
        await asyncio.sleep(0.2)
    assert outcomes["lost"] == 0
    assert outcomes["answered"] > 100
    assert outcomes["refused"] > 0


async def test_sigterm_while_workers_start_is_not_lost(serve):
    server = await serve(WEB_WORKERS="2")
    server.process.send_signal(signal.SIGHUP)
    old = server.workers()
    await server.until(lambda: server.workers() - old)
    server.process.send_signal(signal.SIGTERM)  # the new worker imports still
    assert await server.ended(30) < 22  # else it would be killed after 25
    assert server.lines("Killing worker-1 after it refused to gracefully stop") == []


async def test_renewal_of_workers_under_load_loses_no_request(serve):
    server = await serve(WEB_WORKERS="2")
    old = server.workers()
    async with posting(server.port, 6) as outcomes:
        server.process.send_signal(signal.SIGHUP)
        await server.until(lambda: not server.workers() & old, 120)
    assert outcomes["lost"] == outcomes["refused"] == 0
    assert outcomes["answered"] > 100


async def test_worker_that_is_killed_is_replaced(serve):
    server = await serve(WEB_WORKERS="2")
    old = server.workers()
    os.kill(min(old), signal.SIGKILL)
    await server.until(lambda: len(server.workers()) == 2 and server.workers() != old, 60)
    await server.until_ready(2)
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        assert (await client.get("/api/health/ready")).status_code == 200
    assert server.process.poll() is None


async def test_worker_above_the_memory_limit_is_renewed(serve):
    server = await serve("-c", RENEW_LARGE_WORKERS_SOON, SYNERGY_API_MAX_MB="1")
    old = server.workers()
    await server.until(lambda: not server.workers() & old, 120)
    assert server.lines("worker-1 RSS over threshold, gracefully respawning..")


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")])
async def test_forwarded_address_is_believed_from_trusted_proxies_only(serve, trusted, seen):
    server = await serve(SYNERGY_TRUSTED_PROXIES=trusted)
    async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
        forged = "198.51.100.1, 203.0.113.9"  # only the last was written by the proxy
        await client.get("/api/v1/me", headers={"X-Forwarded-For": forged, "X-Forwarded-Proto": "https"})
    await server.until(lambda: server.lines("http.request"))
    assert [line["client.ip"] for line in server.lines("http.request")] == [seen]


def command(server: Server, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synergy_api", *arguments], env=server.environ | more, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


async def test_live_and_ready_exit_with_0_only_when_the_api_is(serve, own_runtime):
    server = await serve(SYNERGY_API_HOST="::", ALLOWED_HOSTS="pm.example.org", WEB_WORKERS="1")
    for what in ("live", "ready"):
        assert command(server, what).returncode == 0
    async with own_runtime.database.unit_of_work() as uow:
        await uow.value("UPDATE alembic_version SET version_num = '0000' RETURNING 1")
    assert command(server, "live").returncode == 0
    not_ready = command(server, "ready")
    assert not_ready.returncode == 1
    assert "migrate" in not_ready.stderr, "it does not say what to do"
    gone = command(server, "live", SYNERGY_API_PORT="1")
    assert (gone.returncode, "cannot be reached" in gone.stderr) == (1, True)


async def test_start_with_settings_that_cannot_be_used_exits_78_and_names_each_fault(serve):
    server = await serve()
    for more, words in (
        ({"SYNERGY_ENV": "production", "DEBUG": "1"}, ("DEBUG", "ALLOWED_HOSTS")),
        ({"SECRET_KEY": ""}, ("SECRET_KEY",)),
    ):
        ended = command(server, **more)
        assert ended.returncode == 78
        assert all(word in ended.stderr for word in words)
    assert command(server, "wrong").returncode == 64


async def test_streams_of_all_workers_are_told_on_the_port_for_metrics(serve, own_runtime):
    port = free_port()
    server = await serve(WEB_WORKERS="2", SYNERGY_METRICS_PORT=str(port))
    headers = await account(server.url)

    async def told(name: str) -> float:
        async with httpx.AsyncClient() as client:
            lines = (await client.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.split()[0] == name)

    async with contextlib.AsyncExitStack() as stack:
        frames = []
        clients = [await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=30)) for _ in range(12)]
        for client in clients:
            stream = await stack.enter_async_context(client.stream("GET", f"{server.url}/api/v1/events"))
            frames.append(stream.aiter_text())  # it closes the stream when nobody holds it
            assert "retry" in await anext(frames[-1])
        assert await told("synergy_streams_open") == 12
        made = await clients[0].post(f"{server.url}/api/v1/projects", json={"name": "Seen"})
        assert made.status_code == 201
        connection = await own_runtime.database.connect_directly()
        numbered = await number_events(connection, Registry(()), own_runtime.clock.now())  # there is no worker to do it
        await connection.close()
        for frame in frames:
            while "project.created" not in await anext(frame):
                pass
        assert await told("synergy_stream_events_total") == 12 * numbered
        doomed = psutil.Process(min(server.workers()))
        doomed.kill()
        await server.until(lambda: not doomed.is_running() or doomed.status() == psutil.STATUS_ZOMBIE)
        await server.until(lambda: len(server.workers() - {doomed.pid}) == 2)
        assert await told("synergy_streams_open") < 12
