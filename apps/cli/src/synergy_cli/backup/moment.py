"""A time as an operator writes it; also for the host's commands, which have nothing but Python's own library."""

from __future__ import annotations

from datetime import datetime


def read_moment(text: str) -> datetime:
    """With its zone: without one, that of this machine. ValueError, with a sentence to show, for anything else."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise ValueError(
            f"{text} is no time: write 2026-11-30T14:05:00+01:00, or 2026-11-30 14:05:00 for local time."
        ) from None
