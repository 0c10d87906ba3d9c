"""Small parts: tokens, passwords, cursors, mail, ids, limits."""

from __future__ import annotations

import asyncio
import email
import os
import sys
import tempfile
import threading
import time
from datetime import UTC, date, datetime, timedelta
from email import policy
from uuid import UUID

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from synergy_platform import passwords
from synergy_platform.embedded.process import free_port
from synergy_platform.errors import BadRequest, Unavailable
from synergy_platform.ids import first_id_at, new_id, parse_id
from synergy_platform.mail import ConsoleMailer, FolderMailer, Mail, MailDelayed, SmtpMailer, make_mailer
from synergy_platform.pagination import Cursors, make_page
from synergy_platform.passwords import ITERATIONS, LANES, MEMORY_KIB, NICENESS, PasswordHasher, SharedTurn
from synergy_platform.settings import Settings
from synergy_platform.tokens import InvalidToken, JwtSigner, Keyring, decode_bytes, encode_bytes

OLD, NEW = "an old secret of 32 characters...", "a new secret of 32 characters...."
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_rotated_secret_signs_with_the_new_and_verifies_both():
    before, after = JwtSigner(Keyring([OLD]), "access"), JwtSigner(Keyring([NEW, OLD]), "access")
    token = before.sign({"sub": "1"}, issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    assert after.verify(token, now=NOW)["sub"] == "1"
    renewed = after.sign({"sub": "1"}, issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    with pytest.raises(InvalidToken):
        before.verify(renewed, now=NOW)


def test_token_of_another_purpose_or_time_is_refused():
    keyring = Keyring([NEW])
    token = JwtSigner(keyring, "access").sign({"sub": "1"}, issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    with pytest.raises(InvalidToken):
        JwtSigner(keyring, "other").verify(token, now=NOW)
    with pytest.raises(InvalidToken, match="expired"):
        JwtSigner(keyring, "access").verify(token, now=NOW + timedelta(hours=1))


def test_mac_must_be_whole_enough():
    keyring = Keyring([NEW, OLD])
    mac = Keyring([OLD]).mac("p", b"m")
    assert keyring.verify_mac("p", b"m", mac[:16])
    assert not keyring.verify_mac("p", b"m", mac[:8])
    assert not keyring.verify_mac("q", b"m", mac)


def test_bytes_survive_the_round_trip():
    for value in (b"", b"a", b"\xff\xfe\x00", bytes(range(256))):
        assert decode_bytes(encode_bytes(value)) == value
    with pytest.raises(ValueError, match=r"base64|Only"):
        decode_bytes("a b")


def test_hash_parameters_are_the_documented_ones():
    assert (MEMORY_KIB, ITERATIONS, LANES) == (47104, 1, 1)


async def test_passwords_verify_rehash_and_take_as_long_for_nobody():
    weak, strong = PasswordHasher(memory_kib=64), PasswordHasher(memory_kib=8192)
    encoded = await weak.hash("the first password 1")
    assert encoded.startswith("$argon2id$")
    assert await weak.verify(encoded, "the first password 1")
    assert not await weak.verify(encoded, "another")
    assert not await weak.verify("not a hash", "the first password 1")
    assert not await weak.verify(None, "nobody has this password")
    assert (weak.needs_rehash(encoded), strong.needs_rehash(encoded)) == (False, True)
    weak.close()
    strong.close()


async def test_full_queue_of_passwords_answers_unavailable():
    hasher = PasswordHasher(memory_kib=8192, queue_size=2)
    results = await asyncio.gather(*(hasher.hash("x") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, Unavailable) for result in results) == 3
    assert hasher.waiting == 0
    hasher.close()


async def test_whoever_waits_too_long_for_a_turn_gets_unavailable_and_leaves_no_trace():
    hasher = PasswordHasher(memory_kib=64, max_wait=0)
    async with hasher.place(), hasher.place():
        with pytest.raises(Unavailable) as refused:
            await hasher.hash("x")
        assert refused.value.headers["Retry-After"] == "3"
        assert hasher.waiting == 2
    assert hasher.waiting == 0
    assert await hasher.verify(await hasher.hash("x"), "x")
    hasher.close()


async def test_processes_of_one_server_hash_in_turns(tmp_path):
    """Two open files are two holders of the lock, as in two processes."""
    hashers = [PasswordHasher(memory_kib=64, turn=SharedTurn(tmp_path)) for _ in range(2)]
    at_once, most = 0, 0

    def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.01)
        at_once -= 1

    await asyncio.gather(*(hasher._run(work) for hasher in hashers for _ in range(5)))
    assert most == 1
    for hasher in hashers:
        hasher.close()


async def test_turn_that_is_never_given_back_holds_nobody_up_for_good(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords, "_MOST_SECONDS_FOR_OTHERS", 0.0)
    hanging, other = (SharedTurn(tmp_path) for _ in range(2))
    assert hanging.take(lambda: other.take(lambda: "done")) == "done"
    hanging.close()
    other.close()


def test_turn_is_shared_only_through_a_folder_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert SharedTurn.of_server(1) is None
    turn = SharedTurn.of_server(4)
    assert turn is not None
    turn.close()
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)  # anybody could hold the lock
    assert SharedTurn.of_server(4) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has the niceness of its process")
async def test_hashing_takes_second_place_and_nothing_else_does():
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    hasher = PasswordHasher(memory_kib=64)
    hashing = await hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert hashing == min(19, before + NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    hasher.close()


async def test_hashing_works_where_niceness_is_forbidden(monkeypatch):
    def forbid(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbid)
    hasher = PasswordHasher(memory_kib=64)
    assert (await hasher.hash("x")).startswith("$argon2id$")
    hasher.close()


def test_cursor_is_signed_and_bound_to_its_sort():
    cursors = Cursors(Keyring([NEW]))
    row = new_id()
    cursor = cursors.encode("due_date", [date(2026, 1, 2), row])
    assert cursors.decode("due_date", cursor, (date, UUID)) == [date(2026, 1, 2), row]
    for sort, text, types in [
        ("name", cursor, (date, UUID)),
        ("due_date", cursor, (date,)),
        ("due_date", cursor[:-1], (date, UUID)),
        ("due_date", "", (date, UUID)),
        ("due_date", "%%%", (date, UUID)),
        ("due_date", Cursors(Keyring([OLD])).encode("due_date", [date(2026, 1, 2), row]), (date, UUID)),
    ]:
        with pytest.raises(BadRequest):
            cursors.decode(sort, text, types)


def test_page_has_a_cursor_only_when_there_is_more():
    assert make_page([1, 2, 3], 2, str, None).next_cursor == "2"
    last = make_page([1, 2], 2, str, 2)
    assert (last.items, last.next_cursor, last.total) == ([1, 2], None, 2)
    assert b"total" not in msgspec.json.encode(make_page([1], 2, str, None))


def test_ids_sort_by_time_and_are_parsed_with_care():
    moment = datetime.now(UTC)
    before, after = first_id_at(moment - timedelta(seconds=1)), first_id_at(moment + timedelta(seconds=1))
    assert before < new_id() < after
    assert (before.version, parse_id("x"), parse_id(str(before))) == (7, None, before)


MAIL = Mail(
    to="ada@example.org", subject="Hello", text="Plain", html="<p>Rich</p>", kind="verification", written_at=NOW
)


async def test_folder_mailer_writes_a_mail_once(tmp_path):
    mailer = FolderMailer(tmp_path / "mail", "SynergyOS <no@example.org>")
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    (written,) = (tmp_path / "mail").glob("*.eml")
    message = email.message_from_bytes(written.read_bytes(), policy=policy.default)
    assert (message["To"], message["Subject"]) == ("ada@example.org", "Hello")
    assert message.get_body(("html",)).get_content().strip() == "<p>Rich</p>"


async def test_smtp_mailer_speaks_to_a_real_server(tmp_path):
    port = free_port()
    controller = Controller(Mailbox(str(tmp_path / "box")), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        settings = Settings(email_backend="smtp", email_host="127.0.0.1", email_port=port, email_use_tls=False)
        await make_mailer(settings).send(MAIL)
        await asyncio.sleep(0.1)
        (received,) = (tmp_path / "box" / "new").iterdir()
        assert b"Subject: Hello" in received.read_bytes()
    finally:
        controller.stop()
    with pytest.raises(MailDelayed):
        await SmtpMailer(settings).send(MAIL)


async def test_mail_header_cannot_be_broken_out_of(tmp_path):
    mailer = FolderMailer(tmp_path, "no@example.org")
    with pytest.raises(ValueError, match=r"line|linefeed"):
        await mailer.send(msgspec.structs.replace(MAIL, subject="Hi\r\nBcc: everybody@example.org"))


def test_mailer_follows_the_setting():
    assert isinstance(make_mailer(Settings(email_backend="console")), ConsoleMailer)
    assert isinstance(make_mailer(Settings()), FolderMailer)
