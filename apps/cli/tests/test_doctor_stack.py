"""The stack's doctor, as far as no engine is needed: what the engine's words mean, and psql for real.

`_container` has the shape of `docker inspect` of a real one. With an engine, ops/compose/tests/test_doctor.py asks the
whole stack.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from synergy_cli.backup.hints import keys_hint
from synergy_cli.doctor.checks import background
from synergy_cli.doctor.embedded import LIMITS_MB
from synergy_cli.doctor.findings import NotSeen
from synergy_cli.doctor.queries import QUERIES
from synergy_cli.stack import compose, containers, doctor
from synergy_cli.stack.compose import Stack
from synergy_cli.stack.containers import Seen
from synergy_cli.stack.init import secret_files
from synergy_cli.stack.inside import psql_words, read_answers, read_info
from synergy_platform import heartbeats
from synergy_platform.embedded.postgres import binaries
from synergy_platform.settings import EXIT_BAD_SETTINGS, checking, reading

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def _container(service: str, **changes: Any) -> dict[str, Any]:
    state = {
        "Status": "running", "Restarting": False, "OOMKilled": False, "ExitCode": 0, "Health": {"Status": "healthy"},
        "StartedAt": "2026-11-30T11:55:51.763547128Z", "FinishedAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    host = {"Memory": 64 << 20, "Privileged": False, "ReadonlyRootfs": True, "CapDrop": ["ALL"]}
    everywhere = "0.0.0.0"  # noqa: S104 - as the engine says it of the proxy's ports
    ports = {"8443/tcp": [{"HostIp": everywhere, "HostPort": "443"}]} if service == "proxy" else {"8000/tcp": None}
    return {
        "Id": service, "Name": f"/synergyos-{service}-1", "RestartCount": changes.get("restarts", 0),
        "State": state | changes.get("state", {}),
        "Config": {
            "Labels": {"com.docker.compose.service": service}, "User": "10001",
            "Image": changes.get("image", "synergyos/python:0.4.0"), **changes.get("config", {}),
        },
        "HostConfig": host | changes.get("host", {}),
        "NetworkSettings": {"Ports": changes.get("ports", ports)},
    }  # fmt: skip


def _seen(*more: dict[str, Any], **changes: Any) -> Seen:
    replaced = {each["Config"]["Labels"]["com.docker.compose.service"] for each in more}
    services = ("api", "worker", "proxy", "migrate")
    ended = {"Status": "exited", "Health": None}
    found = [_container(name, state=ended if name == "migrate" else {}) for name in services if name not in replaced]
    config = {
        "services": {name: {"deploy": {"replicas": 1}} for name in services},
        "volumes": {"db": {"name": "synergyos_db"}},
    }
    values = {
        "config": config, "containers": [*found, *more], "memory": {"api": 40.0},
        "volumes": frozenset({"synergyos_db"}), "tag": "0.4.0", "now": NOW,
    }  # fmt: skip
    return Seen(**values | changes)


@pytest.mark.parametrize("name", [name for name, _ in doctor._CONTAINERS])
def test_healthy_containers_give_no_alarm(name):
    assert dict(doctor._CONTAINERS)[name](_seen()).status == "ok"


@pytest.mark.parametrize(
    ("check", "container", "status", "runbook"),
    [
        (containers.all_there, {"state": {"Status": "exited", "ExitCode": 78}}, "fault", "process-does-not-start"),
        (containers.healthy, {"state": {"Health": {"Status": "unhealthy"}}}, "fault", "process-does-not-start"),
        (containers.healthy, {"state": {"Health": {"Status": "starting"}}}, "warning", "process-does-not-start"),
        (containers.restarts, {"restarts": 1}, "warning", "process-does-not-start"),
        (containers.restarts, {"restarts": 3}, "fault", "process-does-not-start"),
        (containers.restarts, {"state": {"Restarting": True}}, "fault", "process-does-not-start"),
        (containers.out_of_memory, {"state": {"OOMKilled": True}}, "fault", "memory-high"),
        (containers.limits, {"host": {"Memory": 0}}, "warning", "memory-high"),
        (containers.one_version, {"image": "synergyos/python:0.3.0"}, "fault", ""),
        (containers.ports, {"ports": {"8000/tcp": [{"HostPort": "8000"}]}}, "fault", ""),
        (containers.rights, {"host": {"CapDrop": None}}, "warning", ""),
        (containers.rights, {"config": {"User": ""}}, "warning", ""),
    ],
)
def test_container_with_a_fault(check, container, status, runbook):
    found = check(_seen(_container("api", **container)))
    assert (found.status, found.runbook) == (status, runbook)
    assert found.fix


def test_faulty_settings_are_named_as_the_reason():
    found = containers.all_there(_seen(_container("api", state={"Status": "exited", "ExitCode": 78})))
    assert "faulty settings" in found.text


def test_restart_of_yesterday_is_no_alarm():
    assert containers.restarts(_seen(_container("api", restarts=5), now=NOW + timedelta(days=1))).status == "ok"


def test_memory_volume_migration_and_tag():
    assert containers.memory(_seen(memory={"api": 96.0})).runbook == "memory-high"
    assert containers.volumes(_seen(volumes=frozenset())).status == "fault"
    assert containers.one_version(_seen(tag="0.5.0")).status == "fault"
    failed = _container("migrate", state={"Status": "exited", "ExitCode": 1})
    assert containers.migrated(_seen(failed)).status == "fault"
    proxy = _container("proxy", ports={})
    assert containers.ports(_seen(proxy)).status == "fault"


def test_without_containers_nothing_is_called_well():
    empty = _seen(containers=[], memory={})
    assert containers.all_there(empty).status == "fault"
    for name, check in doctor._CONTAINERS:
        if name not in {"all there", "volumes"}:
            with pytest.raises(NotSeen):
                check(empty)


def test_shares_and_info_as_the_programs_write_them():
    assert doctor.read_shares("4281cd 5.36%\nb23ef3 --\n") == {"4281cd": 5.36}
    told = read_info(
        "# Server\r\nredis_version:7.4.1\r\nmaxclients:10000\r\nmaxmemory:33554432\r\nmaxmemory_policy:noeviction\r\n"
    )
    assert told["redis_version"] == "7.4.1"
    assert (told["maxmemory_policy"], told["maxclients"]) == ("noeviction", "10000")


def test_psql_answers_every_question(own_settings, services):
    postgres = services[0]
    command = [str(binaries() / "psql"), postgres.url(own_settings.db_name, superuser=True)]
    done = subprocess.run(
        [*command, *psql_words([*QUERIES, "version"], own_settings.db_user)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert set(read_answers(done.stdout)) == set(QUERIES)
    assert read_answers("version\t160004\nnot ours\t1\nlock_waits\t") == {"version": 160004, "lock_waits": None}


def test_settings_of_env_that_production_refuses(tmp_path):
    (tmp_path / ".env").write_text("SECRET_KEY=changeme\nDEBUG=1\nCORS_ALLOWED_ORIGINS=*\n")
    assert len(doctor.production_faults(Stack(tmp_path))) == 4
    assert doctor.secrets_there(tmp_path).fix == "Run `just init`."


def test_keys_of_env_have_the_hint_that_the_backup_container_records(tmp_path):
    (tmp_path / ".env").write_text('SECRET_KEY="new, old"\nSYNERGY_BACKUP_KEY=kept\n')
    assert doctor.read_settings(Stack(tmp_path), is_production=True).keys_hint == keys_hint(("new", "old"), "kept")


def test_what_the_standard_library_cannot_import_is_as_where_it_comes_from():
    assert doctor._PLACEHOLDERS == checking._PLACEHOLDER_SECRETS
    assert doctor._MIN_SECRET_LENGTH == checking._MIN_SECRET_LENGTH
    assert compose._ON == reading._TRUE
    assert containers._BAD_SETTINGS == EXIT_BAD_SETTINGS
    assert background.SILENT_SECONDS == heartbeats.SILENT_AFTER_SECONDS


def test_secrets_and_limits_are_those_of_compose():
    root = Path(__file__).parents[3]
    told = yaml.safe_load((root / "compose.yaml").read_text())
    watching = yaml.safe_load((root / "compose.observability.yaml").read_text())
    assert set(secret_files({})) == {*told["secrets"], *watching["secrets"]}
    # the default, where it can be set
    memory = {
        name: re.sub(r"\$\{\w+:-(\w+)\}", r"\1", told["services"][name]["deploy"]["resources"]["limits"]["memory"])
        for name in LIMITS_MB
    }
    assert memory == {name: {512: "512M", 2048: "2G"}[limit] for name, limit in LIMITS_MB.items()}
