"""Jobs of the maintenance domain."""

from __future__ import annotations

from functools import partial

from synergy_domain import maintenance
from synergy_platform.jobs import JobHandler
from synergy_platform.schedules import ScheduleDefinition

HANDLERS = (
    JobHandler(name=maintenance.CLEANUP, function=maintenance.clean_up),
    JobHandler(name=maintenance.TELL_OF_FAILURE, function=maintenance.tell_of_failure),
    JobHandler(name=maintenance.SWEEP_FILES, function=maintenance.sweep_files, queue="bulk"),
    *(
        # in the queue where long work does not hold up short one
        JobHandler(
            name=maintenance.job_name(task), function=partial(maintenance.run_check_job, task=task), queue="bulk"
        )
        for task in maintenance.CHECKS
    ),
)

_CRON = {"weekly": "{minute} 4 * * 1", "monthly": "{minute} 5 1 * *", "quarterly": "{minute} 6 1 1,4,7,10 *"}

# after the night's cleanup and backup, one after another; a week that was missed is done when a scheduler is back
SCHEDULES = tuple(
    ScheduleDefinition(
        name=task,
        job=maintenance.job_name(task),
        cron=_CRON[maintenance.BY_NAME[task].period].format(minute=5 * number),
        missed="catch_up",
    )
    for number, task in enumerate(maintenance.CHECKS)
)
