"""Starting, recording and ending processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.process import (
    ProcessRecord,
    birth,
    end,
    free_port,
    launcher,
    require_free_port,
    spawn,
)

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while birth(pid) is not None:
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.01)


def test_spawn_ends_child_when_its_parent_is_killed() -> None:
    script = (
        "import os, time; from synergy_platform.embedded.process import spawn;"
        "print(spawn(['/bin/sleep', '60'], environment={}).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        child = int(parent.stdout.readline())
        assert birth(child) is not None
        parent.kill()
    wait_gone(child)


def test_launcher_whose_parent_is_gone_starts_nothing() -> None:
    command = launcher()
    command[4] = "1"  # a parent that it does not have
    answer = subprocess.run([*command, "/bin/echo", "started"], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (126, "")


def test_spawn_with_missing_program_says_so() -> None:
    process = spawn(["/nowhere/program"], environment={}, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 126
    assert b"/nowhere/program cannot be started: [Errno 2]" in errors


def test_spawn_leaves_signals_as_programs_expect_them() -> None:
    process = spawn(["/bin/grep", "SigIgn", "/proc/self/status"], environment={}, stdout=subprocess.PIPE)
    answer, _ = process.communicate(timeout=5)
    assert answer.split() == [b"SigIgn:", b"0" * 16]


def test_end_with_stubborn_process_kills_it_and_its_children() -> None:
    family = f"import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); exec({STUBBORN!r})"
    process = spawn([sys.executable, "-c", family], environment={}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        grandchild = int(process.stdout.readline())
        assert process.stdout.readline() == b"ready\n"
        assert end(process, ((signal.SIGTERM, 0.2),)) == -signal.SIGKILL
    wait_gone(grandchild)


def test_end_leftover_with_running_process_ends_it(tmp_path: Path) -> None:
    process = spawn(["/bin/sleep", "60"], environment={})
    record = ProcessRecord(tmp_path / "run" / "it")
    record.write(process.pid)
    assert record.end_leftover(signal.SIGTERM, 5)
    assert process.wait(1) == -signal.SIGTERM
    assert not record.path.exists()


def test_end_leftover_with_recycled_process_id_touches_nobody(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    record = ProcessRecord(tmp_path / "it")
    record.path.write_text(f"{stranger.pid} somebody born at another time\n")
    assert not record.end_leftover(signal.SIGTERM, 5)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_end_leftover_with_broken_record_forgets_it(tmp_path: Path) -> None:
    record = ProcessRecord(tmp_path / "it")
    record.path.write_text("")
    assert not record.end_leftover(signal.SIGTERM, 5)
    assert not record.path.exists()


def test_require_free_port_with_free_one_is_silent() -> None:
    require_free_port("127.0.0.1", free_port(), "choose another")


def test_require_free_port_below_1024_without_right_says_so() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may use every port")
    with pytest.raises(EmbeddedError, match="Port 1 needs root: choose another"):
        require_free_port("127.0.0.1", 1, "choose another")


def test_require_free_port_on_foreign_address_says_so() -> None:
    with pytest.raises(EmbeddedError, match=r"192\.0\.2\.1 is not an address of this machine: choose another"):
        require_free_port("192.0.2.1", free_port(), "choose another")
