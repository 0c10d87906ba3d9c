"""Maintenance: what keeps the data in bounds, and the records of what was done."""

from synergy_domain.maintenance.contracts import Outcome, RecordInput, RecordView
from synergy_domain.maintenance.records import add_record, latest_records, recent_records
from synergy_domain.maintenance.service import CLEANUP, SWEEP_FILES, clean_up, sweep_files

__all__ = [
    "CLEANUP", "SWEEP_FILES", "Outcome", "RecordInput", "RecordView", "add_record", "clean_up", "latest_records",
    "recent_records", "sweep_files",
]  # fmt: skip
