"""Every setting of the services, read back from the containers that run."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from containers import OURS, SERVICES, WATCHERS, addresses, config, container, gateway, network_name

from synergy_platform.settings import documented_settings

USERS = {
    "db": 999, "broker": 999, "cache": 999, "proxy": 101, "backup": 999, **dict.fromkeys((*OURS, *WATCHERS), 10001),
}  # fmt: skip
NETWORKS = {
    "db": {"data"}, "broker": {"data"}, "cache": {"data"}, "backup": {"data", "egress"}, "migrate": {"data"},
    "api": {"edge", "app", "data"}, "worker": {"app", "data", "egress"}, "scheduler": {"app", "data"},
    "web": {"edge"}, "proxy": {"edge"},
}  # fmt: skip
GIB = 1024**3
# What compose.yaml does not hand to the API, and why.
NOT_FOR_CONTAINERS = {
    "SYNERGY_HOME": "the embedded services' data, which compose keeps in volumes",
    "SYNERGY_HOST": "the embedded shape's public address; here the proxy has it",
    "SYNERGY_PORT": "the embedded shape's public port; here the proxy has it",
}

# What a container tells of itself: a line each for its processes, its root, its limits and its secrets.
PROBE = """
for each in /proc/[0-9]*; do
  told=$(awk '/^(Uid|CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):/ {printf "%s ", $2}' "$each/status" 2>/dev/null)
  [ -n "$told" ] && echo "process $told"
done
echo "root $(awk '$2 == "/" {print $4}' /proc/mounts)"
echo "write $( (echo x >/probe) 2>&1 | tail -1)"
echo "tmp $(echo x >/tmp/probe && rm /tmp/probe && echo written)"
echo "memory $(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)"
echo "first $(cat /proc/1/comm)"
for each in /run/secrets/*; do
  [ -e "$each" ] && echo "secret $(stat -c '%a %u %n' "$each") $([ -r "$each" ] && echo readable)"
done
echo "environ $(cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' ')"
echo "cmdline $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0\\n' '  ')"
"""


def secret_values(lab) -> dict[str, str]:
    """Everything in .env that nobody else may know."""
    named = re.compile(r"^(\w*(?:PASSWORD|SECRET\w*|_KEY|TOKEN))=(.+)$", re.MULTILINE)
    found = dict(named.findall((lab.root / ".env").read_text()))
    assert {"SECRET_KEY", "DB_PASSWORD", "REDIS_PASSWORD", "DB_SUPERUSER_PASSWORD"} <= set(found)
    return found


# --- every container ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_inspect_of_each_container_shows_its_limits_and_hardening(lab, service):
    told = container(lab, service)
    host, made = told["HostConfig"], told["Config"]
    assert made["User"] not in {"", "0", "root"}
    assert host["ReadonlyRootfs"] is True
    assert host["Init"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert 0 < host["PidsLimit"] <= 300
    assert 0 < host["NanoCpus"] <= 2_000_000_000
    assert 0 < host["Memory"] <= 2 * GIB
    assert made["StopTimeout"] >= 10
    check = made["Healthcheck"]
    assert check["Interval"] == 10_000_000_000
    assert check["StartPeriod"] > 0
    # it may have been started anew a moment ago
    lab.wait_for(lambda: container(lab, service)["State"]["Health"]["Status"] == "healthy")
    assert not any("docker.sock" in mount["Source"] for mount in told["Mounts"])
    assert host["PidMode"] == ""
    assert host["NetworkMode"] not in {"host", "default"}


@pytest.mark.parametrize("service", SERVICES)
def test_container_seen_from_inside_has_no_power(lab, service):
    lines = [line.partition(" ")[::2] for line in lab.execute(service, "sh", "-c", PROBE).splitlines()]
    told = dict(lines)
    processes = [rest.split() for kind, rest in lines if kind == "process"]
    none = "0" * 16
    assert len(processes) >= 2
    assert processes == [[str(USERS[service]), none, none, none, "1", "2"]] * len(processes)
    assert told["root"].split(",")[0] == "ro"
    assert "Read-only file system" in told["write"]
    assert told["tmp"] == "written"
    assert int(told["memory"]) == container(lab, service)["HostConfig"]["Memory"]
    assert "init" in told["first"]
    secrets = [rest.split() for kind, rest in lines if kind == "secret"]
    assert [(mode, owner, rest) for mode, owner, _, *rest in secrets] == [
        ("400", str(USERS[service]), ["readable"])
    ] * len(secrets)
    if service in {"db", "broker", "cache", "api", "worker", "scheduler"}:
        assert secrets
    for name, value in secret_values(lab).items():
        # the image's own entrypoint hands this to the server, whose environment only the user of the file can read
        if (service, name) != ("db", "DB_SUPERUSER_PASSWORD"):
            assert value not in told["environ"], name
        assert value not in told["cmdline"], name


def test_limits_of_api_and_worker_are_two_cores_and_two_gibibytes(lab):
    services = config(lab)["services"]
    for name in ("api", "worker"):
        resources = services[name]["deploy"]["resources"]
        assert resources["limits"]["memory"] == str(2 * GIB)
        assert float(resources["limits"]["cpus"]) == 2 or lab.env(f"SYNERGY_{name.upper()}_CPUS")
        assert resources["reservations"]["memory"] == str(GIB)
        assert float(resources["reservations"]["cpus"]) == 1
        assert container(lab, name)["HostConfig"]["MemoryReservation"] == GIB
    # what restores runs a second database, and an API on it
    for name in set(services) - {"api", "worker", "db", "backup"}:
        assert int(services[name]["deploy"]["resources"]["limits"]["memory"]) <= GIB / 2


def test_grace_periods_are_longer_than_what_a_service_needs_to_end(lab):
    grace = {name: container(lab, name)["Config"]["StopTimeout"] for name in SERVICES}
    # a request has 30 s, and the scripts of deploy stop with the same periods
    assert grace["api"] == 35
    assert grace["worker"] == 40
    assert grace["proxy"] >= 30
    assert grace["db"] >= 60
    assert container(lab, "proxy")["Config"]["StopSignal"] == "SIGQUIT"


def test_nothing_is_published_but_the_ports_of_the_proxy(lab):
    published = {}
    for service in (*SERVICES, "migrate"):
        bindings = container(lab, service)["HostConfig"]["PortBindings"] or {}
        published |= {(service, port): [each["HostPort"] for each in to] for port, to in bindings.items()}
    assert published == {
        ("proxy", "8080/tcp"): [str(lab.http_port)],
        ("proxy", "8443/tcp"): [str(lab.https_port)],
    }


def test_compose_file_can_be_scaled_and_has_no_version(lab):
    text = (lab.root / "compose.yaml").read_text()
    assert not re.search(r"^\s*(container_name|version|privileged|network_mode|cap_add):", text, re.MULTILINE)
    assert ":latest" not in " ".join(re.findall(r"^\s*image: (?!\$\{SYNERGY_IMAGE_PREFIX)(.+)$", text, re.MULTILINE))


def test_secrets_are_in_no_description_and_no_log(lab):
    ids = lab.compose("ps", "--all", "--quiet").stdout.split()
    places = {
        "docker inspect": lab.docker("inspect", *ids),
        "docker compose config": lab.compose("--profile", "*", "config").stdout,
        "logs": lab.compose("logs", "--no-color").stdout,
    }
    for value_name, value in secret_values(lab).items():
        for place, text in places.items():
            assert value not in text, f"{value_name} is in {place}"


def test_secrets_of_the_host_are_for_their_readers_only(lab):
    folder = lab.root / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (lab.root / ".env").stat().st_mode & 0o777 == 0o600
    declared = config(lab)["secrets"]
    # and one that compose.observability.yaml declares
    assert {path.name for path in folder.iterdir()} == {*declared, "alert_webhook_url"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o400}


def test_every_documented_setting_reaches_the_api_or_the_backups(lab):
    services = config(lab)["services"]
    api, backup = (services[name]["environment"] for name in ("api", "backup"))
    reached = {*api, *backup} | {name.removesuffix("_FILE") for name in (*api, *backup)}
    assert {setting.name for setting in documented_settings()} - reached == set(NOT_FOR_CONTAINERS)
    secrets = {setting.name for setting in documented_settings() if setting.secret}
    assert secrets & set(api) == set()
    for name in secrets & set(backup):
        # it does not ask Redis: the address, without the password
        assert urlsplit(backup[name]).hostname
        assert urlsplit(backup[name]).password is None, name


def test_services_start_in_the_order_of_their_health(lab):
    services = config(lab)["services"]
    after = {
        name: {each: how["condition"] for each, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert after["migrate"] == {"db": "service_healthy"}
    for name in ("api", "worker", "scheduler"):
        assert after[name] == {
            "migrate": "service_completed_successfully",
            "broker": "service_healthy",
            "cache": "service_healthy",
        }
    assert after["web"] == {"migrate": "service_completed_successfully"}
    assert after["proxy"] == {"api": "service_healthy", "web": "service_healthy"}


# --- networks -------------------------------------------------------------------------------------------------------


def reachable(lab, network: str, targets: list[tuple[str, int]]) -> dict[str, str]:
    """For each address, `open` or the error that a container on that network alone meets."""
    script = (
        "import concurrent.futures, json, socket, sys\n"
        "def ask(target):\n"
        "    try:\n"
        "        socket.create_connection(target, 2).close()\n"
        "    except OSError as error:\n"
        "        return str(error)\n"
        "    return 'open'\n"
        "targets = [tuple(each) for each in json.loads(sys.argv[1])]\n"
        "with concurrent.futures.ThreadPoolExecutor(10) as threads:\n"
        "    print(json.dumps(dict(zip([host for host, _ in targets], threads.map(ask, targets)))))\n"
    )
    options = ["--rm", "--network", network, "--cap-drop", "ALL", "--entrypoint", "python"]
    image = container(lab, "api")["Config"]["Image"]
    return json.loads(lab.docker("run", *options, image, "-c", script, json.dumps(targets)))


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_container_is_on_its_own_networks_only(lab, service):
    assert {name.rpartition("_")[2] for name in container(lab, service)["NetworkSettings"]["Networks"]} == (
        NETWORKS[service]
    )


def test_container_on_edge_cannot_reach_database_or_redis(lab):
    ports = {"db": 5432, "broker": 6379, "cache": 6379}
    targets = list(ports.items())
    targets += [(addresses(lab, service)["data"], port) for service, port in ports.items()]
    # the port is asked in the right way: what is on edge does answer
    told = reachable(lab, network_name(lab, "edge"), [*targets, ("api", 8000), ("web", 3000)])
    assert (told.pop("api"), told.pop("web")) == ("open", "open")
    assert len(told) == 6
    assert "open" not in told.values()


def test_internal_networks_have_no_way_out_and_egress_has(lab):
    # the machine's own side of another network, where the proxy's port is published: no internet is needed to tell
    target = (gateway(lab, "egress"), lab.https_port)
    for name in ("data", "app"):
        assert json.loads(lab.docker("network", "inspect", network_name(lab, name)))[0]["Internal"] is True
        assert reachable(lab, network_name(lab, name), [target])[target[0]] != "open"
    assert reachable(lab, network_name(lab, "egress"), [target]) == {target[0]: "open"}
    script = f"import socket; socket.create_connection({target!r}, 3)"
    lab.execute("worker", "python", "-c", script)
    refused = lab.compose("exec", "-T", "scheduler", "python", "-c", script, check=False)
    assert re.search("unreachable|timed out", refused.stderr)


# --- the product's own ----------------------------------------------------------------------------------------------


def test_migrate_has_ended_well(lab):
    state = container(lab, "migrate")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    assert container(lab, "migrate")["HostConfig"]["RestartPolicy"]["Name"] == "no"
    names = {"DB_USER": "synergy_migrator", "DB_PASSWORD_FILE": "/run/secrets/db_migrator_password"}
    environment = dict(line.split("=", 1) for line in container(lab, "migrate")["Config"]["Env"])
    assert {name: environment[name] for name in names} == names


@pytest.mark.parametrize("service", ["api", "worker", "scheduler"])
def test_process_signs_in_as_the_app(lab, service):
    address = addresses(lab, service)["data"]
    query = f"SELECT DISTINCT usename FROM pg_stat_activity WHERE host(client_addr) = '{address}'"  # noqa: S608 - of ours
    assert lab.sql(query) == "synergy_app"


def test_api_runs_four_processes_on_port_8000(lab):
    listed = lab.execute("api", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    # one starts the others and takes no request
    assert listed.count("python -m synergy_api") == 1 + 4
    answer = lab.execute(
        "web", "node", "-e", "fetch('http://api:8000/api/health/live').then(r => console.log(r.status))"
    )
    assert answer == "200"


def test_worker_runs_four_tasks_at_a_time_and_says_that_it_lives(lab):
    environment = dict(line.split("=", 1) for line in container(lab, "worker")["Config"]["Env"])
    assert environment["SYNERGY_WORKER_CONCURRENCY"] == "4"
    for service in ("worker", "scheduler"):
        lab.execute(service, "python", "-m", "synergy_worker", "live")
    with lab.client() as client:
        told = client.get("/api/auth/health/").json()["services"]
    assert (told["worker"], told["scheduler"]) == ("ok", "ok")


def test_web_answers_its_health_check_and_nothing_from_outside_it(lab):
    script = "fetch('http://127.0.0.1:3000/healthz').then(async r => console.log(r.status, await r.text()))"
    assert lab.execute("web", "node", "-e", script).startswith("200")
    assert lab.execute("web", "id", "-u") == "10001"


def test_containers_of_one_service_share_the_files(lab):
    script = "import os; print(os.stat('/media-files').st_uid, os.access('/media-files', os.W_OK))"
    for service in ("api", "worker"):
        assert lab.execute(service, "python", "-c", script) == "10001 True"
    mounts = {each["Destination"]: each["RW"] for each in container(lab, "proxy")["Mounts"]}
    assert mounts == {
        "/etc/nginx/synergy": False, "/tls": True, "/acme": False, "/static-files": False, "/media-files": False,
    }  # fmt: skip
