"""What the plan of an upgrade tells: on the host by files and words of the engine, and by `synergy upgrade --plan`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from synergy_cli.stack import changed, plan
from synergy_cli.stack.compose import StackError
from synergy_cli.stack.plan_text import backup_sentence, schema_lines
from synergy_cli.stack.rollout import Release
from synergy_cli.stack.standing import differences
from synergy_domain.maintenance import recent_records
from synergy_testing.command import synergy_on

ROOT = Path(__file__).parents[3]

SCHEMA = {
    "before": "0006", "after": "0008", "oldest_code": "0001", "forbidden": "", "database_bytes": 5 * 2**20,
    "sizes": {"events": {"rows": 2_000_000, "bytes": 3 * 2**30}}, "warnings": ["0008 keeps others from it."],
    "migrations": [{"revision": "0008", "title": "A title.", "statements": [
        {"sql": "CREATE INDEX CONCURRENTLY i ON events (a);", "in_transaction": False, "locks": [
            {"table": "events", "mode": "ShareUpdateExclusiveLock", "blocks": "nothing", "is_read_whole": False,
             "is_rewritten": False}]},
        {"sql": "ALTER TABLE events ALTER a TYPE bigint;", "in_transaction": True, "locks": [
            {"table": "events", "mode": "AccessExclusiveLock", "blocks": "reads and writes", "is_read_whole": True,
             "is_rewritten": True}]},
    ]}],
}  # fmt: skip


def test_settings_that_are_new_gone_or_have_another_default_are_told(tmp_path):
    (tmp_path / ".env.example").write_text("# A.\n#KEPT=1\n\n#OTHER=5\n#NEW=x\n")
    (tmp_path / "compose.yaml").write_text("x: ${SYNERGY_METRICS_DAYS:-30}\n")
    (tmp_path / ".env").write_text("KEPT=2\nGONE=1\nMISPELT=1\nSYNERGY_METRICS_DAYS=3\nCOMPOSE_FILE=a\n")
    found = changed.settings_change(tmp_path, "#KEPT=1\n#OTHER=4\n#GONE=\n")
    assert found.new == {"NEW": "x"}
    assert found.gone == ("GONE",)
    assert found.defaults == {"OTHER": ("4", "5")}
    assert found.unread == ("GONE", "MISPELT")
    assert "other default: OTHER, 4 -> 5" in found.lines()


def test_what_init_writes_is_read_by_this_checkout(tmp_path):
    written = (
        "SYNERGY_ENV", "SYNERGY_VERSION", "SYNERGY_PREVIOUS_VERSION", "ALLOWED_HOSTS", "SYNERGY_PUBLIC_URL",
        "SECRET_KEY", "DB_SUPERUSER_PASSWORD", "DB_MIGRATOR_PASSWORD", "DB_PASSWORD", "DB_READONLY_PASSWORD",
        "DB_BACKUP_PASSWORD", "REDIS_PASSWORD", "SYNERGY_API_CPUS", "SYNERGY_API_REPLICAS", "SYNERGY_HTTP_PORT",
        "PYTHON_IMAGE", "COMPOSE_PROFILES", "CELERY_BROKER_URL",
    )  # fmt: skip
    assert changed.unread(ROOT, dict.fromkeys(written, "x")) == ()


@pytest.mark.parametrize(
    ("version", "begins", "has", "has_not"),
    [
        ("0.4.0", "## Unreleased", "next", "## 0.4.0"),
        ("0.3.0", "## Unreleased", "## 0.4.0", "## 0.3.0"),
        ("0.2.9", "## Unreleased", "## 0.3.0", "## 0.2.0"),
    ],
)
def test_changelog_is_told_from_the_version_that_runs(version, begins, has, has_not):
    text = "# Changelog\n\n## Unreleased\nnext\n\n## 0.4.0 – 2026\nd\n\n## 0.3.0\nc\n\n## 0.2.0\nb\n"
    found = changed.changelog_since(text, version)
    assert found.startswith(begins)
    assert has in found
    assert has_not not in found


CONTAINER = {
    "Config": {"Cmd": ["postgres", "-cport=$1"], "Entrypoint": None, "Env": ["A=1", "PATH=/bin"], "Image": "db:16"},
    "Mounts": [{"Destination": "/data"}, {"Destination": "/run/secrets/a"}],
}
WANTED = {
    "command": ["postgres", "-cport=$$1"], "entrypoint": None, "environment": {"A": "1"}, "image": "db:16",
    "volumes": [{"target": "/data"}], "secrets": [{"source": "a", "target": "/run/secrets/a"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"command": ["postgres"]}, "another command line"),
        ({"entrypoint": ["other"]}, "another entrypoint"),
        ({"environment": {"A": "1", "B": "2"}}, "another environment: B"),
        ({"image": "db:17"}, "the image db:17 for db:16"),
        ({"volumes": [{"target": "/data"}, {"target": "/more"}]}, "mounts that are new: /more"),
        ({"secrets": [{"source": "a"}, {"source": "b"}]}, "mounts that are new: /run/secrets/b"),
    ],
)
def test_service_that_stays_says_why_it_should_be_renewed(change, reason):
    assert differences(CONTAINER, {**WANTED, **change}) == ([reason] if reason else [])


def test_plan_tells_each_statement_with_its_locks():
    text = "\n".join(schema_lines(SCHEMA, None))
    assert "Schema: 0006 -> 0008" in text
    assert "events (2,000,000 rows, 3,072 MiB): AccessExclusiveLock, blocks reads and writes, all of it is writ" in text
    assert "-- outside of a transaction\n" in text
    assert "ShareUpdateExclusiveLock, blocks nothing" in text
    assert "Warning: 0008 keeps others from it." in text
    assert "Backup: no good one is recorded." in text


@pytest.mark.parametrize(("hours", "old"), [(5, False), (30, True)])
def test_backup_says_its_age(hours, old):
    finished = datetime.now(UTC) - timedelta(hours=hours)
    told = backup_sentence({"finished_at": finished.isoformat()})
    assert f"ended {hours} h ago" in told
    assert ("long ago" in told) is old


def judged(schema: dict[str, object], running: str) -> list[str]:
    made = plan.Plan(Release("a"), Release("b"))
    plan._judge_schema(made, {**SCHEMA, **schema}, running)
    return made.refusals


def test_upgrade_that_the_running_code_would_not_outlive_is_refused():
    assert judged({}, "0006") == []
    assert judged({"forbidden": "The schema is too new."}, "0006") == ["The schema is too new."]
    (sentence,) = judged({"oldest_code": "0007"}, "0006")
    assert "release in between" in sentence
    assert "empty" in judged({"before": None}, "0006")[0]


def test_tables_that_are_worked_on_need_room():
    assert plan._bytes_worked_on(SCHEMA) == 3 * 2**30
    assert plan._bytes_worked_on({**SCHEMA, "migrations": []}) == 0
    assert plan._bytes_worked_on(None) == 0


def test_plan_without_init_says_what_to_do(tmp_path):
    from synergy_cli.stack.compose import Stack
    from synergy_cli.stack.upgrade import show_plan

    with pytest.raises(StackError, match="just init"):
        show_plan(Stack(tmp_path), tag=None, build=False, pull=False)


@pytest.fixture
def synergy(own_settings):
    return synergy_on(own_settings)


async def test_plan_of_an_older_schema_tells_what_would_run_with_a_server_of_its_own(synergy, services, own_settings):
    # the schema as 0006 left it
    for sql in (
        "DROP TABLE maintenance_records", "ALTER TABLE events DROP COLUMN trace_parent",
        "ALTER TABLE jobs DROP COLUMN trace_parent", "UPDATE alembic_version SET version_num = '0006'",
    ):  # fmt: skip
        services[0].run_sql(sql, own_settings.db_name)
    status, out, err = await synergy("upgrade", "--plan")
    assert status == 0, err
    assert "Schema: 0006 -> 0007" in out
    assert "AccessExclusiveLock, blocks reads and writes" in out
    assert out.endswith("It can be done.\n")
    assert services[0].run_sql("SELECT version_num FROM alembic_version", own_settings.db_name) == "0006"


async def test_plan_of_a_schema_that_is_too_new_ends_with_one(synergy, services, own_settings):
    services[0].run_sql("UPDATE alembic_version SET version_num = '9999'", own_settings.db_name)
    services[0].run_sql("COMMENT ON TABLE alembic_version IS NULL", own_settings.db_name)
    status, out, _ = await synergy("upgrade", "--plan", "--json", "--scratch", services[0].url(own_settings.db_name))
    assert status == 1
    assert "9999" in json.loads(out)["schema"]["forbidden"]


async def test_plan_without_a_database_and_upgrade_without_plan_say_what_to_do(synergy):
    status, _, err = await synergy("upgrade", "--plan", DB_PORT="1")
    assert (status, "Is it running?" in err) == (1, True)
    status, _, err = await synergy("upgrade")
    assert (status, "git pull" in err) == (1, True)


async def test_maintenance_record_is_kept_and_the_plan_finds_the_last_good_backup(synergy, own_runtime, services):
    now = datetime.now(UTC)
    record = {
        "task": "backup", "outcome": "ok", "started_at": now.isoformat(), "finished_at": now.isoformat(),
        "done_by": "root", "summary": "A test.", "detail": {"size": 3},
    }  # fmt: skip
    status, _, err = await synergy("maintenance", "add", stdin=json.dumps(record))
    assert status == 0, err
    (kept,) = await recent_records(own_runtime.database.reader(), ["backup"], limit=5)
    assert (kept.summary, kept.detail) == ("A test.", {"size": 3})
    status, out, _ = await synergy("upgrade", "--plan", "--json")
    assert (status, json.loads(out)["backup"]["summary"]) == (0, "A test.")
    status, _, err = await synergy("maintenance", "add", stdin='{"task": "backup"}')
    assert (status, "This is no record" in err) == (1, True)
