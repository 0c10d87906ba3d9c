"""A Trello board as Trello writes it: "Menu → Print, export, and share → Export as JSON".

The format has no version and grew for more than ten years, so everything may be absent or null and unknown fields are
skipped; only a value of a wrong JSON type is refused. It holds the whole board, but of its actions the newest 1000.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from synergy_domain.transfer.errors import NotATrelloExport
from synergy_platform.errors import InputFault, InvalidInput

T = TypeVar("T")

MAX_ACTIONS = 1000
# more would neither be written within a job's time nor fit into a worker's memory; a real card has some 15 objects
MAX_CARDS = 100_000
_MAX_OBJECTS = 2_000_000
_MAX_LISTS_BYTES = 4 * 1024 * 1024
_BOARD_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_HOW_TO_EXPORT = (
    "In Trello, open the board, then its menu, “Print, export, and share”, “Export as JSON”, and take the file you get."
)
_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Trello cuts some texts in the middle of a sign that JSON writes as two escapes; a half alone (group 1) is no character
_LONE_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


class BoardList(msgspec.Struct, rename="camel"):
    """A list: a column of the board; `closed` when it was archived."""

    id: str | None = None
    name: str | None = None
    closed: bool | None = None
    pos: float | None = None


class Label(msgspec.Struct, rename="camel"):
    """A label; the name is often empty, the colour null for "no colour"."""

    id: str | None = None
    name: str | None = None
    color: str | None = None


class Person(msgspec.Struct, rename="camel"):
    """A member, on the board or named by an action."""

    id: str | None = None
    full_name: str | None = None
    username: str | None = None


class Attachment(msgspec.Struct, rename="camel"):
    """A link, or a file that was uploaded to Trello."""

    name: str | None = None
    url: str | None = None
    is_upload: bool | None = None


class CustomValue(msgspec.Struct, rename="camel"):
    """The value of a custom field: one of these."""

    text: str | None = None
    number: str | float | None = None
    date: str | None = None
    checked: str | bool | None = None


class CustomOption(msgspec.Struct, rename="camel"):
    """A choice of a custom field with choices."""

    id: str | None = None
    value: CustomValue | None = None


class CustomField(msgspec.Struct, rename="camel"):
    """A custom field of the board."""

    id: str | None = None
    name: str | None = None
    options: list[CustomOption | None] | None = None


class CustomFieldItem(msgspec.Struct, rename="camel"):
    """What a card has in a custom field: a value, or the id of a choice."""

    id_custom_field: str | None = None
    id_value: str | None = None
    value: CustomValue | None = None


class Badges(msgspec.Struct, rename="camel"):
    """What Trello shows on a card's front."""

    comments: int | None = None


class Card(msgspec.Struct, rename="camel"):
    """A card; `closed` when it was archived, `due_complete` when it was ticked off."""

    id: str | None = None
    name: str | None = None
    desc: str | None = None
    closed: bool | None = None
    id_list: str | None = None
    pos: float | None = None
    start: str | None = None
    due: str | None = None
    due_complete: bool | None = None
    date_last_activity: str | None = None
    is_template: bool | None = None
    id_member_creator: str | None = None
    id_members: list[str | None] | None = None
    id_labels: list[str | None] | None = None
    labels: list[Label | None] | None = None
    attachments: list[Attachment | None] | None = None
    custom_field_items: list[CustomFieldItem | None] | None = None
    badges: Badges | None = None


class CheckItem(msgspec.Struct, rename="camel"):
    """An item of a checklist; `state` is `complete` or `incomplete`."""

    id: str | None = None
    name: str | None = None
    state: str | None = None
    pos: float | None = None
    due: str | None = None
    id_member: str | None = None


class Checklist(msgspec.Struct, rename="camel"):
    """A checklist of a card."""

    id: str | None = None
    name: str | None = None
    id_card: str | None = None
    pos: float | None = None
    check_items: list[CheckItem | None] | None = None


class Reference(msgspec.Struct, rename="camel"):
    """What an action says of a card, a list or an item: its id, and for an item its state."""

    id: str | None = None
    state: str | None = None


class OldValues(msgspec.Struct, rename="camel"):
    """What was there before an update; UNSET where the action did not change it."""

    due_complete: bool | msgspec.UnsetType | None = msgspec.UNSET
    id_list: str | msgspec.UnsetType | None = msgspec.UNSET


class ActionData(msgspec.Struct, rename="camel"):
    """What the import reads of an action; which fields there are depends on its type."""

    text: str | None = None
    date_last_edited: str | None = None
    id_original_commenter: str | None = None
    card: Reference | None = None
    list: Reference | None = None
    list_before: Reference | None = None
    list_after: Reference | None = None
    check_item: Reference | None = None
    old: OldValues | None = None


class Action(msgspec.Struct, rename="camel"):
    """Something that happened on the board, newest first; `data` is read only for the types that matter."""

    type: str | None = None
    date: str | None = None
    id_member_creator: str | None = None
    member_creator: Person | None = None
    member: Person | None = None
    data: msgspec.Raw = msgspec.Raw()

    def read_data(self) -> ActionData | None:
        """Its data; None when they are of another shape, which spoils this action and not the board."""
        if not bytes(self.data):
            return None
        try:
            return msgspec.json.decode(self.data, type=ActionData, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


class _Outline(msgspec.Struct, rename="camel"):
    """The least that tells a board from other JSON."""

    id: str | None = None
    name: str | None = None
    lists: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    cards: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id_list: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Board(msgspec.Struct, rename="camel"):
    """A board with all that the import reads of it."""

    id: str | None = None
    name: str | None = None
    desc: str | None = None
    lists: list[BoardList | None] | msgspec.UnsetType | None = msgspec.UNSET
    cards: list[Card | None] | msgspec.UnsetType | None = msgspec.UNSET
    id_list: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    labels: list[Label | None] | None = None
    members: list[Person | None] | None = None
    checklists: list[Checklist | None] | None = None
    custom_fields: list[CustomField | None] | None = None
    actions: list[Action | None] | None = None


def parse_board(content: bytes) -> Board:
    """Read a board's export; `NotATrelloExport` says what is wrong and what to do."""
    if content.count(b"{") > _MAX_OBJECTS:
        raise _too_many("objects", _MAX_OBJECTS)
    board = _decode(content, Board)
    _check_shape(board)
    if len(present(board.cards)) > MAX_CARDS:
        raise _too_many("cards", MAX_CARDS)
    return board


def check_board(content: bytes | memoryview) -> list[str]:
    """The names of the board's lists, after a check of syntax and shape that leaves the cards unread.

    It takes about a millisecond for a megabyte, a tenth of `parse_board`, which finds the rest.
    """
    outline = _decode(content, _Outline)
    _check_shape(outline)
    raw = b"null" if isinstance(outline.lists, msgspec.UnsetType) else bytes(outline.lists)
    if raw == b"null":
        return []
    if len(raw) > _MAX_LISTS_BYTES:
        raise _too_many("lists", _MAX_LISTS_BYTES // 1000)
    return list_names(_decode(raw, list[BoardList | None]))


def list_names(lists: list[BoardList | None] | msgspec.UnsetType | None) -> list[str]:
    """The lists' names in the order of the board."""
    found = sorted(present(lists), key=lambda entry: entry.pos or 0)
    return [(entry.name or "").strip() for entry in found]


def present(values: Iterable[T | None] | msgspec.UnsetType | None) -> list[T]:
    """An array of the export without its nulls; an absent one is empty."""
    if values is None or isinstance(values, msgspec.UnsetType):
        return []
    return [value for value in values if value is not None]


def read_time(text: str | None) -> datetime | None:
    """A time of the export in UTC; None for one that is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def made_at(object_id: str | None) -> datetime | None:
    """When an object was made: the first 8 hex digits of its id are seconds since 1970 (MongoDB's ObjectId)."""
    if object_id is None or re.fullmatch(r"[0-9a-fA-F]{24}", object_id) is None:
        return None
    moment = datetime.fromtimestamp(int(object_id[:8], 16), UTC)
    # an id that something else made up may have a time before there was a Trello
    return moment if moment >= _EARLIEST else None


def _decode(content: bytes | memoryview, kind: type[T]) -> T:
    view = memoryview(content)
    if bytes(view[:3]) == _BYTE_ORDER_MARK:
        view = view[3:]
    if not bytes(view[:64]).strip():
        raise NotATrelloExport("The file is empty. " + _HOW_TO_EXPORT)
    try:
        return msgspec.json.decode(view, type=kind, strict=False)
    except msgspec.ValidationError as error:
        if bytes(view[:64]).lstrip()[:1] != b"{":
            raise NotATrelloExport("The file is JSON, but no Trello board. " + _HOW_TO_EXPORT) from None
        raise NotATrelloExport(
            f"The file is JSON, but not as Trello writes a board: {error}. " + _HOW_TO_EXPORT
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mended, _ = _LONE_SURROGATE.subn(_mend_surrogate, view)
        if mended != bytes(view):
            return _decode(mended, kind)
        if "truncated" in str(error):
            raise NotATrelloExport(
                "The file ends in the middle: it was cut off, perhaps by a broken download. Export the board again."
            ) from None
        raise NotATrelloExport(f"The file is not JSON in UTF-8 ({error}). " + _HOW_TO_EXPORT) from None


def _too_many(things: str, limit: int) -> InvalidInput:
    detail = f"The file has more than {limit:,} {things}, which is more than one import takes."
    return InvalidInput([InputFault("/file", "too_many", detail)], detail)


def _mend_surrogate(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match[1] else match[0]


def _check_shape(board: _Outline | Board) -> None:
    if not isinstance(board.id_list, msgspec.UnsetType):
        raise NotATrelloExport("The file holds one Trello card. Export the whole board: " + _HOW_TO_EXPORT)
    absent = [
        name for name, value in (("lists", board.lists), ("cards", board.cards)) if isinstance(value, msgspec.UnsetType)
    ]
    # either may be left out when it is empty; both are not, by a tool that writes a board
    is_named = board.id is not None and _BOARD_ID.fullmatch(board.id) is not None
    if not is_named or len(absent) == 2:
        named = " and ".join(f"“{name}”" for name in ([] if is_named else ["id"]) + absent)
        raise NotATrelloExport(f"The file is JSON, but no Trello board: it has no {named}. " + _HOW_TO_EXPORT)
