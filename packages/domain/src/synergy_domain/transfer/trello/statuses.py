"""Which status the cards of a list get."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from synergy_domain.transfer.contracts import ImportMapping
from synergy_domain.work import TaskStatus
from synergy_platform.errors import InputFault, InvalidInput

# Tried in this order. A phrase is one or more words that follow one another.
_WORDS: tuple[tuple[TaskStatus, tuple[tuple[str, ...], ...]], ...] = (
    ("done", (("done",), ("finished",), ("archive",))),
    ("in_progress", (("doing",), ("in", "progress"))),
    ("review", (("review",), ("testing",))),
)
_TURNED_ROUND = {"be", "not"}


class ListStatus(msgspec.Struct, frozen=True):
    """A list's status and what decided it: its name, the caller's mapping, or nothing (then it is to do)."""

    status: TaskStatus
    decided_by: Literal["name", "mapping", "default"]


def status_of_name(name: str) -> ListStatus:
    """The status that a list's name stands for.

    Whole words count, upper and lower case are the same, and signs around a word do not matter:

    - done, finished, archive → done ("Done ✅", "Archive")
    - doing, in progress → in_progress ("Doing", "In-Progress")
    - review, testing → review ("Code Review", "Testing")
    - everything else → todo ("To Do", "Backlog")

    The first line that fits decides. A word right after "not" or "be" does not count ("Not done", "To be done").
    """
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word]
    for status, phrases in _WORDS:
        for phrase in phrases:
            size = len(phrase)
            for start in range(len(words) - size + 1):
                turned_round = start > 0 and words[start - 1] in _TURNED_ROUND
                if tuple(words[start : start + size]) == phrase and not turned_round:
                    return ListStatus(status, "name")
    return ListStatus("todo", "default")


def decide_statuses(names: list[str], mapping: ImportMapping) -> dict[str, ListStatus]:
    """Each list name's status; InvalidInput when `mapping` names a list that the board does not have.

    Names in the mapping are compared without regard to case and outer spaces; lists of the same name go together.
    """
    wanted: dict[str, tuple[str, TaskStatus]] = {
        name.strip().casefold(): (name, status) for name, status in mapping.lists.items()
    }
    known = {name.casefold() for name in names}
    faults = [
        InputFault(
            f"/mapping/lists/{_escape_pointer(name)}",
            "unknown_list",
            f"the board has no list “{name}”; its lists are {', '.join(f'“{one}”' for one in names) or 'none'}",
        )
        for key, (name, _) in wanted.items()
        if key not in known
    ]
    if faults:
        raise InvalidInput(faults)
    return {
        name: ListStatus(wanted[name.casefold()][1], "mapping") if name.casefold() in wanted else status_of_name(name)
        for name in names
    }


def _escape_pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
