"""Backups of a real embedded database that is written to: taken, proven, damaged, restored."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import psutil
import pytest

from synergy_cli.backup.embedded import EmbeddedEngine
from synergy_cli.backup.errors import BackupError, BackupRefused
from synergy_cli.backup.fingerprint import QuietPoint
from synergy_cli.backup.manifest import backup_ids, check_parts, read_manifest, sets_folder
from synergy_cli.backup.proving import choose, drill, prove, try_restore
from synergy_cli.backup.recording import records
from synergy_cli.backup.restoring import restore
from synergy_cli.backup.taking import alone, take_backup
from synergy_cli.backup.uploads import NewUploads, object_path, since_backup
from synergy_cli.backup.wal import names_of, segment_number, server_id
from synergy_platform.embedded.errors import EmbeddedError
from synergy_testing.backed_up import BackedUp, copied, with_key

pytestmark = pytest.mark.slow
FLIPS = 50


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackedUp]:
    made = BackedUp(tmp_path_factory.mktemp("backed"))
    made.start()
    try:
        asyncio.run(made.fill())
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def taken(system: BackedUp) -> str:
    """The id of a backup that was taken while somebody wrote."""
    with system.written_to():
        return take_backup(system.engine(), system.settings).id


def _last(system: BackedUp, task: str):
    return records(system.settings, (task,), 1)[0]


def test_backup_of_a_busy_system_is_proven_by_a_drill_to_the_last_row_and_file(system, taken):
    manifest = read_manifest(system.engine().root, taken, system.engine().key)
    assert manifest.tables["diary"].rows > 0
    assert len(manifest.media) == 5
    assert manifest.held_ms < 1000
    proof = drill(system.engine(), system.settings, system.environ)
    assert (proof.backup, proof.differences, proof.without_file) == (taken, [], [])
    assert (proof.tables, proof.rows, proof.files) == (len(manifest.tables), manifest.rows, 5)
    assert {"check", "copy", "recovery", "files", "compare", "smoke", "dump"} <= proof.seconds.keys()
    record = _last(system, "drill")
    assert (record.outcome, record.detail["backup"], record.detail["rows"]) == ("ok", taken, manifest.rows)
    assert _last(system, "backup").detail["id"] == taken
    assert not any(system.engine().work.iterdir())


def test_nobody_else_may_read_a_backup(system, taken):
    folder = sets_folder(system.engine().root) / taken
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder / "dump", folder / "base" / "base.tar.gz")}
    assert [mode & 0o077 for mode in modes.values()] == [0, 0]


def test_fifty_backups_with_one_byte_changed_are_fifty_times_refused(system, taken, tmp_path):
    engine, chance = system.engine(), random.Random(2026)
    manifest = read_manifest(engine.root, taken, engine.key)
    files = [*manifest.parts, f"sets/{taken}/manifest.json", f"sets/{taken}/manifest.sig"]
    for number in range(FLIPS):
        # every kind of file comes up, whatever its size
        name = files[number] if number < len(files) else chance.choice(files)
        copy = copied(engine, tmp_path / str(number))
        _flip(copy.root / name, chance)
        with pytest.raises(BackupRefused, match=taken):
            _prove(copy, system, taken)
        assert not copy.cluster.exists()
        shutil.rmtree(tmp_path / str(number))
    # the original was not touched by what happened to its copies
    check_parts(engine.root, read_manifest(engine.root, taken, engine.key))


def _prove(engine: EmbeddedEngine, system: BackedUp, backup_id: str) -> None:
    manifest = read_manifest(engine.root, backup_id, engine.key)
    prove(engine, system.settings, system.environ, manifest, None, task="restore")


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content.rstrip(b"\n")))
    content[place] ^= 1 << chance.randrange(8)
    path.unlink()
    path.write_bytes(content)


def test_a_missing_file_is_refused(system, taken, tmp_path):
    copy = copied(system.engine(), tmp_path)
    (sets_folder(copy.root) / taken / "dump").unlink()
    with pytest.raises(BackupRefused, match="dump is missing"):
        _prove(copy, system, taken)


def test_a_backup_of_another_key_is_refused(system, taken):
    engine = system.engine()
    with pytest.raises(BackupRefused, match="another key"):
        read_manifest(engine.root, taken, b"another key that is as long as it should be")
    other = with_key(system.settings, "another secret that is long enough to sign")
    with pytest.raises(BackupError, match="made with another SECRET_KEY"):
        prove(engine, other, system.environ, read_manifest(engine.root, taken, engine.key), None, task="restore")


class _WithDump(EmbeddedEngine):
    """An engine whose pg_dump is a script around the real one."""

    script = ""

    def program(self, name: str) -> str:
        real = super().program(name)
        if name != "pg_dump":
            return real
        path = self.home / "pg_dump"
        path.write_text(self.script.replace("REAL", real))
        path.chmod(0o700)
        return str(path)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('#!/bin/sh\nulimit -f 20\nexec REAL "$@"\n', "pg_dump"),  # no file of more than 10 KiB: as a full disk
        ('#!/bin/sh\nREAL "$@" && kill -9 $$\n', "pg_dump"),
        # cut short, and says that all is well
        (
            """#!/bin/sh
REAL "$@" || exit
for word; do case "$word" in --file=*) file=${word#--file=};; esac; done
truncate -s -2000 "$file"
""",
            "pg_restore",
        ),
    ],
    ids=["full disk", "killed", "short"],
)
def test_a_failed_dump_never_replaces_a_good_one(system, taken, script, said):
    engine = system.engine()
    before = backup_ids(engine.root)
    failing = _WithDump(engine.home, engine.root, engine.media, engine.key, engine.dsn)
    failing.script = script
    with pytest.raises(BackupError, match=said):
        take_backup(failing, system.settings)
    assert backup_ids(engine.root) == before
    assert sorted(path.name for path in sets_folder(engine.root).iterdir()) == sorted(before)
    check_parts(engine.root, read_manifest(engine.root, taken, engine.key))
    record = _last(system, "backup")
    assert record.outcome == "failed"
    assert said in record.summary


def test_what_the_database_refuses_is_a_sentence_and_recorded(system, taken):
    before = backup_ids(system.engine().root)
    system.sql("ALTER TABLE alembic_version RENAME TO away")
    try:
        with pytest.raises(BackupError, match="alembic_version"):
            take_backup(system.engine(), system.settings)
    finally:
        system.sql("ALTER TABLE away RENAME TO alembic_version")
    assert _last(system, "backup").outcome == "failed"
    assert backup_ids(system.engine().root) == before


def test_a_database_that_throws_everyone_out_meanwhile_ends_a_backup_with_a_sentence(system, taken):
    engine = system.engine()
    failing = _WithDump(engine.home, engine.root, engine.media, engine.key, engine.dsn)
    everyone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    out = f"{everyone} AND pid <> pg_backend_pid()"
    failing.script = f'#!/bin/sh\n{engine.program("psql")} \'{engine.dsn}\' -qc "{out}" >/dev/null\nexec REAL "$@"\n'
    with pytest.raises(BackupError, match="pg_dump"):
        take_backup(failing, system.settings)
    assert _last(system, "backup").outcome == "failed"


def test_a_backup_that_was_killed_is_swept_away_by_the_next(system, taken):
    engine = system.engine()
    half = sets_folder(engine.root) / "20260101T000000Z-dead"
    (half / "base").mkdir(parents=True)
    (half / "base" / "base.tar.gz").write_bytes(b"half of it")
    assert "20260101T000000Z-dead" not in backup_ids(engine.root)
    manifest = take_backup(engine, system.settings)
    assert not half.exists()
    assert {manifest.id, taken} <= set(backup_ids(engine.root))


def test_two_at_a_time_are_refused(system, taken):
    with alone(system.engine().root), pytest.raises(EmbeddedError, match="works on these backups already"):
        take_backup(system.engine(), system.settings, patience=0)


def test_a_restore_waits_for_what_keeps_new_files(system, taken):
    held = alone(system.engine().root)
    held.acquire()
    threading.Timer(1.5, held.release).start()
    assert try_restore(system.engine(), system.settings, system.environ, taken, None).differences == []


def test_a_file_that_an_attachment_lacks_is_named_and_a_copy_that_went_bad_is_replaced(system, taken):
    engine = system.engine()
    manifest = read_manifest(engine.root, taken, engine.key)
    key, file = next(iter(manifest.media.items()))
    kept = object_path(engine.root, file.sha256)
    kept.write_bytes(b"rotten")
    take_backup(engine, system.settings)
    assert len(kept.read_bytes()) == file.size
    assert system.settings.media_path is not None
    path = system.settings.media_path / key
    path.rename(path.with_suffix(".away"))
    try:
        take_backup(engine, system.settings)
        record = _last(system, "backup")
        assert record.outcome == "attention"
        assert any(f"its file {key} is missing" in said for said in record.detail["rows_without_file"])
    finally:
        path.with_suffix(".away").rename(path)
    take_backup(engine, system.settings)


def test_restore_to_a_second_between_two_known_writes(system, taken):
    engine = system.engine()
    before = datetime.fromisoformat(system.note("before"))
    system.sql("SELECT pg_sleep(1.1)")
    after = datetime.fromisoformat(system.note("after"))
    to = before + (after - before) / 2
    manifest, until = choose(engine, None, to)
    engine.clean()
    engine.restore_base(manifest, engine.cluster, until)
    with engine.restored_server(engine.cluster) as dsn:
        lines = asyncio.run(_diary(dsn))
    engine.clean()
    assert "before" in lines
    assert "after" not in lines


async def _diary(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row["line"] for row in await connection.fetch("SELECT line FROM diary")}
    finally:
        await connection.close()


def test_a_file_that_came_after_the_backup_comes_back_with_its_row(system, taken, tmp_path):
    engine = system.engine()
    uploads = NewUploads(system.settings.media_path, engine.root, since_backup(engine.root))
    content = b"uploaded after the backup"
    key = asyncio.run(system.upload(content))
    assert uploads.look() == 1
    assert uploads.look() == 0
    away = (system.settings.media_path / key).rename(tmp_path / "lost")
    system.note("after the upload")
    system.sql("SELECT pg_sleep(0.2)")
    try:
        proof = try_restore(engine, system.settings, system.environ, None, None)
    finally:
        away.rename(system.settings.media_path / key)
    assert (proof.differences, proof.without_file) == ([], [])
    assert proof.files == 6
    # no backup names it yet, and it stays all the same
    assert engine.expire() == []
    assert object_path(engine.root, hashlib.sha256(content).hexdigest()).read_bytes() == content


def test_the_log_of_a_backup_stays_until_it_is_received(system, taken):
    engine = system.engine()
    engine.clean()
    backup_id = "20990101T000000Z-0000"
    base = engine.take_base(backup_id, full=True)
    receiver = next(
        child for child in psutil.Process().children(recursive=True)
        if any(backup_id in word for word in child.cmdline())
    )  # fmt: skip
    receiver.suspend()
    try:
        for _ in range(3):
            for _ in range(10):
                system.sql("SELECT pg_logical_emit_message(false, 'x', 'x')")
                system.sql("SELECT pg_switch_wal()")
            system.sql("CHECKPOINT")
    finally:
        receiver.resume()
    lsn = system.sql("SELECT pg_current_wal_lsn()")
    system.note("after a busy time")
    engine.keep_log(backup_id, base, QuietPoint("x", lsn, datetime.now().astimezone(), "", 0.0, {}))
    assert len(names_of(engine.root / "sets" / backup_id / "wal")) >= 30
    deadline = time.monotonic() + 20  # the server lets go of it a moment after its session has gone
    while system.sql("SELECT count(*) FROM pg_replication_slots WHERE temporary") != "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    engine.clean()


def test_the_window_begins_where_the_kept_log_does(system, taken):
    engine = system.engine()
    take_backup(engine, system.settings)
    newer, older = engine.candidates()[:2]
    window = engine.window()
    assert window is not None
    assert window.start <= older.point_at
    behind = max(segment_number(name) for name in names_of(engine.root / "sets" / older.id / "wal"))
    some = next(path for path in engine.archive.folder.glob("*/*") if path.suffix != ".history")
    gone = engine.archive.chain(server_id(some), behind, behind + 1)
    assert gone
    for path in gone.values():
        path.rename(path.with_suffix(".away"))
    try:
        shorter = engine.window()
        assert shorter is not None
        assert shorter.start == newer.point_at
        assert shorter.end >= window.end
    finally:
        for path in gone.values():
            path.with_suffix(".away").rename(path)


def test_a_set_that_was_copied_in_part_or_is_damaged_hides_no_other(system, taken, tmp_path):
    take_backup(system.engine(), system.settings)
    copy = copied(system.engine(), tmp_path)
    newest, *others = backup_ids(copy.root)
    wal = sets_folder(copy.root) / newest / "wal"
    first = wal / f"{names_of(wal)[0]}.gz"
    content = bytearray(first.read_bytes())
    for damage in (content[:100], content[:20] + bytes(40) + content[60:], None):
        first.unlink()
        if damage is None:
            shutil.rmtree(wal)
            wal.mkdir()
        else:
            first.write_bytes(damage)
        assert [each.id for each in copy.candidates()] == others
        assert copy.window() is not None


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"])
def test_a_moment_outside_of_the_window_is_refused_and_the_window_named(system, taken, moment):
    window = system.engine().window()
    with pytest.raises(BackupError, match="choose a moment from") as refusal:
        choose(system.engine(), None, datetime.fromisoformat(moment))
    assert window.start.isoformat() in str(refusal.value)


def test_a_disk_without_room_is_left_alone(system, taken, monkeypatch):
    manifest = read_manifest(system.engine().root, taken, system.engine().key)
    assert system.engine().restored_bytes(manifest) > 1_000_000
    monkeypatch.setattr("synergy_cli.backup.proving.shutil.disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(BackupError, match="make room"):
        drill(system.engine(), system.settings, system.environ)
    assert _last(system, "drill").outcome == "failed"


def test_a_live_database_is_never_restored_onto(system, taken):
    # nothing of `synergy up` runs here, only its database
    with pytest.raises(BackupError, match="nothing is restored onto it"):
        restore(system.engine(), system.settings, system.environ, None, None)
    with system.home.lock, pytest.raises(EmbeddedError, match="already runs on"):
        restore(system.engine(), system.settings, system.environ, None, None)
    assert system.sql("SELECT 1") == "1"
