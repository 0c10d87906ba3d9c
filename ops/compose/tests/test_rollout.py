"""Deploys, rollbacks, scaling and kills, while clients never stop."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from clients import RATE, RATE_REACHED, assert_nothing_acknowledged_is_lost, under_way


@pytest.fixture
def clients(lab):
    return functools.partial(under_way, lab)


def test_deploy_under_load_fails_no_request(lab, clients, request):
    # in the short run at a third of the load: it is over sooner
    rounds, rate = (10, RATE) if request.config.getoption("--full") else (1, RATE / 3)
    failed: list[str] = []
    for _ in range(rounds):
        before = {each["Id"] for each in lab.containers("api")}
        with clients(rate) as under:
            lab.stack("deploy", "--tag", f"test-{uuid4().hex[:8]}")
        assert before.isdisjoint(each["Id"] for each in lab.containers("api"))
        assert under.result["requests"] > RATE_REACHED * rate * under.result["seconds"]
        failed += under.result["failures"]
        assert_nothing_acknowledged_is_lost(lab, under)
    assert failed == []


@pytest.mark.full
def test_rollback_brings_the_release_before_and_fails_no_request(lab, clients):
    lab.stack("deploy", "--tag", f"test-{uuid4().hex[:8]}")
    current, previous = lab.env("SYNERGY_VERSION"), lab.env("SYNERGY_PREVIOUS_VERSION")
    with clients(100) as under:
        lab.stack("rollback")
    assert lab.env("SYNERGY_VERSION") == previous
    assert lab.env("SYNERGY_PREVIOUS_VERSION") == current
    assert all(each["Config"]["Image"].endswith(f":{previous}") for each in lab.containers("api"))
    assert under.result["failures"] == []


def test_deploy_of_a_broken_release_goes_back_by_itself(lab, clients):
    tag = f"broken-{uuid4().hex[:8]}"
    prefix = lab.env("SYNERGY_IMAGE_PREFIX")
    current = lab.env("SYNERGY_VERSION")
    for name in ("python", "web"):
        lab.docker("tag", f"{prefix}{name}:{current}", f"{prefix}{name}:{tag}")
    # an API that ends at once
    broken = f"FROM {prefix}python:{current}\nRUN rm -r /venv/lib/python3*/site-packages/granian\n".replace(
        "RUN rm", "USER root\nRUN rm"
    )
    folder = lab.root / "broken"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(f"{broken}USER 10001\n")
    lab.docker("build", "--quiet", "--tag", f"{prefix}python:{tag}", str(folder))
    before = {each["Id"] for each in lab.containers("api")}
    with clients(100) as under:
        done = lab.stack("deploy", "--no-build", "--tag", tag, check=False)
    assert done.returncode == 1
    assert f"{current} runs as before" in done.stderr
    assert "granian" in done.stderr
    assert {each["Id"] for each in lab.containers("api")} == before
    assert lab.env("SYNERGY_VERSION") == current
    assert under.result["failures"] == []


@pytest.mark.full
def test_deploy_whose_background_work_does_not_work_is_not_called_done(lab):
    """Each container lives and the API is ready; only together they are of no use."""
    env = (lab.root / ".env").read_text()
    try:
        (lab.root / ".env").write_text(f"{env}\nTASKIQ_BROKER_URL=redis://broker:6399/0\n")
        refused = lab.stack("deploy", "--tag", f"deaf-{uuid4().hex[:8]}", check=False)
        assert refused.returncode == 1
        assert "With the new containers the system is not well" in refused.stderr
        assert "runs as before" in refused.stderr
    finally:
        (lab.root / ".env").write_text(env)
    lab.stack("deploy", "--no-build", "--tag", lab.env("SYNERGY_VERSION"))
    lab.wait_healthy()


def test_scale_to_three_takes_traffic_on_all_within_ten_seconds(lab):
    try:
        lab.stack("scale", "api=3", "worker=2")
        time.sleep(10)
        with lab.client() as client:
            for _ in range(60):
                assert client.get("/api/v1/nothing").status_code in {401, 404}
        # compose's own `logs` puts terminal codes between the lines
        lines = lab.docker("logs", "--since", "30s", lab.containers("proxy")[0]["Id"]).splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        used = {entry["synergy.upstream_address"] for entry in entries if entry["url.path"] == "/api/v1/nothing"}
        assert len(used) == 3
        assert len(lab.containers("worker")) == 2
    finally:
        lab.stack("scale", "api=1", "worker=1")
    assert len(lab.containers("api")) == 1


def test_scale_beyond_the_database_is_refused_with_a_sentence(lab):
    done = lab.stack("scale", "api=50", check=False)
    assert done.returncode == 1
    assert "connections" in done.stderr
    assert len(lab.containers("api")) == 1


def test_migrate_ten_at_once_leaves_nothing_to_do(lab):
    command = ["docker", "compose", "run", "--rm", "--no-deps", "-T", "migrate"]
    started = [
        subprocess.Popen(
            command, cwd=lab.root, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(10)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 10, outputs
    assert all("already" in output for output in outputs)


def test_schema_that_the_code_does_not_know_makes_the_api_not_ready(lab):
    known = lab.sql("SELECT version_num FROM alembic_version")
    try:
        lab.sql("UPDATE alembic_version SET version_num = '0000'")
        deadline = time.monotonic() + 20
        with lab.client() as client:
            while client.get("/api/health/ready").status_code != 503 and time.monotonic() < deadline:
                time.sleep(0.5)
            assert client.get("/api/health/ready").status_code == 503
            assert client.get("/api/health/live").status_code == 200
    finally:
        lab.sql(f"UPDATE alembic_version SET version_num = '{known}'")  # noqa: S608 - what it was
    lab.wait_healthy()


ALWAYS = ("api", "worker", "broker", "db")
SOMETIMES = tuple(pytest.param(name, marks=pytest.mark.full) for name in ("web", "scheduler", "cache", "proxy"))


@pytest.mark.parametrize("service", [*ALWAYS, *SOMETIMES])
def test_kill_of_a_container_heals_and_loses_nothing_acknowledged(lab, clients, service):
    with clients(50) as under:
        container = lab.containers(service)[0]
        # by its process: an engine does not start again what was killed through the engine
        os.kill(container["State"]["Pid"], signal.SIGKILL)
        time.sleep(5)
        lab.wait_healthy()
    after = lab.containers(service)[0]
    assert after["Id"] == container["Id"]
    assert after["State"]["StartedAt"] > container["State"]["StartedAt"]
    assert_nothing_acknowledged_is_lost(lab, under)
    if service in {"worker", "scheduler", "broker", "cache"}:
        assert under.result["failures"] == []


def test_sigterm_during_a_slow_upload_lets_it_end(lab):
    """The upload needs four seconds more when its API is told to end."""
    with lab.signed_in() as client:
        task = lab.new_task(client)
        lab.stack("scale", "api=2")
        content = b"x" * 1_000_000
        boundary = "slow"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
        body = head + content + f"\r\n--{boundary}--\r\n".encode()
        told = threading.Event()

        def slowly() -> Iterator[bytes]:
            yield body[:1000]
            told.wait(20)
            for start in range(1000, len(body), len(body) // 8):
                time.sleep(0.5)
                yield body[start : start + len(body) // 8]

        def tell() -> None:
            time.sleep(1)
            for each in lab.containers("api"):
                os.kill(each["State"]["Pid"], signal.SIGTERM)
                break
            told.set()

        teller = threading.Thread(target=tell)
        teller.start()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(len(body)),
        }  # fmt: skip
        answer = client.post(f"/api/v1/tasks/{task}/attachments", content=slowly(), headers=headers)
        teller.join()
        assert answer.status_code == 201, answer.text
    lab.wait_healthy()
    lab.stack("scale", "api=1")


def test_sigterm_with_open_streams_ends_within_the_grace_period(lab):
    with lab.signed_in() as client, contextlib.ExitStack() as streams:
        for _ in range(5):
            response = streams.enter_context(client.stream("GET", "/api/v1/events"))
            assert response.status_code == 200
            next(response.iter_raw())
        container = lab.containers("api")[0]
        began = time.monotonic()
        lab.docker("stop", "--time", "35", container["Id"])
        took = time.monotonic() - began
        lab.docker("start", container["Id"])
    lab.wait_healthy()
    assert took < 15


def test_proxy_takes_a_changed_configuration_without_losing_a_connection(lab):
    with lab.client() as client:
        assert client.get("/api/health/live").status_code == 200
        path = lab.root / "nginx/snippets/maps.conf"
        kept = path.read_text()
        try:
            path.write_text(kept + 'map $host $unused { default ""; }\n')
            lab.execute("proxy", "reload-proxy")
            time.sleep(1)
            with httpx.Client(base_url=client.base_url, verify=False) as fresh:
                assert fresh.get("/api/health/live").status_code == 200
            path.write_text("nonsense\n")
            refused = lab.compose("exec", "-T", "proxy", "reload-proxy", check=False)
            assert refused.returncode != 0
            with httpx.Client(base_url=client.base_url, verify=False) as fresh:
                assert fresh.get("/api/health/live").status_code == 200
        finally:
            path.write_text(kept)
            lab.execute("proxy", "reload-proxy")
