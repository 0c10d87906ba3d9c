"""Prometheus, Alertmanager and the disks of compose.observability.yaml beside the stack, as its head says."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import test_services
from containers import WATCHERS, container, gateway
from test_images import MOST_OVER_BASE

from synergy_platform.embedded.process import free_port

FILES = "compose.yaml:compose.observability.yaml"
NETWORKS = {"prometheus": {"app"}, "alertmanager": {"app", "egress"}, "disks": {"app"}}
# three more images, and Prometheus needs its time
pytestmark = pytest.mark.full

# the machine that tests run on may be nearly full, and this stack has no mail server: both are true
OF_THE_TESTS = {"MemoryHigh", "DiskLow", "MailsStuck"}
LONGEST_SECONDS = 90


class Watching:
    """The stack that is watched, and who is told."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.told: list[dict[str, Any]] = []

    def url(self, service: str, port: int) -> str:
        """Where this machine reaches it: nothing is published."""
        return f"http://{self.lab.execute(service, 'hostname', '-i').split()[0]}:{port}"

    def ask(self, path: str, **params: str) -> dict[str, Any]:
        """What Prometheus answers."""
        return httpx.get(f"{self.url('prometheus', 9090)}/api/v1/{path}", params=params, timeout=10).json()["data"]

    def names_told(self) -> set[str]:
        """Alerts that the webhook was told to fire."""
        return {each["labels"]["alertname"] for each in self.told if each["status"] == "firing"}


@pytest.fixture(scope="module")
def watching(lab) -> Iterator[Watching]:
    """With the override, by the verb that its head names."""
    found = Watching(lab)

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.told += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    here, port = gateway(lab, "egress"), free_port()
    server = http.server.ThreadingHTTPServer((here, port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = (lab.root / ".env").read_text()
    (lab.root / ".env").write_text(f"{before}COMPOSE_FILE={FILES}\nSYNERGY_ALERT_WEBHOOK=http://{here}:{port}/\n")
    try:
        lab.stack("up")
        lab.wait_healthy()
        yield found
    finally:
        server.shutdown()
        server.server_close()
        volumes = [each["Name"] for each in container(lab, "prometheus")["Mounts"] if each["Destination"] == "/series"]
        volumes += [
            each["Name"] for each in container(lab, "alertmanager")["Mounts"] if each["Destination"] == "/alerts"
        ]
        lab.compose("rm", "--stop", "--force", *WATCHERS)
        lab.docker("volume", "rm", *volumes)
        (lab.root / ".env").write_text(before)


@pytest.mark.parametrize("service", WATCHERS)
def test_service_is_hardened_like_every_other(watching, service):
    test_services.test_inspect_of_each_container_shows_its_limits_and_hardening(watching.lab, service)
    test_services.test_container_seen_from_inside_has_no_power(watching.lab, service)
    told = container(watching.lab, service)
    assert {name.rpartition("_")[2] for name in told["NetworkSettings"]["Networks"]} == NETWORKS[service]
    assert not told["HostConfig"]["PortBindings"]


def test_prometheus_sees_all_targets(watching):
    def up() -> list[str]:
        return sorted(
            each["labels"]["job"] for each in watching.ask("targets")["activeTargets"] if each["health"] == "up"
        )

    watching.lab.wait_for(lambda: up() == ["synergy-api", "synergy-disks", "synergy-worker"], 60)
    assert len(watching.ask("rules")["groups"][0]["rules"]) >= 24
    (manager,) = watching.ask("alertmanagers")["activeAlertmanagers"]
    assert "alertmanager:9093" in manager["url"]


def test_disks_of_the_volumes_are_told_and_what_is_on_them_cannot_be_read(watching):
    query = 'node_filesystem_avail_bytes{job="synergy-disks"} > 0'
    watching.lab.wait_for(lambda: len(watching.ask("query", query=query)["result"]) == 3, 60)
    found = {each["metric"]["mountpoint"] for each in watching.ask("query", query=query)["result"]}
    assert found == {"/disk/database", "/disk/backups", "/disk/series"}
    for folder in ("database", "backups"):
        seen = watching.lab.compose("exec", "-T", "disks", "ls", f"/disk/{folder}", check=False)
        assert "Permission denied" in seen.stderr


def test_nothing_fires_while_all_is_well_and_a_fault_reaches_the_webhook_in_time(watching):
    lab = watching.lab
    ready = 'max(synergy_processes{role="scheduler"}) > 0'
    lab.wait_for(lambda: watching.ask("query", query=ready)["result"], 60)
    time.sleep(25)
    firing = {each["labels"]["alertname"] for each in watching.ask("alerts")["alerts"]}
    assert firing <= OF_THE_TESTS
    lab.compose("stop", "scheduler")
    began = time.monotonic()
    try:
        lab.wait_for(lambda: "SchedulerGone" in watching.names_told(), LONGEST_SECONDS)
        print(f"\nthe webhook was told after {time.monotonic() - began:.0f} s")
    finally:
        lab.compose("start", "scheduler")
        lab.wait_healthy()
    # and where it is told is shown to nobody
    shown = httpx.get(f"{watching.url('alertmanager', 9093)}/api/v2/status", timeout=10).json()["config"]["original"]
    assert "url_file" in shown
    assert (lab.root / "secrets/alert_webhook_url").read_text() not in shown


@pytest.mark.parametrize("service", WATCHERS)
def test_each_line_is_json_of_the_programs_own_shape(watching, service):
    written = watching.lab.run("docker", "logs", container(watching.lab, service)["Id"])
    lines = (written.stdout + written.stderr).splitlines()
    assert lines
    for line in lines:
        entry = json.loads(line)
        assert "level" in entry, line
        assert {"time", "ts"} & set(entry), line


@pytest.mark.parametrize("service", WATCHERS)
def test_image_is_no_larger_than_ours_may_be(watching, service):
    lab = watching.lab
    image = json.loads(lab.docker("image", "inspect", container(lab, service)["Image"]))[0]
    base = json.loads(lab.docker("image", "inspect", lab.env("DEBIAN_IMAGE") or "debian:13-slim"))[0]
    print(f"\n{service}: {(image['Size'] - base['Size']) / 1e6:.0f} MB over its base")
    assert image["Size"] - base["Size"] <= MOST_OVER_BASE
    assert image["Config"]["User"] == "10001"


def test_doctor_takes_them_for_a_part_of_the_stack(watching):
    checks = json.loads(watching.lab.stack("doctor", "--json", check=False).stdout)["checks"]
    states = {f"{each['group']}/{each['name']}": each["status"] for each in checks}
    assert {name: states[name] for name in ("containers/all there", "containers/ports", "containers/volumes")} == {
        "containers/all there": "ok", "containers/ports": "ok", "containers/volumes": "ok",
    }  # fmt: skip
