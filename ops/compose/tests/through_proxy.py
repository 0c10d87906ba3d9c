"""How the tests speak to the proxy: with a client, or byte by byte."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx

MIB = 1024 * 1024
PASSWORD = "a quiet river bends twice"
SECURITY_HEADERS = {
    "content-security-policy": r"(?=.*base-uri 'none')default-src 'none'.*frame-ancestors 'none'.*",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer|same-origin",
    "permissions-policy": r".*camera=\(\).*",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-request-id": r"[A-Za-z0-9._-]{8,128}",
}
# what tells an attacker something, is obsolete, or may not be there with a self-signed certificate
FORBIDDEN_HEADERS = {"strict-transport-security", "x-xss-protection", "x-powered-by", "x-accel-redirect", "via"}
# lists: a second field adds to the first
LIST_HEADERS = {"vary", "set-cookie", "cache-control", "link"}


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(lab, *, tls: bool = True, context: ssl.SSLContext | None = None) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", lab.https_port if tls else lab.http_port), 20)
    return (context or trusting()).wrap_socket(plain, server_hostname="localhost") if tls else plain


def raw(lab, message: bytes, *, tls: bool = True) -> bytes:
    """What comes back for these bytes, until the proxy closes or says nothing for four seconds."""
    answer = b""
    with contextlib.suppress(OSError), connect(lab, tls=tls) as connection:
        connection.sendall(message)
        connection.settimeout(4)
        while part := connection.recv(65536):
            answer += part
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an error of the API or in its name."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert set(told) >= {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


def log_lines(lab, service: str, request_id: str) -> list[dict[str, Any]]:
    """The lines of a service's log about one request, as soon as there is one."""
    deadline = time.monotonic() + 15
    while True:
        text = lab.docker("logs", "--since", "5m", lab.containers(service)[0]["Id"])
        found = [json.loads(line) for line in text.splitlines() if request_id in line]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


@contextlib.contextmanager
def another_proxy(lab, **settings: str) -> Iterator[tuple[int, int]]:
    """A second proxy before the same stack, with other settings; its plain port and its port for TLS."""
    first = lab.containers("proxy")[0]
    (edge,) = first["NetworkSettings"]["Networks"]
    environment = dict(line.split("=", 1) for line in first["Config"]["Env"]) | settings
    words = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    identity = lab.docker(
        "run", "--detach", "--init", "--read-only", "--tmpfs=/tmp", "--cap-drop", "ALL", "--network", edge,
        "--volumes-from", first["Id"], "--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::8443", *words,
        first["Config"]["Image"],
    )  # fmt: skip
    try:
        ports = [int(lab.docker("port", identity, port).rpartition(":")[2]) for port in ("8080/tcp", "8443/tcp")]
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://localhost:{ports[0]}/api/health/live", timeout=5)
                break
            assert time.monotonic() < deadline, lab.docker("logs", identity)
            time.sleep(0.2)
        yield ports[0], ports[1]
    finally:
        lab.docker("rm", "--force", identity)


def assert_headers(fields: list[tuple[str, str]], name: str) -> None:
    names = [field.lower() for field, _ in fields]
    values = {field.lower(): value for field, value in fields}
    for header, pattern in SECURITY_HEADERS.items():
        assert names.count(header) == 1, f"{name}: {header} {names.count(header)} times"
        assert re.fullmatch(pattern, values[header]), f"{name}: {header}: {values[header]}"
    assert not FORBIDDEN_HEADERS & set(names), name
    doubled = {field for field in names if names.count(field) > 1} - LIST_HEADERS
    assert not doubled, f"{name}: {doubled}"
    assert values.get("server", "nginx") == "nginx", name


def raw_fields(answer: bytes) -> list[tuple[str, str]]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return [(line.partition(":")[0], line.partition(":")[2].strip()) for line in lines]
