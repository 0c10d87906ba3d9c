"""The home folder: its lock, its secrets, its refusals."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.home import Home
from synergy_platform.embedded.process import birth

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: needs root")


def test_prepare_makes_a_private_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "home")
    home.prepare()
    assert home.path.stat().st_mode & 0o777 == 0o700


def test_prepare_with_a_file_in_its_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(EmbeddedError, match=r"home is not a folder.*SYNERGY_HOME"):
        Home(tmp_path / "home").prepare()


def test_prepare_where_nothing_can_be_written_says_so() -> None:
    with pytest.raises(EmbeddedError, match=r"cannot be (written|used)"):
        Home(Path("/proc/synergy-home")).prepare()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@as_root
def test_prepare_on_almost_full_disk_says_how_much_is_needed(small_disk: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"Only 20 MiB are free .* 256 MiB are needed"):
        Home(small_disk / "home").prepare()


def test_lock_with_second_copy_names_the_first(tmp_path: Path) -> None:
    with Home(tmp_path).lock, pytest.raises(EmbeddedError, match=rf"already runs on .* \(process {os.getpid()}\)"):
        Home(tmp_path).lock.acquire()


def test_lock_after_release_is_free(tmp_path: Path) -> None:
    with Home(tmp_path).lock:
        pass
    with Home(tmp_path).lock:
        pass


def test_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = Home(tmp_path).secret_key()
    assert len(key) >= 32
    assert Home(tmp_path).secret_key() == key
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_running_environment_follows_publish_and_withdraw(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.running_environment() is None
    home.publish({"DB_PORT": "1"})
    assert Home(tmp_path).running_environment() == {"DB_PORT": "1"}
    assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600
    home.withdraw()
    assert home.running_environment() is None


def test_running_environment_after_a_kill_is_none(tmp_path: Path) -> None:
    dead = subprocess.Popen(["sleep", "60"])
    text = json.dumps({"pid": dead.pid, "birth": birth(dead.pid), "environment": {}})
    (tmp_path / "running.json").write_text(text)
    assert Home(tmp_path).running_environment() == {}
    dead.kill()
    dead.wait()
    assert Home(tmp_path).running_environment() is None
