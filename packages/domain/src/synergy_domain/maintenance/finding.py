"""What a check of maintenance comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from synergy_domain.maintenance.contracts import Outcome, RecordView
from synergy_platform.database import Reader
from synergy_platform.runtime import Runtime

# of fewer, a share says nothing
ENOUGH = 10


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`detail` is JSON: figures, names and ids, never a secret or what a person wrote."""

    outcome: Outcome
    summary: str
    detail: dict[str, Any]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a check is given: `earlier` are the last records of the same task, the latest first."""

    runtime: Runtime
    db: Reader
    now: datetime
    earlier: list[RecordView]

    @property
    def last(self) -> RecordView | None:
        """The record before this one."""
        return self.earlier[0] if self.earlier else None


Check = Callable[[Look], Awaitable[Finding]]


def conclude(detail: dict[str, Any], troubles: Sequence[str], summary: str) -> Finding:
    """Attention when there is a trouble, with each as a sentence; else `summary` says what was seen."""
    if troubles:
        return Finding(outcome="attention", summary=" ".join(troubles), detail=detail)
    return Finding(outcome="ok", summary=summary, detail=detail)


def is_much(part: int, whole: int, most: float) -> bool:
    """Whether the part is more than that share of the whole."""
    return whole >= ENOUGH and part > whole * most


def iso(moment: datetime | None) -> str | None:
    """A moment as details hold it."""
    return None if moment is None else moment.isoformat()


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 mail`, `2 mails`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def readable(size: float) -> str:
    """A size in bytes, as people read it: `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
