"""What watches the system: its rules fire when they should, and name only what there is."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import prometheus_client
import pytest
import yaml
from prometheus_client.registry import Collector

from synergy_platform.machine import Machine

OPS = Path(__file__).parents[1]
RULES = OPS / "prometheus" / "alerts.yml"
DASHBOARD = OPS / "grafana" / "dashboard.json"
SCRAPE_SECONDS = 10

# where metrics are declared; what each process really tells is tested with the API and with the worker
MODULES = (
    "synergy_api.metrics",
    "synergy_platform.certificate",
    "synergy_platform.connections",
    "synergy_platform.jobs.counters",
    "synergy_platform.mail.outbox",
    "synergy_platform.metrics",
    "synergy_platform.outgoing",
    "synergy_platform.passwords",
    "synergy_platform.spans",
    "synergy_platform.vitals",
    "synergy_platform.wal",
    "synergy_worker.upkeep",
)
# of Prometheus itself, of its client for each process, and of its exporter for disks
ELSEWHERE = {
    "up": {"job"},
    "process_start_time_seconds": set(),
    "node_filesystem_avail_bytes": {"mountpoint"},
    "node_filesystem_size_bytes": {"mountpoint"},
}
# given by Prometheus to what it reads
OF_TARGETS = {"job", "instance"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("amtool") is None,
    reason="Debian's packages prometheus and prometheus-alertmanager are not installed",
)


def alerts() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries(panels: list[dict]) -> Iterator[str]:
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", ()))
        yield from queries(panel.get("panels", []))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """The labels of each series by its name."""
    found: dict[str, set[str]] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        for metric in vars(module).values():
            if isinstance(metric, prometheus_client.metrics.MetricWrapperBase):
                labels = set(metric._labelnames)
                for suffix in SUFFIXES[metric._type]:
                    found[metric._name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    machine: Collector = Machine(Path("/"))
    found |= {metric.name: set(metric.samples[0].labels) for metric in machine.collect()}
    return found


def named(query: str) -> dict[str, set[str]]:
    """The series that a query asks for, and the labels by which it chooses them."""
    found: dict[str, set[str]] = {}
    for name, choice in re.findall(
        r"\b((?:synergy|process|node)_\w+|up)\b(\{[^}]*\})?", re.sub(r'"[^"]*"', '""', query)
    ):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", choice))
    return found


def grouped(query: str) -> set[str]:
    return {label for labels in re.findall(r"\bby \(([^)]*)\)", query) for label in re.findall(r"\w+", labels)}


DASHBOARD_QUERIES = list(queries(json.loads(DASHBOARD.read_text())["panels"]))
QUERIES = [rule["expr"] for rule in alerts()] + DASHBOARD_QUERIES


@pytest.mark.parametrize("query", QUERIES)
def test_query_asks_for_what_is_exported(query, exported):
    series = named(query)
    assert series, "it names no metric"
    anywhere = set(OF_TARGETS)
    for name, labels in series.items():
        known = (exported | ELSEWHERE)[name]
        anywhere |= known
        assert labels <= known | OF_TARGETS, name
    assert grouped(query) <= anywhere


def test_a_query_of_what_is_not_there_would_be_noticed(exported):
    assert named('rate(synergy_gone_total{state="a, b=c"}[1m])') == {"synergy_gone_total": {"state"}}
    assert "synergy_gone_total" not in exported


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alert_says_what_to_do_and_how_urgent_it_is(rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    text = (OPS.parent / rule["annotations"]["runbook"]).read_text()
    assert rule["annotations"]["runbook"].startswith("ops/runbooks/")
    assert f"`{rule['alert']}`" in text.splitlines()[2]
    for part in ("## How it shows", "## How to look", "## How to mend it", "## How to see that it is mended"):
        assert part in text


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_alert_is_tried_with_a_series_that_fires_it_and_with_one_that_does_not(rule):
    """Within 90 s: the faults of the tests begin after 60 s, and are looked for at 150 s."""
    seen = []
    for path in (OPS / "prometheus" / "tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            assert test["interval"] == f"{SCRAPE_SECONDS}s"
            for case in test["alert_rule_test"]:
                assert case["eval_time"] == "2m30s"
                if case["alertname"] == rule["alert"]:
                    seen.append(bool(case["exp_alerts"]))
    assert set(seen) == {True, False}


def test_each_alert_has_a_fault_that_is_put_into_a_running_system():
    tried = re.findall(r'^@fault\(\d+, "(\w+)"\)', (OPS / "alerts" / "faults.py").read_text(), re.MULTILINE)
    # to fill the memory of the machine would do it, and end the test
    assert sorted([*tried, "MemoryHigh"]) == sorted(rule["alert"] for rule in alerts())


def test_rules_are_judged_as_often_as_their_tests_say():
    config = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == config["global"]["evaluation_interval"] == f"{SCRAPE_SECONDS}s"
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    assert set(re.findall(r'job="([^"]*)"', RULES.read_text())) == jobs


@needs_promtool
def test_rules_fire_when_they_should_and_only_then():
    done = run("promtool", "test", "rules", *sorted((OPS / "prometheus" / "tests").glob("*.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_configuration_of_prometheus_can_be_read():
    done = run("promtool", "check", "config", OPS / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def alertmanager_config(secrets: Path, **environment: str) -> str:
    """What docker/alertmanager.sh makes of this environment."""
    done = subprocess.run(
        [OPS.parent / "docker" / "alertmanager.sh", "config"], capture_output=True, text=True, check=True,
        env={"SYNERGY_ALERTMANAGER_CONFIG": str(OPS / "alertmanager"), "SYNERGY_SECRETS": str(secrets), **environment},
    )  # fmt: skip
    return done.stdout


MAIL = {"SYNERGY_ALERT_MAIL": "ops@example.org, it's night <night@example.org>", "EMAIL_HOST": "mail.example.org"}


@needs_promtool
@pytest.mark.parametrize("environment", [{}, MAIL, MAIL | {"EMAIL_HOST_USER": "us", "EMAIL_USE_TLS": "No"}])
def test_configuration_of_alertmanager_can_be_read(tmp_path, environment):
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager_config(tmp_path, **environment))
    done = run("amtool", "check-config", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_the_environment_names_is_told_and_nobody_else(tmp_path):
    def receiver(**environment: str) -> dict:
        (told,) = yaml.safe_load(alertmanager_config(tmp_path, **environment))["receivers"]
        return told

    webhook = tmp_path / "alert_webhook_url"
    webhook.touch()  # as `just init` writes it where none is wanted
    assert receiver() == {"name": "operators"}
    (mail,) = receiver(**MAIL)["email_configs"]
    assert (mail["to"], mail["smarthost"], mail["require_tls"]) == (
        MAIL["SYNERGY_ALERT_MAIL"],
        "mail.example.org:587",
        True,
    )
    assert "auth_password_file" not in mail
    assert receiver(**MAIL, EMAIL_HOST_USER="us")["email_configs"][0]["auth_password_file"]
    assert receiver(**MAIL, EMAIL_USE_TLS="No")["email_configs"][0]["require_tls"] is False
    webhook.write_text("https://chat.example.org/hooks/a-secret")
    assert "a-secret" not in alertmanager_config(tmp_path), "it stays in its file"
    assert receiver()["webhook_configs"] == [{"url_file": str(webhook), "send_resolved": True}]


@needs_promtool
def test_queries_of_the_dashboard_can_be_read(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(DASHBOARD_QUERIES)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run("promtool", "check", "rules", tmp_path / "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(DASHBOARD_QUERIES)} rules found" in done.stdout
