"""Reading what Trello writes, and refusing what it does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synergy_domain.transfer import ImportMapping
from synergy_domain.transfer.errors import NotATrelloExport
from synergy_domain.transfer.trello import check_board, parse_board, plan_board
from synergy_domain.transfer.trello.export import made_at, read_time
from synergy_platform.errors import InvalidInput


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"hello", "not JSON"),
        (b"{'id': 1}", "not JSON"),
        (b"\xff\xfe{\x00", "not JSON"),
        (b'{"id": "1", "cards": []} x', "not JSON"),
        (b'{"id": "1", "extra": [' + b"[" * 100_000, "not JSON"),
        (b'{"id": "1", "name": "x", "lists": [], "cards": [{"id"', "cut off"),
        (b"[]", "no Trello board"),
        (b'"text"', "no Trello board"),
        (b"null", "no Trello board"),
        (b"{}", "no “id” and “lists” and “cards”"),
        (b'{"id": "1", "name": "Jira", "issues": []}', "no “lists” and “cards”"),
        (b'{"id": "", "lists": [], "cards": []}', "no “id”"),
        (b'{"id": "a\\u0000", "lists": [], "cards": []}', "no “id”"),
        (b'{"id": "1", "idList": "2", "name": "a card"}', "one Trello card"),
        (b'{"id": "1", "lists": {}, "cards": []}', "not as Trello writes"),
    ],
)
def test_parse_something_else_is_refused_with_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(NotATrelloExport, match=said) as caught:
        parse_board(content)
    assert caught.value.status == 422
    with pytest.raises(NotATrelloExport):
        check_board(content)


def test_parse_wrong_type_in_a_card_names_the_place() -> None:
    with pytest.raises(NotATrelloExport, match=r"Expected `str \| null`, got `int` - at `\$\.cards\[0\]\.name`"):
        parse_board(b'{"id": "1", "cards": [{"id": "2", "name": 7}]}')


def test_parse_every_prefix_of_a_board_is_refused(real_board: bytes) -> None:
    for end in range(0, len(real_board) - 1, 9973):
        with pytest.raises(NotATrelloExport):
            parse_board(real_board[:end])


def test_check_board_agrees_with_parse_on_the_real_board(real_board: bytes) -> None:
    assert check_board(real_board) == ["Info", "Food Grindr: Deliverables", "To Do", "Doing", "list", "Done", "Archive"]


def test_parse_more_cards_than_a_job_can_write_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 100,000 cards"):
        parse_board(b'{"id": "1", "cards": [' + b",".join([b"{}"] * 100_001) + b"]}")
    with pytest.raises(InvalidInput, match="more than 2,000,000 objects"):
        parse_board(b"{" * 2_000_001)
    with pytest.raises(InvalidInput, match="lists"):
        check_board(b'{"id": "1", "lists": [' + b",".join([b"{}"] * 1_500_000) + b"]}")


def test_parse_a_byte_order_mark_is_skipped() -> None:
    assert parse_board(b'\xef\xbb\xbf{"id": "1", "cards": []}').id == "1"


def test_parse_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    board = parse_board(rb'{"id": "1", "name": "a\ud83d", "desc": "\ud83d\ude00 \\ud83d", "cards": []}')
    assert (board.name, board.desc) == ("a�", "😀 \\ud83d")


def test_parse_nulls_and_missing_arrays_make_an_empty_board(now: object) -> None:
    content = b'{"id": "1", "name": null, "lists": null, "cards": [null], "members": [null], "actions": null}'
    plan = plan_board(parse_board(content), ImportMapping(), now=now)
    assert plan.name == "Trello board"
    assert plan.tasks == []
    assert plan.report.warnings == ["The board has no cards."]


def test_read_time_takes_iso_and_refuses_the_rest() -> None:
    assert str(read_time("2017-12-21T18:27:25.755Z")) == "2017-12-21 18:27:25.755000+00:00"
    assert str(read_time("2017-12-21T01:00:00+02:00")) == "2017-12-20 23:00:00+00:00"
    for text in (None, "", "soon", "2017-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert read_time(text) is None


def test_made_at_reads_the_time_in_an_object_id() -> None:
    assert str(made_at("59b1535e3f9e4b3819263852")) == "2017-09-07 14:10:38+00:00"
    for text in (None, "", "59b1535e", "zzb1535e3f9e4b3819263852", "00000001" + "0" * 16):
        assert made_at(text) is None


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_parse_a_damaged_board_is_planned_or_refused(data: st.DataObject, real_board: bytes, now: object) -> None:
    """Whatever stands in one place of the file, there is a plan or a sentence, never anything else."""
    document = json.loads(real_board)
    document["cards"], document["actions"] = document["cards"][:5], document["actions"][:20]
    place = document
    for _ in range(data.draw(st.integers(0, 5))):
        keys = list(place) if isinstance(place, dict) else range(len(place))
        deeper = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if not deeper:
            break
        place = place[data.draw(st.sampled_from(deeper))]
    key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
    if data.draw(st.booleans()):
        place[key] = data.draw(_json)
    else:
        del place[key]
    try:
        plan = plan_board(parse_board(json.dumps(document).encode()), ImportMapping(), now=now)
    except NotATrelloExport:
        return
    assert all(1 <= len(task.title) <= 200 for task in plan.tasks)
    assert all(task.created_at <= now for task in plan.tasks)
