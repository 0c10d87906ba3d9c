"""The stack's commands, as far as no engine is needed: .env, secrets/, arguments, sums."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synergy_cli.stack import init as stack_init
from synergy_cli.stack.cli import _moment, main
from synergy_cli.stack.compose import Stack, StackError
from synergy_cli.stack.envfile import read_env, write_env
from synergy_cli.stack.logs import sorted_lines
from synergy_cli.stack.rollout import check_connections

ROOT = Path(__file__).parents[3]


@pytest.fixture
def stack(tmp_path, monkeypatch):
    (tmp_path / "packages/platform/src/synergy_platform").mkdir(parents=True)
    (tmp_path / "packages/platform/src/synergy_platform/version.py").write_text('VERSION = "1.2.3"\n')
    for name in ("SYNERGY_HTTPS_PORT", "SYNERGY_HTTP_PORT", "SECRET_KEY", "DB_HOST", "WEB_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    # a test is not root everywhere, and files of other users could not be removed
    monkeypatch.setattr(os, "chown", lambda *_: None)
    return Stack(tmp_path)


def test_init_on_an_empty_folder_writes_secrets_that_only_the_owner_reads(stack, tmp_path):
    stack_init.init(stack, host="work.example.org")
    env = read_env(tmp_path / ".env")
    assert env["ALLOWED_HOSTS"] == "work.example.org"
    assert env["SYNERGY_PUBLIC_URL"] == "https://work.example.org"
    assert env["SYNERGY_VERSION"] == "1.2.3"
    assert len(env["SECRET_KEY"]) >= 32
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    for path in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert (tmp_path / "secrets/secret_key").read_text() == env["SECRET_KEY"]
    assert env["REDIS_PASSWORD"] in (tmp_path / "secrets/broker_url").read_text()


def test_init_again_keeps_what_the_operator_wrote(stack, tmp_path):
    (tmp_path / ".env").write_text("# mine\nSECRET_KEY=" + "k" * 40 + "\nEMAIL_HOST=mail.example.org # a relay\n")
    stack_init.init(stack, host=None)
    first = (tmp_path / ".env").read_text()
    stack_init.init(stack, host=None)
    assert (tmp_path / ".env").read_text() == first
    assert first.startswith("# mine\nSECRET_KEY=" + "k" * 40)
    assert read_env(tmp_path / ".env")["EMAIL_HOST"] == "mail.example.org"
    assert (tmp_path / "secrets/secret_key").read_text() == "k" * 40


def test_init_with_an_address_instead_of_a_name_says_what_it_wants(stack):
    with pytest.raises(StackError, match="without https"):
        stack_init.init(stack, host="https://work.example.org/")


def test_init_with_another_port_puts_it_into_the_public_address(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNERGY_HTTPS_PORT", "8443")
    stack_init.init(stack, host="work.example.org")
    env = read_env(tmp_path / ".env")
    assert env["SYNERGY_PUBLIC_URL"] == "https://work.example.org:8443"
    assert env["SYNERGY_HTTPS_PORT"] == "8443"


def test_write_env_replaces_a_value_where_it_stands(tmp_path):
    path = tmp_path / ".env"
    path.write_text("A=1\n# B=2\nexport C='3'\nA=2\n")
    write_env(path, {"A": "9", "B": "8", "C": "7"})
    assert path.read_text() == "A=9\n# B=2\nC=7\nA=9\nB=8\n"


def test_connections_beyond_the_database_are_refused(stack, tmp_path):
    (tmp_path / ".env").write_text("WEB_WORKERS=4\n")
    check_connections(stack, {"api": 3, "worker": 2, "scheduler": 2})
    with pytest.raises(StackError, match="PgBouncer"):
        check_connections(stack, {"api": 6, "worker": 1, "scheduler": 1})
    (tmp_path / ".env").write_text("WEB_WORKERS=4\nDB_HOST=pooler.internal\n")
    check_connections(stack, {"api": 60, "worker": 1, "scheduler": 1})


def test_a_setting_that_is_no_number_is_named(stack, tmp_path):
    (tmp_path / ".env").write_text("WEB_WORKERS=auto\n")
    with pytest.raises(StackError, match="WEB_WORKERS is 'auto'"):
        check_connections(stack, {"api": 3, "worker": 2, "scheduler": 2})


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    for folder in ("docker", "secrets", ".stack.lock"):
        (tmp_path / folder).mkdir()
    (tmp_path / ".env").write_text("WEB_WORKERS=4\n")
    monkeypatch.chdir(tmp_path)
    assert main(["scale", "api=2"]) == 1
    assert ".stack.lock cannot be used: Is a directory" in capsys.readouterr().err


def test_a_moment_without_a_zone_is_one_of_this_machine(monkeypatch, capsys):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert _moment("2026-11-30 14:05:00") == "2026-11-30T14:05:00+01:00"
        assert _moment("2026-11-30T14:05:00+00:00") == "2026-11-30T15:05:00+01:00"
        assert _moment(None) is None
        assert "Up to 2026-11-30 14:05:00+01:00." in capsys.readouterr().out
        with pytest.raises(StackError, match="is no time"):
            _moment("yesterday")
    finally:
        monkeypatch.undo()
        time.tzset()


_WAY_BACK = """
import sys, time
from pathlib import Path
from synergy_cli.stack.compose import Stack, StackError, say

stack = Stack(Path(sys.argv[1]))
try:
    with stack.lock():
        try:
            print("changing", flush=True)
            sys.stdin.read()
        except KeyboardInterrupt:
            say("going back")  # to a terminal that is gone
            time.sleep(1)
            (stack.root / "back").touch()
            raise StackError("Interrupted.") from None
except StackError:
    sys.exit(3)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_what_changes_the_stack_goes_its_way_back_however_it_is_ended(number, tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", _WAY_BACK, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"changing\n"
    child.stdout.close()
    for _ in range(3):  # an impatient hand; a shell and the kernel, both
        child.send_signal(number)
        time.sleep(0.2)
    assert child.wait(20) == 3
    assert (tmp_path / "back").exists()
    child.stdin.close()


@pytest.mark.parametrize("words", [["deploy"], ["scale", "api=3"], ["smoke"], ["tls", "init", "--email", "a@b.c"]])
def test_verb_before_init_says_what_to_do(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    assert "just init" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["api", "api=", "api=0", "api=-1", "api=x"])
def test_scale_with_a_word_that_is_no_count_says_how_to_write_it(word, tmp_path, monkeypatch, capsys):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["scale", word]) == 1
    assert "api=3 worker=5" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--hours"], ["--hours", "0"], ["--since", "24h"], ["api"]])
def test_maintenance_logs_with_words_that_it_does_not_know_says_how_to_write_it(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["maintenance", "logs", *words]) == 1
    assert "just maintenance logs --hours 24" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "said", "outcome", "note"),
    [
        (0, "PyPI: nothing known\nnpm: nothing known", "ok", "Nothing is known against the locked libraries"),
        (1, "dist/audit/web.cdx.json: 9 parts\nPyPI: left-pad 1.0: CVE-1\nnpm: nothing known", "attention",
         "The audit found something: PyPI: left-pad 1.0: CVE-1"),
        (1, "", "failed", "The audit found nothing to say"),
        (3, "PyPI: NOT ASKED, it does not answer here", "failed", "could not ask all registries: PyPI: NOT ASKED"),
    ],
)  # fmt: skip
def test_maintenance_dependencies_without_a_stack_says_how_to_record_what_the_audit_found(
    status, said, outcome, note, tmp_path, monkeypatch, capsys
):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    # what the registries know changes from day to day: this one always knows the same
    hatch = tmp_path / "bin/hatch"
    hatch.parent.mkdir()
    hatch.write_text(f"#!/bin/sh\n[ \"$*\" = 'run audit:run' ] && printf '%s\\n' '{said}'\nexit {status}\n")
    hatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{hatch.parent}")  # no docker here
    monkeypatch.chdir(tmp_path)
    assert main(["maintenance", "dependencies"]) == status
    out = capsys.readouterr().out
    assert said in out
    assert f"just maintenance record monthly.dependencies --outcome {outcome} --note '" in out
    assert note in out


def test_verb_in_a_folder_without_compose_file_says_where_to_run_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["ps"]) == 1
    assert "compose.yaml" in capsys.readouterr().err


def test_stack_runs_with_nothing_but_the_standard_library():
    command = [
        sys.executable,
        "-S",
        "-I",
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import synergy_cli.stack.cli",
    ]
    done = subprocess.run([*command, str(ROOT / "apps/cli/src")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_justfile_and_the_stack_have_the_same_verbs(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    justfile = (ROOT / "justfile").read_text()
    verbs = (
        "init", "up", "down", "pull", "pin-images", "start", "stop", "restart", "logs", "ps", "stats", "build",
        "deploy", "rollback", "scale", "migrate", "create-admin", "shell", "psql", "redis-cli", "tls", "smoke",
        "doctor", "maintenance", "maintenance-status", "tune", "upgrade",
    )  # fmt: skip
    for verb in verbs:
        assert f"{verb} " in listed or f"{verb}\n" in listed
        assert f"{{{{ stack }}}} {verb}" in justfile


# ruff: noqa: E501 - lines of logs
# what `docker compose logs --timestamps` wrote: services one after the other, in the order in which it read them
LOGS = """\
api-1     | 2026-11-30T09:00:01.250000000Z {"@timestamp":"2026-11-30T09:00:01.24Z","message":"http.request","request.id":"wanted-1"}
api-1     | 2026-11-30T09:00:01.000000000Z {"@timestamp":"2026-11-30T09:00:01.00Z","message":"task.moved","request.id":"wanted-1"}
api-2     | 2026-11-30T09:00:01.300000000Z {"message":"http.request","request.id":"wanted-12"}
db-1      | 2026-11-30T09:00:01.100000000Z 2026-11-30 09:00:01 UTC [7] LOG:  wanted-1 is in a statement
web-1     | 2026-11-30T09:00:01.400000000Z {"message":"quoted","synergy.text":"wanted-1"}
worker-1  | 2026-11-30T09:00:02.000000000Z {not JSON, but wanted-1}
worker-1  | 2026-11-30T09:00:03.000000000Z {"message":"job.done","request.id":"wanted-1"}
proxy-1   | 2026-11-30T09:00:01.260000000Z {"@timestamp":"2026-11-30T09:00:01+00:00","message":"http.request","request.id":"wanted-1"}
"""


def test_lines_of_one_request_come_from_all_services_in_the_order_of_time():
    found = sorted_lines(LOGS.splitlines(keepends=True), "wanted-1")
    assert [(line.split()[0], json.loads(line.partition("| ")[2])["message"]) for line in found] == [
        ("api-1", "task.moved"), ("api-1", "http.request"), ("proxy-1", "http.request"), ("worker-1", "job.done"),
    ]  # fmt: skip


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A folder as of the product, and a `docker` that gives these logs: with --follow those from the third line on."""
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "docker").mkdir()
    (tmp_path / "logs").write_text(LOGS)
    command = tmp_path / "bin/docker"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f'case "$*" in *--follow*) tail -n 2 {tmp_path}/logs; tail -n 1 {tmp_path}/logs | sed s/http.request/later/ ;;'
        f" *) cat {tmp_path}/logs ;; esac\n"
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_logs_of_a_request_that_is_followed_shows_no_line_twice(engine, capsys):
    assert main(["logs", "--request", "wanted-1"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [json.loads(line.partition("| ")[2])["message"] for line in shown] == [
        "task.moved", "http.request", "http.request", "job.done", "later",
    ]  # fmt: skip
    assert re.search(r"--follow --since \d{4}-\d\d-\d\dT[\d:]+Z$", (engine / "asked").read_text().splitlines()[-1])


def test_logs_of_a_request_that_left_no_line_says_so(engine, capsys):
    assert main(["logs", "api", "worker", "--no-follow", "--request", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
    assert (engine / "asked").read_text().endswith("--timestamps api worker\n")
