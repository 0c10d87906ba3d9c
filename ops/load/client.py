"""A client that keeps a number of HTTP/1.1 connections busy, each with one request at a time.

A program of its own, on plain sockets and epoll: a request costs it a few microseconds, so that it does not hide what
the servers differ in. A job comes as JSON on standard input, the result goes as JSON to standard output.
"""

from __future__ import annotations

import array
import select
import socket
import subprocess
import sys
import time

import msgspec

_CHUNK = 1 << 18


class Job(msgspec.Struct, kw_only=True):
    """What to do. `requests` has for each connection the raw requests that it sends in turn."""

    host: str
    port: int
    requests: list[list[str]]
    seconds: float
    warm_up: float
    status: int


class Result(msgspec.Struct, kw_only=True):
    """What happened behind the warm-up: seconds and latencies in seconds.

    `sent` counts the warm-up too; `cpu` is the client's own, of one core.
    """

    requests: int
    sent: int
    errors: int
    seconds: float
    cpu: float
    bytes: int
    latencies: list[float]
    first_error: str | None


class _Connection:
    def __init__(self, job: Job, requests: list[str]) -> None:
        self._address = (job.host, job.port)
        self._requests = [request.encode() for request in requests]
        self._next = 0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = b""
        self.missing = -1
        self.status = 0

    def send(self) -> None:
        self.socket.sendall(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)
        self.head, self.missing = b"", -1
        self.sent = time.perf_counter()

    def receive(self) -> bool:
        """Take what arrived; True when the answer is whole. ConnectionError when the server closed."""
        data = self.socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        if self.missing >= 0:
            self.missing -= len(data)
            return self.missing <= 0
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.status = int(self.head[9:12])
        head = self.head[:end].lower()
        place = head.find(b"content-length:")
        if place < 0:
            raise ConnectionError(f"an answer without content-length: {self.head[:200]!r}")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0])
        self.missing = length - (len(self.head) - end - 4)
        self.length = length
        return self.missing <= 0


def run(job: Job) -> Result:
    """Keep all connections busy for the time of the job."""
    poller = select.epoll()
    connections: dict[int, _Connection] = {}

    def begin(connection: _Connection) -> None:
        connections[connection.socket.fileno()] = connection
        poller.register(connection.socket.fileno(), select.EPOLLIN)
        connection.send()

    for requests in job.requests:
        begin(_Connection(job, requests))
    latencies = array.array("d")
    errors, size, sent, first_error = 0, 0, 0, None
    counting_from = time.perf_counter() + job.warm_up
    until = counting_from + job.seconds
    cpu_at_start = 0.0
    counting = False
    while (now := time.perf_counter()) < until:
        if not counting and now >= counting_from:
            counting, counting_from, cpu_at_start = True, now, time.process_time()
        for descriptor, _ in poller.poll(0.1):
            connection = connections[descriptor]
            try:
                if not connection.receive():
                    continue
            except OSError as error:
                errors, first_error = errors + 1, first_error or str(error)
                poller.unregister(descriptor)
                del connections[descriptor]
                connection.socket.close()
                connection.open()
                begin(connection)
                continue
            sent += 1
            if connection.status != job.status:
                errors, first_error = errors + 1, first_error or connection.head[:600].decode(errors="replace")
            elif counting:
                latencies.append(time.perf_counter() - connection.sent)
                size += connection.length
            connection.send()
    ended = time.perf_counter()
    cpu = time.process_time() - cpu_at_start
    for connection in connections.values():
        connection.socket.close()
    return Result(
        requests=len(latencies), sent=sent, errors=errors, seconds=ended - counting_from,
        cpu=cpu / (ended - counting_from), bytes=size, latencies=latencies.tolist(), first_error=first_error,
    )  # fmt: skip


def run_apart(job: Job) -> Result:
    """Do a job in a process of its own; SystemExit with its words when it failed."""
    done = subprocess.run([sys.executable, __file__], input=msgspec.json.encode(job), capture_output=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0:
        raise SystemExit(f"The client failed: {done.stderr.decode(errors='replace')}")
    return msgspec.json.decode(done.stdout, type=Result)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
