"""Plain HTTP/1.1 on kept connections: blocking, for one request after the other, and in asyncio, for many at once."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator

import msgspec

from synergy_domain.demo import PASSWORD

_CHUNK = 1 << 18
_LENGTH = b"content-length:"


class Answer(msgspec.Struct, frozen=True):
    """An answer, and the seconds from the first byte sent to the last one received."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


def raw(method: str, path: str, body: bytes = b"", token: str | None = None, *, host: str = "localhost") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def raw_sign_in(name: str, password: str = PASSWORD, *, device_id: str | None = None) -> bytes:
    """A sign-in, by default with the right password."""
    credentials = {"identifier": name, "password": password}
    if device_id:
        credentials["device_id"] = device_id
    return raw("POST", "/api/v1/auth/login", msgspec.json.encode(credentials))


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first[9:12]), {name.strip().lower(): value.strip() for name, _, value in pairs}


class Wire:
    """A connection that is asked one thing at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Answer:
        """Send it and wait for the whole answer."""
        began = time.perf_counter()
        self._socket.sendall(request)
        data, missing = b"", 1
        while missing > 0:
            part = self._socket.recv(_CHUNK)
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
            head, end, body = data.partition(b"\r\n\r\n")
            if end:
                lower = head.lower()
                place = lower.find(_LENGTH)
                length = int(lower[place + len(_LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0
                missing = length - len(body)
        seconds = time.perf_counter() - began
        status, headers = _read_head(head)
        return Answer(status, headers, body, seconds)

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class AsyncWire:
    """The same for asyncio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncWire:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port, ssl=tls))

    async def ask(self, request: bytes) -> Answer:
        """Send it and wait for the whole answer."""
        began = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, headers = _read_head(head)
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self._chunks()])
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(status, headers, body, time.perf_counter() - began)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int((await self._reader.readline()).partition(b";")[0], 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()

    async def follow(self, request: bytes) -> AsyncIterator[bytes]:
        """The lines of a stream, until it ends; ConnectionError when it is refused."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if _read_head(head)[0] != 200:
            raise ConnectionError(f"the stream was refused: {head[:200]!r}")
        while line := await self._reader.readline():
            yield line

    def close(self) -> None:
        """Close it."""
        self._writer.close()
