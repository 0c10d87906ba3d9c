"""PostgreSQL, the broker and the cache: their settings, who may do what, and how the product uses them."""

from __future__ import annotations

import concurrent.futures
import time

import pytest
from containers import OURS, addresses, container


def as_role(lab, role: str, query: str, *, password: str = "", options: str = "", check: bool = True) -> str:
    """What the database answers this role over the network, with the password of the role or another one."""
    secret = password or f"$(sed -n s/^{role.removeprefix('synergy_')}=//p /run/secrets/db_passwords)"
    psql = f'psql -h "$(hostname -i)" -U {role} -d synergyos -v ON_ERROR_STOP=1 -Atc "$0" 2>&1'
    script = f'PGOPTIONS="{options}" PGPASSWORD="{secret}" {psql}'
    return lab.execute("db", "sh", "-c", script, query, check=check)


def redis(lab, service: str, *words: str) -> list[str]:
    script = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"'
    return lab.execute(service, "sh", "-c", script, "redis-cli", *words).splitlines()


# --- db -------------------------------------------------------------------------------------------------------------


def test_database_runs_with_the_settings_of_the_table(lab):
    names = (
        "max_connections", "shared_buffers", "data_checksums", "password_encryption", "archive_mode",
        "archive_timeout", "wal_level", "fsync", "full_page_writes", "synchronous_commit",
    )  # fmt: skip
    listed = "','".join(names)
    told = lab.sql(f"SELECT name || '=' || current_setting(name) FROM unnest(ARRAY['{listed}']) name")  # noqa: S608 - ours
    assert dict(line.split("=", 1) for line in told.splitlines()) == {
        "max_connections": "100", "shared_buffers": "256MB", "data_checksums": "on",
        "password_encryption": "scram-sha-256", "archive_mode": "on", "archive_timeout": "45s",
        "wal_level": "replica", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
    }  # fmt: skip
    check = container(lab, "db")["Config"]["Healthcheck"]
    assert check["Test"][:5] == ["CMD", "pg_isready", "-U", "postgres", "-d"]
    assert check["Test"][5] == "synergyos"


def test_database_has_its_roles_and_none_can_more_than_its_work(lab):
    told = lab.sql(
        "SELECT rolname, rolcanlogin, rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls, rolreplication, "
        "coalesce(left(rolpassword, 14), '-') FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY rolname"
    )
    assert told.splitlines() == [
        "postgres|t|t|t|SCRAM-SHA-256$",
        "synergy_app|t|f|f|SCRAM-SHA-256$",
        "synergy_backup|t|f|t|SCRAM-SHA-256$",
        "synergy_migrator|t|f|f|SCRAM-SHA-256$",
        "synergy_owner|f|f|f|-",
        "synergy_readonly|t|f|f|SCRAM-SHA-256$",
    ]
    owners = lab.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == "synergy_owner"
    assert lab.sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'synergyos'") == "synergy_owner"


def test_database_lets_nobody_in_without_scram(lab):
    rules = lab.sql("SELECT type || ' ' || auth_method FROM pg_hba_file_rules WHERE error IS NULL")
    assert set(rules.splitlines()) == {"local peer", "host scram-sha-256"}
    assert lab.sql("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == "0"
    assert as_role(lab, "synergy_app", "SELECT 1") == "1"
    refused = as_role(lab, "synergy_app", "SELECT 1", password="wrong", check=False)
    assert "password authentication failed" in refused


@pytest.mark.parametrize(
    ("role", "query"),
    [
        ("synergy_app", "CREATE TABLE probe (id int)"),
        ("synergy_app", "ALTER TABLE tasks ADD COLUMN probe int"),
        ("synergy_app", "DROP TABLE tasks"),
        ("synergy_app", "CREATE SCHEMA probe"),
        ("synergy_app", "SET ROLE synergy_owner"),
        ("synergy_app", "SELECT pg_read_file('/etc/passwd')"),
        ("synergy_app", "COPY tasks TO PROGRAM 'cat'"),
        ("synergy_readonly", "CREATE TABLE probe (id int)"),
        ("synergy_readonly", "DELETE FROM tasks"),
        ("synergy_backup", "DELETE FROM tasks"),
    ],
)
def test_database_refuses_what_is_not_a_roles_work(lab, role, query):
    # even where the role's own wish to read only is put off
    said = as_role(lab, role, query, options="-c default_transaction_read_only=off", check=False)
    assert "ERROR" in said
    assert "permission denied" in said or "must be owner" in said


def test_database_lets_each_role_do_its_work(lab):
    assert as_role(lab, "synergy_readonly", "SELECT count(*) >= 0 FROM tasks") == "t"
    assert as_role(lab, "synergy_readonly", "DELETE FROM tasks", check=False).startswith("ERROR")
    assert as_role(lab, "synergy_backup", "SELECT count(*) >= 0 FROM users") == "t"
    said = as_role(lab, "synergy_migrator", "BEGIN; CREATE TABLE probe (id int); DROP TABLE probe; ROLLBACK")
    assert "CREATE TABLE" in said
    shown = as_role(lab, "synergy_app", "SHOW statement_timeout; SHOW lock_timeout")
    assert shown.splitlines() == ["15s", "2s"]


@pytest.mark.full
def test_database_stops_a_statement_of_the_app_after_fifteen_seconds(lab):
    began = time.monotonic()
    said = as_role(lab, "synergy_app", "SELECT pg_sleep(60)", check=False)
    assert "statement timeout" in said
    assert 14 < time.monotonic() - began < 50


def test_database_archives_its_log_and_the_file_can_be_read(lab):
    name = lab.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    lab.sql("SELECT pg_logical_emit_message(true, 'probe', 'archived'); SELECT pg_switch_wal()")
    fetch = ("synergy-pgbackrest", "archive-get", name, f"/work/{name}")
    deadline = time.monotonic() + 60
    while lab.compose("exec", "-T", "backup", *fetch, check=False).returncode:
        assert time.monotonic() < deadline, "no file was archived"
        time.sleep(0.5)
    script = f"stat -c %s /work/{name}; pg_waldump -q /work/{name} && echo whole; rm /work/{name}"
    size, whole = lab.execute("backup", "sh", "-c", script).splitlines()
    assert int(size) == 16 * 1024 * 1024
    assert whole == "whole"
    assert (
        lab.sql("SELECT last_failed_time IS NULL OR last_archived_time > last_failed_time FROM pg_stat_archiver") == "t"
    )


def test_pools_under_load_stay_within_their_size_and_the_database_holds_them(lab):
    environment = {
        name: dict(line.split("=", 1) for line in container(lab, name)["Config"]["Env"])
        for name in ("api", "worker", "scheduler")
    }
    pools = {name: int(each["SYNERGY_DB_POOL_SIZE"]) for name, each in environment.items()}
    assert pools["api"] <= 3
    assert pools["worker"] <= 5
    processes = int(environment["api"]["WEB_WORKERS"])
    assert processes == 4
    # beside the pools: listeners, and the worker's relay
    allowed = {
        "api": processes * (pools["api"] + 1),
        "worker": pools["worker"] + 2,
        "scheduler": pools["scheduler"] + 1,
    }
    assert sum(allowed.values()) <= 100 - 10

    def ask(client) -> int:
        return client.get("/api/v1/projects").status_code

    most: dict[str, int] = {}
    with lab.signed_in() as client, concurrent.futures.ThreadPoolExecutor(24) as threads:
        answers = [threads.submit(ask, client) for _ in range(240)]
        while not all(answer.done() for answer in answers):
            told = lab.sql("SELECT host(client_addr) || ' ' || count(*) FROM pg_stat_activity "
                           "WHERE usename = 'synergy_app' GROUP BY client_addr")  # fmt: skip
            for line in told.splitlines():
                address, count = line.split()
                most[address] = max(most.get(address, 0), int(count))
        assert {answer.result() for answer in answers} == {200}
    for name, limit in allowed.items():
        assert 0 < most[addresses(lab, name)["data"]] <= limit, name


# --- broker and cache -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("broker", {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}),
        ("cache", {"maxmemory-policy": "allkeys-lru", "appendonly": "no"}),
    ],
)
def test_redis_runs_with_the_settings_of_the_table(lab, service, expected):
    wanted = {"maxmemory": str(256 * 1024 * 1024), "save": "", **expected}
    told = redis(lab, service, "CONFIG", "GET", *wanted)
    told += [""] * (len(told) % 2)  # the value of `save` is an empty last line
    assert dict(zip(told[::2], told[1::2], strict=True)) == wanted
    files = lab.execute(service, "find", "/data", "-type", "f")
    assert ("appendonly" in files) is (service == "broker")
    refused = lab.execute(service, "redis-cli", "PING", check=False)
    assert "NOAUTH" in refused


def test_cache_has_a_time_to_live_on_every_key(lab):
    with lab.client() as client:
        for number in range(3):
            body = {"identifier": f"nobody{number}", "password": "not the password", "deliver": "body"}
            assert client.post("/api/v1/auth/login", json=body).status_code == 401
    with lab.signed_in() as client:
        assert client.get("/api/v1/projects").status_code == 200
    script = (
        "local kept = {} local all = redis.call('keys', '*') for _, key in ipairs(all) do "
        "if redis.call('ttl', key) == -1 then kept[#kept + 1] = key end end return {#all, cjson.encode(kept)}"
    )
    count, kept = redis(lab, "cache", "EVAL", script, "0")
    assert int(count) > 0
    assert kept == "{}", f"keys without a time to live: {kept}"


def test_product_works_without_the_cache(lab):
    before = {name: container(lab, name)["State"]["StartedAt"] for name in OURS}
    lab.compose("stop", "cache")
    try:
        with lab.signed_in() as client:
            body = {"identifier": "ada", "password": "a quiet river bends twice", "deliver": "body"}
            assert client.post("/api/v1/auth/login", json=body).status_code == 200
            project = lab.new_project(client)
            task = lab.new_task(client, project)
            assert client.get(f"/api/v1/projects/{project}/board").status_code == 200
            assert client.patch(f"/api/v1/tasks/{task}", json={"title": "Changed"}).status_code == 200
            assert client.get("/login").status_code == 200
            assert client.get("/api/health/ready").status_code == 200
            told = client.get("/api/auth/health/")
            assert (told.status_code, told.json()["status"]) == (200, "degraded")
    finally:
        lab.compose("start", "cache")
        lab.wait_healthy()
    assert {name: container(lab, name)["State"]["StartedAt"] for name in OURS} == before
