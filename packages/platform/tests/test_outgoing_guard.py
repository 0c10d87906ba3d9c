"""Nothing is sent to a forbidden address, however it is written or hidden; judged where sockets connect."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientError
from aiohttp.abc import AbstractResolver

from synergy_platform import outgoing as outgoing_module
from synergy_platform.outgoing import Outgoing, OutgoingFault
from synergy_platform.settings import Settings

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "forbidden_addresses.jsonl").read_text().splitlines()]
# the one address that these tests allow, for a receiver of their own; 127.0.0.1 itself stays forbidden
OURS = "127.0.0.77"
PUBLIC = ["93.184.216.34", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
          "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255", "2606:2800:220:1::1", "2a00:1450::1",
          "64:ff9b::5db8:d822"]  # fmt: skip

_watched: list[tuple[str, str]] | None = None


def _watch(event: str, args: tuple) -> None:
    """An audit hook of the interpreter: sees every connect and look-up of a name, and lets none leave loopback."""
    if _watched is None or event not in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        return
    target = str(args[0] if event == "socket.getaddrinfo" else args[1][0])
    _watched.append((event, target))
    if target != OURS:
        raise ConnectionRefusedError(111, "the test lets nothing out")


sys.addaudithook(_watch)


@pytest.fixture
def watched() -> Iterator[list[tuple[str, str]]]:
    global _watched  # noqa: PLW0603 - an audit hook cannot be taken away, so it is told when to look
    _watched = []
    yield _watched
    _watched = None


class Resolver(AbstractResolver):
    """Answers as the test says, each list once and the last for ever; else like a libc that reads odd numbers."""

    def __init__(self, answers: list[list[str]]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked += 1
        if self._answers:
            addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        else:
            try:
                addresses = [socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))]
            except OSError:
                addresses = ["127.0.0.1"]  # whatever it is, it leads here
        return [
            {"hostname": host, "host": address, "port": port, "proto": 0, "flags": 0,
             "family": socket.AF_INET6 if ":" in address else socket.AF_INET}
            for address in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def opened(answers=(), **settings):
    outgoing = Outgoing(Settings(**settings), resolver=Resolver(list(answers)), timeout=5)
    try:
        yield outgoing
    finally:
        await outgoing.close()


def of(kind: str) -> list[dict]:
    return [case for case in CORPUS if case["kind"] == kind]


def test_corpus_is_large_enough_and_has_no_case_twice():
    assert len(CORPUS) >= 300
    assert len({json.dumps(case) for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("checked", [True, False], ids=["url checked", "guard alone"])
@pytest.mark.parametrize("case", of("direct"), ids=lambda case: ascii(case["url"]))
async def test_guard_connects_to_no_forbidden_address(monkeypatch, watched, case, checked):
    """The second time nothing looks at the URL before: the guard holds by itself."""
    if not checked:
        monkeypatch.setattr(
            outgoing_module, "check_url", lambda url, **_: outgoing_module.urlsplit("http://unchecked/")
        )
    async with opened() as outgoing:
        # the last one is aiohttp's own, for an address without a scheme
        with pytest.raises((OutgoingFault, ClientError, ValueError, AssertionError)):
            await outgoing.post(case["url"], b"{}", {})
    assert watched == []


@pytest.mark.parametrize("case", of("name"), ids=lambda case: case["url"])
async def test_guard_connects_to_no_name_that_leads_to_a_forbidden_address(watched, case):
    async with opened(case["answers"]) as outgoing:
        with pytest.raises(OutgoingFault, match="private or special") as caught:
            await outgoing.post(case["url"], b"{}", {})
    assert watched == []
    told = str(caught.value).replace(case["url"].split("/")[2].lower(), "")
    assert not any(address in told for address in case["answers"][0])


@pytest.mark.parametrize("case", of("rebind"), ids=lambda case: case["url"])
async def test_guard_judges_each_answer_of_a_name_that_changes(watched, case):
    async with opened(case["answers"]) as outgoing:
        for _ in case["answers"]:
            with pytest.raises(OutgoingFault):
                await outgoing.post(case["url"], b"{}", {})
        assert outgoing._resolver.asked == len(case["answers"])
    assert {target for _, target in watched} <= {"93.184.216.34"}


@pytest.mark.parametrize("case", of("redirect"), ids=lambda case: case["url"])
async def test_redirect_is_an_answer_and_is_never_followed(watched, case):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        location = case["url"].format(port=port)
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, OURS, 0) as server:
        port = server.sockets[0].getsockname()[1]
        watched.clear()
        async with opened([["127.0.0.1"]], webhook_allowed_networks=(f"{OURS}/32",)) as outgoing:
            answered = await outgoing.post(f"http://{OURS}:{port}/", b"{}", {})
    assert answered.status == 302
    assert watched == [("socket.connect", OURS)]


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_address_is_connected_to(watched, address):
    """So the tests above could fail: here the guard lets through, and the hook of the test holds it back."""
    host = f"[{address}]" if ":" in address else address
    async with opened([[address]]) as outgoing:
        for url in (f"http://{host}/", "http://public.example/"):
            with pytest.raises(OutgoingFault, match="No connection"):
                await outgoing.post(url, b"{}", {})
    assert {str(ipaddress.ip_address(target)) for _, target in watched} == {str(ipaddress.ip_address(address))}
    assert len(watched) >= 2


async def test_name_with_a_public_and_a_private_address_reaches_only_the_public_one(watched):
    async with opened([["10.0.0.1", "93.184.216.34", "::1", "fd00::1"]]) as outgoing:
        with pytest.raises(OutgoingFault):
            await outgoing.post("http://mixed.example/", b"{}", {})
    assert {target for _, target in watched} == {"93.184.216.34"}
