"""Maintenance: what keeps the data in bounds, the lists of what has to be done, and the records of what was done."""

from synergy_domain.maintenance.backups import state_of_backups
from synergy_domain.maintenance.contracts import (
    BackupRecord,
    BackupsView,
    MaintenanceState,
    MaintenanceTaskView,
    Outcome,
    RecordInput,
    RecordQuery,
    RecordView,
    Standing,
)
from synergy_domain.maintenance.finding import Finding, readable
from synergy_domain.maintenance.lists import BY_NAME, TASKS, MaintenanceTask
from synergy_domain.maintenance.log_review import LogReview
from synergy_domain.maintenance.records import add_record, latest_records, list_records, recent_records
from synergy_domain.maintenance.running import CHECKS, job_name, record_review, run_check, run_check_job, sign_off
from synergy_domain.maintenance.service import CLEANUP, SWEEP_FILES, clean_up, sweep_files
from synergy_domain.maintenance.status import maintenance_status, read_status
from synergy_domain.maintenance.telling import TELL_OF_FAILURE, tell_of_failure

__all__ = [
    "BY_NAME", "CHECKS", "CLEANUP", "SWEEP_FILES", "TASKS", "TELL_OF_FAILURE", "BackupRecord", "BackupsView",
    "Finding", "LogReview", "MaintenanceState", "MaintenanceTask", "MaintenanceTaskView", "Outcome", "RecordInput",
    "RecordQuery", "RecordView", "Standing", "add_record", "clean_up", "job_name", "latest_records", "list_records",
    "maintenance_status", "read_status", "readable", "recent_records", "record_review", "run_check", "run_check_job",
    "sign_off", "state_of_backups", "sweep_files", "tell_of_failure",
]  # fmt: skip
