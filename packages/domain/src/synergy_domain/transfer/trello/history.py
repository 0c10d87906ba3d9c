"""What the actions of a board tell: comments, and when cards were made and finished."""

from __future__ import annotations

from datetime import datetime

import msgspec

from synergy_domain.transfer.trello.export import Action, ActionData, Board, Card, made_at, present, read_time

_MAKING = {"createCard", "copyCard", "convertToCardFromCheckItem", "emailCard"}
_READ = _MAKING | {"commentCard", "copyCommentCard", "updateCard", "moveCardToBoard", "updateCheckItemStateOnCard"}


class Said(msgspec.Struct, frozen=True):
    """A comment; `author` is a Trello id."""

    author: str | None
    text: str
    at: datetime
    edited_at: datetime | None


class Moved(msgspec.Struct, frozen=True):
    """A card came into a list; `before` is the list it came from."""

    at: datetime
    before: str | None
    after: str


class Ticked(msgspec.Struct, frozen=True):
    """Somebody ticked an item off; `by` is a Trello id."""

    at: datetime
    by: str | None


class CardHistory(msgspec.Struct):
    """What is known of a card, oldest first."""

    made: datetime | None = None
    made_by: str | None = None
    made_in: str | None = None
    ticked: datetime | None = None
    moves: list[Moved] = []
    comments: list[Said] = []

    def created_at(self, card: Card, now: datetime) -> datetime:
        """When the card was made: by its action, else by its id, else when something last happened to it."""
        return min(self.made or made_at(card.id) or read_time(card.date_last_activity) or now, now)

    def finished_at(self, card: Card, done_lists: set[str], now: datetime) -> datetime:
        """When a card that is in a done list came there: the last way in from a list that is none.

        Without one: made there, ticked off, or when something last happened to it.
        """
        entered = [move.at for move in self.moves if move.after in done_lists and move.before not in done_lists]
        if entered:
            return min(entered[-1], now)
        if self.made is not None and self.made_in in done_lists:
            return min(self.made, now)
        moment = self.ticked or read_time(card.date_last_activity)
        return min(moment, now) if moment is not None else self.created_at(card, now)


class History(msgspec.Struct):
    """All that the actions tell, by the ids of cards and of checklist items; `unread` actions had another shape."""

    cards: dict[str, CardHistory]
    items: dict[str, Ticked]
    unread: int
    stray_comments: int

    def of(self, card: Card) -> CardHistory:
        """A card's history; empty for one that the actions do not name."""
        return self.cards.get(card.id or "") or CardHistory()


def read_history(board: Board) -> History:
    """Go through the actions of cards that are on the board; `stray_comments` are of others."""
    cards = {card.id: CardHistory() for card in present(board.cards) if card.id}
    history = History(cards, {}, 0, 0)
    dated = [(read_time(action.date), action) for action in present(board.actions) if action.type in _READ]
    # the export has the newest first; turned round, the stable sort keeps the order of what has the same date
    dated.reverse()
    for at, action in sorted([(at, action) for at, action in dated if at], key=_date):
        data = action.read_data()
        if data is None or data.card is None:
            history.unread += 1
            continue
        card = cards.get(data.card.id or "")
        if card is None:
            history.stray_comments += action.type in {"commentCard", "copyCommentCard"}
        else:
            _record(history, card, action, data, at)
    return history


def _date(entry: tuple[datetime, Action]) -> datetime:
    return entry[0]


def _record(history: History, card: CardHistory, action: Action, data: ActionData, at: datetime) -> None:
    author = action.id_member_creator or (action.member_creator.id if action.member_creator else None)
    into = data.list.id if data.list else None
    if action.type in _MAKING:
        card.made, card.made_by, card.made_in = at, author, into
    elif action.type == "moveCardToBoard" and into:
        card.moves.append(Moved(at, None, into))
    elif action.type in {"commentCard", "copyCommentCard"} and data.text and data.text.strip():
        # a copied comment was written by somebody else than the one who copied the card
        card.comments.append(
            Said(data.id_original_commenter or author, data.text, at, read_time(data.date_last_edited))
        )
    elif action.type == "updateCheckItemStateOnCard" and data.check_item and data.check_item.id:
        if data.check_item.state == "complete":
            history.items[data.check_item.id] = Ticked(at, author)
    elif action.type == "updateCard" and data.list_after and data.list_after.id:
        card.moves.append(Moved(at, data.list_before.id if data.list_before else None, data.list_after.id))
    elif action.type == "updateCard" and data.old and data.old.due_complete is False:
        card.ticked = at
