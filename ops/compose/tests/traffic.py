"""Clients that never stop: a fixed rate of requests over kept TLS connections, and what became of each.

A program of its own, so that it does not share a core's time with the test. It ends on SIGTERM and prints one JSON
object: counts, failures, latencies in seconds, and the title of every task whose creation was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import signal
import ssl
import sys
import time


class Traffic:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.statuses: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []
        self.latencies: list[float] = []
        self.acknowledged: list[str] = []
        self.stopping = asyncio.Event()
        self.due: asyncio.Queue[float] = asyncio.Queue()
        self.numbers = itertools.count()
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def request(self, number: int) -> tuple[str, bytes, str | None]:
        """What is asked as the `number`th: of a hundred, one is a page, five are new tasks, five change one."""
        options, kind = self.options, number % 100
        title = None
        task = options.tasks[number % len(options.tasks)]
        method, path, body = "GET", f"/api/v1/tasks/{task}", b""
        if kind == 0:
            path = "/login"
        elif kind % 20 == 5:
            title = f"{options.prefix} {number}"
            method, path = "POST", f"/api/v1/projects/{options.project}/tasks"
            body = json.dumps({"title": title}).encode()
        elif kind % 20 == 10:
            method, body = "PATCH", json.dumps({"description": f"change {number}"}).encode()
        elif kind % 3 == 0:
            path = "/api/v1/me"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {options.host}\r\nAuthorization: Bearer {options.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return f"{method} {path}", head.encode() + body, title

    async def client(self) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while not self.stopping.is_set():
            try:
                due = await asyncio.wait_for(self.due.get(), 0.5)
            except TimeoutError:
                continue
            name, message, title = self.request(next(self.numbers))
            try:
                async with asyncio.timeout(40):
                    if writer is None:
                        reader, writer = await asyncio.open_connection(
                            "127.0.0.1", self.options.port, ssl=self.context, server_hostname=self.options.host
                        )
                    assert reader is not None
                    writer.write(message)
                    status, keep = await read_answer(reader)
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                self.statuses["failed"] += 1
                self.failures.append(f"{time.strftime('%H:%M:%S')} {name}: {error!r}")
                keep = False
            else:
                self.statuses[str(status)] += 1
                self.latencies.append(time.perf_counter() - due)
                if status >= 400:
                    self.failures.append(f"{time.strftime('%H:%M:%S')} {name}: {status}")
                elif title is not None and status == 201:
                    self.acknowledged.append(title)
            if not keep and writer is not None:
                writer.close()
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()
                reader = writer = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        clients = [asyncio.create_task(self.client()) for _ in range(self.options.clients)]
        began, sent = time.perf_counter(), 0
        while not self.stopping.is_set():
            now = time.perf_counter()
            while sent < (now - began) * self.options.rate:
                self.due.put_nowait(began + sent / self.options.rate)
                sent += 1
            await asyncio.sleep(0.005)
        # what was never sent has not failed: the machine was too slow for the rate, and `requests` tells it
        await asyncio.gather(*clients)
        self.latencies.sort()
        count = len(self.latencies)
        json.dump(
            {
                "seconds": time.perf_counter() - began,
                "requests": sum(self.statuses.values()),
                "statuses": self.statuses,
                "failures": self.failures,
                "p50": self.latencies[count // 2] if count else None,
                "p99": self.latencies[count * 99 // 100] if count else None,
                "longest": self.latencies[-1] if count else None,
                "acknowledged": self.acknowledged,
            },
            sys.stdout,
        )


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of an answer, and whether the connection stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:-2])
    }
    if b"content-length" in fields:
        await reader.readexactly(int(fields[b"content-length"]))
    elif fields.get(b"transfer-encoding") == b"chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    return status, fields.get(b"connection", b"").lower() != b"close"


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("host", "token", "project", "prefix"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--tasks", nargs="+", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--clients", type=int, default=40)
    asyncio.run(Traffic(parser.parse_args()).run())


if __name__ == "__main__":
    main()
