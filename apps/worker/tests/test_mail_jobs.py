"""Mails through the product's own worker, to a real SMTP server."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter

import pytest
from aiosmtpd.controller import Controller

from synergy_domain.identity import Client, Registration, create_account
from synergy_domain.work import CommentInput, add_comment
from synergy_platform.embedded.process import free_port
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_testing.factories import PASSWORD, Factory


class Taken:
    """Keeps what arrives, after `pause` seconds."""

    def __init__(self) -> None:
        self.pause = 0.0
        self.begun: list[str] = []
        self.mails: list[tuple[str, bytes]] = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's own name
        self.begun.append(address)
        envelope.rcpt_tos.append(address)
        await asyncio.sleep(self.pause)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's own name
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


@pytest.fixture
def post():
    taken = Taken()
    controller = Controller(taken, hostname="127.0.0.1", port=free_port())
    controller.start()
    taken.settings = {
        "EMAIL_BACKEND": "smtp", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(controller.port),
        "EMAIL_USE_TLS": "false", "DEFAULT_FROM_EMAIL": "SynergyOS <pm@example.org>",
    }  # fmt: skip
    yield taken
    controller.stop()


async def test_work_registration_and_mentions_reach_their_people_by_mail(work, start, post):
    worker = start.product("worker", **post.settings)
    data = Registration(
        username="ada", email="ada@example.org", password=PASSWORD, first_name="Ada", last_name="Lovelace"
    )
    await create_account(work.runtime, data, role="member", client=Client(None, None))
    make = Factory(work.runtime)
    project = await make.project()
    member = await make.member(project)
    await work.connection.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", member.user_id)
    task = await make.task(project)
    for number in range(10):
        async with work.runtime.database.unit_of_work() as uow:
            body = CommentInput(body=f"{number}: see this, @{member.username}")
            await add_comment(uow, make.owner(project), str(task.id), body)

    await work.until(lambda: _sent(work, 11))

    assert sorted(to for to, _ in post.mails) == ["ada@example.org"] + [f"{member.username}@example.org"] * 10
    assert len(_ids(post)) == 11
    await work.until(lambda: _none(work, "SELECT count(*) FROM jobs"))
    assert await _none(work, "SELECT count(*) FROM mails WHERE attempts <> 1 OR text IS NOT NULL")
    assert "verify-email#token=" not in worker.log.read_text()


async def test_work_killed_while_sending_loses_no_mail(work, start, post):
    post.pause = 60.0
    first = start.product("worker", **post.settings)
    async with work.runtime.database.unit_of_work() as uow:
        await queue_mail(
            work.runtime,
            uow,
            *(
                Mail(to=f"u{number}@example.org", subject="S", text="T", kind="test", written_at=uow.now)
                for number in range(20)
            ),
        )
    await work.until(lambda: len(post.begun) == 20)
    first.kill()
    post.pause = 0.0
    killed = time.monotonic()
    start.product("worker", **post.settings)
    await work.until(lambda: _sent(work, 20))
    assert time.monotonic() - killed < 15
    # the server had taken none of them
    assert Counter(to for to, _ in post.mails) == {f"u{number}@example.org": 1 for number in range(20)}
    assert len(_ids(post)) == 20


def _ids(post: Taken) -> set[bytes]:
    return {re.search(rb"Message-ID: (\S+)", content)[1] for _, content in post.mails}


async def _sent(work, count):
    return await work.connection.fetchval("SELECT count(*) FROM mails WHERE state = 'sent'") == count


async def _none(work, query):
    return await work.connection.fetchval(query) == 0
