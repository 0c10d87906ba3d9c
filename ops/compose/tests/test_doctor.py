"""`just doctor` on the whole stack."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest


def _doctor(lab) -> tuple[int, dict[str, dict[str, Any]]]:
    done = lab.stack("doctor", "--json", check=False)
    return done.returncode, {f"{each['group']}/{each['name']}": each for each in json.loads(done.stdout)["checks"]}


def test_healthy_stack_has_no_fault(lab):
    status, checks = _doctor(lab)
    assert (status, [each for each in checks.values() if each["status"] in {"fault", "unknown"}]) == (0, [])
    assert sum(each["status"] == "ok" for each in checks.values()) >= 40


@pytest.mark.full
def test_stopped_worker_and_database_are_found(lab):
    lab.compose("stop", "worker")
    try:
        time.sleep(22)  # one that was silent for 20 s counts as gone
        status, checks = _doctor(lab)
        assert status == 1
        assert checks["containers/all there"]["runbook"] == "process-does-not-start"
        assert checks["background/worker"]["runbook"] == "tasks-not-processed"
        lab.compose("stop", "db")
        status, checks = _doctor(lab)
        assert checks["database/reachable"]["runbook"] == "database-refused"
    finally:
        lab.compose("start", "db", "worker")
        lab.wait_healthy()
