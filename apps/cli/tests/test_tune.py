"""`tune`: numbers that fit together, on any machine, and the table of docs/capacity.md."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import pytest

from synergy_cli.stack.cli import main
from synergy_cli.stack.compose import Stack
from synergy_cli.stack.envfile import read_env
from synergy_cli.stack.rollout import RESERVED_CONNECTIONS, check_connections
from synergy_cli.stack.sizing import MIB_OF_GIB, Machine, plan, smallest, users_of
from synergy_cli.stack.tune import SIZES, memory_in_mib, table, this_machine

ROOT = Path(__file__).parents[3]
MACHINES = [(1, 2), (2, 4), (2, 24), (4, 8), (8, 16), (8, 32), (16, 64), (64, 256)]
USERS = [1, 10, 100, 500, 1000, 5000, 10_000, 50_000]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "docker").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "compose.yaml").write_text((ROOT / "compose.yaml").read_text())
    (tmp_path / ".env").write_text("# mine\nWEB_WORKERS=2\nSYNERGY_API_REPLICAS=1\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SYNERGY_", "WEB_", "DB_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def mib(text: str) -> int:
    match = re.fullmatch(r"(\d+)([MG])B?", text)
    assert match
    return int(match[1]) * {"M": 1, "G": 1024}[match[2]]


@pytest.mark.parametrize("users", USERS)
@pytest.mark.parametrize(("cores", "gib"), MACHINES)
def test_numbers_for_a_machine_fit_together(cores, gib, users, tmp_path):
    found = plan(Machine(cores, gib * MIB_OF_GIB, 10**6), users)
    value = found.value
    database = mib(value("SYNERGY_DB_MEMORY"))
    assert mib(value("SYNERGY_DB_SHARED_BUFFERS")) <= database // 4
    assert mib(value("SYNERGY_DB_SHARED_BUFFERS")) + mib(value("SYNERGY_DB_EFFECTIVE_CACHE_SIZE")) <= database
    assert database <= gib * MIB_OF_GIB // 2
    for name in ("SYNERGY_API_CPUS", "SYNERGY_DB_CPUS", "SYNERGY_WORKER_CPUS"):
        assert 1 <= int(value(name)) <= cores
    # compose.yaml reserves 1 GiB for each, which no limit may be below; processes are renewed at 300 MiB
    assert mib(value("SYNERGY_API_MEMORY")) >= max(1024, int(value("WEB_WORKERS")) * 300)
    assert int(value("SYNERGY_WORKER_DB_POOL_SIZE")) > int(value("SYNERGY_WORKER_CONCURRENCY"))
    if not found.shortages:
        assert found.demand.cores <= cores / 2
        assert found.memory <= gib * MIB_OF_GIB * 0.8
        assert found.connections + RESERVED_CONNECTIONS <= int(value("SYNERGY_DB_MAX_CONNECTIONS"))
        # `deploy` counts them itself, with one API container more
        (tmp_path / ".env").write_text("".join(f"{each.name}={each.value}\n" for each in found.settings))
        counts = {name: int(value(f"SYNERGY_{name.upper()}_REPLICAS")) for name in ("api", "worker", "scheduler")}
        check_connections(Stack(tmp_path), {**counts, "api": counts["api"] + 1})


def test_more_users_never_need_less(tmp_path):
    plans = [plan(smallest(users), users) for users in sorted({*USERS, *SIZES, 20_000, 30_000})]
    for less, more in itertools.pairwise(plans):
        assert less.machine.cores <= more.machine.cores
        assert less.machine.memory <= more.machine.memory
        assert less.machine.disk <= more.machine.disk
        assert less.memory <= more.memory
        assert less.connections <= more.connections
        assert not more.shortages
    carried = [users_of(Machine(cores, gib * MIB_OF_GIB, 0)) for cores, gib in MACHINES]
    assert carried == sorted(carried)


@pytest.mark.parametrize(
    ("machine", "users", "words"),
    [
        (Machine(2, 32 * MIB_OF_GIB, 10**6), 20_000, "cores busy"),
        (Machine(16, 1 * MIB_OF_GIB, 10**6), 10, "GiB are expected to be in use"),
        (Machine(8, 32 * MIB_OF_GIB, 30), 10_000, "30 GiB are free"),
        (Machine(1024, 4096 * MIB_OF_GIB, 10**9), 500_000, "PgBouncer"),
    ],
)
def test_what_does_not_fit_is_said_with_what_would(machine, users, words):
    assert any(words in warning for warning in plan(machine, users).warnings)


def test_document_has_the_table_that_tune_prints():
    document = (ROOT / "docs/capacity.md").read_text()
    assert table() in document, "docs/capacity.md: put there what `just tune --table` prints"


def test_every_setting_of_tune_has_an_effect_in_compose():
    compose = (ROOT / "compose.yaml").read_text()
    cli = (ROOT / "apps/cli/src/synergy_cli/stack/rollout.py").read_text()
    assert 'f"SYNERGY_{name.upper()}_REPLICAS"' in cli
    for setting in plan(smallest(100), 100).settings:
        assert f"${{{setting.name}:-" in compose, setting.name


def test_defaults_of_compose_are_those_for_a_hundred_users():
    compose = (ROOT / "compose.yaml").read_text()
    for setting in plan(smallest(100), 100).settings:
        assert f"${{{setting.name}:-{setting.value}}}" in compose, setting.name


def test_overriding_commands_of_the_database_have_the_same_sizes():
    def sizes(name: str) -> list[str]:
        return re.findall(r"-c(?:max_connections|shared_buffers|effective_cache_size)=\S+", (ROOT / name).read_text())

    assert len(sizes("compose.yaml")) == 3
    assert sizes("compose.statements.yaml") == sizes("compose.yaml")


def test_tune_prints_settings_with_reasons_and_writes_nothing(folder, capsys):
    before = (folder / ".env").read_text()
    assert main(["tune", "--cores", "8", "--memory", "32G", "--disk", "2000", "--users", "1000"]) == 0
    said = capsys.readouterr().out
    assert "1,000 users: 100 active at the peak" in said
    assert re.search(r"^SYNERGY_DB_SHARED_BUFFERS=3GB  # \w+", said, re.MULTILINE)
    assert (folder / ".env").read_text() == before
    assert main(["tune", "--cores", "1", "--memory", "2G", "--users", "10000"]) == 1


def test_tune_write_shows_the_difference_and_keeps_the_rest(folder, capsys):
    words = ["tune", "--cores", "8", "--memory", "32G", "--disk", "2000", "--users", "1000", "--write"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert ".env: WEB_WORKERS: 2 -> 4" in said
    assert ".env: SYNERGY_DB_SHARED_BUFFERS: 256MB -> 3GB" in said
    assert "just restart db" in said
    # what compose.yaml has already is not written: it may get better with a release
    assert "SYNERGY_DB_POOL_SIZE: " not in said
    assert "just restart proxy" not in said
    env = read_env(folder / ".env")
    assert (env["WEB_WORKERS"], env["SYNERGY_API_REPLICAS"]) == ("4", "2")
    assert "SYNERGY_DB_POOL_SIZE" not in env
    assert (folder / ".env").read_text().startswith("# mine\nWEB_WORKERS=4\n")
    first = (folder / ".env").read_text()
    assert main(words) == 0
    assert "All of it holds already." in capsys.readouterr().out
    assert (folder / ".env").read_text() == first


def test_tune_needs_no_stack_to_look_but_one_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "--cores", "4", "--memory", "8G", "--disk", "500"]) == 0
    assert "It carries some" in capsys.readouterr().out
    assert main(["tune", "--write"]) == 1
    assert "folder of SynergyOS" in capsys.readouterr().err


def test_limits_of_a_control_group_count_as_the_machine(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       16777216 kB\nMemFree:  1 kB\n")
    none = this_machine(tmp_path, cgroup=tmp_path, meminfo=meminfo)
    assert none.memory == 16 * MIB_OF_GIB
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{3 << 30}\n")
    found = this_machine(tmp_path, cgroup=tmp_path, meminfo=meminfo)
    assert (found.cores, found.memory) == (0.5, 3 * MIB_OF_GIB)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert this_machine(tmp_path, cgroup=tmp_path, meminfo=meminfo) == none


@pytest.mark.parametrize(("text", "expected"), [("32G", 32768), ("512M", 512), ("1.5GiB", 1536)])
def test_memory_is_read_with_its_unit(text, expected):
    assert memory_in_mib(text) == expected


def test_memory_without_unit_says_how_to_write_it(folder, capsys):
    with pytest.raises(SystemExit):
        main(["tune", "--memory", "32"])
    assert "Write memory as 32G or 512M" in capsys.readouterr().err
