"""Who may do what, for every route: the callers, the rules, the table, and the world that requests are made in."""

from synergy_testing.matrix.rules import CALLERS, Entry, Kind, expected
from synergy_testing.matrix.table import FOREIGN_IDS, ROUTES
from synergy_testing.matrix.world import World

__all__ = ["CALLERS", "FOREIGN_IDS", "ROUTES", "Entry", "Kind", "World", "expected"]
