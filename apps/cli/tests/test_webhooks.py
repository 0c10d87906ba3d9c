"""`synergy webhooks listen` as somebody who writes a receiver runs it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime

import httpx
import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from synergy_cli.webhooks import webhooks_group

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


@pytest.fixture
async def listen():
    """Starts the command; its address, and a function that ends it and gives what it printed."""
    processes = []

    async def start(*arguments: str):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "synergy_cli", "webhooks", "listen", "--port", "0", *arguments,
            env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        line = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
        url = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]

        async def end() -> str:
            process.send_signal(2)
            out, _ = await asyncio.wait_for(process.communicate(), 10)
            assert process.returncode == 0
            return out.decode()

        return url, end

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


def message(body: str, *, secret: str = SECRET, at: datetime | None = None) -> dict:
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign("msg_1", at, body)
    headers = {
        "webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": f"v1,bad {signature}"
    }  # fmt: skip
    return {"content": body, "headers": headers}


async def test_listen_prints_what_comes_and_verifies_it(listen):
    url, end = await listen("--secret", SECRET)
    async with httpx.AsyncClient(trust_env=False) as client:
        good = await client.post(f"{url}hook", **message('{"type": "task.created"}'))
        forged = await client.post(url, **message("{}", secret="whsec_" + "A" * 44))
        old = await client.post(url, **message("{}", at=datetime(2026, 1, 1, tzinfo=UTC)))
        bare = await client.post(url, content=b"\xff")
    assert [answer.status_code for answer in (good, forged, old, bare)] == [200, 401, 401, 401]
    printed = await end()
    assert "POST /hook msg_1 verified" in printed
    assert '"type": "task.created"' in printed
    assert "NOT VERIFIED: no signature fits the secret" in printed
    assert "NOT VERIFIED: webhook-timestamp is more than 5 minutes away" in printed
    assert "NOT VERIFIED: the header webhook-id is missing" in printed


async def test_listen_answers_as_it_is_told(listen):
    url, end = await listen("--status", "503", "--times", "2", "--delay", "0.1")
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [await client.post(url, **message("{}")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert all(answer.elapsed.total_seconds() >= 0.1 for answer in answers)
    assert "not checked" in await end()


@pytest.mark.parametrize("secret", ["nonsense", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!"])
def test_listen_with_something_else_than_a_secret_says_so(secret):
    result = CliRunner().invoke(webhooks_group, ["listen", "--secret", secret])
    assert result.exit_code == 1
    assert "--secret takes whsec_" in result.output
