"""What the worker can do: one module for each domain, each with a `HANDLERS` tuple that names the domain's verbs.

To add a job: add its `JobHandler` to the domain's module here (a new module goes into `_MODULES`); `events` makes it
run for each event of those types. To add a schedule: add a line to `SCHEDULES`; its `job` is the name of a handler.
"""

from __future__ import annotations

from synergy_domain.maintenance import CLEANUP
from synergy_domain.notifications import DEADLINES, DIGESTS, OVERDUE
from synergy_platform.jobs import Registry
from synergy_platform.schedules import ScheduleDefinition
from synergy_worker.handlers import identity, mail, maintenance, notifications, projects, transfer, webhooks

_MODULES = (identity, mail, maintenance, notifications, projects, transfer, webhooks)

SCHEDULES = (
    # the job looks at what is due now, so a slot that passed has nothing more to say than the last one
    ScheduleDefinition(name="deadlines", job=DEADLINES, cron="0 * * * *", missed="skip"),
    ScheduleDefinition(name="overdue", job=OVERDUE, cron="10-59/15 * * * *", missed="skip"),
    ScheduleDefinition(name="digests", job=DIGESTS, cron="*/15 * * * *", missed="skip"),
    ScheduleDefinition(name="cleanup", job=CLEANUP, cron="30 2 * * *", missed="catch_up"),
    *maintenance.SCHEDULES,
)


def make_registry() -> Registry:
    """All handlers of the product."""
    return Registry(handler for module in _MODULES for handler in module.HANDLERS)
