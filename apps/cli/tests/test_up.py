"""The supervisor over real PostgreSQL and Redis; the other programs are small ones of the test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synergy_platform.embedded.home import Home
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.process import birth, free_port

SCRIPT = Path(__file__).with_name("up_small_system.py")
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="session")
def made_postgres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "postgres"
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


class Running:
    """One `synergy up` with the small programs."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = int(environment.get("SYNERGY_PORT") or free_port())
        self.out = home.with_name(f"{home.name}.out")
        self.err = home.with_name(f"{home.name}.err")
        inherited = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, environment.pop("LAUNCHER", str(SCRIPT))],
                env=inherited | {"SYNERGY_HOME": str(home), "SYNERGY_PORT": str(self.port)} | environment,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
            )

    def lines(self) -> list[dict[str, Any]]:
        """What it wrote to stdout; fails unless each line is one JSON object."""
        text = self.out.read_text()
        objects = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        assert all(isinstance(entry, dict) for entry in objects)
        return objects

    def said(self) -> str:
        return self.err.read_text()

    def events(self, message: str, child: str | None = None) -> list[dict[str, Any]]:
        return [
            line
            for line in self.lines()
            if line.get("message") == message and child in {None, line.get("synergy.child")}
        ]

    def wait_for(self, condition: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said() + self.out.read_text()
            assert self.process.poll() is None, self.said()
            time.sleep(0.02)

    def wait_up(self, times: int = 1) -> Running:
        """Until it was up so often; starts on one home share a file."""
        self.wait_for(lambda: len(self.events("up.ready")) == times)
        return self

    def ended(self) -> int:
        return self.process.wait(15)

    def pid(self, child: str) -> int:
        return self.events("child.started", child)[-1]["synergy.pid"]

    def processes(self) -> set[int]:
        """Every living process that belongs to this home: by its environment or its working folder."""
        found: set[int] = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                folder = str((entry / "cwd").readlink())
            except OSError:
                continue
            is_ours = f"SYNERGY_HOME={self.home}\0".encode() in environment or folder.startswith(f"{self.home}/")
            if is_ours and birth(int(entry.name)) is not None:
                found.add(int(entry.name))
        return found


@pytest.fixture
def start(made_postgres: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    home = tmp_path / "home"
    shutil.copytree(made_postgres, home / "postgres")
    started: list[Running] = []

    def _start(**environment: str) -> Running:
        started.append(Running(home, **environment))
        return started[-1]

    yield _start
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(15)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()


def test_up_without_a_terminal_writes_one_json_object_a_line(start: Callable[..., Running]) -> None:
    running = start(DEMO="1").wait_up()
    running.wait_for(lambda: running.events("child.ended", "demo"))
    running.wait_for(lambda: running.events("not JSON from scheduler"))
    lines = running.lines()
    assert {"@timestamp", "log.level", "message", "service.name"} <= set.intersection(
        *({*line} for line in lines if line.get("message") != "http.request")
    )
    assert {line.get("service.name") for line in lines} >= {
        "synergy-up", "synergy-postgres", "synergy-broker", "synergy-cache", "synergy-worker", "synergy-demo",
    }  # fmt: skip
    assert "database system is ready to accept connections" in {line["message"] for line in lines}
    assert [line["log.level"] for line in running.events("on stderr")] == ["warning", "warning"]
    said = running.said()
    assert f"SynergyOS is up: http://localhost:{running.port}" in said
    assert f"http://localhost:{running.port}/register" in said
    assert "hatch run synergy create-admin" in said
    assert "filled\nThe demo data is there." in said


def test_up_for_a_terminal_writes_readable_lines(start: Callable[..., Running]) -> None:
    running = start(SYNERGY_LOG_FORMAT="pretty")
    running.wait_for(lambda: "SynergyOS is up" in running.out.read_text())
    running.wait_for(lambda: "not JSON from worker" in running.out.read_text())
    assert not [line for line in running.out.read_text().splitlines() if line.startswith("{")]
    assert running.said() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_up_with_signal_ends_all_in_order(start: Callable[..., Running], number: signal.Signals) -> None:
    running = start().wait_up()
    assert len(running.processes()) > 5
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.ended() == 0
    assert time.monotonic() - began < 10
    assert running.processes() == set()
    ended = [line["synergy.child"] for line in running.events("child.ended") if line["synergy.child"] != "migrate"]
    assert ended[0] == "api"
    assert set(ended[1:3]) == {"worker", "scheduler"}
    assert set(ended[3:5]) == {"broker", "cache"}
    # the log is received to its end
    assert set(ended[5:]) == {"postgres", "receivewal"}
    assert running.events("database system is shut down")
    assert Home(running.home).running_environment() is None


def test_up_with_deaf_programs_still_ends_within_ten_seconds(start: Callable[..., Running]) -> None:
    running = start(SMALL_WORKER=STUBBORN, SMALL_SCHEDULER=STUBBORN).wait_up()
    running.wait_for(lambda: len(running.events("deaf")) == 2)
    began = time.monotonic()
    running.process.terminate()
    assert running.ended() == 0
    assert time.monotonic() - began < 10
    assert {line["synergy.child"] for line in running.events("child.killed")} == {"worker", "scheduler"}
    assert running.processes() == set()


def test_up_with_second_ctrl_c_kills_at_once(start: Callable[..., Running]) -> None:
    running = start(SMALL_WORKER=STUBBORN).wait_up()
    running.wait_for(lambda: running.events("deaf"))
    running.process.send_signal(signal.SIGINT)
    running.wait_for(lambda: running.events("child.ended", "scheduler"))  # it waits for the worker now
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    running.ended()
    assert time.monotonic() - began < 1.5
    assert running.processes() == set()


def test_up_during_its_start_can_be_stopped(start: Callable[..., Running]) -> None:
    running = start(SMALL_MIGRATE="import time; time.sleep(600)")
    running.wait_for(lambda: running.events("child.started", "migrate"))
    running.process.send_signal(signal.SIGINT)
    assert running.ended() == 0
    assert running.processes() == set()


def test_up_below_a_hatch_that_is_ended_ends_too(start: Callable[..., Running], tmp_path: Path) -> None:
    hatch = tmp_path / "hatch"
    hatch.write_text(
        f"import subprocess; subprocess.run({sys.executable + ' ' + str(SCRIPT) + ' || exit'!r}, shell=True)"
    )
    running = start(LAUNCHER=str(hatch)).wait_up()
    running.process.terminate()
    assert running.ended() == -signal.SIGTERM
    deadline = time.monotonic() + 10
    while running.processes():
        assert time.monotonic() < deadline, running.processes()
        time.sleep(0.05)
    assert running.events("database system is shut down")


def test_up_killed_leaves_no_process_and_starts_again(start: Callable[..., Running]) -> None:
    running = start().wait_up()
    running.process.kill()
    running.process.wait()
    deadline = time.monotonic() + 10
    while running.processes():
        assert time.monotonic() < deadline, running.processes()
        time.sleep(0.05)
    start().wait_up(2)


def test_up_killed_with_a_child_that_will_not_end_ends_it_at_the_next_start(start: Callable[..., Running]) -> None:
    running = start(SMALL_WORKER=STUBBORN).wait_up()
    running.wait_for(lambda: running.events("deaf"))
    worker = running.pid("worker")
    running.process.kill()
    running.process.wait()
    assert birth(worker) is not None
    start().wait_up(2)
    assert birth(worker) is None


@pytest.mark.parametrize("child", ["api", "worker", "scheduler", "broker", "cache", "postgres"])
def test_up_with_killed_child_starts_it_again(start: Callable[..., Running], child: str) -> None:
    running = start().wait_up()
    before = running.pid(child)
    os.kill(before, signal.SIGKILL)
    running.wait_for(lambda: running.pid(child) != before)
    assert running.events("child.ended", child)[0]["synergy.status"] == -signal.SIGKILL
    if child == "postgres":
        shared = Home(running.home).running_environment()
        assert shared is not None
        running.wait_for(lambda: _accepts(int(shared["DB_PORT"])))


def test_up_with_child_that_cannot_start_shows_its_last_lines_and_goes_on(start: Callable[..., Running]) -> None:
    running = start(SMALL_WORKER="import sys; sys.exit('the worker has no teeth')").wait_up()
    running.wait_for(lambda: running.events("child.failing"))
    (failing,) = running.events("child.failing")
    assert failing["synergy.child"] == "worker"
    assert failing["synergy.last_lines"] == ["the worker has no teeth"]
    assert "worker ended 5 times in a row and is tried every 30 s from now on" in running.said()
    assert len(running.events("child.started", "worker")) == 5
    assert _accepts(running.port)


def test_up_second_start_migrates_only_when_something_changed(start: Callable[..., Running], tmp_path: Path) -> None:
    migrate = """
import asyncio, os, asyncpg

async def migrate():
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "database": "NAME"}
    connection = await asyncpg.connect(**{name: os.environ[f"DB_{suffix}"] for name, suffix in names.items()})
    await connection.execute("CREATE TABLE IF NOT EXISTS alembic_version AS SELECT '0001' AS version_num")

asyncio.run(migrate())
"""
    migrations = []
    for number in (1, 2, 3):
        if number == 3:
            (tmp_path / "home" / "migrated").write_text("the fingerprint of older migrations")
        running = start(SMALL_MIGRATE=migrate).wait_up(number)
        migrations.append(len(running.events("child.started", "migrate")))
        running.process.terminate()
        assert running.ended() == 0
    assert migrations == [1, 1, 2]


def test_up_with_failing_migration_says_why_and_ends(start: Callable[..., Running]) -> None:
    running = start(SMALL_MIGRATE="import sys; sys.exit('relation task is missing')")
    assert running.ended() == 1
    assert "The database's schema cannot be brought up to date: relation task is missing" in running.said()
    assert "Traceback" not in running.said()
    assert running.processes() == set()


def test_up_twice_on_one_home_names_the_first(start: Callable[..., Running]) -> None:
    first = start().wait_up()
    second = start()
    assert second.ended() == 1
    assert f"SynergyOS already runs on {first.home} (process {first.process.pid})" in second.said()
    assert "SYNERGY_HOME" in second.said()
    assert _accepts(first.port)


def test_up_with_used_port_says_which_setting_chooses_another(start: Callable[..., Running]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        running = start(SYNERGY_PORT=str(other.getsockname()[1]))
        assert running.ended() == 1
    assert f"Port {running.port} on 127.0.0.1 is in use by another program" in running.said()
    assert "SYNERGY_PORT" in running.said()
    assert len(running.said().splitlines()) == 1


def test_up_with_data_of_another_version_says_so(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "home" / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    running = start()
    assert running.ended() == 1
    assert "was made by PostgreSQL 17 and this release runs 16" in running.said()
    assert "Traceback" not in running.said()
    assert running.processes() == set()


def test_up_with_damaged_data_repeats_what_postgresql_said(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "home" / "postgres" / "data" / "global" / "pg_control").unlink()
    running = start()
    assert running.ended() == 1
    assert "PostgreSQL on" in running.said()
    assert "pg_control" in running.said()
    assert "Traceback" not in running.said()


def test_up_with_bad_settings_lists_all_and_exits_78(start: Callable[..., Running]) -> None:
    running = start(SYNERGY_API_PORT="many", SECRET_KEY="short", DEBUG="perhaps")
    assert running.ended() == 78
    for name in ("SYNERGY_API_PORT", "SECRET_KEY", "DEBUG"):
        assert name in running.said()
    assert "Traceback" not in running.said()


def test_up_with_foreign_database_settings_uses_its_own_and_says_so(start: Callable[..., Running]) -> None:
    running = start(DB_HOST="192.0.2.1", DB_PASSWORD_FILE="/nowhere").wait_up()
    assert "DB_PASSWORD, DB_HOST: set, and not used" in running.said()
    shared = Home(running.home).running_environment()
    assert shared is not None
    assert shared["DB_HOST"] == "127.0.0.1"


def test_up_with_output_that_nobody_reads_any_more_ends(start: Callable[..., Running]) -> None:
    running = start()
    running.process.terminate()
    running.ended()
    read, write = os.pipe()
    environment = {"PATH": os.environ["PATH"], "SYNERGY_HOME": str(running.home), "SYNERGY_PORT": str(running.port)}
    process = subprocess.Popen([sys.executable, str(SCRIPT)], env=environment, stdout=write, stderr=subprocess.DEVNULL)
    os.close(write)
    os.read(read, 10)
    os.close(read)
    assert process.wait(20) == 0
    assert running.processes() == set()


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture
def web_folder(tmp_path: Path) -> Path:
    """A web app of three files, without dependencies: the real npm builds it, the real Node serves it."""
    folder = tmp_path / "apps" / "web"
    (folder / "server").mkdir(parents=True)
    script = "node -e \"require('fs').mkdirSync('build', {recursive: true}); console.log('built')\""
    (folder / "package.json").write_text(
        json.dumps({"name": "small", "version": "1.0.0", "scripts": {"build": script}})
    )
    lock = {
        "name": "small",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": {"name": "small", "version": "1.0.0"}},
    }
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "server" / "index.mjs").write_text(
        """
import http from "node:http";
const api = new URL(process.env.SYNERGY_API_URL);
http.createServer((request, response) => {
  const options = { host: api.hostname, port: api.port, path: request.url, agent: false };
  const onward = http.get(options, (answer) => {
    response.writeHead(answer.statusCode, { "x-served-by": "web" });
    answer.pipe(response);
  });
  onward.on("error", () => response.writeHead(502).end());
}).listen(process.env.PORT, process.env.HOST, () => {
  console.log("serving without a secret: " + !process.env.SECRET_KEY);
});
process.on("SIGTERM", () => process.exit(0));
"""
    )
    return folder


def test_up_with_web_app_builds_it_once_and_serves_it_on_the_public_port(
    start: Callable[..., Running], web_folder: Path
) -> None:
    running = start(WEB_FOLDER=str(web_folder), NODE_ENV="production").wait_up()
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/api/health/ready") as answer:
        assert answer.headers["x-served-by"] == "web"
    assert running.events("built")
    assert running.events("serving without a secret: true")
    running.process.terminate()
    assert running.ended() == 0
    assert running.processes() == set()
    installs = len(running.events("child.started", "npm"))
    again = start(WEB_FOLDER=str(web_folder)).wait_up(2)
    assert len(again.events("child.started", "npm")) == installs
    again.process.terminate()
    assert again.ended() == 0
    ended = [line["synergy.child"] for line in again.events("child.ended")]
    assert ended.index("web") < ended.index("api")


def test_up_with_web_app_that_cannot_be_built_says_so(start: Callable[..., Running], web_folder: Path) -> None:
    package = json.loads((web_folder / "package.json").read_text())
    package["scripts"]["build"] = "node -e \"throw new Error('no such colour')\""
    (web_folder / "package.json").write_text(json.dumps(package))
    running = start(WEB_FOLDER=str(web_folder))
    assert running.ended() == 1
    assert "npm run build failed" in running.said()
    assert "--no-web" in running.said()
    assert running.processes() == set()
