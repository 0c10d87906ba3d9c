"""`synergy doctor` on a real `synergy up`: well, and with each of the seed faults put into it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import asyncpg
import pytest
from redis import Redis

from synergy_cli.doctor.findings import Runbook
from synergy_platform.embedded.process import free_port
from synergy_testing.doctored import Running, doctor, environment, faults, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests of this file; each leaves it well."""
    home, port = tmp_path_factory.mktemp("doctor") / "home", free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "synergy_cli", "up", "--no-web"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment(SYNERGY_HOME=str(home), SYNERGY_PORT=str(port)),
    )  # fmt: skip
    running = Running(process, home, port)
    try:
        wait_for(running.is_healthy, 90)
        yield running
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


async def _connect(system: Running) -> asyncpg.Connection:
    told = system.services
    return await asyncpg.connect(
        host=told["DB_HOST"], port=int(told["DB_PORT"]), user=told["DB_USER"], password=told["DB_PASSWORD"],
        database=told["DB_NAME"],
    )  # fmt: skip


def test_a_healthy_system_gives_no_alarm(system):
    status, checks, output = system.doctor()
    bad = {name: each for name, each in checks.items() if each["status"] not in {"ok", "skipped"}}
    # nobody has written down the keys of this one
    assert (status, {name: each["status"] for name, each in bad.items()}) == (0, {"backups/keys elsewhere": "warning"})
    assert sum(each["status"] == "ok" for each in checks.values()) >= 40
    for name in ("DB_PASSWORD", "SECRET_KEY", "REDIS_URL", "TASKIQ_BROKER_URL"):
        assert system.services[name] not in output


def test_people_get_a_table(system):
    done = subprocess.run(
        [sys.executable, "-m", "synergy_cli", "doctor"], env=environment(SYNERGY_HOME=str(system.home.path)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "  ok     reachable              The database answers." in done.stdout
    assert " 0 faults, 1 warnings, 0 that could not look" in done.stdout.splitlines()[-1]


def test_database_with_another_password_is_a_refused_database(system):
    status, checks, output = doctor(**system.services | {"DB_PASSWORD": "not-the-password"})
    assert status == 1
    assert faults(checks) == {"database/reachable": "database-refused"}
    assert "refuses the password of synergyos" in checks["database/reachable"]["text"]
    assert "not-the-password" not in output
    assert checks["database/version"]["status"] == "skipped"


def test_database_that_was_stopped_is_a_refused_database(system):
    with system.unattended():
        postmaster = system.postmaster()
        postmaster.send_signal(signal.SIGINT)
        wait_for(lambda: not postmaster.is_running() or postmaster.status() == "zombie", 15)
        status, checks, _ = system.doctor()
    assert status == 1
    found = faults(checks)
    assert found["database/reachable"] == "database-refused"
    assert found["API/ready"] == "database-refused"
    assert "API/live" not in found
    system.wait_well()


def test_worker_that_is_gone_means_that_tasks_are_not_processed(system):
    with system.unattended():
        for process in reversed(system.tree("worker")):
            process.kill()
        # it is believed for 20 s
        checks = wait_for(lambda: "background/worker" in faults(found := system.doctor()[1]) and found, 60)
    found = faults(checks)
    assert found["background/worker"] == "tasks-not-processed"
    assert found["processes/all there"] == "process-does-not-start"
    assert "worker" in checks["processes/all there"]["text"]
    assert "background/scheduler" not in found
    system.wait_well()


async def test_job_that_nobody_does_and_one_that_was_given_up(system):
    connection = await _connect(system)
    try:
        with system.stopped("worker"):
            await connection.execute(
                "INSERT INTO jobs (id, name, queue, payload, state, attempts, run_at, created_at)"
                " VALUES (gen_random_uuid(), 'doctor', 'fast', '{}', 'waiting', 0, now() - interval '1 hour', now()),"
                " (gen_random_uuid(), 'doctor', 'fast', '{}', 'dead', 5, now(), now())"
            )
            status, checks, _ = system.doctor()
            await connection.execute("DELETE FROM jobs WHERE name = 'doctor'")
    finally:
        await connection.close()
    assert status == 1
    assert faults(checks)["background/oldest job"] == "tasks-not-processed"
    assert faults(checks)["processes/none stopped"] == "responses-slow"
    assert checks["background/dead letters"]["status"] == "warning"
    system.wait_well()


def test_limit_of_memory_that_is_too_low_is_memory_high(system):
    status, checks, _ = system.doctor(SYNERGY_API_MAX_MB="30")
    assert status == 1
    assert faults(checks) == {"processes/memory": "memory-high"}


def test_broker_that_is_almost_full_is_memory_high(system):
    with Redis.from_url(system.services["TASKIQ_BROKER_URL"]) as broker:
        before = broker.config_get("maxmemory")["maxmemory"]
        # so much that what the system itself takes and gives back changes nothing; made by the server, whose buffer for
        # a command of that length would be counted, too, until it is given back
        broker.setrange("ballast", 30_000_000, b"x")
        broker.config_set("maxmemory", broker.info()["used_memory"] + 500_000)
        try:
            status, checks, _ = system.doctor()
        finally:
            broker.config_set("maxmemory", before)
            broker.delete("ballast")
    assert status == 1
    assert faults(checks) == {"broker and cache/broker memory": "memory-high"}


def test_broker_that_evicts_is_a_fault(system):
    with Redis.from_url(system.services["TASKIQ_BROKER_URL"]) as broker:
        broker.config_set("maxmemory-policy", "allkeys-lru")
        try:
            status, checks, _ = system.doctor()
        finally:
            broker.config_set("maxmemory-policy", "noeviction")
    assert (status, faults(checks)) == (1, {"broker and cache/broker policy": "tasks-not-processed"})


def test_stopped_api_is_a_slow_answer(system):
    with system.stopped("api"):
        status, checks, _ = system.doctor()
    assert status == 1
    found = faults(checks)
    assert found["API/live"] == found["API/latency"] == found["processes/none stopped"] == "responses-slow"
    system.wait_well()


async def test_locked_table_is_a_slow_answer(system):
    holder, waiter = await _connect(system), await _connect(system)
    waiting = None
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(waiter.fetch("SELECT count(*) FROM tasks"))
        await asyncio.sleep(1)
        status, checks, _ = await asyncio.to_thread(system.doctor)
        await transaction.rollback()
        await waiting
    finally:
        await holder.close()
        await waiter.close()
    assert status == 1
    assert faults(checks)["database/locked tables"] == "responses-slow"
    assert faults(checks)["database/lock waits"] == "responses-slow"
    assert "tasks" in checks["database/locked tables"]["text"]
    system.wait_well()


def test_secret_that_others_can_read_is_a_fault(system):
    secret = system.home.path / "secret-key"
    secret.chmod(0o644)
    try:
        status, checks, _ = system.doctor()
    finally:
        secret.chmod(0o600)
    assert (status, list(faults(checks))) == (1, ["machine/private files"])


def test_production_rules_are_asked_for_by_prod(system):
    status, checks, _ = system.doctor("--prod")
    assert status == 1
    assert "ALLOWED_HOSTS" in checks["settings/safe for production"]["text"]


def test_bad_setting_is_why_a_process_does_not_start(tmp_path):
    bad = {"SYNERGY_HOME": str(tmp_path / "home"), "SYNERGY_ENV": "production", "DEBUG": "1", "WEB_WORKERS": "many"}
    started = subprocess.run(
        [sys.executable, "-m", "synergy_cli", "up", "--no-web"],
        env=environment(**bad),
        capture_output=True,
        check=False,
    )
    assert started.returncode == 78
    status, checks, _ = doctor(**bad)
    assert status == 1
    assert faults(checks)["settings/can be read"] == faults(checks)["system/runs"] == "process-does-not-start"
    assert "DEBUG" in checks["settings/can be read"]["text"]
    assert "WEB_WORKERS" in checks["settings/can be read"]["text"]
    assert checks["database/reachable"]["status"] == "skipped"


def test_home_where_nothing_runs_says_so(tmp_path):
    status, checks, _ = doctor(SYNERGY_HOME=str(tmp_path))
    assert (status, faults(checks)) == (1, {"system/runs": "process-does-not-start"})


def test_home_that_cannot_be_read_is_status_2(tmp_path):
    (tmp_path / "running.json").write_text("{ half")
    done = subprocess.run(
        [sys.executable, "-m", "synergy_cli", "doctor"], env=environment(SYNERGY_HOME=str(tmp_path)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "Could not look" in done.stderr


def test_every_runbook_that_is_named_is_there():
    named = set(get_args(Runbook)) - {""}
    books = {path.stem for path in (Path(__file__).parents[3] / "ops/runbooks").glob("*.md")}
    seeds = {
        "process-does-not-start", "database-refused", "static-files-missing", "tasks-not-processed", "memory-high",
        "responses-slow",
    }  # fmt: skip
    assert seeds <= named <= books
