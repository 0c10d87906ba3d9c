"""One request, followed through API, outbox and worker to the receiver of a webhook, by its ids and by its spans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import httpx
import pytest
from aiohttp import web

from synergy_platform.tracing import span_id, trace_id
from synergy_testing.collectors import collector, silent_server
from synergy_testing.fixtures import SECRET
from synergy_testing.granian import serve

# fixtures that are defined elsewhere
__all__ = ["collector", "serve"]

PASSWORD = "correct horse 7 battery"
TITLE = "Buy the ring without telling anybody"
QUERY = "words-of-a-query"
CALLER = f"00-{'a' * 32}-{'b' * 16}-01"
ALLOWED = {"SYNERGY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
# that of the worker, which decrypts what the API encrypts
KEY = {"SECRET_KEY": SECRET}
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


def traced(url: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


@pytest.fixture
async def receiver():
    """Takes webhooks: their headers, in lower case."""
    got: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        got.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response(text="thanks")

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    got_at = f"http://127.0.0.1:{runner.addresses[0][1]}/a-secret-path"
    yield got_at, got
    await runner.cleanup()


async def follow(work, server, receiver, headers):
    """Make an account, a project and a webhook, and then the task that is followed."""
    person = {"username": "anna", "email": "anna@example.org", "password": PASSWORD, "first_name": "Anna",
              "last_name": "Arendt"}  # fmt: skip
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=30) as client:
        assert (await client.post("/auth/register", json=person)).status_code == 201
        login = await client.post("/auth/login", json={"identifier": "anna", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        await work.connection.execute("UPDATE users SET email_verified_at = now()")
        project = (await client.post("/projects", json={"name": "Wedding"})).json()["id"]
        made = await client.post(f"/projects/{project}/webhooks", json={"name": "Mine", "url": receiver[0]})
        assert made.status_code == 201, made.text
        task = await client.post(f"/projects/{project}/tasks", json={"title": TITLE}, headers=headers)
        assert task.status_code == 201, task.text
        assert (await client.get("/tasks", params={"q": QUERY})).status_code < 500
    return login.json()["access_token"], project


async def test_work_one_trace_from_request_through_outbox_and_worker_to_the_receiver(
    work, serve, start, receiver, collector
):
    server = await serve(**traced(collector.url), **ALLOWED, **KEY)
    worker = start.product("worker", **traced(collector.url), **ALLOWED)
    await work.until(lambda: worker.lines("worker.started"))

    token, project_id = await follow(
        work, server, receiver, {"traceparent": CALLER, "X-Request-ID": "followed-request-1"}
    )
    await work.until(lambda: [got for got in receiver[1] if got.get("x-request-id") == "followed-request-1"])
    await work.until(work.is_done)
    # what waits goes out when the processes end
    assert await worker.end() == 0
    server.process.terminate()
    await server.ended()

    spans = [span for span in collector.spans() if span["trace"] == "a" * 32]
    by_name = {span["name"]: span for span in spans}
    request = by_name["POST /api/v1/projects/{project_id}/tasks"]
    fan_out, send, delivery = by_name["job webhooks.fan_out"], by_name["job webhooks.send"], by_name["POST webhook"]
    assert (request["parent"], request["kind"]) == ("b" * 16, SERVER)
    assert (fan_out["parent"], fan_out["kind"]) == (request["id"], CONSUMER)
    assert (send["parent"], send["kind"]) == (fan_out["id"], CONSUMER)
    assert (delivery["parent"], delivery["kind"]) == (send["id"], CLIENT)
    assert len(spans) == len({span["id"] for span in spans})
    assert {span["parent"] for span in spans} <= {"b" * 16, *(span["id"] for span in spans)}
    assert not [span for span in spans if span["failed"] or span["events"]]
    assert {span["resource"]["service.name"] for span in spans} == {"synergy-api", "synergy-worker"}

    assert request["attributes"]["http.response.status_code"] == 201
    assert request["attributes"]["synergy.db.statements"] >= 5
    for span in (request, fan_out, send):
        assert 0 < span["attributes"]["synergy.db.milliseconds"] <= span["seconds"] * 1000
    assert fan_out["attributes"]["synergy.db.statements"] >= 2
    assert delivery["attributes"]["http.response.status_code"] == 200

    [got] = [got for got in receiver[1] if got.get("x-request-id") == "followed-request-1"]
    assert (trace_id(got["traceparent"]), span_id(got["traceparent"])) == ("a" * 32, delivery["id"])

    # each line of the request and of its jobs says both ids
    [line] = [line for line in server.lines("http.request") if line["request.id"] == "followed-request-1"]
    assert (line["trace.id"], line["span.id"]) == ("a" * 32, request["id"])
    [line] = [line for line in worker.lines("job.done")
              if line.get("trace.id") == "a" * 32 and line["synergy.job"] == "webhooks.send"]  # fmt: skip
    assert (line["span.id"], line["request.id"]) == (send["id"], "followed-request-1")

    # the mail that confirms the address belongs to the trace of the registration
    by_id = {span["id"]: span for span in collector.spans()}
    mail = span = next(span for span in by_id.values() if span["name"] == "mail")
    causes = []
    while span := by_id.get(span["parent"]):
        causes.append(span["name"])
    assert causes == ["job mail.send_sealed", "job identity.send_verification", "POST /api/v1/auth/register"]
    assert (mail["kind"], mail["attributes"]) == (CLIENT, {"synergy.mail.kind": "verification"})

    told = json.dumps(collector.spans())
    people = ("anna", "Arendt", "example.org", PASSWORD, token)
    for private in (*people, TITLE, QUERY, "Wedding", project_id, "a-secret-path", "127.0.0.1"):
        assert private not in told
    # a trace of its own for what came without one
    others = {span["trace"] for span in collector.spans() if span["name"] == "POST /api/v1/projects"}
    assert len(others) == 1
    assert "a" * 32 not in others


async def test_work_trace_of_the_caller_is_carried_on_where_none_is_recorded(work, serve, start, receiver):
    server = await serve(**ALLOWED, **KEY)
    worker = start.product("worker", **ALLOWED)
    await work.until(lambda: worker.lines("worker.started"))

    await follow(work, server, receiver, {"traceparent": CALLER, "X-Request-ID": "followed-request-2"})
    await work.until(lambda: [got for got in receiver[1] if got.get("traceparent") == CALLER])
    await work.until(lambda: _sent(worker, "followed-request-2"))

    [got] = [got for got in receiver[1] if got.get("traceparent")]
    assert got["x-request-id"] == "followed-request-2"
    lines = [line for line in worker.lines() if line.get("request.id") == "followed-request-2"]
    assert {"webhooks.fan_out", "webhooks.send"} <= {line.get("synergy.job") for line in lines}
    assert {line["trace.id"] for line in lines} == {"a" * 32}
    assert not [line for line in (*server.lines("http.request"), *lines) if "span.id" in line]
    # a request without a trace gives its jobs none
    [line] = [line for line in server.lines("http.request") if line["url.path"].endswith("/projects")]
    assert "trace.id" not in line


def _sent(worker, request_id):
    return [line for line in worker.lines("job.done")
            if line.get("request.id") == request_id and line["synergy.job"] == "webhooks.send"]  # fmt: skip


async def test_schedule_slot_begins_a_trace_that_its_job_goes_on_with(work, start, collector):
    scheduler = start("scheduler", **traced(collector.url))
    worker = start("worker", **traced(collector.url))
    await work.until(lambda: scheduler.lines("schedule.added") and worker.lines("worker.started"))
    await work.connection.execute("UPDATE schedules SET run_now_at = now()")
    await work.until(lambda: collector.spans() and work.is_done())
    await work.until(lambda: {"schedule test.minutely", "job test.write"} <= {s["name"] for s in collector.spans()})

    job = next(span for span in collector.spans() if span["name"] == "job test.write")
    slot = next(span for span in collector.spans() if span["id"] == job["parent"])
    assert (slot["name"], slot["parent"], slot["kind"]) == ("schedule test.minutely", "", PRODUCER)
    # its own minute may have come just then, too
    assert slot["attributes"]["synergy.jobs"] in (1, 2)
    assert (slot["trace"], slot["resource"]["service.name"]) == (job["trace"], "synergy-scheduler")
    [fired] = scheduler.lines("schedule.fired")
    assert fired["trace.id"] == job["trace"]


async def test_failed_job_is_a_failed_span_without_its_message(work, workers, collector):
    [worker] = await workers(**traced(collector.url))
    await work.enqueue("test.fail")
    await work.until(collector.spans)

    [span] = collector.spans()
    assert (span["name"], span["failed"], span["attributes"]["error.type"]) == ("job test.fail", True, "ValueError")
    assert "on purpose" not in json.dumps(span)
    [line] = worker.lines("job.failed")
    assert line["span.id"] == span["id"]


@pytest.mark.parametrize("way", ["refuses", "says nothing"])
@pytest.mark.long
async def test_collector_that_is_away_holds_up_nothing(work, serve, start, way):
    with silent_server() as silent:
        settings = traced(f"http://127.0.0.1:{silent if way == 'says nothing' else 9}")
        server = await serve(**settings)
        worker = start("worker", **settings)
        await work.until(lambda: worker.lines("worker.started"))
        async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=10) as client:
            slowest = 0.0
            for _ in range(300):
                began = time.monotonic()
                assert (await client.get("/auth/options")).status_code == 200
                slowest = max(slowest, time.monotonic() - began)
        await work.enqueue("test.write", 100)
        await work.until(work.is_done)
        assert slowest < 2

        told = time.monotonic()
        server.process.terminate()
        assert await worker.end(20) == 0
        assert time.monotonic() - told < 8
        await server.ended()
        assert time.monotonic() - told < 10
    for lines in (server.lines, worker.lines):
        # one line of it, and one at the end of what was lost
        assert len(lines("traces.collector_away")) + len(lines("traces.not_sent")) in {1, 2}
    assert "opentelemetry" not in worker.log.read_text().replace("synergy_platform", "")


def test_nothing_of_it_is_imported_where_neither_is_configured():
    # the client of Redis imports OpenTelemetry's metrics where they are installed, and does not use them
    script = (
        "import sys, synergy_api.app, synergy_worker.worker, synergy_worker.schedule, synergy_worker.handlers\n"
        "wanted = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'sentry_sdk', 'requests', 'google.protobuf')\n"
        "print([name for name in sys.modules if name.startswith(wanted)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
