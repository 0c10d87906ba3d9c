"""Mails: kept until they are out, against a real SMTP server that is away, slow, busy or refuses."""

from __future__ import annotations

import asyncio
import email
import time
from datetime import UTC, datetime, timedelta
from email import policy

import msgspec
import pytest
from aiosmtpd.smtp import SMTP

from synergy_platform.clock import SetClock
from synergy_platform.embedded.process import free_port
from synergy_platform.ids import new_id
from synergy_platform.jobs import IoHandler, Registry, run_io_job
from synergy_platform.mail import Mail, MailDelayed, MailRefused, SmtpMailer, encode_mail, one_line
from synergy_platform.mail.outbox import (
    GIVE_UP_AFTER,
    SEND_MAIL,
    SEND_SEALED_MAIL,
    delete_old_mails,
    queue_mail,
    send_mail,
)
from synergy_platform.runtime import Runtime

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGISTRY = Registry(IoHandler(name=name, function=send_mail) for name in (SEND_MAIL, SEND_SEALED_MAIL))
STEP = timedelta(seconds=15)
TIMEOUT_SECONDS = 2.0  # all processors busy, 25 mails at once take more than a moment


class PostOffice:
    """An SMTP server that can be opened and closed, and told what to answer."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: list[email.message.EmailMessage] = []
        self.sessions = 0
        self.to_recipient = self.to_content = self.to_sender = None
        self.after_content = None  # what happens once the content is there, before it is answered
        self._server = None
        self._transports = []

    async def open(self) -> None:
        def connected():
            self.sessions += 1
            return SMTP(self, hostname="post.test", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

        self._server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0.05)

    async def handle_MAIL(self, server, _session, envelope, address, options):  # noqa: N802 - aiosmtpd's own name
        self._transports.append(server.transport)
        if self.to_sender:
            return self.to_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's own name
        if self.to_recipient:
            return self.to_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - aiosmtpd's own name
        if self.to_content:
            return self.to_content
        self.taken.append(email.message_from_bytes(envelope.content, policy=policy.default))
        if self.after_content is not None:
            await self.after_content(server)
        return "250 OK"


@pytest.fixture
async def office():
    post = PostOffice()
    yield post
    await post.close()


@pytest.fixture
async def post(own_settings, office):
    """A runtime whose clock stands, and which sends to the post office."""
    settings = msgspec.structs.replace(
        own_settings, email_backend="smtp", email_host="127.0.0.1", email_port=office.port, email_use_tls=False,
        email_from="SynergyOS <no-reply@pm.example.org>",
    )  # fmt: skip
    runtime = Runtime(
        settings,
        application="test",
        clock=SetClock(NOW),
        mailer=SmtpMailer(settings, timeout=TIMEOUT_SECONDS, pause=0),
        writers=2,
    )
    await runtime.open()
    yield runtime
    await runtime.close()


def a_mail(**fields):
    return Mail(
        **{"to": "ada@example.org", "subject": "Hello", "text": "Plain", "html": "<p>Rich</p>", "kind": "test",
           "written_at": NOW, **fields}
    )  # fmt: skip


async def queue(runtime, *mails):
    async with runtime.database.unit_of_work() as uow:
        await queue_mail(runtime, uow, *mails)


async def work(runtime):
    """Do the jobs that are due, as a worker would."""
    due = await runtime.database.reader().rows(
        "SELECT id FROM jobs WHERE queue = 'io' AND state = 'waiting' AND owner IS NULL AND run_at <= $1",
        runtime.clock.now(),
    )
    return await asyncio.gather(*(run_io_job(runtime, REGISTRY, 1, row["id"]) for row in due))


async def work_for(runtime, time):
    until = runtime.clock.now() + time
    while runtime.clock.now() < until:
        await work(runtime)
        runtime.clock.advance(STEP)


async def rows(runtime):
    return await runtime.database.reader().rows("SELECT * FROM mails ORDER BY created_at, id")


async def jobs(runtime):
    return await runtime.database.reader().value("SELECT count(*) FROM jobs")


async def test_queue_mail_is_sent_once_with_stable_headers_and_forgets_what_it_said(post, office):
    await office.open()
    mail = a_mail(headers={"List-Unsubscribe": f"<https://pm.example.org/api/v1/unsubscribe/{'x_-' * 40}>"})
    await queue(post, mail)
    assert await work(post) == ["done"]
    assert await work(post) == []
    (message,) = office.taken
    assert (message["To"], message["Subject"]) == ("ada@example.org", "Hello")
    assert message["Message-ID"] == f"<{mail.id}@pm.example.org>"
    assert message["Date"].datetime == NOW
    assert message["List-Unsubscribe"] == mail.headers["List-Unsubscribe"]
    assert message.get_body(("plain",)).get_content().strip() == "Plain"
    assert message.get_body(("html",)).get_content().strip() == "<p>Rich</p>"
    (row,) = await rows(post)
    assert (row["state"], row["attempts"], row["last_error"], row["sent_at"]) == ("sent", 1, None, NOW)
    assert (row["text"], row["html"], row["headers"], row["sealed"]) == (None, None, None, None)
    assert row["subject"] == "Hello"


async def test_queue_mail_rolled_back_sends_nothing(post):
    async def fail():
        async with post.database.unit_of_work() as uow:
            await queue_mail(post, uow, a_mail())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert (await rows(post), await jobs(post)) == ([], 0)


async def test_server_down_for_an_hour_then_back_takes_every_mail_once(post, office):
    mails = [a_mail(to=f"u{number}@example.org") for number in range(25)]
    await queue(post, *mails)
    await work_for(post, timedelta(hours=1))
    assert {row["state"] for row in await rows(post)} == {"queued"}
    assert all(
        "refused" in row["last_error"].lower() or "connect" in row["last_error"].lower() for row in await rows(post)
    )
    assert all(5 <= row["attempts"] <= 7 for row in await rows(post))
    await office.open()
    await work_for(post, timedelta(hours=2))
    assert sorted(message["Message-ID"] for message in office.taken) == sorted(
        f"<{mail.id}@pm.example.org>" for mail in mails
    )
    assert {row["state"] for row in await rows(post)} == {"sent"}
    assert await jobs(post) == 0


async def test_server_down_for_three_days_fails_the_mail(post):
    await queue(post, a_mail())
    while (await rows(post))[0]["state"] == "queued" and post.clock.now() < NOW + timedelta(days=4):
        await work(post)
        post.clock.advance(timedelta(minutes=10))
    (row,) = await rows(post)
    assert row["state"] == "failed"
    assert GIVE_UP_AFTER <= post.clock.now() - NOW < GIVE_UP_AFTER + timedelta(hours=3)
    assert 35 < row["attempts"] < 50
    assert (row["text"], await jobs(post)) == (None, 0)


@pytest.mark.parametrize("where", ["to_recipient", "to_content", "to_sender"])
async def test_server_busy_is_tried_again_and_takes_the_mail_once(post, office, where):
    await office.open()
    setattr(office, where, "451 4.3.0 Try again later")
    await queue(post, a_mail())
    assert await work(post) == ["again"]
    (row,) = await rows(post)
    assert (row["state"], row["attempts"]) == ("queued", 1)
    assert "451 4.3.0 Try again later" in row["last_error"]
    setattr(office, where, None)
    assert await work(post) == []  # not before its time
    await work_for(post, timedelta(minutes=1))
    assert len(office.taken) == 1
    assert (await rows(post))[0]["state"] == "sent"


@pytest.mark.parametrize("where", ["to_recipient", "to_content"])
async def test_server_refuses_for_good_is_a_bounce(post, office, where):
    await office.open()
    setattr(office, where, "550 5.1.1 No such user here")
    await queue(post, a_mail())
    assert await work(post) == ["done"]
    (row,) = await rows(post)
    assert (row["state"], row["attempts"], row["to_address"]) == ("bounced", 1, "ada@example.org")
    assert row["last_error"] == "550 5.1.1 No such user here"
    assert (row["text"], row["sent_at"]) == (None, None)
    setattr(office, where, None)
    await work_for(post, timedelta(hours=3))
    assert (office.taken, await jobs(post)) == ([], 0)


async def test_server_refuses_our_own_address_keeps_the_mail(post, office):
    await office.open()
    office.to_sender = "530 5.7.0 Authentication required"
    await queue(post, a_mail())
    assert await work(post) == ["again"]
    assert (await rows(post))[0]["state"] == "queued"


async def test_server_hangs_after_connect_is_tried_again(post, office):
    async def say_nothing(reader, writer):
        await reader.read()  # until the other side gives up
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", office.port)
    await queue(post, a_mail())
    started = asyncio.get_running_loop().time()
    assert await work(post) == ["again"]
    assert asyncio.get_running_loop().time() - started < 3
    assert "time" in (await rows(post))[0]["last_error"].lower()
    silent.close()
    await asyncio.sleep(0.05)
    await office.open()
    await work_for(post, timedelta(minutes=1))
    assert len(office.taken) == 1


async def test_server_that_hangs_does_not_hold_up_every_mail_in_turn(post, office):
    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", office.port)
    mailer = SmtpMailer(post.settings, timeout=0.2, pause=0.5)
    with pytest.raises(MailDelayed, match="imeout"):
        await mailer.send(a_mail())
    started = time.monotonic()
    for _ in range(50):
        with pytest.raises(MailDelayed, match="Not tried"):
            await mailer.send(a_mail())
    assert time.monotonic() - started < 0.3
    silent.close()
    await asyncio.sleep(0.5)
    await office.open()
    await mailer.send(a_mail())
    assert len(office.taken) == 1


async def test_server_hangs_after_content_sends_the_same_mail_again(post, office):
    await office.open()

    async def hang(_server):
        await asyncio.sleep(TIMEOUT_SECONDS + 1)

    office.after_content = hang
    await queue(post, a_mail())
    assert await work(post) == ["again"]
    office.after_content = None
    await work_for(post, timedelta(minutes=1))
    # the one case that SMTP cannot tell; whoever gets both sees one mail by its Message-ID
    assert len(office.taken) == 2
    assert len({message.as_bytes() for message in office.taken}) == 1
    assert (await rows(post))[0]["state"] == "sent"


async def test_connection_lost_at_farewell_does_not_send_again(post, office, monkeypatch):
    await office.open()

    async def drop(server, _argument):
        server.transport.abort()

    monkeypatch.setattr(SMTP, "smtp_QUIT", drop)
    await queue(post, a_mail())
    assert await work(post) == ["done"]
    await work_for(post, timedelta(minutes=5))
    assert len(office.taken) == 1


async def test_worker_that_died_before_its_record_does_not_lose_the_mail(post, office):
    await office.open()
    await queue(post, a_mail())
    job = await post.database.reader().value("SELECT payload::text FROM jobs")
    finish = await send_mail(post, msgspec.json.decode(job), 1)  # sent, and never recorded
    assert (await rows(post))[0]["state"] == "queued"
    assert await work(post) == ["done"]
    assert len({message["Message-ID"] for message in office.taken}) == 1
    async with post.database.unit_of_work() as uow:
        assert await finish(uow) is None  # too late: it changes nothing
    assert (await rows(post))[0]["attempts"] == 1


async def test_unexpected_failure_is_a_dead_letter_after_five_tries(post):
    await queue(post, a_mail(text="x"))
    await post.database.reader().value("UPDATE mails SET to_address = E'a@b.org\\nBcc: c@d.org'")
    for _ in range(5):
        await post.database.reader().value("UPDATE jobs SET run_at = $1", NOW)
        await work(post)
    assert await post.database.reader().value("SELECT state FROM jobs") == "dead"
    assert (await rows(post))[0]["state"] == "queued"


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.org", "a\nb\u2028c\x00d", "x" * 500, "🌻" * 300])
async def test_hostile_subject_stays_one_header(post, office, subject):
    await office.open()
    await queue(post, a_mail(subject=subject, headers={"X-Test": "a\r\nBcc: b@example.org"}))
    assert await work(post) == ["done"]
    (message,) = office.taken
    assert message["Bcc"] is None
    assert message["Subject"] == one_line(subject)
    assert len((await rows(post))[0]["subject"]) <= 200


async def test_address_of_another_script_goes_out_where_the_server_takes_it(post, office):
    await office.open()
    await queue(post, a_mail(to="ada@bücher.example"), a_mail(to="jürgen@example.org"))
    assert await work(post) == ["done", "done"]
    assert {str(message["To"]) for message in office.taken} == {"ada@xn--bcher-kva.example", "jürgen@example.org"}


def test_encoded_mail_is_the_same_each_time_and_fits_seven_bits():
    mail = a_mail(text="Grüße 🌻\n" + "long " * 400, html="<p>Grüße</p>", subject="Grüße 🌻 " * 10)
    content = encode_mail(mail, "SynergyOS <a@b.org>")
    assert content == encode_mail(mail, "SynergyOS <a@b.org>")
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    message = email.message_from_bytes(content, policy=policy.default)
    assert message.get_body(("plain",)).get_content().startswith("Grüße 🌻\r\n")


async def test_mails_are_queued_in_one_statement_however_many(post, counter):
    counter.statements.clear()
    await queue(post, *(a_mail() for _ in range(200)))
    assert len(counter.statements) <= 2
    assert await jobs(post) == 200


async def test_old_mails_are_deleted_whatever_became_of_them(post, office):
    await office.open()
    await queue(post, a_mail())
    await work(post)
    await queue(post, a_mail())
    post.clock.advance(timedelta(days=1))
    young = a_mail()
    await queue(post, young)
    async with post.database.unit_of_work() as uow:
        assert await delete_old_mails(uow, NOW + timedelta(hours=1)) == 2
    assert [row["id"] for row in await rows(post)] == [young.id]
    await work(post)  # a job whose mail is gone has nothing to do
    assert await jobs(post) == 0


async def test_mailer_says_what_became_of_a_mail(post, office):
    with pytest.raises(MailDelayed, match="onnect"):
        await post.mailer.send(a_mail())
    await office.open()
    office.to_recipient = "553 Bad"
    with pytest.raises(MailRefused, match="553 Bad"):
        await post.mailer.send(a_mail(id=new_id()))
