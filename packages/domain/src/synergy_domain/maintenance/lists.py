"""What has to be done again and again to keep the system well: the daily, weekly, monthly and quarterly lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

Period = Literal["daily", "weekly", "monthly", "quarterly"]
# `job`: by a schedule of the system; `command`: somebody or something has to call it; `sign_off`: a person does it, and
# then says so
How = Literal["job", "command", "sign_off"]

LENGTHS: dict[Period, timedelta] = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
    "quarterly": timedelta(days=92),
}
# how much later than due is still in time: a schedule waits for a server that is away, a person for Monday
GRACE: dict[Period, timedelta] = {
    "daily": timedelta(hours=12),
    "weekly": timedelta(days=2),
    "monthly": timedelta(days=7),
    "quarterly": timedelta(days=14),
}


class MaintenanceTask(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the lists; its records have its `name` as their task.

    `command` does it now, `help` says what to do when it is overdue, and `checks` what a person looks at.
    `optional`: counts only once there is a record, since not every system does it.
    """

    name: str
    period: Period
    title: str
    how: How
    command: str
    help: str
    checks: tuple[str, ...] = ()
    optional: bool = False

    @property
    def length(self) -> timedelta:
        """The time between two of them."""
        return LENGTHS[self.period]

    @property
    def grace(self) -> timedelta:
        """How long after that it is overdue."""
        return GRACE[self.period]


LOGS_REVIEWED = "weekly.logs_reviewed"


def _job(name: str, period: Period, title: str) -> MaintenanceTask:
    return MaintenanceTask(
        name=name, period=period, title=title, how="job", command=f"just maintenance run {name}",
        help="See that worker and scheduler run (`just doctor`) and that no job of this name is a dead letter;"
        " run it now with the command.",
    )  # fmt: skip


def _sign_off(name: str, title: str, text: str, *checks: str) -> MaintenanceTask:
    return MaintenanceTask(
        name=name, period="quarterly", title=title, how="sign_off", help=text, checks=checks,
        command=f"just maintenance record {name} --outcome ok --note '…'",
    )  # fmt: skip


TASKS: tuple[MaintenanceTask, ...] = (
    MaintenanceTask(
        name="backup", period="daily", title="Backup of database and files", how="command", command="just backup",
        help="Read `just logs backup`: the backup container takes one each night. Take one now with the command.",
    ),
    MaintenanceTask(
        name="drill", period="daily", title="Restore of the last backup, tried", how="command", command="just drill",
        help="Read `just logs backup`: the backup container tries each night. Try now with the command.",
    ),
    MaintenanceTask(
        name="offsite_copy", period="daily", title="Copy of the backups elsewhere", how="command",
        command="just backup", optional=True,
        help="Read `just logs backup`: the other place may be full, away, or refuse the key.",
    ),
    _job("cleanup", "daily", "What is older than it is kept is deleted"),
    MaintenanceTask(
        name=LOGS_REVIEWED, period="weekly", title="Logs reviewed", how="command",
        command="just maintenance logs",
        help="Run the command and read what it prints: new kinds of errors, slow routes.",
    ),
    _job("weekly.disk_space", "weekly", "Disk space"),
    _job("weekly.backups_verified", "weekly", "Backups verified"),
    _job("weekly.error_rates", "weekly", "Error rates"),
    MaintenanceTask(
        name="monthly.dependencies", period="monthly", title="Dependencies", how="command",
        command="just maintenance dependencies",
        help="Run the command on a machine with Hatch and the package registries: it asks what is known against our"
        " libraries. Update what it names.",
    ),
    _job("monthly.security_events", "monthly", "Security events"),
    _job("monthly.performance", "monthly", "Performance"),
    _job("monthly.old_data", "monthly", "Old data"),
    _job("quarterly.audit", "quarterly", "Audit of access and settings"),
    _sign_off(
        "quarterly.load_test", "Load test",
        "Run `just load-test` on a machine as yours, or with `--url` against a system that is not used; then sign"
        " it off. With `--record` and a database that it reaches, the load test does that itself.",
    ),
    _sign_off(
        "quarterly.recovery_drill", "Recovery drill on another machine",
        "Restore from what is kept elsewhere onto another machine, with nothing of this server; then sign it off.",
        "the keys and .env came from where they are kept apart from the data",
        "the restore was verified, and somebody signed in and opened a file",
        "how long it took, and whether that is short enough",
        "whoever is called at night knows how",
    ),
    _sign_off(
        "quarterly.documentation", "Documentation",
        "Go through the points with whoever runs the system; then sign it off.",
        "addresses, servers and who is called are written down, and right",
        "the settings in .env are explained where they are not the defaults",
        "runbooks fit what was done the last time something went wrong",
        "who keeps the keys of the backups, and where",
        "who runs the instance (the admins) and who left",
    ),
)  # fmt: skip

BY_NAME = {task.name: task for task in TASKS}
# what is recorded without being due at any time
OCCASIONAL = ("restore", "upgrade", "escrow", "file_sweep")
