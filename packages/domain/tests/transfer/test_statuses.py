"""The rule that turns names of lists into statuses."""

from __future__ import annotations

import pytest

from synergy_domain.transfer import ImportMapping
from synergy_domain.transfer.trello.statuses import ListStatus, decide_statuses, status_of_name
from synergy_platform.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Done", "done"),
        ("Done ✅", "done"),
        ("🎉 DONE 🎉", "done"),
        ("Done (March)", "done"),
        ("finished", "done"),
        ("Archive", "done"),
        ("Sprint 3 - Done", "done"),
        ("Doing", "in_progress"),
        ("In Progress", "in_progress"),
        ("in-progress", "in_progress"),
        ("In_Progress (2)", "in_progress"),
        ("Design in progress", "in_progress"),
        ("Review", "review"),
        ("In review", "review"),
        ("Code Review", "review"),
        ("Testing / QA", "review"),
        ("To Do", "todo"),
        ("Backlog", "todo"),
        ("Progress", "todo"),
        ("Undone", "todo"),
        ("Donezo", "todo"),
        ("Not done", "todo"),
        ("To be done", "todo"),
        ("Preview", "todo"),
        ("Erledigt", "todo"),
        ("完了", "todo"),
        ("", "todo"),
    ],
)
def test_status_of_a_list_follows_its_words(name: str, status: str) -> None:
    assert status_of_name(name).status == status


def test_status_of_two_kinds_takes_the_first_rule() -> None:
    assert status_of_name("Review done").status == "done"
    assert status_of_name("Testing in progress").status == "in_progress"


def test_status_says_what_decided_it() -> None:
    statuses = decide_statuses(["Done", "Info", "Ideas"], ImportMapping(lists={" info ": "review"}))
    assert statuses == {
        "Done": ListStatus("done", "name"),
        "Info": ListStatus("review", "mapping"),
        "Ideas": ListStatus("todo", "default"),
    }


def test_mapping_a_list_that_is_not_there_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidInput) as caught:
        decide_statuses(["Done", "Info"], ImportMapping(lists={"a/b": "todo", "Done": "todo"}))
    (fault,) = caught.value.faults
    assert fault.pointer == "/mapping/lists/a~1b"
    assert "“Done”, “Info”" in fault.detail
