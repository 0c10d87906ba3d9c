"""Live: the ledger as a stream, for everybody what they may see."""

from synergy_domain.live.service import (
    EventView,
    LedgerBounds,
    LedgerEntry,
    bounds,
    entries_after,
    events_after,
    membership,
)

__all__ = ["EventView", "LedgerBounds", "LedgerEntry", "bounds", "entries_after", "events_after", "membership"]
