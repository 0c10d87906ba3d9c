"""Maintenance: what keeps the data in bounds."""

from synergy_domain.maintenance.service import CLEANUP, SWEEP_FILES, clean_up, sweep_files

__all__ = ["CLEANUP", "SWEEP_FILES", "clean_up", "sweep_files"]
