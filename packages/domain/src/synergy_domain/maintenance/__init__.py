"""Maintenance: what keeps the data in bounds, the lists of what has to be done, and the records of what was done."""

from synergy_domain.maintenance.contracts import (
    MaintenanceState,
    MaintenanceTaskView,
    Outcome,
    RecordInput,
    RecordQuery,
    RecordView,
)
from synergy_domain.maintenance.lists import TASKS, MaintenanceTask
from synergy_domain.maintenance.records import add_record, latest_records, list_records, recent_records
from synergy_domain.maintenance.service import CLEANUP, SWEEP_FILES, clean_up, sweep_files
from synergy_domain.maintenance.status import maintenance_status, read_status

__all__ = [
    "CLEANUP", "SWEEP_FILES", "TASKS", "MaintenanceState", "MaintenanceTask", "MaintenanceTaskView", "Outcome",
    "RecordInput", "RecordQuery", "RecordView", "add_record", "clean_up", "latest_records", "list_records",
    "maintenance_status", "read_status", "recent_records", "sweep_files",
]  # fmt: skip
