"""Parts of backups that need no database: which stay, when they are due, keys, swaps."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest

from synergy_cli.backup.clock import Clock, last_slot
from synergy_cli.backup.errors import BackupError
from synergy_cli.backup.escrow import embedded_keys, read_escrow, write_escrow
from synergy_cli.backup.retention import kept
from synergy_cli.backup.swap import begin_swap, discard_aside, finish_swap, require_no_server
from synergy_cli.backup.wal import lsn_number, segment_number
from synergy_platform.embedded.home import Home
from synergy_platform.settings import InvalidSettings, Settings, load_settings

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _daily(days: int) -> dict[str, datetime]:
    return {f"{days - 1 - age:03d}": NOW - age * DAY for age in range(days)}


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ({}, set()),
        ({"a": NOW - 4000 * DAY}, {"a"}),  # the newest, however old
        # all of the last 24 hours, and of the days before the last of each
        (
            {"a": NOW, "b": NOW - timedelta(hours=3), "c": NOW - DAY, "d": NOW - DAY - timedelta(hours=1)},
            {"a", "b"},
        ),
        # nobody takes any: what is there stays
        ({"a": NOW - 900 * DAY, "b": NOW - 901 * DAY}, {"a", "b"}),
    ],
)
def test_which_backups_stay(taken, expected):
    assert kept(taken) == expected


def test_of_a_year_of_days_seven_days_four_weeks_and_six_months_stay():
    taken = _daily(365)
    ages = sorted((NOW - taken[backup]).days for backup in kept(taken))
    assert ages[:7] == list(range(7))
    # Sundays end ISO weeks: 30 November 2026 is a Monday
    assert [age for age in ages if (NOW - age * DAY).isoweekday() == 7][:3] == [1, 8, 15]
    months = [(NOW - age * DAY).strftime("%m-%d") for age in ages if age > 21]
    assert months == ["10-31", "09-30", "08-31", "07-31", "06-30"]
    assert kept(taken) == kept({backup: taken[backup] for backup in kept(taken)})  # a second time changes nothing


@pytest.mark.parametrize(
    ("now", "hour", "slot"),
    [
        ("2026-11-30T02:00:00+00:00", "02:00", "2026-11-30T02:00:00+00:00"),
        ("2026-11-30T01:59:59+00:00", "02:00", "2026-11-29T02:00:00+00:00"),
        ("2026-03-01T12:00:00+00:00", "23:30", "2026-02-28T23:30:00+00:00"),
    ],
)
def test_the_last_time_that_a_clock_showed_the_hour(monkeypatch, now, hour, slot):
    assert last_slot(datetime.fromisoformat(now), hour) == datetime.fromisoformat(slot)


def test_each_day_once_also_when_the_machine_slept_and_backup_before_drill(tmp_path):
    clock = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"})
    start = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    assert clock.due(start) is None  # a new system waits for its first night
    assert clock.due(start + timedelta(hours=13)) is None
    woke = start + timedelta(days=2, hours=20)
    again = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"})  # and was started anew
    assert again.due(woke) == "backup"
    again.begun("backup", woke)
    assert again.due(woke) == "drill"
    again.begun("drill", woke)
    assert again.due(woke + timedelta(minutes=1)) is None
    again.bring_forward("backup")
    assert again.due(woke + timedelta(minutes=2)) == "backup"


def test_a_backup_that_failed_is_tried_again_ever_later_until_one_goes_well(tmp_path):
    clock = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"}, tried_again={"backup"})
    now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    clock.bring_forward("backup")
    pauses = []
    for _ in range(8):
        assert clock.due(now) == "backup"
        clock.begun("backup", now)
        now += timedelta(minutes=10)  # it takes that long
        clock.ended("backup", now, well=False)
        failed_at = now
        while clock.due(now) is None:
            now += timedelta(minutes=1)
        pauses.append((now - failed_at) // timedelta(minutes=1))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    clock.begun("backup", now)
    clock.ended("backup", now, well=True)
    assert clock.due(now + timedelta(hours=4)) is None
    clock.begun("drill", now)
    clock.ended("drill", now, well=False)  # what it found does not go away by itself
    assert clock.due(now + timedelta(hours=4)) is None


def test_what_has_no_hour_is_done_when_it_is_brought_forward(tmp_path):
    clock = Clock(tmp_path / "clock", {"backup": "02:00", "copy": None, "drill": "03:00"}, tried_again={"copy"})
    now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    assert clock.due(now) is None
    clock.bring_forward("copy")
    assert clock.due(now) == "copy"
    clock.begun("copy", now)
    clock.ended("copy", now, well=False)
    assert clock.due(now + timedelta(minutes=1)) == "copy"
    clock.begun("copy", now)
    clock.ended("copy", now, well=True)
    assert clock.due(now + timedelta(hours=4)) is None
    clock.bring_forward("backup")
    clock.bring_forward("copy")
    assert clock.due(now) == "backup"


def test_a_copy_is_due_for_what_came_after_the_last_one(tmp_path):
    clock = Clock(tmp_path / "clock", {"copy": None}, tried_again={"copy"})
    now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    assert clock.is_outdated("copy", now)  # never done
    clock.bring_forward("copy")
    assert not clock.is_outdated("copy", now)
    clock.begun("copy", now)
    clock.ended("copy", now, well=False)
    assert not clock.is_outdated("copy", now + timedelta(seconds=1))  # its pause is kept
    clock.ended("copy", now, well=True)
    assert not clock.is_outdated("copy", now - timedelta(seconds=1))
    assert clock.is_outdated("copy", now + timedelta(seconds=1))


def test_a_backup_that_was_cut_off_is_taken_again(tmp_path):
    clock = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"}, tried_again={"backup"})
    now = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
    clock.due(now - timedelta(hours=1))
    assert clock.due(now) == "backup"
    clock.begun("backup", now)
    again = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"}, tried_again={"backup"})
    assert again.due(now + timedelta(minutes=1)) == "backup"


def test_a_file_of_the_clock_of_an_earlier_release_is_begun_anew(tmp_path):
    (tmp_path / "clock").write_text('{"backup":"2026-11-28T02:00:00Z","drill":"2026-11-28T03:00:00Z"}')
    clock = Clock(tmp_path / "clock", {"backup": "02:00", "drill": "03:00"})
    now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    assert clock.due(now) is None
    assert clock.due(now + timedelta(hours=14)) == "backup"


def test_hours_that_are_off_never_come_and_wrong_ones_are_refused(tmp_path):
    settings = load_settings({"SYNERGY_BACKUP_TIME": "off", "SYNERGY_DRILL_TIME": "04:30"})
    clock = Clock(tmp_path / "clock", {"backup": settings.backup_time, "drill": settings.drill_time})
    clock.due(NOW)
    assert clock.due(NOW + 30 * DAY) == "drill"
    with pytest.raises(InvalidSettings, match="SYNERGY_DRILL_TIME is '25:00'"):
        load_settings({"SYNERGY_DRILL_TIME": "25:00"})


def test_backups_and_their_key_are_where_the_settings_say(tmp_path):
    from synergy_cli.backup.shape import embedded_engine

    home = Home(tmp_path / "home")
    home.prepare()
    plain = embedded_engine(Settings(home=str(home.path)), home)
    assert plain.root == home.path / "backups"
    assert plain.key.decode() == (home.path / "backup-key").read_text()
    chosen = Settings(home=str(home.path), backup_dir=str(tmp_path / "elsewhere"), backup_key="k" * 40)
    engine = embedded_engine(chosen, home)
    assert (engine.root, engine.key) == (tmp_path / "elsewhere", b"k" * 40)
    with pytest.raises(InvalidSettings, match="SYNERGY_BACKUP_KEY must have 32"):
        load_settings({"SYNERGY_BACKUP_KEY": "short"})


def test_keys_go_into_a_private_file_that_is_not_beside_the_data(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    settings = Settings(home=str(home.path))
    keys = embedded_keys(settings, home)
    for what in ("backups", "media"):
        with pytest.raises(BackupError, match="would have the keys too"):
            write_escrow(keys, home.path / what / "keys", {what: home.path / what})
    write_escrow(keys, tmp_path / "keys", {"the backups": home.path / "backups"})
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    assert read_escrow(tmp_path / "keys") == keys
    with pytest.raises(BackupError, match="is there already"):
        write_escrow(keys, tmp_path / "keys", {})
    assert embedded_keys(settings, home).hint == keys.hint
    (home.path / "backup-key").unlink()
    assert embedded_keys(settings, home).hint != keys.hint
    (tmp_path / "other").write_text("{}")
    with pytest.raises(BackupError, match="is not a file of"):
        read_escrow(tmp_path / "other")


def _with_two_clusters(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    for place, content in (("postgres/data", "old"), ("restored/postgres/data", "new"), ("broker", "queue")):
        (home.path / place).mkdir(parents=True)
        (home.path / place / "file").write_text(content)
    return home


@pytest.mark.parametrize("killed_after", [0, 1, 2, 3])
def test_a_swap_that_was_killed_is_brought_to_its_end(tmp_path, killed_after):
    home = _with_two_clusters(tmp_path)
    aside = begin_swap(home)
    # as far as the kill let it come
    moves = [(home.path / "postgres" / "data", aside / "data"), (home.path / "broker", aside / "broker"),
             (home.path / "restored" / "postgres" / "data", home.path / "postgres" / "data")]  # fmt: skip
    for source, target in moves[:killed_after]:
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    finish_swap(home)
    assert (home.path / "postgres" / "data" / "file").read_text() == "new"
    assert (aside / "data" / "file").read_text() == "old"
    assert (aside / "broker" / "file").read_text() == "queue"
    finish_swap(home)  # nothing is left to do
    assert (home.path / "postgres" / "data" / "file").read_text() == "new"
    assert discard_aside(home) == [aside]
    assert not aside.exists()


def test_a_pid_file_of_a_server_that_is_gone_or_another_program_is_in_nobodys_way(tmp_path):
    for content in ("999999999\n", "", "1\n"):
        (tmp_path / "postmaster.pid").write_text(content)
        require_no_server(tmp_path)


def test_places_in_the_log():
    assert segment_number("0000000100000002000000FF") == 2 * 256 + 255
    assert lsn_number("2/FF000010") == (2 << 32) + 0xFF000010
