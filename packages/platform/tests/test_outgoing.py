"""Outgoing requests to real receivers on loopback: what comes back, and what is said when nothing does."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import REGISTRY

from synergy_platform.addresses import BadUrl, check_url, parse_networks
from synergy_platform.embedded.process import free_port
from synergy_platform.outgoing import (
    PLACES_AT_HOST,
    BrokenAnswer,
    NameNotFound,
    NotConnected,
    Outgoing,
    RefusedAddress,
    TimedOut,
    TlsFailed,
)
from synergy_platform.settings import Settings

LOOPBACK = Settings(webhook_allowed_networks=("127.0.0.0/8",))


@contextlib.asynccontextmanager
async def sender(settings=LOOPBACK, **more):
    outgoing = Outgoing(settings, **more)
    try:
        yield outgoing
    finally:
        await outgoing.close()


@contextlib.asynccontextmanager
async def receiver(reply, **more):
    """A server that reads the head of each request and hands it to `reply(head, writer)`; its address."""
    tasks: set[asyncio.Task] = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            result = reply(head, writer)
            if asyncio.iscoroutine(result):
                await result
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **more)
    try:
        scheme = "https" if more.get("ssl") else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(body=b"", status="200 OK", headers=b""):
    def reply(_head, writer):
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + headers + b"\r\n" + body)

    return reply


async def test_post_sends_the_body_and_gives_status_and_text():
    heads: list[bytes] = []

    async def reply(head, writer):
        heads.append(head)
        answering("grüß dich".encode(), "202 Accepted")(head, writer)

    async with receiver(reply) as url, sender() as outgoing:
        answer = await outgoing.post(f"{url}?a=%2F", b"{}", {"webhook-id": "msg_1", "content-type": "application/json"})
    assert (answer.status, answer.text) == (202, "grüß dich")
    head = heads[0].decode().lower()
    assert head.startswith("post /hook?a=%2f http/1.1")
    assert "webhook-id: msg_1" in head
    assert "content-length: 2" in head
    assert "user-agent: synergyos/" in head


async def test_post_is_counted_by_its_outcome():
    def counted(outcome):
        return REGISTRY.get_sample_value("synergy_outgoing_requests_total", {"outcome": outcome}) or 0

    before = {outcome: counted(outcome) for outcome in ("2xx", "5xx", "NotConnected")}
    async with receiver(answering()) as good, receiver(answering(status="503 No")) as bad, sender() as outgoing:
        await outgoing.post(good, b"{}", {})
        await outgoing.post(bad, b"{}", {})
        with pytest.raises(NotConnected):
            await outgoing.post(f"http://127.0.0.1:{free_port()}/", b"{}", {})
    assert {outcome: counted(outcome) - before[outcome] for outcome in before} == dict.fromkeys(before, 1)


async def test_post_keeps_no_cookie_and_asks_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    heads: list[bytes] = []

    async def reply(head, writer):
        heads.append(head)
        answering(headers=b"Set-Cookie: a=b; Path=/\r\n")(head, writer)

    async with receiver(reply) as url, sender() as outgoing:
        for _ in range(2):
            assert (await outgoing.post(url, b"", {})).status == 200
    assert len(heads) == 2
    assert not any(b"cookie" in head.lower() for head in heads)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"a" * 5000, "a" * 2048),
        (b"\x00\xff\xfe binary", "\ufffd\ufffd\ufffd binary"),
        ("ä".encode() * 2000, "ä" * 1024),
        (b"\xff" * 3000, "\ufffd" * 682),
    ],
    ids=["empty", "long", "binary", "letters", "nothing but faults"],
)
async def test_text_is_the_beginning_and_never_more_than_two_kilobytes(body, text):
    async with receiver(answering(body, "500 Oh")) as url, sender() as outgoing:
        answer = await outgoing.post(url, b"{}", {})
    assert (answer.status, answer.text) == (500, text)
    assert len(answer.text.encode()) <= 2048


async def test_compressed_answer_is_not_unfolded():
    bomb = gzip.compress(b"\x00" * 10_000_000)
    async with receiver(answering(bomb, headers=b"Content-Encoding: gzip\r\n")) as url, sender() as outgoing:
        answer = await outgoing.post(url, b"{}", {})
    assert answer.status == 200
    assert len(answer.text.encode()) <= 2048


async def test_body_that_never_ends_does_not_hold_the_answer_up():
    async def reply(_head, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nbeginning")
        await writer.drain()
        await asyncio.sleep(60)

    async with receiver(reply) as url, sender() as outgoing:
        started = time.monotonic()
        answer = await outgoing.post(url, b"{}", {})
    assert (answer.status, answer.text) == (200, "beginning")
    assert time.monotonic() - started < 10


async def test_silent_receiver_times_out():
    async with receiver(lambda _head, _writer: asyncio.sleep(60)) as url, sender(timeout=0.3) as outgoing:
        with pytest.raises(TimedOut, match=r"No answer within 0\.3 seconds"):
            await outgoing.post(url, b"{}", {})


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", b"HTTP/1.1 200"])
async def test_answer_that_is_no_http_is_a_fault(raw):
    async with receiver(lambda _head, writer: writer.write(raw)) as url, sender() as outgoing:
        with pytest.raises(BrokenAnswer):
            await outgoing.post(url, b"{}", {})


async def test_nobody_there_is_not_connected():
    async with sender() as outgoing:
        with pytest.raises(NotConnected, match=r"No connection with 127\.0\.0\.1"):
            await outgoing.post(f"http://127.0.0.1:{free_port()}/", b"{}", {})


async def test_unknown_name_is_not_found():
    class Nothing(AbstractResolver):
        async def resolve(self, host, port=0, family=0):
            raise OSError(None, "Name or service not known")

        async def close(self):
            pass

    async with sender(resolver=Nothing()) as outgoing:
        with pytest.raises(NameNotFound, match=r"nowhere\.example"):
            await outgoing.post("https://nowhere.example/", b"{}", {})


def self_signed(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "both.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


async def test_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    async with receiver(answering(), ssl=self_signed(tmp_path)) as url, sender() as outgoing:
        with pytest.raises(TlsFailed, match="cannot be trusted"):
            await outgoing.post(url, b"{}", {})


async def test_receiver_without_tls_behind_https_is_a_fault_of_tls():
    def reply(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server, sender() as outgoing:
        with pytest.raises(TlsFailed):
            await outgoing.post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})


async def test_plain_http_in_production_goes_to_allowed_networks_only():
    production = msgspec.structs.replace(LOOPBACK, environment="production")
    async with receiver(answering()) as url, sender(production) as outgoing:
        assert (await outgoing.post(url, b"{}", {})).status == 200
        with pytest.raises(RefusedAddress, match="https://"):
            await outgoing.post("http://93.184.216.34/", b"{}", {})

    class Public(AbstractResolver):
        async def resolve(self, host, port=0, family=0):
            return [{"hostname": host, "host": "93.184.216.34", "port": port, "family": 2, "proto": 0, "flags": 0}]

        async def close(self):
            pass

    async with sender(production, resolver=Public()) as outgoing:
        with pytest.raises(RefusedAddress, match="https://"):
            await outgoing.post("http://public.example/", b"{}", {})


async def test_allowed_networks_setting_opens_what_it_names_and_nothing_else():
    async with receiver(answering()) as url:
        for networks, reached in (((), False), (("127.0.0.2/32", "10.0.0.0/8"), False), (("127.0.0.1",), True)):
            async with sender(Settings(webhook_allowed_networks=networks)) as outgoing:
                if reached:
                    assert (await outgoing.post(url, b"{}", {})).status == 200
                else:
                    with pytest.raises(RefusedAddress):
                        await outgoing.post(url, b"{}", {})


async def test_place_at_a_full_host_is_not_given_while_others_have_room():
    async with sender() as outgoing, contextlib.AsyncExitStack() as stack:
        for _ in range(PLACES_AT_HOST):
            assert await stack.enter_async_context(outgoing.place_at("https://a.example/1", wait=1))
        async with (
            outgoing.place_at("https://A.example:8443/2", wait=0.05) as full,
            outgoing.place_at("https://b.example/", wait=0.05) as other,
        ):
            assert (full, other) == (False, True)
        await stack.aclose()
        async with outgoing.place_at("https://a.example/", wait=0.05) as free:
            assert free
        assert outgoing._hosts == {}


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://example.org/a?b=c%20d", "http://example.org:8080/", "https://xn--bcher-kva.example/",
     "https://93.184.216.34/", "https://[2606:2800:220:1::1]:8443/x", "https://hooks.example.org./x", "HTTPS://EXAMPLE.org/"],
)  # fmt: skip
def test_check_url_takes_public_addresses(url):
    check_url(url, allowed=(), encrypted_only=False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.org/" + "a" * 2000, "at most 2000"),
        ("https://exämple.org/", "plain ASCII"),
        ("ftp://example.org/", "begin with https://"),
        ("https://user:pass@example.org/", "user name"),
        ("https://example.org/#part", "fragment"),
        ("https://example.org:70000/", "port"),
        ("https://10.0.0.1/", r"private or special network \(10\.0\.0\.1\)"),
        ("https://2130706433/", "four decimal numbers"),
        ("https:///nothing", "must name a host"),
    ],
)
def test_check_url_says_what_is_wrong(url, said):
    with pytest.raises(BadUrl, match=said):
        check_url(url, allowed=(), encrypted_only=True)


def test_check_url_in_production_wants_https_but_for_allowed_networks():
    allowed = parse_networks(["10.0.0.0/8"])
    check_url("http://10.1.2.3/", allowed=allowed, encrypted_only=True)
    check_url("http://hooks.internal/", allowed=allowed, encrypted_only=True)  # looked at again when it connects
    for url, networks in (("http://hooks.internal/", ()), ("http://93.184.216.34/", allowed)):
        with pytest.raises(BadUrl, match="https://"):
            check_url(url, allowed=networks, encrypted_only=True)
