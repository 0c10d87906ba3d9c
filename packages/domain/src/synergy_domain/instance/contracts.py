"""What administrators are told of the instance."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

CheckState = Literal["ok", "warning", "fault"]
CheckName = Literal[
    "database", "schema", "broker", "cache", "worker", "scheduler", "outbox", "jobs", "dead_letters", "files"
]


class HealthCheck(msgspec.Struct, kw_only=True):
    """One thing that was looked at: what is so, in few words, and a sentence that says what to do unless it is ok."""

    name: CheckName
    state: CheckState
    value: str
    advice: str | None


class SystemHealth(msgspec.Struct, kw_only=True):
    """All of it; `state` is the worst. `uptime_seconds` is that of the API process that answered."""

    state: CheckState
    checked_at: datetime
    version: str
    uptime_seconds: float
    checks: list[HealthCheck]
