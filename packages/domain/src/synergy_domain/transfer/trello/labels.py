"""A board's labels, with names and colours that labels here have."""

from __future__ import annotations

from synergy_domain.transfer.trello.export import Board, Card, Label, present
from synergy_domain.transfer.trello.texts import shorten, single_line
from synergy_domain.work.intake import IncomingLabel

ARCHIVED = IncomingLabel(name="archived", color="#6b7280")
_NO_COLOR = "#b3bac5"
_NAME_MAX = 50
_COLORS = {
    "green_light": "#baf3db", "green": "#4bce97", "green_dark": "#1f845a",
    "yellow_light": "#f8e6a0", "yellow": "#f5cd47", "yellow_dark": "#946f00",
    "orange_light": "#fedec8", "orange": "#fea362", "orange_dark": "#c25100",
    "red_light": "#ffd5d2", "red": "#f87168", "red_dark": "#c9372c",
    "purple_light": "#dfd8fd", "purple": "#9f8fef", "purple_dark": "#6e5dc6",
    "blue_light": "#cce0ff", "blue": "#579dff", "blue_dark": "#0c66e4",
    "sky_light": "#c6edfb", "sky": "#6cc3e0", "sky_dark": "#227d9b",
    "lime_light": "#d3f1a7", "lime": "#94c748", "lime_dark": "#5b7f24",
    "pink_light": "#fdd0ec", "pink": "#e774bb", "pink_dark": "#ae4787",
    "black_light": "#dcdfe4", "black": "#8590a2", "black_dark": "#626f86",
}  # fmt: skip


class LabelBook:
    """The labels of a board; those that are called the same, apart from upper and lower case, are one."""

    def __init__(self, board: Board) -> None:
        self._by_name: dict[str, IncomingLabel] = {}
        self._by_id: dict[str, IncomingLabel] = {}
        self._taken: set[str] = set()
        self.shortened = 0
        for label in present(board.labels):
            self._enter(label)
        # exports of the first years name a board's labels on its cards only
        for card in present(board.cards):
            for label in present(card.labels):
                self._enter(label)

    @property
    def labels(self) -> list[IncomingLabel]:
        """All of them, in the order of the board."""
        return list(self._by_name.values())

    def names_on(self, card: Card) -> list[str]:
        """The names of a card's labels, each once."""
        found = [self._by_id[one] for one in present(card.id_labels) if one in self._by_id]
        found += [self._enter(label) for label in present(card.labels)]
        return list(dict.fromkeys(label.name for label in found))

    def _enter(self, label: Label) -> IncomingLabel:
        if label.id in self._by_id:
            return self._by_id[label.id]
        color = (label.color or "").lower()
        whole = single_line(label.name or "") or color.replace("_", " ") or "no color"
        entry = self._by_name.get(whole.lower())
        if entry is None:
            entry = IncomingLabel(name=self._free_name(whole), color=_COLORS.get(color, _NO_COLOR))
            self._by_name[whole.lower()] = entry
        if label.id:
            self._by_id[label.id] = entry
        return entry

    def _free_name(self, whole: str) -> str:
        """At most 50 characters; long names that begin alike must stay apart."""
        name, number = shorten(whole, _NAME_MAX), 1
        self.shortened += name != whole
        while name.lower() in self._taken:
            number += 1
            name = f"{shorten(whole, _NAME_MAX - 1 - len(str(number)))} {number}"
        self._taken.add(name.lower())
        return name
