"""docs/replication.md, done by its own commands: a second PostgreSQL follows the first and takes over."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from synergy_platform.embedded.errors import EmbeddedError
from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/replication.md").read_text()
PASSWORD = "a sentence for the stream"


def statement(part: str) -> str:
    """The statement of the page that has this part."""
    [found] = {each for each in re.findall(r'"((?:SELECT|ALTER)[^"]+)"', PAGE) if part in each}
    return found


def base_backup(primary: EmbeddedPostgres, target: Path) -> None:
    """`pg_basebackup` as the page calls it, with the address and the folder of this test."""
    words = shlex.split(PAGE.partition("--entrypoint pg_basebackup db")[2].partition("docker compose up")[0])
    options = [word for word in words if word != "\n"]
    options[options.index("--host") + 1] = primary.host
    options[options.index("--pgdata") + 1] = str(target)
    done = subprocess.run(
        [str(binaries() / "pg_basebackup"), *options, "--port", str(primary.port)],
        env={"PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def wait_for(server: EmbeddedPostgres, query: str, wanted: str) -> None:
    deadline = time.monotonic() + 30
    while (found := server.run_sql(query, server.database)) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"
        time.sleep(0.1)


def test_replica_follows_comes_back_and_takes_over(tmp_path):
    replica_folder = tmp_path / "replica"
    with EmbeddedPostgres(tmp_path / "primary", settings={"wal_level": "replica"}) as primary:
        # as docker/db/10-roles.sh has it
        rule = "host replication synergy_backup all scram-sha-256"
        assert rule in (ROOT / "docker/db/10-roles.sh").read_text()
        primary.run_sql(f"CREATE ROLE synergy_backup LOGIN REPLICATION PASSWORD '{PASSWORD}'")
        with (primary.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"{rule}\n")
        for part in ("max_slot_wal_keep_size", "pg_reload_conf", "pg_create_physical_replication_slot"):
            primary.run_sql(statement(part))
        primary.run_sql("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n", primary.database)

        replica_folder.mkdir()
        base_backup(primary, replica_folder / "data")
        assert (replica_folder / "data/postgresql.auto.conf").stat().st_mode & 0o077 == 0
        for name in ("password", "superuser-password"):
            shutil.copy(primary.folder / name, replica_folder / name)
        replica = EmbeddedPostgres(replica_folder)
        replica.start()
        primary.run_sql("INSERT INTO kept SELECT generate_series(1001, 2000)", primary.database)
        wait_for(replica, "SELECT count(*) FROM kept", "2000")
        assert re.fullmatch(r"walreceiver\|streaming\|[\d:.]*\|\d+", primary.run_sql(statement("pg_stat_replication")))
        assert primary.run_sql(statement("pg_replication_slots")).startswith("replica1|t|reserved|")
        assert replica.run_sql(statement("pg_last_xact_replay_timestamp")).startswith("t|20")
        with pytest.raises(EmbeddedError, match="read-only transaction"):
            replica.run_sql("INSERT INTO kept VALUES (0)", replica.database)

        # the slot keeps what a replica that is away has missed
        replica.stop()
        assert primary.run_sql(statement("pg_replication_slots")).startswith("replica1|f|reserved|")
        primary.run_sql("INSERT INTO kept SELECT generate_series(2001, 3000)", primary.database)
        replica.start()
        wait_for(replica, "SELECT count(*) FROM kept", "3000")
    try:
        replica.run_sql(statement("pg_promote"))
        wait_for(replica, "SELECT pg_is_in_recovery()", "f")
        replica.run_sql("INSERT INTO kept VALUES (0)", replica.database)
        assert replica.run_sql("SELECT count(*) FROM kept", replica.database) == "3001"
    finally:
        replica.stop()
