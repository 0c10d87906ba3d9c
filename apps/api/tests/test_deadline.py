"""A request that takes too long: what is answered, and that nothing answered is untrue."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from synergy_api import deadline
from synergy_api.app import create_app
from synergy_api.audit import Audit
from synergy_api.drain import Drain
from synergy_api.limits import RequestLimits
from synergy_api.middleware import RequestContext
from synergy_platform.ratelimit import RateLimiter
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit
from synergy_testing.factories import Factory

SLOW_COMMIT = """
    CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TABLE IF NOT EXISTS slow (id int);
    CREATE OR REPLACE TRIGGER slow AFTER INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
    DROP TRIGGER slow ON slow;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
"""


@asynccontextmanager
async def client(app):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


def within(settings, app, seconds=0.3):
    """`app` behind the middleware, with a shorter deadline than a setting can name."""
    unlimited = RequestLimits(RateLimiter(settings.redis_url), RateLimit(0, 1))
    hurried = msgspec.structs.replace(settings, request_deadline=seconds)
    # nobody is signed in here, so the audit has nothing to write
    runtime = Runtime(hurried, application="synergy-test")
    return RequestContext(app, hurried, Drain(), unlimited, Audit(runtime), runtime.tracing)


async def ok(send, body=b"done", *, more=False):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body, "more_body": more})


@asynccontextmanager
async def blocked_project(settings, runtime):
    """The whole application, somebody signed in, and the address of a project whose row somebody else holds.

    Yields (caller, address, the connection that holds it).
    """
    app = create_app(Runtime(settings, application="synergy-test"))
    blocker = await runtime.database.connect_directly()
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    living = asyncio.create_task(live())
    await started.wait()
    try:
        # not by requests: they have the deadline, too
        make = Factory(runtime)
        owner = await make.user()
        project = await make.project(owner, name="Old")
        async with client(app) as caller:
            caller.headers["Authorization"] = f"Bearer {await make.access_token(owner)}"
            async with blocker.transaction():
                await blocker.execute("SELECT 1 FROM projects FOR UPDATE")
                yield caller, f"/api/v1/projects/{project.id}", blocker
    finally:
        await blocker.close()
        stop.set()
        await living


async def test_request_that_waits_too_long_is_504_and_changes_nothing(own_settings, own_runtime):
    """The whole application, with the deadline as a setting."""
    settings = msgspec.structs.replace(own_settings, request_deadline=1)
    async with blocked_project(settings, own_runtime) as (caller, path, blocker):
        began = time.monotonic()
        with capture_logs() as lines:
            late = await caller.patch(path, json={"name": "New"})
        assert 0.9 < time.monotonic() - began < 2.5
        [line] = [line for line in lines if line["event"] == "http.stopped"]
        assert (line["log_level"], line["reason"]) == ("error", "deadline_exceeded")
        assert "asyncpg" in "".join(traceback.format_exception(line["exc_info"])), "where it stood is not told"
        assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
        assert late.headers["content-type"] == "application/problem+json"
        assert late.headers["x-request-id"] == late.json()["request_id"]
        assert (await caller.get(path)).json()["name"] == "Old"
        await blocker.execute("ROLLBACK; BEGIN")  # let go of the project
        # its connection is free again
        assert (await caller.patch(path, json={"name": "New"})).status_code == 200
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND pid <> pg_backend_pid()"
        assert await blocker.fetchval(waiting) == 0


async def _end_who_waits(runtime):
    """End the connection that waits for the row."""
    query = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    for _ in range(500):
        if await runtime.database.reader().value(query):
            return
        await asyncio.sleep(0.02)
    pytest.fail("nothing waited")


async def test_request_whose_connection_the_database_ends_is_503_and_the_next_one_works(own_settings, own_runtime):
    async with blocked_project(own_settings, own_runtime) as (caller, path, blocker):
        changing = asyncio.create_task(caller.patch(path, json={"name": "New"}))
        await _end_who_waits(own_runtime)
        ended = await changing
        assert (ended.status_code, ended.json()["code"]) == (503, "unavailable")
        assert int(ended.headers["retry-after"]) > 0
        await blocker.execute("ROLLBACK; BEGIN")
        assert (await caller.patch(path, json={"name": "New"})).status_code == 200


async def test_commit_under_way_is_waited_for_and_answered_as_done(own_settings, own_runtime):
    async with own_runtime.database.unit_of_work() as uow:
        await uow._connection.execute(SLOW_COMMIT)

    async def write(_scope, _receive, send):
        async with own_runtime.database.unit_of_work() as uow:
            await uow.value("INSERT INTO slow VALUES (1) RETURNING id")
        await ok(send)

    async with client(within(own_settings, write)) as caller:
        began = time.monotonic()
        assert (await caller.post("/")).status_code == 200
        assert time.monotonic() - began > 0.9, "the commit was not slow"
    assert await own_runtime.database.reader().value("SELECT count(*) FROM slow") == 1


async def test_commit_that_takes_too_long_itself_is_not_called_undone(own_settings, own_runtime, monkeypatch):
    monkeypatch.setattr(deadline, "COMMIT_SECONDS", 0.3)
    async with own_runtime.database.unit_of_work() as uow:
        await uow._connection.execute(SLOW_COMMIT)

    async def write(_scope, _receive, send):
        async with own_runtime.database.unit_of_work() as uow:
            await uow.value("INSERT INTO slow VALUES (1) RETURNING id")
        await ok(send)

    # long enough for a busy machine to come as far as the COMMIT
    async with client(within(own_settings, write, seconds=5)) as caller:
        late = await caller.post("/")
    assert (late.status_code, late.json()["code"]) == (504, "outcome_unknown")


async def test_commit_does_not_begin_once_the_deadline_has_passed(own_settings, own_runtime):
    """Python 3.11 and libraries may swallow a cancellation; the commit is where that must not matter."""

    async def write(_scope, _receive, send):
        async with own_runtime.database.unit_of_work() as uow:
            await uow.value("INSERT INTO retired_project_keys (key) VALUES ('LATE') RETURNING key")
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(5)
        await ok(send)

    async with client(within(own_settings, write)) as caller:
        late = await caller.post("/")
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    query = "SELECT count(*) FROM retired_project_keys WHERE key = 'LATE'"
    assert await own_runtime.database.reader().value(query) == 0


async def test_stream_goes_on_after_the_deadline(settings):
    async def stream(_scope, _receive, send):
        await ok(send, b"first,", more=True)
        await asyncio.sleep(0.6)
        await send({"type": "http.response.body", "body": b"last", "more_body": False})

    async with client(within(settings, stream)) as caller:
        assert (await caller.get("/")).text == "first,last"


async def upload(pauses, content_type, app, settings):
    async def parts():
        for pause in pauses:
            await asyncio.sleep(pause)
            yield b"x" * 100

    async with client(within(settings, app)) as caller:
        return await caller.post("/", content=parts(), headers={"Content-Type": content_type})


async def read_all(receive):
    while (await receive())["more_body"]:
        pass


async def test_transfer_of_an_upload_does_not_count(settings):
    async def take(_scope, receive, send):
        await read_all(receive)
        await ok(send)

    answer = await upload([0.2] * 4, "multipart/form-data; boundary=x", take, settings)
    assert answer.status_code == 200
    answer = await upload([0.2] * 4, "application/json", take, settings)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_timeout")


async def test_upload_that_stands_still_or_a_handler_that_hangs_behind_it_is_ended(settings):
    async def take(_scope, receive, send):
        await read_all(receive)
        await ok(send)

    async def hang(_scope, receive, _send):
        await read_all(receive)
        await asyncio.sleep(5)

    answer = await upload([0.1, 2], "multipart/form-data; boundary=x", take, settings)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_timeout")
    answer = await upload([0.2, 0.2], "multipart/form-data; boundary=x", hang, settings)
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("pm.example.org", 200), ("PM.example.org:8443", 200), ("team.example.net", 200), ("example.net", 200),
        ("localhost:8001", 200), ("127.0.0.1", 200), ("[::1]:8001", 200),
        ("evil.example", 421), ("pm.example.org.evil.example", 421), ("evilexample.net", 421), ("", 421),
        ("pm.example.org@evil.example", 421), ("10.0.0.7", 421),
    ],
)  # fmt: skip
async def test_host_that_is_not_ours_is_421_but_for_health(settings, host, status):
    async def answer(_scope, _receive, send):
        await ok(send)

    hosts = msgspec.structs.replace(settings, allowed_hosts=("pm.example.org", ".example.net"))
    async with client(within(hosts, answer)) as caller:
        answer = await caller.get("/api/v1/me", headers={"Host": host})
        assert answer.status_code == status
        if status == 421:
            assert answer.json()["code"] == "unknown_host"
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await caller.get("/api/health/live", headers={"Host": host})).status_code == 200
