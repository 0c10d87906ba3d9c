"""Backups of the stack: taken, tried, damaged, restored to a second, and from nothing but the keys and the archive."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from containers import gateway

_FLIPS = 3
_FLIPS_IN_FULL = 50


@pytest.fixture(scope="module")
def backup(lab) -> str:
    """The id of a backup with something in it."""
    with lab.signed_in() as client:
        task = lab.new_task(client)
        answer = client.post(f"/api/v1/tasks/{task}/attachments", files={"file": ("plan.txt", b"a plan " * 1000)})
        assert answer.status_code == 201, answer.text
    try:
        lab.wait_for(lambda: bool(listed(lab)), 180)  # the first one is taken by itself
    except pytest.fail.Exception:
        pytest.fail("no first backup:\n" + lab.compose("logs", "--tail=30", "backup", "db").stdout)
    lab.stack("backup")
    return newest(lab)


def listed(lab) -> list[dict]:
    said = lab.stack("backups", "--json", check=False).stdout
    return json.loads(said)["backups"] if said.startswith("{") else []


def quiet_moment() -> datetime:
    """One with nothing written shortly before or after."""
    time.sleep(2)
    moment = datetime.now(UTC)
    time.sleep(2)
    return moment


def newest(lab) -> str:
    return listed(lab)[0]["id"]


def test_backup_is_kept_and_recorded(lab, backup):
    entry = listed(lab)[0]
    assert entry["id"] == backup
    assert entry["files"] >= 1
    assert lab.outcomes("backup")[0] == "ok"
    # nothing of it can be read without the key
    script = "grep -rl 'a plan a plan' /backups || echo nothing"
    assert lab.execute("backup", "sh", "-c", script) == "nothing"


@pytest.mark.full
def test_log_is_archived_within_a_minute(lab, backup):
    lab.sql("SELECT pg_logical_emit_message(true, 'probe', 'archived')")
    name = lab.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    archived = f"ls /backups/pgbackrest/archive/synergyos/*/{name[:16]}/ | grep -q {name}"
    began = time.monotonic()
    while lab.compose("exec", "-T", "backup", "sh", "-c", archived, check=False).returncode:
        assert time.monotonic() - began < 60, "the log is more than a minute behind"
        time.sleep(1)


def test_drill_gives_back_all_of_it(lab, backup):
    said = lab.stack("drill")
    assert "came back" in said.stdout + said.stderr
    assert lab.outcomes("drill")[0] == "ok"
    assert listed(lab)[0]["proven_at"]


def test_restore_is_refused_where_something_is(lab, backup):
    unconfirmed = lab.stack("restore", check=False)
    assert unconfirmed.returncode == 1
    assert "--yes" in unconfirmed.stderr
    onto_it = ("--volume", f"{lab.project}_db:/restored", "backup", "container", "restore")
    live = lab.compose("run", "--rm", "--no-deps", "-T", *onto_it, check=False)
    assert live.returncode == 1
    assert "empty volume only" in live.stderr
    outside = lab.stack("restore", "--verify", "--to", "2020-01-01T00:00:00Z", check=False)
    assert outside.returncode == 1
    assert "choose a moment" in outside.stderr


def test_a_changed_byte_is_refused_wherever_it_is(lab, backup, request):
    """In the base, its manifest, the dump, the files, our own manifest and its signature."""
    chance = random.Random(6)
    folders = [f"/backups/{name}" for name in ("pgbackrest/backup", "restic", "sets")]
    found = lab.execute("backup", "find", *folders, "-type", "f", "-size", "+0")
    entry = json.loads(lab.execute("backup", "cat", f"/backups/sets/{backup}/manifest.json"))
    label = entry["base"]
    files = sorted(
        path for path in found.splitlines()
        if any(f"/{part}/" in path for part in (label, label.split("_")[0], backup, "data", "index", "snapshots"))
    )  # fmt: skip
    assert len(files) > 10
    count = _FLIPS_IN_FULL if request.config.getoption("--full") else _FLIPS
    for place in range(count):
        path = chance.choice(files)
        size = int(lab.execute("backup", "stat", "-c", "%s", path))
        offset = chance.randrange(size)
        flip(lab, path, offset)
        try:
            said = lab.stack("restore", "--verify", "--backup", backup, check=False)
            assert said.returncode != 0, f"{path} at {offset}, number {place}, was not noticed"
            assert "refused" in said.stderr or "changed" in said.stderr or "damaged" in said.stderr, said.stderr
        finally:
            flip(lab, path, offset)
    lab.stack("restore", "--verify", "--backup", backup)


def test_damage_that_only_others_have_does_not_stop_a_restore(lab, backup):
    """Restic keeps what backups share: a damaged pack refuses all of them, until the operator says otherwise."""
    with lab.signed_in() as client:
        task = lab.new_task(client)
        # fills whole packs: what is smaller, restic packs anew together with what was there
        large = {"file": ("large.bin", random.Random(6).randbytes(40_000_000))}
        assert client.post(f"/api/v1/tasks/{task}/attachments", files=large).status_code == 201
    lab.stack("backup")
    packs = lab.execute("backup", "find", "/backups/restic/data", "-type", "f", "-printf", "%s %p\n").splitlines()
    size, of_the_later = max((int(size), path) for size, path in (line.split() for line in packs))
    assert size > 16_000_000
    flip(lab, of_the_later, 100)
    try:
        refused = lab.stack("restore", "--verify", "--backup", backup, check=False)
        assert refused.returncode != 0
        assert "--despite-damage" in refused.stderr
        lab.stack("restore", "--verify", "--backup", backup, "--despite-damage")
    finally:
        flip(lab, of_the_later, 100)


def flip(lab, path: str, offset: int) -> None:
    script = (
        "import os, sys\npath, at = sys.argv[1], int(sys.argv[2])\n"
        "mode = os.stat(path).st_mode; os.chmod(path, 0o600)\n"
        "f = open(path, 'r+b'); f.seek(at); byte = f.read(1)[0]; f.seek(at); f.write(bytes([byte ^ 1])); f.close()\n"
        "os.chmod(path, mode)"
    )
    lab.execute("backup", "python3", "-c", script, path, str(offset))


@pytest.mark.full
def test_restore_to_a_second_between_two_writes(lab, backup):
    with lab.signed_in() as client:
        project = lab.new_project(client)
        before = lab.new_task(client, project)
    moment = quiet_moment()
    with lab.signed_in() as client:
        after = lab.new_task(client, project)
    old = lab.env("SYNERGY_DB_VOLUME") or f"{lab.project}_db"
    lab.stack("restore", "--to", moment.isoformat(), "--yes")
    lab.wait_healthy()
    with lab.signed_in() as client:
        assert client.get(f"/api/v1/tasks/{before}").status_code == 200
        assert client.get(f"/api/v1/tasks/{after}").status_code == 404
    assert lab.env("SYNERGY_DB_VOLUME") != old
    assert old in lab.docker("volume", "ls", "--quiet").split()
    assert lab.outcomes("restore")[0] == "ok"
    assert newest(lab) != backup  # the new branch of the log begins with a backup of its own


@pytest.mark.full
def test_a_second_restore_goes_further_back_than_the_first(lab, backup):
    tasks, moments = [], []
    for _ in range(3):
        with lab.signed_in() as client:
            tasks.append(lab.new_task(client))
        moments.append(quiet_moment())
    for kept in (2, 1):  # of the three tasks
        lab.stack("restore", "--to", moments[kept - 1].isoformat(), "--yes")
        lab.wait_healthy()
        with lab.signed_in() as client:
            found = [client.get(f"/api/v1/tasks/{task}").status_code for task in tasks]
        assert found == [200] * kept + [404] * (3 - kept)
    lab.stack("drill")


@pytest.mark.full
def test_a_gigabyte_comes_back_within_the_promised_minute(lab, backup):
    """60 s a GB, from the begin of the restore until the product answered."""
    more_rows = (lab.root / "ops" / "measured_rows.sql").read_text()
    while int(lab.sql("SELECT pg_database_size(current_database())")) < 2**30:
        lab.sql(more_rows)
    rows = lab.sql("SELECT count(*) FROM measured")
    began = time.monotonic()
    lab.stack("backup", "--full")
    backed_up = time.monotonic() - began
    moment = quiet_moment()
    lab.sql("DELETE FROM measured")
    began = time.monotonic()
    lab.stack("restore", "--to", moment.isoformat(), "--yes")
    restored = time.monotonic() - began
    lab.wait_healthy()
    assert lab.sql("SELECT count(*) FROM measured") == rows
    found = lab.sql("SELECT detail FROM maintenance_records WHERE task = 'restore' ORDER BY finished_at DESC LIMIT 1")
    proof = json.loads(found)
    print(f"\n{proof['bytes'] / 2**30:.2f} GB: full backup {backed_up:.0f} s")
    print(f"{proof['seconds_a_gb']} s a GB until the restored system answered: {proof['seconds']}")
    print(f"{restored:.0f} s in all, with swap, smoke test and the full backup that follows")
    assert proof["bytes"] > 2**30
    assert proof["seconds_a_gb"] <= 60
    lab.sql("DROP TABLE measured")


@pytest.mark.full
def test_a_gap_in_the_kept_log_is_refused_and_not_taken_for_its_end(lab, backup):
    for _ in range(3):
        lab.sql("SELECT pg_logical_emit_message(true, 'probe', 'gap')")
        lab.sql("SELECT pg_switch_wal()")
    lab.stack("restore", "--verify")
    newest = "ls -t /backups/pgbackrest/archive/synergyos/*/*/*.zst | sed -n 3p"
    gap = lab.execute("backup", "sh", "-c", newest)
    lab.execute("backup", "mv", gap, f"{gap}.away")
    try:
        refused = lab.stack("restore", "--verify", check=False)
        assert refused.returncode == 3
        assert "breaks off" in refused.stderr
    finally:
        lab.execute("backup", "mv", f"{gap}.away", gap)
    lab.stack("restore", "--verify")


@pytest.mark.full
def test_a_restore_that_was_undone_leads_no_later_one_astray(lab, backup):
    """The old volume is taken again: the branch of the restored one has a higher number, and is over."""
    with lab.signed_in() as client:
        project = lab.new_project(client)
    moment = quiet_moment()
    with lab.signed_in() as client:
        before = lab.new_task(client, project)
    old = lab.env("SYNERGY_DB_VOLUME") or f"{lab.project}_db"
    lab.stack("restore", "--to", moment.isoformat(), "--yes")
    lab.compose("rm", "--stop", "--force", "db", "backup")
    env = (lab.root / ".env").read_text()
    (lab.root / ".env").write_text(
        re.sub("^SYNERGY_DB_VOLUME=.*$", f"SYNERGY_DB_VOLUME={old}", env, flags=re.MULTILINE)
    )
    lab.stack("up")
    lab.wait_healthy()
    with lab.signed_in() as client:
        assert client.get(f"/api/v1/tasks/{before}").status_code == 200
        after = lab.new_task(client, project)
    lab.stack("drill")
    lab.stack("restore", "--yes")
    lab.wait_healthy()
    with lab.signed_in() as client:
        found = [client.get(f"/api/v1/tasks/{task}").status_code for task in (before, after)]
    assert found == [200, 200]


@pytest.mark.full
def test_from_the_keys_and_the_archive_to_a_running_system(lab, backup, tmp_path):
    with lab.signed_in() as client:
        mark = lab.new_task(client)
    lab.stack("backup")
    keys, archive = tmp_path / "keys.env", tmp_path / "archive"
    lab.stack("escrow", str(keys))
    assert keys.stat().st_mode & 0o777 == 0o600
    image = lab.containers("backup")[0]["Image"]
    archive.mkdir()
    lab.docker(
        "run", "--rm", "--user", "0", "--entrypoint", "cp", "--volume", f"{lab.project}_backups:/from:ro",
        "--volume", f"{archive}:/to", image, "-a", "/from/.", "/to/",
    )  # fmt: skip
    lab.compose("--profile", "*", "down", "--volumes", "--timeout", "5")
    # what restores have kept aside, too: a machine that was never used
    for volume in re.findall(rf"^{lab.project}_\S+$", lab.docker("volume", "ls", "--quiet"), re.MULTILINE):
        lab.docker("volume", "rm", volume)
    (lab.root / ".env").unlink()
    shutil.rmtree(lab.root / "secrets")
    began = time.monotonic()
    lab.stack("recover", str(keys), "--from", str(archive))
    print(f"\nrecovered in {time.monotonic() - began:.0f} s, images and all")
    lab.wait_healthy()
    with lab.signed_in() as client:
        assert client.get(f"/api/v1/tasks/{mark}").status_code == 200


@pytest.mark.full
def test_copy_in_a_bucket(lab, backup, tmp_path):
    here = gateway(lab, "egress")
    address = f"http://{here}:15555"
    tonight = datetime.now(UTC) + timedelta(seconds=70)
    with (lab.root / ".env").open("a") as env:
        env.write(f"SYNERGY_BACKUP_S3_ENDPOINT={address}\nSYNERGY_BACKUP_S3_BUCKET=copies\n")
        env.write("SYNERGY_BACKUP_S3_ACCESS_KEY_ID=tests\nSYNERGY_BACKUP_S3_SECRET_ACCESS_KEY=tests-secret\n")
        env.write(f"SYNERGY_BACKUP_TIME={tonight:%H:%M}\n")
    lab.stack("init")
    lab.compose("up", "--detach", "--no-build", "--wait", "backup")
    # the bucket is away in the night, and a copy that failed is made again when it is there
    lab.wait_for(lambda: lab.outcomes("offsite_copy")[:1] == ["failed"], 300)
    assert lab.outcomes("backup")[0] == "ok"
    server = subprocess.Popen(["moto_server", "-H", here, "-p", "15555"])
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                assert httpx.put(f"{address}/copies").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        lab.wait_for(lambda: lab.outcomes("offsite_copy")[0] == "ok", 300)
        listing = httpx.get(f"{address}/copies?list-type=2").text
        assert f"sets/{newest(lab)}/manifest.json" in listing
        assert "pgbackrest/backup/synergyos/backup.info" in listing
    finally:
        server.terminate()
        server.wait()
