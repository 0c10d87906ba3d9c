"""Certificates by ACME: Pebble is the authority, and looks at the real proxy."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

HOST = "work.example.test"
PEBBLE = Path(__file__).parents[1] / "pebble"


def set_hosts(lab: Any, hosts: str) -> None:
    lines = (lab.root / ".env").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("ALLOWED_HOSTS=")]
    (lab.root / ".env").write_text("\n".join([*kept, f"ALLOWED_HOSTS={hosts}"]) + "\n")
    # the proxy alone would send on what the API then refuses
    lab.stack("restart", "api", "web", "proxy")
    lab.wait_healthy()


@pytest.fixture
def named(lab) -> Iterator[Any]:
    """The stack, with a public name; at the end all is as before."""
    before = (lab.root / ".env").read_text()
    set_hosts(lab, f"localhost,{HOST}")
    try:
        yield lab
    finally:
        lab.compose("--profile", "tls", "rm", "--stop", "--force", "certbot")
        (lab.root / ".env").write_text(before)
        lab.execute("proxy", "rm", "-rf", "/tls/acme", "/tls/current")
        set_hosts(lab, lab.env("ALLOWED_HOSTS"))
        (lab.root / ".env").write_text(before)


@pytest.fixture
def authority(named) -> Iterator[str]:
    """Pebble on the stack's networks; its root certificate in PEM."""
    [proxy] = named.containers("proxy")
    project = proxy["Config"]["Labels"]["com.docker.compose.project"]
    address = proxy["NetworkSettings"]["Networks"][f"{project}_edge"]["IPAddress"]
    image, name = f"{project}/pebble", f"{project}-pebble"
    named.docker("build", "--quiet", "--tag", image, str(PEBBLE))
    named.docker("rm", "--force", name, check=False)
    named.docker(
        "create", "--name", name, "--network", f"{project}_egress", "--network-alias", "pebble",
        "--add-host", f"{HOST}:{address}", "--publish", "127.0.0.1::15000", image,
    )  # fmt: skip
    try:
        named.docker("network", "connect", f"{project}_edge", name)
        named.docker("start", name)
        management = named.docker("port", name, "15000/tcp").splitlines()[0]
        # it tells the root that it has just made, over a certificate that nobody knows
        with httpx.Client(verify=False) as client:
            yield answer_soon(client, f"https://{management}/roots/0")
    finally:
        named.docker("rm", "--force", name)


def answer_soon(client: httpx.Client, url: str) -> str:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx.TransportError):
            return client.get(url).raise_for_status().text
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.2)


def certificate(lab: Any, root: str) -> dict[str, Any]:
    """What the proxy shows for HOST, as far as `root` has signed it for that name; {} where it has not."""
    context = ssl.create_default_context(cadata=root)
    try:
        with (
            socket.create_connection(("127.0.0.1", lab.https_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as secure,
        ):
            return dict(secure.getpeercert() or {})
    except ssl.SSLCertVerificationError:
        return {}


def wait_for_other(lab: Any, root: str, serial: str | None, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        shown = certificate(lab, root)
        if shown and shown["serialNumber"] != serial:
            return shown
        assert time.monotonic() < deadline, f"no new certificate within {seconds} s"
        time.sleep(0.5)


@dataclass
class Visitors:
    """Requests without a pause, each over a connection of its own, to both names."""

    lab: Any
    count: int = 0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.visit)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.thread.join()

    def visit(self) -> None:
        while not self.ending.is_set():
            for host in ("localhost", HOST):
                self.count += 1
                try:
                    with self.lab.client(headers={"Host": host}) as client:
                        status = client.get("/api/auth/health/").status_code
                except httpx.HTTPError as error:
                    self.failures.append(f"{host}: {error!r}")
                else:
                    if status != 200:
                        self.failures.append(f"{host}: {status}")
            time.sleep(0.02)


def hsts(lab: Any, host: str) -> str | None:
    with lab.client(headers={"Host": host}) as client:
        return client.get("/login").headers.get("Strict-Transport-Security")


@pytest.mark.full
def test_tls_init_with_a_public_name_brings_and_renews_its_certificate(named, authority):
    lab = named
    lab.compose("--profile", "tls", "build", "--quiet", "certbot")
    assert certificate(lab, authority) == {}
    assert hsts(lab, HOST) is None

    with Visitors(lab) as visitors:
        lab.stack(
            "tls", "init", "--email", "ops@example.org", "--server", "https://pebble:14000/dir", "--insecure"
        )  # fmt: skip
        first = wait_for_other(lab, authority, None, 20)
        issuer = {name: value for part in first["issuer"] for name, value in part}
        assert issuer["commonName"].startswith("Pebble Intermediate CA"), json.dumps(issuer)
        assert ("DNS", HOST) in first["subjectAltName"]

        lab.stack("tls", "renew", "--force")
        second = wait_for_other(lab, authority, first["serialNumber"], 20)
        assert second["issuer"] == first["issuer"]
        # the old workers end
        time.sleep(3)
    assert visitors.failures == []
    assert visitors.count > 100

    assert (hsts(lab, HOST) or "").startswith("max-age=31536000")
    assert hsts(lab, "localhost") is None

    assert "tls" in lab.env("COMPOSE_PROFILES").split(",")
    deadline = time.monotonic() + 40
    while (states := [each["State"]["Health"]["Status"] for each in lab.containers("certbot")]) != ["healthy"]:
        assert time.monotonic() < deadline, states
        time.sleep(0.5)
    assert "renewal failed" not in lab.compose("logs", "--no-color", "certbot").stdout


@pytest.mark.full
def test_tls_init_with_only_localhost_says_what_is_missing(lab):
    assert lab.env("ALLOWED_HOSTS") == "localhost"
    done = lab.stack("tls", "init", "--email", "ops@example.org", check=False)
    assert done.returncode == 1
    assert "No certificate authority gives a certificate for localhost" in done.stderr
    assert "Traceback" not in done.stderr
    assert lab.env("COMPOSE_PROFILES") == ""
