"""The load test's report, the knee, and a load on a system that runs: only with its operator's word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import httpx
import pytest

from synergy_domain.maintenance import latest_records

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
def load(monkeypatch):
    """Gives a module of ops/load; its neighbours are known while the test runs."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "ops"))
    monkeypatch.syspath_prepend(str(ROOT / "ops/load"))
    yield import_module
    for name in set(sys.modules) - before:
        if (ROOT / "ops/load" / f"{name}.py").exists():
            del sys.modules[name]


def made(load, rows, *, after=timedelta(), **more):
    fields = {
        "system": "its own", "profile": "quick", "started_at": BEGAN + after,
        "finished_at": BEGAN + after + timedelta(minutes=4),
        "machine": {"cores": "2", "load average before": "0.10 0.20 0.30"}, "versions": {"python": "3.11"},
        "data": {"set": "reference"}, "sections": {"Levels": "| a |"}, **more,
    }  # fmt: skip
    return load("report").Report(rows=rows, **fields)


def test_report_has_goals_beside_figures_in_markdown_and_json(load, tmp_path):
    row = load("figures").Row
    rows = [row("me, requests/s of the floor's", "71%", "50%", True, 0.71), row("board", "40%", "60%", False, 0.4)]
    path = load("report").finish(made(load, rows), tmp_path / "reports")
    assert path.name == "2026-11-30-090000-quick.md"
    text = path.read_text()
    assert "1 of 2 goals reached; no report before." in text
    assert "| me, requests/s of the floor's | 71% | 50% | reached |" in text
    assert "| board | 40% | 60% | short |" in text
    for part in ("Machine: cores 2", "Versions: python 3.11", "Data: set reference", "Took 240 s", "## Levels"):
        assert part in text
    told = json.loads(path.with_suffix(".json").read_bytes())
    assert told["rows"][1] == {
        "what": "board", "figure": "40%", "goal": "60%", "reached": False, "value": 0.4, "better": "higher",
        "tolerance": 0.3,
    }  # fmt: skip


def test_report_names_what_is_worse_than_in_the_last_one_of_its_kind(load, tmp_path):
    row, finish = load("figures").Row, load("report").finish

    def rows(rate: float, statements: float, cpu: float):
        return [
            row("rate", f"{rate}", value=rate), row("statements", f"{statements}", value=statements, better="lower",
            tolerance=0.0), row("cpu", f"{cpu}", value=cpu, better="lower"), row("new", "1", value=rate),
        ]  # fmt: skip

    finish(made(load, rows(100, 4, 2.0)[:3]), tmp_path)
    finish(made(load, rows(1, 1, 1), after=timedelta(hours=1), profile="full"), tmp_path)  # of another kind
    (tmp_path / "notes.json").write_text("{}")
    second = made(load, rows(69, 5, 2.6), after=timedelta(hours=2))
    text = finish(second, tmp_path).read_text()
    assert second.regressions == ["rate: 69, before 100", "statements: 5, before 4"]
    assert "2 regression(s) since 2026-11-30 09:00" in text
    assert "- worse: statements: 5, before 4" in text
    third = made(load, rows(60, 5, 2.0), after=timedelta(hours=3))
    assert "Nothing is worse by more than its tolerance." in finish(third, tmp_path).read_text()


def test_record_asks_for_attention_where_a_goal_is_short(load):
    row, record_of = load("figures").Row, load("report").record_of
    good = record_of(made(load, [row("me", "71%", "50%", True, 0.71)]))
    assert (good.task, good.outcome, good.detail["figures"]) == ("quarterly.load_test", "ok", {"me": 0.71})
    short = record_of(made(load, [row("me", "41%", "50%", False, 0.41)]))
    assert (short.outcome, short.detail["short"]) == ("attention", ["me"])


def levels(load, *found):
    return [
        load("users").Level(
            users=users, streams=users, requests=100, per_second=users / 5, p50=1, p95=p95, p99=p95, p95_of={},
            events_per_second=0, errors=errors, first_error=None, cpu=0.1, load_average=1,
        )
        for users, p95, errors in found
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "carried"),
    [
        ([(10, 20, 0), (16, 30, 0)], 16),
        ([(10, 20, 0), (16, 501, 0), (13, 400, 0)], 13),
        ([(10, 20, 0), (16, 30, 1)], 10),
        # luck above a level that did not hold is no proof
        ([(10, 20, 0), (16, 600, 0), (25, 30, 0)], 10),
        ([(10, 900, 0)], None),
    ],
)
def test_knee_is_the_most_users_below_the_first_level_that_was_slow(load, found, carried):
    knee = load("users").knee(levels(load, *found))
    assert (knee.users if knee else None) == carried


async def test_steps_grow_until_it_is_slow_and_then_narrow(load):
    users = load("users")
    asked: list[int] = []

    class System:
        """Carries 70."""

        async def come(self, count):
            asked.append(count)

        async def watch(self, _seconds):
            return levels(load, (asked[-1], 20 if asked[-1] <= 70 else 900, 0))[0]

        async def close(self):
            pass

    async def measure(level):
        return await level()

    found = await users.find_knee(System(), first=20, most=1000, seconds=1, measure=measure)
    assert asked[:4] == [20, 31, 47, 71]
    assert 60 <= users.knee(found).users <= 70
    asked.clear()
    await users.find_knee(System(), first=200, most=1000, seconds=1, measure=measure)
    assert asked[0] == 200
    assert asked[1] == 100
    assert asked[2] == 50


def run(tmp_path, *words, **more):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/ops:{os.environ.get('PYTHONPATH', '')}", **more}
    command = [sys.executable, str(ROOT / "ops/load/run.py"), "--reports", str(tmp_path / "reports"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


async def token(url: str) -> str:
    person = {
        "username": "anna", "email": "a@example.org", "password": "correct horse 7 battery", "first_name": "A",
        "last_name": "A",
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as client:
        assert (await client.post("/auth/register", json=person)).status_code == 201
        answer = await client.post("/auth/login", json={"identifier": "anna", "password": person["password"]})
        return answer.json()["access_token"]


@pytest.mark.parametrize("word", [(), ("--yes-write-into", "work.example.org")])
async def test_without_its_operators_word_nothing_is_written_into_a_system(serve, own_runtime, tmp_path, word):
    server = await serve(SYNERGY_RATE_LIMIT_REGISTER="0")
    done = run(tmp_path, "--url", server.url, *word, SYNERGY_LOAD_TOKEN=await token(server.url))
    assert done.returncode == 2
    assert "--yes-write-into 127.0.0.1" in done.stderr
    assert await own_runtime.database.reader().value("SELECT count(*) FROM projects") == 0
    assert not (tmp_path / "reports").exists()


@pytest.mark.long
async def test_load_on_a_system_that_runs_finds_a_knee_and_removes_what_it_made(serve, own_runtime, tmp_path):
    server = await serve(SYNERGY_RATE_LIMIT_REGISTER="0")
    database = {name: value for name, value in server.environ.items() if name.startswith(("DB_", "SECRET_KEY"))}
    done = run(
        tmp_path, "--quick", "--url", server.url, "--yes-write-into", "127.0.0.1", "--first", "4", "--most", "6",
        "--seconds", "3", "--record", SYNERGY_LOAD_TOKEN=await token(server.url), SYNERGY_ENV="development", **database,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(next((tmp_path / "reports").glob("*.json")).read_bytes())
    assert report["system"] == "127.0.0.1"
    assert report["rows"][0]["what"] == "active users carried"
    assert [level["users"] for level in report["detail"]["levels"]][:1] == [4]
    assert all(level["requests"] > 0 for level in report["detail"]["levels"])
    assert all(level["streams"] == level["users"] and level["errors"] == 0 for level in report["detail"]["levels"])
    database = own_runtime.database.reader()
    assert await database.value("SELECT count(*) FROM projects WHERE name = 'Load test'") == 1
    assert await database.value("SELECT count(*) FROM projects WHERE deleted_at IS NULL") == 0
    assert (await latest_records(database))["quarterly.load_test"].detail["figures"]["active users carried"] > 0


async def test_more_users_than_the_systems_limit_allows_are_refused_with_a_way_out(serve, own_runtime, tmp_path):
    server = await serve(SYNERGY_RATE_LIMIT_API="600/m", SYNERGY_RATE_LIMIT_REGISTER="0")
    done = run(
        tmp_path, "--url", server.url, "--yes-write-into", "127.0.0.1", "--most", "500",
        SYNERGY_LOAD_TOKEN=await token(server.url),
    )  # fmt: skip
    assert done.returncode == 2
    assert "tokens of 10 accounts" in done.stderr
    assert "--most 50" in done.stderr
    assert await own_runtime.database.reader().value("SELECT count(*) FROM projects") == 0
