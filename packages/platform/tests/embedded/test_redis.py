"""Real Redis servers in folders of their own."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from synergy_platform.embedded.errors import EmbeddedError, PortInUseError
from synergy_platform.embedded.process import ProcessRecord
from synergy_platform.embedded.redis import EmbeddedRedis, find_redis_server

PARENT = """
import sys, time
from pathlib import Path
from synergy_platform.embedded.redis import EmbeddedRedis
server = EmbeddedRedis(Path(sys.argv[1]), kind="broker")
server.start()
print(server.url(), flush=True)
time.sleep(60)
"""


def test_start_as_broker_evicts_nothing_and_appends(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, kind="broker") as server, redis.Redis.from_url(server.url()) as client:
        assert client.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"
        assert client.config_get("maxmemory")["maxmemory"] == str(256 * 1024 * 1024)
        assert client.config_get("append*") == {
            "appendonly": "yes", "appendfilename": "appendonly.aof", "appendfsync": "everysec",
        }  # fmt: skip
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_start_as_cache_evicts_and_keeps_nothing(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, kind="cache") as server, redis.Redis.from_url(server.url()) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("save") == {"save": ""}
        client.set("gone", "soon")
    with EmbeddedRedis(tmp_path, kind="cache") as server, redis.Redis.from_url(server.url()) as client:
        assert client.get("gone") is None


def test_start_after_stop_keeps_the_brokers_data(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, kind="broker") as server, redis.Redis.from_url(server.url()) as client:
        client.set("kept", "yes")
    with EmbeddedRedis(tmp_path, kind="broker") as server, redis.Redis.from_url(server.url()) as client:
        assert client.get("kept") == b"yes"


def test_connect_without_password_is_refused(tmp_path: Path) -> None:
    with (
        EmbeddedRedis(tmp_path, kind="cache") as server,
        redis.Redis(host=server.host, port=server.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_start_keeps_the_password_off_the_command_line_and_from_other_users(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, kind="cache") as server:
        assert server._process is not None
        assert server.password not in Path(f"/proc/{server._process.pid}/cmdline").read_text()
    for name in ("password", "redis.conf"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_start_twice_on_one_folder_names_the_first_process(tmp_path: Path) -> None:
    with (
        EmbeddedRedis(tmp_path, kind="cache"),
        pytest.raises(EmbeddedError, match=rf"process {os.getpid()}\) runs Redis on"),
    ):
        EmbeddedRedis(tmp_path, kind="cache").start()


def test_start_on_used_port_says_so(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortInUseError, match="is in use by another program"):
            EmbeddedRedis(tmp_path, kind="cache", port=other.getsockname()[1]).start()


def test_start_with_broken_data_repeats_what_redis_said(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_text("this is not an append-only file\n")
    with pytest.raises(EmbeddedError, match=r"Redis on .* did not start: .*(AOF|append only)"):
        EmbeddedRedis(tmp_path, kind="broker").start()


def test_kill_parent_ends_server_and_keeps_what_was_written(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        with redis.Redis.from_url(parent.stdout.readline().strip()) as client:
            client.set("kept", "yes")
        record = ProcessRecord(tmp_path / "process")
        assert record.living() is not None
        parent.kill()
    deadline = time.monotonic() + 5
    while record.living() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with EmbeddedRedis(tmp_path, kind="broker") as server, redis.Redis.from_url(server.url()) as client:
        assert client.get("kept") == b"yes"


def test_launch_after_server_was_killed_comes_back_on_the_same_port(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, kind="broker") as server:
        port = server.port
        assert server._process is not None
        server._process.send_signal(signal.SIGKILL)
        server._process.wait(5)
        server.start()
        assert server.port == port


def test_find_redis_server_prefers_the_given_one(tmp_path: Path) -> None:
    given = tmp_path / "my-redis"
    given.symlink_to(find_redis_server())
    assert find_redis_server(str(given)) == given


def test_find_redis_server_without_wheel_takes_the_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "redis-server").symlink_to(find_redis_server())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == tmp_path / "redis-server"


def test_find_redis_server_with_none_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="apt install redis-server"):
        find_redis_server()


def test_find_redis_server_with_old_one_refuses(tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=00000000:0'\n")
    old.chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"is not Redis 6\.2 or later"):
        find_redis_server(str(old))


def test_find_redis_server_with_missing_given_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"cannot be run \(No such file"):
        find_redis_server(str(tmp_path / "nothing"))
