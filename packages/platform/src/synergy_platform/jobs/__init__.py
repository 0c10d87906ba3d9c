"""Background jobs: what a process can do, and how each job is done exactly once, tried again or laid to rest."""

from synergy_platform.jobs.failures import (
    MESSAGE,
    HardLimitExceeded,
    StillInHand,
    WorkerDied,
    bury_message,
    describe,
    hand_back,
    record_victim,
)
from synergy_platform.jobs.handlers import (
    MAX_ATTEMPTS,
    QUEUES,
    RETRY_CAP_SECONDS,
    Finish,
    Handler,
    IoHandler,
    JobHandler,
    Outcome,
    Queue,
    Registry,
    UnknownJob,
    retry_delay,
)
from synergy_platform.jobs.lanes import IS_FIRST_IN_LANE
from synergy_platform.jobs.lease import Lease, take_back_lost
from synergy_platform.jobs.run import run_io_job, run_job
from synergy_platform.jobs.state import BackgroundState, OutboxState, ProcessState, QueueState, background_state

__all__ = [
    "IS_FIRST_IN_LANE",
    "MAX_ATTEMPTS",
    "MESSAGE",
    "QUEUES",
    "RETRY_CAP_SECONDS",
    "BackgroundState",
    "Finish",
    "Handler",
    "HardLimitExceeded",
    "IoHandler",
    "JobHandler",
    "Lease",
    "OutboxState",
    "Outcome",
    "ProcessState",
    "Queue",
    "QueueState",
    "Registry",
    "StillInHand",
    "UnknownJob",
    "WorkerDied",
    "background_state",
    "bury_message",
    "describe",
    "hand_back",
    "record_victim",
    "retry_delay",
    "run_io_job",
    "run_job",
    "take_back_lost",
]  # fmt: skip
