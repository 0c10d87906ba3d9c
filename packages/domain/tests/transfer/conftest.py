"""A Trello board in the making: each test states only what matters to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from synergy_domain.transfer import ImportMapping
from synergy_domain.transfer.plan import ImportPlan
from synergy_domain.transfer.trello import parse_board, plan_board

REAL_BOARD = Path(__file__).parent / "data" / "trello-board.json"
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)

Plan = Callable[..., ImportPlan]
_number = itertools.count(1)


def trello_id(day: datetime = datetime(2024, 3, 1, tzinfo=UTC)) -> str:
    """An id as Trello makes it: the time, then something that nothing else has."""
    return f"{int(day.timestamp()):08x}{next(_number):016x}"


class BoardFile:
    """A board's export; the fields are those of the file."""

    def __init__(self, *lists: str) -> None:
        self.lists = [
            {"id": trello_id(), "name": name, "closed": False, "pos": place}
            for place, name in enumerate(lists or ("To Do", "Doing", "Done"))
        ]
        self.fields: dict[str, Any] = {
            "id": trello_id(), "name": "Garden", "desc": "", "lists": self.lists, "cards": [], "labels": [],
            "members": [], "checklists": [], "actions": [],
        }  # fmt: skip

    def member(self, full_name: str, username: str) -> str:
        return self._add("members", fullName=full_name, username=username)

    def label(self, name: str | None, color: str | None) -> str:
        return self._add("labels", name=name, color=color)

    def card(self, name: str = "A card", *, list_name: str | None = None, **fields: Any) -> str:
        home = next((entry for entry in self.lists if entry["name"] == list_name), self.lists[0])
        place = len(self.fields["cards"])
        return self._add("cards", **{"name": name, "idList": home["id"], "pos": place, "closed": False, **fields})

    def checklist(self, card: str, name: str, *items: dict[str, Any], pos: float = 1) -> None:
        entries = [{"id": trello_id(), "pos": place, "state": "incomplete", **item} for place, item in enumerate(items)]
        self._add("checklists", idCard=card, name=name, checkItems=entries, pos=pos)

    def action(self, kind: str, card: str, *, at: str, by: dict[str, Any] | None = None, **data: Any) -> None:
        """Trello has the newest first, so tests call this from the newest to the oldest."""
        self.fields["actions"].append(
            {
                "id": trello_id(), "type": kind, "date": at, "memberCreator": by,
                "idMemberCreator": by["id"] if by else None, "data": {"card": {"id": card}, **data},
            }
        )  # fmt: skip

    def list_id(self, name: str) -> str:
        return str(next(entry["id"] for entry in self.lists if entry["name"] == name))

    @property
    def content(self) -> bytes:
        return json.dumps(self.fields).encode()

    def plan(self, **lists: str) -> ImportPlan:
        return plan_board(parse_board(self.content), ImportMapping(lists=lists), now=NOW)

    def _add(self, kind: str, **fields: Any) -> str:
        entry = {"id": trello_id(), **fields}
        self.fields[kind].append(entry)
        return str(entry["id"])


@pytest.fixture
def board() -> BoardFile:
    return BoardFile()


@pytest.fixture
def make_board() -> Callable[..., BoardFile]:
    return BoardFile


@pytest.fixture(scope="session")
def real_board() -> bytes:
    return REAL_BOARD.read_bytes()


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW
