"""Real PostgreSQL servers in folders of their own."""

# ruff: noqa: ASYNC220, ASYNC221 - the tests start programs and wait for them

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from synergy_platform.embedded import stepdown
from synergy_platform.embedded.errors import EmbeddedError, PortInUseError
from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries
from synergy_platform.embedded.process import ProcessRecord, birth, launcher

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives up root, mounts a small disk: needs root")

# starts a server on its argument and then waits for its own end
PARENT = """
import sys, time
from pathlib import Path
from synergy_platform.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.url(), flush=True)
time.sleep(60)
"""


async def fetch(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_start_with_empty_folder_serves_the_role_its_database(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        assert await fetch(server.url(), "SELECT current_user || ' ' || current_database()") == "synergyos synergyos"
        assert await fetch(server.url(), "SHOW data_checksums") == "on"
        assert await fetch(server.url(), "SHOW server_encoding") == "UTF8"
        assert await fetch(server.url(), "SHOW fsync") == "on"
        assert await fetch(server.url(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert await fetch(server.url(superuser=True), "SHOW password_encryption") == "scram-sha-256"


async def test_connect_with_wrong_password_is_refused(postgres_folder: Path) -> None:
    with EmbeddedPostgres(postgres_folder, durable=False) as server, pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(server.url().replace(server.password, "wrong"), "SELECT 1")


def test_start_keeps_passwords_from_other_users(postgres_folder: Path) -> None:
    for name in ("password", "superuser-password"):
        assert (postgres_folder / name).stat().st_mode & 0o777 == 0o600


async def test_start_after_stop_keeps_data(postgres_folder: Path) -> None:
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        await fetch(server.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        assert await fetch(server.url(), "SELECT answer FROM kept") == 42


async def test_create_database_with_template_copies_it(postgres_folder: Path) -> None:
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        server.create_database("template of tests")
        await fetch(server.url("template of tests"), "CREATE TABLE copied AS SELECT 7 AS answer")
        server.create_database("copy", template="template of tests")
        assert await fetch(server.url("copy"), "SELECT answer FROM copied") == 7
        server.drop_database("copy")
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await fetch(server.url("copy"), "SELECT 1")


def test_run_sql_with_fault_raises_what_postgresql_said(postgres_folder: Path) -> None:
    with (
        EmbeddedPostgres(postgres_folder, durable=False) as server,
        pytest.raises(EmbeddedError, match=r"relation .nowhere. does not exist"),
    ):
        server.run_sql("SELECT * FROM nowhere")


def test_start_with_folder_of_other_version_names_both_versions(postgres_folder: Path) -> None:
    (postgres_folder / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 15 and this release runs 16.*SYNERGY_HOME"):
        EmbeddedPostgres(postgres_folder).start()


def test_start_with_foreign_folder_refuses(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(EmbeddedError, match="is not a PostgreSQL data folder"):
        EmbeddedPostgres(tmp_path).start()


def test_start_twice_on_one_folder_names_the_first_process(postgres_folder: Path) -> None:
    with (
        EmbeddedPostgres(postgres_folder, durable=False),
        pytest.raises(EmbeddedError, match=rf"process {os.getpid()}\) runs PostgreSQL on"),
    ):
        EmbeddedPostgres(postgres_folder, durable=False).start()


def test_start_on_used_port_says_so(postgres_folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortInUseError, match="is in use by another program"):
            EmbeddedPostgres(postgres_folder, durable=False, port=other.getsockname()[1]).start()


def test_start_with_broken_settings_repeats_what_postgresql_said(postgres_folder: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start: FATAL: +invalid value for parameter .shared_buffers"):
        EmbeddedPostgres(postgres_folder, durable=False, settings={"shared_buffers": "lots"}).start()


async def test_kill_parent_ends_server_and_next_start_keeps_data(postgres_folder: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(postgres_folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        await fetch(parent.stdout.readline().strip(), "CREATE TABLE kept AS SELECT 42 AS answer")
        server_pid = ProcessRecord(postgres_folder / "process").living()
        assert server_pid is not None
        parent.kill()
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        assert await fetch(server.url(), "SELECT answer FROM kept") == 42
        assert birth(server_pid) is None


async def test_start_with_leftover_server_ends_it_first(postgres_folder: Path) -> None:
    leftover = EmbeddedPostgres(postgres_folder, durable=False)
    leftover.start()
    leftover._lock.release()  # as when its supervisor was killed
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        assert await fetch(server.url(), "SELECT 1") == 1
        assert leftover._process is not None
        assert leftover._process.wait(1) == 0


async def test_launch_after_server_was_killed_recovers_on_the_same_port(postgres_folder: Path) -> None:
    with EmbeddedPostgres(postgres_folder) as server:
        url = server.url()
        await fetch(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert server._process is not None
        server._process.send_signal(signal.SIGQUIT)
        server._process.wait(5)
        server.start()
        assert await fetch(url, "SELECT answer FROM kept") == 42


@as_root
@pytest.mark.parametrize("kind", ["namespace", "account", "account+files"])
async def test_start_as_root_steps_down(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account = stepdown._unprivileged_account()
    identity = f"{kind}:{account.pw_uid}:{account.pw_gid}"
    monkeypatch.setattr(stepdown, "identities", lambda _data: [identity])
    folder = Path("/tmp") / f"synergy-stepdown-{os.getpid()}-{kind}"  # noqa: S108 - an account must be able to reach it
    folder.mkdir(mode=0o755)
    try:
        server = EmbeddedPostgres(folder / "postgres", durable=False)
        (folder / "postgres").mkdir(mode=0o755)
        try:
            server.start()
        except EmbeddedError as error:
            if kind == "account" and "Permission denied" in str(error):
                pytest.skip("the wheel lies in a folder that only root reads")
            raise
        assert await fetch(server.url(), "SELECT 1") == 1
        server.stop()
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@as_root
def test_start_as_root_on_folder_of_a_user_leaves_it_theirs(postgres_folder: Path, tmp_path: Path) -> None:
    account = stepdown._unprivileged_account()
    subprocess.run(["chown", "-R", str(account.pw_uid), str(postgres_folder / "data")], check=True)
    with EmbeddedPostgres(postgres_folder, durable=False) as server:
        assert server.run_sql("SELECT 1") == "1"
    assert (postgres_folder / "data" / "PG_VERSION").stat().st_uid == account.pw_uid


@as_root
def test_start_as_root_without_any_way_down_says_so(postgres_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "identities", lambda _data: ["namespace:0:-1"])
    with pytest.raises(EmbeddedError, match=r"refuses to run as root.*start SynergyOS as a normal user"):
        EmbeddedPostgres(postgres_folder).start()


@as_root
def test_start_as_normal_user_needs_no_stepping_down(tmp_path: Path) -> None:
    account = stepdown._unprivileged_account()
    os.chown(tmp_path, account.pw_uid, account.pw_gid)
    script = PARENT.replace("time.sleep(60)", "server.stop()").replace("print(", "print(server._identity, ")
    # the capability only lets that user read a Python environment below root's home
    identity = f"account+files:{account.pw_uid}:{account.pw_gid}"
    answer = subprocess.run(
        [*launcher(identity), sys.executable, "-c", script, str(tmp_path / "postgres")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.startswith("same postgresql://"), answer.stderr
    assert (tmp_path / "postgres" / "data").stat().st_uid == account.pw_uid


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@as_root
def test_start_on_full_disk_says_so_and_leaves_nothing_half_made(small_disk: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"The disk that holds .* is full: free some space"):
        EmbeddedPostgres(small_disk / "postgres").start()
    assert not list((small_disk / "postgres").glob("data*"))


def test_binaries_hold_the_tools_of_version_16() -> None:
    for name in ("psql", "pg_dump", "pg_restore", "pg_basebackup"):
        answer = subprocess.run([binaries() / name, "--version"], capture_output=True, text=True, check=True)
        assert "(PostgreSQL) 16." in answer.stdout
