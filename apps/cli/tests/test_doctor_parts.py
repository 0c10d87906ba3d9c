"""Single checks of the doctor, each with its fault made for real: servers, files, databases of the test's own."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
import trustme

from synergy_cli.doctor.checks import certificate, database, machine, redis, settings, web
from synergy_cli.doctor.embedded import see
from synergy_cli.doctor.facts import Facts, Process, SettingsFacts
from synergy_cli.doctor.findings import Check, NotSeen, NotUsed, Row, exit_status, fault, look, ok, warning
from synergy_cli.doctor.http import Site, files_of
from synergy_cli.doctor.queries import QUERIES
from synergy_cli.doctor.services import ask_database, ask_redis
from synergy_cli.doctor.table import ALL
from synergy_platform.embedded.process import free_port
from synergy_platform.embedded.redis import EmbeddedRedis

ROOT = Path(__file__).parents[3]


def facts(**more) -> Facts:
    return Facts(**{"production": True, "start": "start it", "version": "1.2.3", **more})


def with_settings(**more) -> Facts:
    return facts(known_settings=SettingsFacts(**more))


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def site(tmp_path) -> Iterator[tuple[Site, Path]]:
    """A web server over a folder."""
    folder = tmp_path / "site"
    (folder / "static").mkdir(parents=True)
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}"), folder
        server.shutdown()
        thread.join()


PAGE = """<html><link rel="stylesheet" href="/static/a.css"><a href="/login">x</a><a href="//other/x.js">y</a>
<script type="module">import "/static/b.js";</script></html>"""


def test_files_of_a_page_are_those_of_this_site():
    assert files_of(PAGE.encode()) == ["/static/a.css", "/static/b.js"]


def test_static_file_that_is_missing_is_found(site):
    server, folder = site
    (folder / "login").write_text(PAGE)
    (folder / "static/a.css").write_text("a{}")
    (folder / "static/b.js").write_text("1")
    assert web.files(facts(api=server, web=server)).status == "ok"
    (folder / "static/b.js").unlink()
    again = Site(server.address)
    found = web.files(facts(api=again, web=again))
    assert (found.status, found.runbook) == ("fault", "static-files-missing")
    assert found.text == "1 of 2 files of the sign-in page are missing: /static/b.js."
    (folder / "static/b.js").write_text("")  # there, and cut off
    again = Site(server.address)
    assert web.files(facts(api=again, web=again)).status == "fault"


def test_port_where_nobody_listens_and_one_that_says_nothing(monkeypatch):
    monkeypatch.setattr("synergy_cli.doctor.http.TIMEOUT_SECONDS", 0.3)
    nobody = Site(f"http://127.0.0.1:{free_port()}")
    assert web.live(facts(api=nobody)).runbook == "process-does-not-start"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = Site(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert web.live(facts(api=site)).runbook == "responses-slow"


@contextlib.contextmanager
def tls_server(certified: trustme.LeafCert) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certified.configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as own:
                    own.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("name", "days", "trusted", "status", "words"),
    [
        ("localhost", 90, True, "ok", "good for"),
        ("localhost", 10, True, "warning", "good for"),
        ("localhost", 2, True, "fault", "good for"),
        ("localhost", -1, True, "fault", "has expired"),
        ("other.example", 90, True, "fault", "not for localhost"),
        ("localhost", 90, False, "warning", "No authority"),
        ("localhost", -1, False, "fault", "expired"),
        ("other.example", 90, False, "fault", "not for localhost"),
    ],
)
def test_certificate(tmp_path, name, days, trusted, status, words):
    authority = trustme.CA()
    now = dt.datetime.now(dt.UTC)
    start = now - dt.timedelta(days=30)
    certified = authority.issue_cert(name, not_before=start, not_after=now + dt.timedelta(days=days))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with tls_server(certified) as port:
        found = certificate.judge("127.0.0.1", "localhost", port, str(tmp_path / "ca.pem") if trusted else None)
    assert found.status == status, found
    assert words in found.text


async def test_a_migrated_database_is_well(own_settings):
    asked, trouble = await ask_database(own_settings, Path("/"))
    assert trouble is None
    assert asked is not None
    assert set(QUERIES) <= set(asked)
    checks = [each for each in ALL if each.group == "database" and each.name not in {"durable", "pools"}]
    rows = look(checks, facts(database=asked))
    assert [row for row in rows if row.finding.status != "ok"] == []
    # the tests' own server is not durable
    assert database.durable(facts(database=asked)).status == "fault"


async def _changed(own_settings, services, sql: str) -> Facts:
    services[0].run_sql(sql, own_settings.db_name)
    asked, _ = await ask_database(own_settings, None)
    return facts(database=asked)


async def test_schema_of_another_release_is_found(own_settings, services):
    old = await _changed(own_settings, services, "UPDATE alembic_version SET version_num = '0001'")
    assert database.schema(old).status == "fault"
    newer = await _changed(own_settings, services, "UPDATE alembic_version SET version_num = '9000'")
    assert database.schema(newer).status == "ok"  # it says that our code works on it
    alien = await _changed(own_settings, services, "COMMENT ON TABLE alembic_version IS 'oldest code: 8000'")
    assert "restore a backup" in database.schema(alien).fix


async def test_table_that_the_role_may_not_use_is_found(own_settings, services):
    seen = await _changed(own_settings, services, "ALTER TABLE tasks OWNER TO postgres")
    assert database.role(seen).status == "fault"
    assert "tasks" in database.role(seen).text


async def test_event_of_the_future_and_open_transaction_are_found(own_settings, services):
    connection = await asyncpg.connect(own_settings.database_url())
    try:
        await connection.execute("BEGIN; SELECT 1")
        seen = await _changed(
            own_settings, services,
            "INSERT INTO events (id, type, version, occurred_at, object_type, object_id, quiet, data) VALUES"
            " (gen_random_uuid(), 'x', 1, now() + interval '1 hour', 'x', gen_random_uuid(), false, '{}')",
        )  # fmt: skip
    finally:
        await connection.close()
    assert database.clock_not_behind(seen).status == "fault"
    assert seen.sql("longest_transaction") > 0
    assert database.long_transactions(facts(database={"longest_transaction": 901.0})).status == "fault"


async def test_database_without_tables_is_found(own_settings, services):
    services[0].create_database(f"{own_settings.db_name}_empty")
    asked, _ = await ask_database(msgspec.structs.replace(own_settings, db_name=f"{own_settings.db_name}_empty"), None)
    services[0].drop_database(f"{own_settings.db_name}_empty")
    assert database.schema(facts(database=asked)).runbook == "process-does-not-start"
    with pytest.raises(NotSeen):
        facts(database=asked).sql("jobs")


async def test_database_that_does_not_exist_is_a_refused_one(own_settings):
    _, trouble = await ask_database(msgspec.structs.replace(own_settings, db_name="nowhere"), None)
    assert trouble is not None
    assert trouble.runbook == "database-refused"
    assert "no database nowhere" in trouble.text


def test_pooler_that_drops_time_limits_is_found():
    wanted = {"statement_timeout": "15000", "lock_timeout": "2000"}
    kept = facts(database={"session": dict(wanted), "session_wanted": wanted})
    assert database.session(kept).status == "ok"
    dropped = facts(database={"session": {**wanted, "statement_timeout": "0"}, "session_wanted": wanted})
    assert "statement_timeout" in database.session(dropped).text


def test_one_redis_for_both_uses_is_found(tmp_path):
    with EmbeddedRedis(tmp_path / "one", kind="cache") as server:
        told, trouble = ask_redis("broker", server.url())
        assert trouble is None
        seen = facts(known_settings=SettingsFacts(), broker=told, cache=told)
        assert settings.redis_apart(seen).status == "fault"
        assert redis.broker_keeps(seen).runbook == "tasks-not-processed"
        assert redis.broker_on_disk(seen).status == "warning"
        _, refused = ask_redis("broker", server.url().replace(server.password, "wrong-password"))
        assert refused is not None
        assert "wrong-password" not in refused.text + refused.fix
    _, gone = ask_redis("broker", server.url())
    assert gone is not None
    assert gone.runbook == "tasks-not-processed"


@pytest.mark.parametrize(
    ("check", "given", "status"),
    [
        (settings.secret_key, {}, "fault"),
        (settings.secret_key, {"secret_keys": ("a" * 40,)}, "fault"),
        (settings.secret_key, {"secret_keys": ("abcdefghijklmnopqrstuvwxyz0123456789",) * 2}, "warning"),
        (settings.public_url, {"public_url": "http://work.example.org"}, "fault"),
        (settings.public_url, {"public_url": "https://localhost"}, "warning"),
        (settings.public_url, {"public_url": "https://work.example.org"}, "ok"),
        (settings.secure_cookies, {"public_url": "http://work.example.org", "cookies_secure": True}, "fault"),
        (settings.secure_cookies, {"public_url": "https://work.example.org"}, "warning"),
        (settings.allowed_hosts, {"public_url": "https://a.example", "allowed_hosts": ("*",)}, "fault"),
        (settings.allowed_hosts, {"public_url": "https://a.example", "allowed_hosts": ("b.example",)}, "fault"),
        (settings.allowed_hosts, {"public_url": "https://a.b.example", "allowed_hosts": (".b.example",)}, "ok"),
        (settings.mail_leaves, {"mail_backend": "folder"}, "warning"),
        (settings.mail_leaves, {"mail_backend": "smtp", "mail_from": "X <noreply@localhost>"}, "warning"),
        (settings.redis_apart, {"same_redis": True}, "fault"),
    ],
)
def test_setting(check, given, status):
    assert check(with_settings(**given)).status == status


def test_mail_server_that_is_away_and_folder_that_is_none(own_settings, tmp_path):
    (tmp_path / "media").write_text("no folder")
    seen = see(
        {
            "DB_HOST": "127.0.0.1", "DB_PORT": str(free_port()), "EMAIL_BACKEND": "smtp", "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(free_port()), "EMAIL_HOST_PASSWORD": "mail-password", "SECRET_KEY": "k" * 40,
            "SYNERGY_MEDIA_ROOT": str(tmp_path / "media"), "SYNERGY_HOME": str(tmp_path),
            "REDIS_URL": own_settings.redis_url, "TASKIQ_BROKER_URL": own_settings.broker_url,
        },
        None, production=False,
    )  # fmt: skip
    rows = {f"{row.group}/{row.name}": row.finding for row in look(ALL, seen)}
    for name in ("mail/way out", "storage/writes and reads", "database/reachable"):
        assert rows[name].status == "fault", name
    assert "mail-password" not in str(rows)


def test_processes_against_their_limits():
    held = Process("api", runs=True, memory_mb=290, limit_mb=300, stopped=True, open_files=990, most_files=1000)
    seen = facts(processes=[held, Process("worker", runs=False)])
    for check in (machine.processes, machine.stopped, machine.process_memory, machine.open_files):
        assert check(seen).status == "fault"
    assert machine.machine_memory(seen, lambda: "MemTotal: 100 kB\nMemAvailable: 1 kB").runbook == "memory-high"
    assert machine.clock(seen, lambda: 1e9).status == "fault"


def test_control_group_near_its_limit(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("990\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 0\n")
    assert machine.group_memory(facts(), tmp_path).runbook == "memory-high"
    (tmp_path / "memory.stat").write_text("inactive_file 500\n")
    assert machine.group_memory(facts(), tmp_path).status == "ok"


def test_exit_status_and_checks_that_cannot_be_made():
    def raising(error: Exception):
        def run(_):
            raise error

        return run

    made = [
        Check("g", "a", raising(NotSeen("it is away"))), Check("g", "b", raising(NotUsed("there is none"))),
        Check("g", "d", raising(KeyError("a secret in it"))),
    ]  # fmt: skip
    rows = look(made, facts())
    assert [row.finding.status for row in rows] == ["skipped", "skipped", "unknown"]
    assert "a secret" not in str(rows)
    assert exit_status(rows) == 2
    assert exit_status([*rows, Row("g", "e", fault("x", "y"))]) == 1
    assert exit_status([Row("g", "e", warning("x", "y")), Row("g", "f", ok("z"))]) == 0


def test_table_has_its_names_once_and_forty_rows():
    names = [(each.group, each.name) for each in ALL]
    assert len(set(names)) == len(names) >= 40


def test_stack_doctor_needs_the_standard_library_only():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import synergy_cli.stack.doctor"
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code, str(ROOT / "apps/cli/src")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_stack_doctor_before_init_could_not_look(tmp_path):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "synergy_cli.stack", "doctor", "--json"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "just init" in json.loads(done.stdout)["error"]
