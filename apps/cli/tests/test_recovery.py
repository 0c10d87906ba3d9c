"""A whole `synergy up` is lost, and comes back from its backups, its received log and the keys."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import free_port

pytestmark = pytest.mark.slow
RPO_SECONDS = 60


class Up:
    """`synergy up` on a home, with its backups elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.home, self.backups, self.log = folder / "home", folder / "backups", folder / "log"
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SYNERGY_", "DB_", "COV"))},
            "SYNERGY_HOME": str(self.home), "SYNERGY_PORT": str(self.port), "SYNERGY_BACKUP_DIR": str(self.backups),
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "synergy_cli", "up", "--no-web"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        deadline = time.monotonic() + 120
        while not self._is_ready():
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/health/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def synergy(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "synergy_cli", *arguments], env=self.environment | more, capture_output=True,
            text=True, check=False, timeout=300,
        )  # fmt: skip

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def pid(self, child: str) -> int:
        record = self.home / ("postgres/process" if child == "postgres" else f"run/{child}")
        return int(record.read_text().split()[0])

    async def connect(self) -> asyncpg.Connection:
        running = json.loads((self.home / "running.json").read_text())["environment"]
        return await asyncpg.connect(
            host=running["DB_HOST"], port=int(running["DB_PORT"]), user=running["DB_USER"],
            password=running["DB_PASSWORD"], database=running["DB_NAME"],
        )  # fmt: skip


@pytest.fixture
def up(tmp_path) -> Iterator[Up]:
    running = Up(tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.stop()


async def _write_until_killed(up: Up) -> datetime:
    """Kill everything in the middle of commits; when the last one was acknowledged."""
    connection = await up.connect()
    await connection.execute("CREATE TABLE diary (at timestamptz DEFAULT clock_timestamp(), number int)")
    last = datetime.now(UTC)
    end = time.monotonic() + 3
    try:
        for number in range(1_000_000):
            await connection.execute("INSERT INTO diary (number) VALUES ($1)", number)
            last = datetime.now(UTC)
            if time.monotonic() > end:
                end = float("inf")
                os.kill(up.pid("postgres"), signal.SIGKILL)
                os.kill(up.process.pid, signal.SIGKILL)
    except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        pass
    up.process.wait()
    return last


async def _newest(server: EmbeddedPostgres) -> datetime:
    connection = await asyncpg.connect(server.url())
    try:
        return await connection.fetchval("SELECT max(at) FROM diary")
    finally:
        await connection.close()


def test_all_is_lost_and_comes_back_from_backups_log_and_keys(up, tmp_path):
    made = up.synergy(
        "create-admin", "--username", "boss", "--email", "boss@example.org", "--first-name", "B", "--last-name", "Oss",
        "--password", "correct horse 7 battery",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    taken = up.synergy("backup")
    assert taken.returncode == 0, taken.stderr
    keys = tmp_path / "keys"
    refused = up.synergy("escrow", str(up.backups / "keys"))
    assert refused.returncode == 1
    assert "would have the keys too" in refused.stderr
    assert up.synergy("escrow", str(keys)).returncode == 0
    secret_key = (up.home / "secret-key").read_text()
    live = up.synergy("restore")
    assert live.returncode == 1
    assert "already runs on" in live.stderr
    last = asyncio.run(_write_until_killed(up))
    shutil.rmtree(up.home)

    wrong = json.loads(keys.read_text())
    wrong["settings"]["SYNERGY_BACKUP_KEY"] = "k" * 43
    (tmp_path / "wrong").write_text(json.dumps(wrong))
    refused = up.synergy("recover", "--escrow", str(tmp_path / "wrong"), "--from", str(up.backups))
    assert refused.returncode == 1
    assert "can be read with this backup key" in refused.stderr
    shutil.rmtree(up.home)

    back = up.synergy("recover", "--escrow", str(keys), "--from", str(up.backups))
    assert back.returncode == 0, back.stderr
    assert (up.home / "secret-key").read_text() == secret_key
    with EmbeddedPostgres(up.home / "postgres") as server:
        rpo = (last - asyncio.run(_newest(server))).total_seconds()
    assert rpo <= RPO_SECONDS
    up.start()
    answer = httpx.post(
        f"http://127.0.0.1:{up.port}/api/v1/auth/login",
        json={"identifier": "boss", "password": "correct horse 7 battery"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.long
def test_the_log_is_received_again_after_the_receiver_or_the_database_dies_and_a_backup_comes_at_its_hour(up):
    first = up.pid("receivewal")
    os.kill(first, signal.SIGKILL)
    _wait(lambda: up.pid("receivewal") != first)
    second = up.pid("receivewal")
    os.kill(up.pid("postgres"), signal.SIGKILL)
    _wait(lambda: up.pid("receivewal") != second)
    # yesterday's was missed: the machine slept
    up.stop()
    clock = up.home / "clock.json"
    clock.write_text(json.dumps({"backup": "2020-01-01T00:00:00Z", "drill": datetime.now(UTC).isoformat()}))
    up.start()
    _wait(lambda: "backup.finished" in up.log.read_text(), 120)
    listed = json.loads(up.synergy("backups", "--json").stdout)
    assert len(listed["backups"]) == 1
    assert len(list((up.backups / "wal").iterdir())) == 1  # one unbroken stream


def _wait(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (FileNotFoundError, IndexError):  # a record that is written anew
            pass
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


@pytest.mark.long
def test_restore_puts_the_old_cluster_aside_and_a_second_home_is_left_alone(tmp_path):
    up = Up(tmp_path)
    up.start()
    try:
        assert up.synergy("backup").returncode == 0
    finally:
        up.stop()
    other = tmp_path / "other"
    into = up.synergy("restore", "--into", str(other))
    assert into.returncode == 0, into.stderr
    assert (other / "postgres" / "data" / "PG_VERSION").exists()
    assert not list(up.home.glob("before-restore-*"))
    done = up.synergy("restore")
    assert done.returncode == 0, done.stderr
    (aside,) = up.home.glob("before-restore-*")
    assert (aside / "data" / "PG_VERSION").exists()
    up.start()  # on another timeline, whose log goes into another stream
    try:
        assert up.synergy("backup").returncode == 0
        listed = json.loads(up.synergy("backups", "--json").stdout)
        # the restored one leads to now too
        assert listed["backups"][-1]["taken_at"] < listed["start"] < listed["backups"][0]["taken_at"] < listed["end"]
        assert len(list((up.backups / "wal").iterdir())) == 2
    finally:
        up.stop()
    assert f"Deleted: {aside}" in up.synergy("restore", "--discard-old").stderr
    assert not aside.exists()
