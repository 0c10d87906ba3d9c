"""The health check of worker and scheduler."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest


def check(**environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "PYTHON", "COVERAGE"))}
    return subprocess.run(
        [sys.executable, "-m", "synergy_worker", "live"], env=inherited | environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_live_exits_with_0_only_while_the_file_is_touched(tmp_path):
    path = tmp_path / "heartbeat"
    missing = check(SYNERGY_HEARTBEAT_FILE=str(path))
    path.touch()
    beating = check(SYNERGY_HEARTBEAT_FILE=str(path))
    os.utime(path, (time.time() - 60,) * 2)
    silent = check(SYNERGY_HEARTBEAT_FILE=str(path))
    unset = check()
    assert [ended.returncode for ended in (missing, beating, silent, unset)] == [1, 0, 1, 1]
    assert "not beaten yet" in missing.stderr
    assert "60 seconds old" in silent.stderr
    assert "SYNERGY_HEARTBEAT_FILE" in unset.stderr


@pytest.mark.parametrize("role", ["worker", "scheduler"])
async def test_process_keeps_its_heartbeat_file_fresh(start, work, tmp_path, role):
    path = tmp_path / "heartbeat"
    process = start(role, SYNERGY_HEARTBEAT_FILE=str(path))
    await work.until(path.exists)
    assert check(SYNERGY_HEARTBEAT_FILE=str(path)).returncode == 0
    assert process.poll() is None
