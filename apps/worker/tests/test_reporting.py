"""Errors that nobody expected reach Sentry, and nothing of anybody with them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from synergy_platform.version import VERSION
from synergy_testing.collectors import sentry, silent_server
from synergy_testing.granian import serve

# fixtures that are defined elsewhere
__all__ = ["sentry", "serve"]

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
CANARIES = {
    "password": "canary-of-the-password", "cookie": "canary-of-the-cookie", "bearer": "canary-of-the-bearer",
    "referer": "canary-of-the-referer", "agent": "canary-of-the-agent", "address": "canary@example.org",
}  # fmt: skip


async def break_something(server, work):
    """A request that fails by a fault of ours, with something private in each of its parts."""
    await work.connection.execute("ALTER TABLE users RENAME TO gone")
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=20) as client:
        began = time.monotonic()
        answer = await client.post(
            "/auth/login",
            json={"identifier": CANARIES["address"], "password": CANARIES["password"]},
            headers={
                "User-Agent": CANARIES["agent"], "Cookie": f"a={CANARIES['cookie']}", "traceparent": TRACE,
                "Authorization": f"Bearer {CANARIES['bearer']}", "X-Request-ID": "broken-request-1",
                "Referer": f"https://a.example/?q={CANARIES['referer']}",
            },
        )  # fmt: skip
    await work.connection.execute("ALTER TABLE gone RENAME TO users")
    return answer, time.monotonic() - began


async def test_fault_of_ours_in_a_request_is_told_without_anything_of_the_request(work, serve, sentry):
    server = await serve(SENTRY_DSN=sentry.dsn)
    answer, _ = await break_something(server, work)
    assert answer.status_code == 500, answer.text
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as client:
        for status, path in ((404, "/nothing"), (401, "/me")):  # expected ones are nobody's business
            assert (await client.get(path)).status_code == status
    server.process.terminate()
    await server.ended()

    [event] = sentry.events()
    assert event["release"] == f"synergyos@{VERSION}"
    assert event["environment"] == "development"
    assert event["tags"] == {
        "service": "synergy-api", "route": "/api/v1/auth/login", "request.id": "broken-request-1", "trace.id": "a" * 32,
    }  # fmt: skip
    error = event["exception"]["values"][-1]
    assert error["type"] == "UndefinedTableError"
    frames = error["stacktrace"]["frames"]
    assert [frame for frame in frames if frame["module"].startswith("synergy_")]
    assert not [frame for frame in frames if set(frame) - {"filename", "module", "function", "lineno", "in_app"}]
    assert set(event) <= {
        "event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "sdk", "tags",
        "exception",
    }  # fmt: skip
    sent = b"".join(body for _, _, body in sentry.requests).decode()
    for name, canary in (*CANARIES.items(), ("table", "gone"), ("key", "k" * 40)):
        assert canary not in sent, name


async def test_job_that_is_dead_is_told_and_one_that_is_tried_again_is_not(work, workers, sentry):
    [worker] = await workers(SENTRY_DSN=sentry.dsn)
    await work.enqueue("test.fail")
    await work.until(lambda: worker.lines("job.failed"))
    assert not sentry.events()
    await work.connection.execute(
        """UPDATE jobs SET run_at = now(), request_id = 'its-request', trace_parent = $1,
                           history = '[{}, {}, {}, {}]'::jsonb""",
        TRACE,
    )
    [event] = sentry.wait(lambda events: events)
    assert event["tags"] == {
        "service": "synergy-worker", "job": "test.fail", "request.id": "its-request", "trace.id": "a" * 32,
    }  # fmt: skip
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    assert "on purpose" not in json.dumps(event)
    assert worker.lines("job.dead")


async def test_process_that_died_is_told_by_the_one_that_looks_after_it(work, workers, serve, sentry):
    await workers(SENTRY_DSN=sentry.dsn)
    await work.enqueue("test.crash")
    [event] = sentry.wait(lambda events: events)
    assert (event["message"], event["level"]) == ("A worker process died", "fatal")
    assert event["tags"]["exit_status"] == "-11"

    server = await serve(SENTRY_DSN=sentry.dsn, WEB_WORKERS="2")
    os.kill(min(server.workers()), signal.SIGKILL)
    events = sentry.wait(lambda events: len(events) > 1)
    assert events[-1]["message"] == "A process of the API died"
    assert events[-1]["tags"] == {"service": "synergy-api", "exit_status": "-9"}


@pytest.mark.parametrize("service", ["synergy-scheduler", "synergy-cli"])
def test_exception_that_ends_a_process_is_told_before_it_ends(sentry, service):
    script = (
        "from synergy_platform.reporting import start_reporting\n"
        "from synergy_platform.settings import load_settings\n"
        f"start_reporting(load_settings({{'SENTRY_DSN': {sentry.dsn!r}}}), service={service!r})\n"
        "secret = 'canary-of-a-variable'\n"
        "raise RuntimeError('canary-of-a-message')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "entry" not in done.stderr.replace(script, "")
    [event] = sentry.events()
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert event["tags"] == {"service": service}
    assert "canary" not in json.dumps(event)


@pytest.mark.parametrize("way", ["refuses", "says nothing"])
async def test_sentry_that_is_away_holds_up_nothing(work, serve, way):
    with silent_server() as silent:
        port = silent if way == "says nothing" else 9
        server = await serve(SENTRY_DSN=f"http://{'0' * 32}@127.0.0.1:{port}/7")
        for _ in range(3):
            answer, seconds = await break_something(server, work)
            assert answer.status_code == 500
            assert seconds < 2
        told = time.monotonic()
        server.process.terminate()
        await server.ended()
        assert time.monotonic() - told < 8
