"""Maintenance: what keeps the data in bounds."""

from synergy_domain.maintenance.service import CLEANUP, clean_up

__all__ = ["CLEANUP", "clean_up"]
