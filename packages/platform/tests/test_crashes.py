"""Exceptions that nothing catches, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from synergy_testing.log_schema import fault_of

CRASH = "from synergy_platform.crashes import log_crashes; log_crashes('synergy-test'); raise "


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60
    )


def test_exception_is_one_line_of_the_log():
    done = run("-c", f"{CRASH} ValueError('two\\nlines')")
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = done.stdout.splitlines()
    assert fault_of(line) is None
    told = json.loads(line)
    assert (told["message"], told["service.name"]) == ("process.crashed", "synergy-test")
    assert (told["error.type"], told["error.message"]) == ("ValueError", "two\nlines")
    assert "<string>:1 in <module>" in told["error.stack_trace"]


def test_people_and_ctrl_c_get_pythons_own_text():
    for done in (
        run("-c", f"{CRASH} ValueError('x')", SYNERGY_LOG_FORMAT="pretty"),
        run("-c", f"{CRASH} KeyboardInterrupt", SYNERGY_LOG_FORMAT="json"),
    ):
        assert done.stdout == ""
        assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("words", "service"),
    [
        (["synergy_api"], "synergy-api"),
        (["synergy_worker", "worker"], "synergy-worker"),
        (["synergy_worker", "scheduler"], "synergy-scheduler"),
    ],
)
def test_installation_that_lacks_a_part_says_so_in_the_log(tmp_path, words, service):
    (tmp_path / "structlog.py").write_text("raise ImportError('damaged')\n")
    done = run("-m", *words, PYTHONPATH=str(tmp_path), SYNERGY_LOG_FORMAT="json")
    assert (done.returncode, done.stderr) == (1, "")
    assert fault_of(done.stdout) is None
    told = json.loads(done.stdout)
    assert (told["service.name"], told["error.type"], told["error.message"]) == (service, "ImportError", "damaged")
