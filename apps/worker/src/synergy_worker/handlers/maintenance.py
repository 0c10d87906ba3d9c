"""Jobs of the maintenance domain."""

from __future__ import annotations

from synergy_domain import maintenance
from synergy_platform.jobs import JobHandler

HANDLERS = (
    JobHandler(name=maintenance.CLEANUP, function=maintenance.clean_up),
    JobHandler(name=maintenance.SWEEP_FILES, function=maintenance.sweep_files, queue="bulk"),
)
