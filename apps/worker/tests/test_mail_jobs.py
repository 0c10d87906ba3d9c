"""Mails through the product's own worker, to a real SMTP server."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from aiosmtpd.controller import Controller

from synergy_domain.identity import Client, Registration, create_account
from synergy_domain.work import CommentInput, add_comment
from synergy_platform.embedded.process import free_port
from synergy_testing.factories import Factory

PASSWORD = "correct horse 7 battery"


class Taken:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, bytes]] = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's own name
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


@pytest.fixture
def post():
    taken = Taken()
    controller = Controller(taken, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield taken, controller.port
    controller.stop()


@pytest.fixture
def worker(own_settings, post, tmp_path):
    """The product's worker, with mail by SMTP."""
    environ = {
        **{name: value for name, value in os.environ.items() if name.startswith(("PATH", "PYTHON", "COVERAGE"))},
        "SECRET_KEY": own_settings.secret_keys[0], "SYNERGY_HOME": own_settings.home, "DB_NAME": own_settings.db_name,
        "DB_USER": own_settings.db_user, "DB_PASSWORD": own_settings.db_password, "DB_HOST": own_settings.db_host,
        "DB_PORT": str(own_settings.db_port), "REDIS_URL": own_settings.redis_url,
        "TASKIQ_BROKER_URL": own_settings.broker_url, "SYNERGY_LOG_FORMAT": "json", "EMAIL_BACKEND": "smtp",
        "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(post[1]), "EMAIL_USE_TLS": "false",
        "DEFAULT_FROM_EMAIL": "SynergyOS <pm@example.org>", "SYNERGY_PUBLIC_URL": "https://pm.example.org",
    }  # fmt: skip
    with (tmp_path / "worker.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "synergy_worker", "worker"], env=environ, stdout=output, stderr=output
        )
    yield process
    process.terminate()
    process.wait(40)


async def test_work_registration_and_mentions_reach_their_people_by_mail(work, worker, post):
    taken, _ = post
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

    assert sorted(to for to, _ in taken.mails) == ["ada@example.org"] + [f"{member.username}@example.org"] * 10
    ids = {re.search(rb"Message-ID: (\S+)", content)[1] for _, content in taken.mails}
    assert len(ids) == 11
    assert await work.connection.fetchval("SELECT count(*) FROM jobs") == 0
    assert await work.connection.fetchval("SELECT count(*) FROM mails WHERE attempts <> 1 OR text IS NOT NULL") == 0


async def _sent(work, count):
    return await work.connection.fetchval("SELECT count(*) FROM mails WHERE state = 'sent'") == count
