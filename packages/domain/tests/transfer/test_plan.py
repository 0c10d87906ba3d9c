"""What becomes of a board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from synergy_domain.transfer import ImportMapping
from synergy_domain.transfer.trello import parse_board, plan_board

ANN = {"id": "a" * 24, "fullName": "Ann Lee", "username": "annlee"}
GONE = {"id": "b" * 24, "fullName": "Bo Former", "username": "bo"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_plan_the_real_board_brings_all_of_it(real_board: bytes, now: datetime) -> None:
    plan = plan_board(parse_board(real_board), ImportMapping(), now=now)
    assert plan.import_source == "trello:59b1535e3f9e4b3819263852"
    assert plan.name == "Project 490 420"
    assert plan.created_at == at("2017-09-07 14:10:38")
    assert Counter(task.status for task in plan.tasks) == {"done": 47, "todo": 12, "in_progress": 3}
    assert sum(len(task.subtasks) for task in plan.tasks) == 66
    assert sum(len(task.comments) for task in plan.tasks) == 32
    assert [label.name for label in plan.labels] == [
        "Back End", "Front End", "Back and Front", "red", "blue", "purple", "archived",
    ]  # fmt: skip
    assert sorted(person.username for person in plan.people) == [f"person{number}" for number in range(1, 6)]
    assert len(plan.member_ids) == 5
    assert all(task.reporter_id for task in plan.tasks)
    assert all((task.completed_at is not None) == (task.status == "done") for task in plan.tasks)
    counts = plan.report.counts
    assert counts is not None
    assert (counts.tasks, counts.checklists, counts.subtasks, counts.comments) == (62, 17, 66, 32)
    assert (counts.labels, counts.people, counts.archived, counts.attachments_linked) == (6, 5, 5, 21)
    assert [(entry.name, entry.status, entry.cards) for entry in plan.report.lists] == [
        ("Info", "todo", 2), ("Food Grindr: Deliverables", "todo", 7), ("To Do", "todo", 3),
        ("Doing", "in_progress", 3), ("list", "todo", 0), ("Done", "done", 17), ("Archive", "done", 30),
    ]  # fmt: skip


def test_plan_cards_come_in_the_order_of_lists_then_cards(board: Any) -> None:
    board.card("third", list_name="Doing")
    board.card("second", pos=20)
    board.card("first", pos=3)
    assert [task.title for task in board.plan().tasks] == ["first", "second", "third"]


def test_plan_mapping_overrides_the_name(board: Any) -> None:
    board.card(list_name="Done")
    plan = board.plan(done="review")
    assert plan.tasks[0].status == "review"
    assert plan.tasks[0].completed_at is None
    assert plan.report.lists[2].decided_by == "mapping"


def test_plan_archived_cards_and_cards_of_archived_lists_are_labelled(board: Any) -> None:
    label = board.label("Archived", "red")
    board.card("open")
    board.card("closed", closed=True, idLabels=[label])
    board.lists[1]["closed"] = True
    board.card("in a closed list", list_name="Doing")
    plan = board.plan()
    assert [(task.status, task.labels) for task in plan.tasks] == [
        ("todo", []), ("todo", ["archived"]), ("in_progress", ["archived"]),
    ]  # fmt: skip
    assert plan.report.counts.archived == 2


def test_plan_no_archived_cards_makes_no_archived_label(board: Any) -> None:
    board.card()
    assert board.plan().labels == []


def test_plan_labels_of_one_name_are_one_and_unnamed_ones_take_the_color(board: Any) -> None:
    labels = [
        board.label(name, color)
        for name, color in [
            ("Bug", "red"), ("bug ", "blue"), ("", "sky"), (None, "sky"), ("", "green_dark"), ("", None),
            ("Odd", "mauve"),
        ]
    ]  # fmt: skip
    board.card(idLabels=labels)
    plan = board.plan()
    assert [(label.name, label.color) for label in plan.labels] == [
        ("Bug", "#f87168"), ("sky", "#6cc3e0"), ("green dark", "#1f845a"), ("no color", "#b3bac5"), ("Odd", "#b3bac5"),
    ]  # fmt: skip
    assert plan.tasks[0].labels == ["Bug", "sky", "green dark", "no color", "Odd"]


def test_plan_long_label_names_are_cut_and_stay_apart(board: Any) -> None:
    board.card(idLabels=[board.label("x" * 60, "red"), board.label("x" * 60 + "y", "red")])
    plan = board.plan()
    names = [label.name for label in plan.labels]
    assert len(set(names)) == 2
    assert all(len(name) <= 50 for name in names)
    assert plan.tasks[0].labels == names


def test_plan_labels_of_old_exports_stand_on_the_cards_only(board: Any) -> None:
    board.card(labels=[{"name": "Later", "color": "yellow"}])
    assert board.plan().tasks[0].labels == ["Later"]


def test_plan_checklists_become_subtasks_in_order(board: Any) -> None:
    card = board.card()
    board.checklist(card, "Second", {"name": "c"}, pos=2)
    board.checklist(card, "First", {"name": "b", "pos": 9}, {"name": "a", "pos": 1, "state": "complete"}, pos=1)
    (task,) = board.plan().tasks
    assert [(one.group, one.title, one.is_completed) for one in task.subtasks] == [
        ("First", "a", True), ("First", "b", False), ("Second", "c", False),
    ]  # fmt: skip


def test_plan_subtask_knows_who_ticked_it_and_when(board: Any) -> None:
    card, member = board.card(), board.member("Ann Lee", "annlee")
    board.checklist(card, "List", {"name": "a", "state": "complete", "idMember": member})
    item = board.fields["checklists"][0]["checkItems"][0]["id"]
    board.action(
        "updateCheckItemStateOnCard",
        card,
        at="2024-05-02T10:00:00Z",
        by=GONE,
        checkItem={"id": item, "state": "complete"},
    )
    plan = board.plan()
    subtask = plan.tasks[0].subtasks[0]
    people = {person.id: person.username for person in plan.people}
    assert (people[subtask.assignee_id], people[subtask.completed_by]) == ("annlee", "bo")
    assert subtask.completed_at == at("2024-05-02 10:00:00")


def test_plan_comments_keep_author_date_and_order(board: Any) -> None:
    card = board.card()
    board.action(
        "commentCard", card, at="2024-05-03T10:00:00Z", by=ANN, text="two", dateLastEdited="2024-05-04T00:00:00Z"
    )
    board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=GONE, text="one")
    board.action("commentCard", board.card(), at="2024-05-02T10:00:00Z", by=GONE, text=" ")
    plan = board.plan()
    people = {person.id: person.full_name for person in plan.people}
    assert [
        (people[said.author_id], said.body, said.created_at, said.edited_at) for said in plan.tasks[0].comments
    ] == [
        ("Bo Former", "one", at("2024-05-02 10:00:00"), None),
        ("Ann Lee", "two", at("2024-05-03 10:00:00"), at("2024-05-04 00:00:00")),
    ]
    assert plan.tasks[1].comments == []


def test_plan_copied_comment_belongs_to_who_wrote_it(board: Any) -> None:
    member = board.member("Bo Writer", "bow")
    board.action(
        "copyCommentCard", board.card(), at="2024-05-02T10:00:00Z", by=ANN, text="mine", idOriginalCommenter=member
    )
    plan = board.plan()
    assert [person.username for person in plan.people] == ["bow"]


def test_plan_comment_of_a_deleted_account_has_a_former_member(board: Any) -> None:
    card = board.card()
    board.action("commentCard", card, at="2024-05-02T10:00:00Z", text="by nobody")
    board.fields["actions"][0]["idMemberCreator"] = "c" * 24
    (person,) = board.plan().people
    assert (person.username, person.full_name) == ("former-member", "Former member")


def test_plan_comments_of_cards_that_are_gone_are_counted(board: Any) -> None:
    board.action("commentCard", "d" * 24, at="2024-05-02T10:00:00Z", by=ANN, text="lost")
    plan = board.plan()
    assert plan.people == []
    assert "Comments left out, since their cards are not on the board any more: 1." in plan.report.warnings


def test_plan_members_join_and_former_authors_do_not(board: Any) -> None:
    member = board.member("Ann Lee", "annlee")
    stranger = "e" * 24
    card = board.card(idMembers=[stranger, member, None])
    board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=GONE, text="bye")
    plan = board.plan()
    names = {person.id: person.username for person in plan.people}
    assert {names[person] for person in plan.member_ids} == {"annlee", "former-member"}
    assert [names[person] for person in plan.tasks[0].assignee_ids] == ["former-member", "annlee"]
    assert "bo" in names.values()


def test_plan_dates_are_days_in_utc(board: Any) -> None:
    board.card(due="2024-05-01T23:30:00-02:00", start="2024-04-30T00:00:00.000Z")
    board.card(due="nonsense")
    first, second = board.plan().tasks
    assert (first.start_date, first.due_date) == (date(2024, 4, 30), date(2024, 5, 2))
    assert second.due_date is None


@pytest.mark.parametrize("kind", ["createCard", "copyCard", "convertToCardFromCheckItem", "emailCard"])
def test_plan_card_was_made_when_its_action_says(board: Any, kind: str) -> None:
    board.action(kind, board.card(), at="2024-01-05T08:00:00Z", by=ANN)
    plan = board.plan()
    assert plan.tasks[0].created_at == at("2024-01-05 08:00:00")
    assert plan.tasks[0].reporter_id == plan.people[0].id


def test_plan_card_without_action_was_made_when_its_id_says(board: Any) -> None:
    board.card(dateLastActivity="2024-06-01T00:00:00Z")
    (task,) = board.plan().tasks
    assert (task.created_at, task.updated_at, task.reporter_id) == (at("2024-03-01"), at("2024-06-01"), None)


def test_plan_no_date_is_in_the_future(board: Any, now: datetime) -> None:
    card = board.card(id="ffffffff" + "0" * 16, list_name="Done", dateLastActivity="2199-01-01T00:00:00Z")
    board.action("commentCard", card, at="2199-01-01T00:00:00Z", by=ANN, text="from later")
    (task,) = board.plan().tasks
    assert task.created_at == task.updated_at == task.completed_at == task.comments[0].created_at == now


def _moved(board: Any, card: str, before: str, after: str, day: int) -> None:
    board.action(
        "updateCard", card, at=f"2024-05-{day:02}T10:00:00Z", by=ANN,
        listBefore={"id": board.list_id(before)}, listAfter={"id": board.list_id(after)},
    )  # fmt: skip


def test_plan_done_card_was_finished_when_it_last_came_from_work(make_board: Callable[..., Any]) -> None:
    board = make_board("Doing", "Done", "Archive")
    card = board.card(list_name="Archive")
    _moved(board, card, "Done", "Archive", 9)
    _moved(board, card, "Doing", "Done", 5)
    _moved(board, card, "Done", "Doing", 4)
    _moved(board, card, "Doing", "Done", 3)
    assert board.plan().tasks[0].completed_at == at("2024-05-05 10:00:00")


def test_plan_done_card_without_a_move_takes_the_next_best_date(board: Any) -> None:
    made = board.card("made there", list_name="Done")
    ticked = board.card("ticked", list_name="Done", dateLastActivity="2024-06-01T00:00:00Z")
    board.card("last activity", list_name="Done", dateLastActivity="2024-06-01T00:00:00Z")
    board.action("updateCard", ticked, at="2024-05-20T00:00:00Z", by=ANN, old={"dueComplete": False})
    board.action("createCard", made, at="2024-05-01T00:00:00Z", by=ANN, list={"id": board.list_id("Done")})
    assert [task.completed_at for task in board.plan().tasks] == [at("2024-05-01"), at("2024-05-20"), at("2024-06-01")]


def test_plan_card_marked_complete_keeps_the_status_of_its_list(board: Any) -> None:
    board.card(dueComplete=True)
    plan = board.plan()
    assert (plan.tasks[0].status, plan.tasks[0].completed_at) == ("todo", None)
    assert any(warning.startswith("Cards marked complete") for warning in plan.report.warnings)


def test_plan_long_title_is_cut_and_kept_whole_in_the_description(board: Any) -> None:
    title = "word*" * 50
    board.card(title, desc="text")
    (task,) = board.plan().tasks
    assert len(task.title) == 200
    assert task.title.endswith("…")
    assert task.description == "> " + title.replace("*", "\\*") + "\n\ntext"


def test_plan_long_texts_are_cut_with_a_note(board: Any) -> None:
    card = board.card(desc="d" * 200_000)
    board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=ANN, text="c" * 30_000)
    board.checklist(card, "g" * 300, {"name": "i" * 400})
    (task,) = (plan := board.plan()).tasks
    assert len(task.description) == 100_000
    assert len(task.comments[0].body) == 20_000
    assert task.comments[0].body.endswith("(The rest was cut off at import.)*")
    assert (len(task.subtasks[0].title), len(task.subtasks[0].group)) == (300, 200)
    assert len(plan.report.warnings) == 3


def test_plan_control_characters_and_line_ends_are_cleaned(board: Any) -> None:
    card = board.card("a\x00\n b", desc="one\r\ntwo\x07\x00")
    board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=ANN, text="x\x00y")
    board.fields["name"] = "Gar\x00den\n"
    plan = board.plan()
    (task,) = plan.tasks
    assert (plan.name, task.title, task.description, task.comments[0].body) == ("Garden", "a b", "one\ntwo", "xy")


def test_plan_attachments_become_links_that_cannot_break_out(board: Any) -> None:
    attachments = [
        {"name": "plan (1).pdf", "url": "https://trello.com/a/plan (1).pdf", "isUpload": True},
        {"name": "a](javascript:x)[", "url": "http://example.org/x?a=1&b=2"},
        {"name": None, "url": "https://example.org/ü"},
        {"name": "bad", "url": "javascript:alert(1)"},
        {"name": "none", "url": None},
        {"name": "broken", "url": "https://[::1"},
    ]
    board.card(desc="See below", attachments=attachments)
    plan = board.plan()
    assert plan.tasks[0].description.splitlines() == [
        "See below",
        "",
        "## Attachments",
        "",
        "- [plan (1).pdf](https://trello.com/a/plan%20%281%29.pdf)",
        "- [a\\](javascript:x)\\[](http://example.org/x?a=1&b=2)",
        "- [https://example.org/%C3%BC](https://example.org/%C3%BC)",
    ]
    assert plan.report.counts.attachments_linked == 3
    assert len(plan.report.warnings) == 2


def test_plan_custom_fields_stand_in_the_description(board: Any) -> None:
    board.fields["customFields"] = [
        {"id": "1", "name": "Size", "type": "list", "options": [{"id": "o", "value": {"text": "Large"}}]},
        {"id": "2", "name": "Hours", "type": "number"},
        {"id": "3", "name": "Paid", "type": "checkbox"},
    ]
    board.card(
        customFieldItems=[
            {"idCustomField": "1", "idValue": "o", "value": None},
            {"idCustomField": "2", "value": {"number": "2.5"}},
            {"idCustomField": "3", "value": {"checked": "true"}},
            {"idCustomField": "9", "value": {"text": "of a field that is gone"}},
        ]
    )
    assert board.plan().tasks[0].description == "## Custom fields\n\n- Size: Large\n- Hours: 2.5\n- Paid: yes"


def test_plan_card_without_a_list_is_to_do_and_last(board: Any) -> None:
    board.card("lost", idList="f" * 24)
    board.card("found", list_name="Done")
    plan = board.plan()
    assert [(task.title, task.status) for task in plan.tasks] == [("found", "done"), ("lost", "todo")]
    assert "Cards that belong to no list of the export, and are to do now: 1." in plan.report.warnings


def test_plan_thousand_actions_warn_that_older_ones_are_missing(board: Any) -> None:
    card = board.card(badges={"comments": 1003})
    for _ in range(1000):
        board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=ANN, text="x")
    warnings = board.plan().report.warnings
    assert any("newest 1000 actions" in warning for warning in warnings)
    assert "Comments that Trello counts on these cards but did not export: 3." in warnings


def test_plan_lists_in_a_language_without_rules_are_pointed_out(make_board: Callable[..., Any]) -> None:
    board = make_board("À faire", "Terminé")
    board.card()
    assert any(warning.startswith("No list's name fits") for warning in board.plan().report.warnings)
    assert board.plan(Terminé="done").report.warnings == []


def test_plan_due_dates_of_checklist_items_are_counted_as_lost(board: Any) -> None:
    board.checklist(board.card(), "List", {"name": "a", "due": "2024-05-02T10:00:00Z"})
    assert any(warning.startswith("Due dates of checklist items") for warning in board.plan().report.warnings)


def test_plan_action_of_unknown_form_is_left_out(board: Any) -> None:
    board.action("commentCard", board.card(), at="2024-05-02T10:00:00Z", by=ANN, text=["not", "text"])
    plan = board.plan()
    assert plan.tasks[0].comments == []
    assert "Actions left out, since their form is not known: 1." in plan.report.warnings
