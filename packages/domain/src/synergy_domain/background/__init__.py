"""Background work as the admin sees and steers it: queues, dead letters, schedules."""

from synergy_domain.background.contracts import (
    JobAttempt,
    JobQuery,
    JobState,
    JobView,
    QueueName,
    RetriedJobs,
    RetryInput,
    ScheduleChange,
    ScheduleView,
)
from synergy_domain.background.jobs import delete_job, get_job, list_jobs, retry_job, retry_jobs, state_of_queues
from synergy_domain.background.schedules import (
    change_schedule,
    get_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
    run_schedule,
)

__all__ = [
    "JobAttempt", "JobQuery", "JobState", "JobView", "QueueName", "RetriedJobs", "RetryInput", "ScheduleChange",
    "ScheduleView", "change_schedule", "delete_job", "get_job", "get_schedule", "list_jobs", "list_schedules",
    "pause_schedule", "resume_schedule", "retry_job", "retry_jobs", "run_schedule", "state_of_queues",
]  # fmt: skip
