"""Reading a Trello board's JSON export: `parse_board` reads it, `plan_board` says what becomes of it. Both are pure."""

from synergy_domain.transfer.trello.export import Board, check_board, list_names, parse_board
from synergy_domain.transfer.trello.plan import plan_board

__all__ = ["Board", "check_board", "list_names", "parse_board", "plan_board"]
