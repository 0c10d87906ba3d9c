"""Who is who on a Trello board."""

from __future__ import annotations

from uuid import UUID

from synergy_domain.identity.people import IncomingPerson
from synergy_domain.transfer.trello.export import Board, Person, present
from synergy_platform.ids import new_id

_GONE = Person(full_name="Former member", username="former-member")


class Directory:
    """The people of a board: its members, and whoever else it names as author, creator or assignee.

    Somebody who left the board stands in the actions only; of a deleted Trello account nothing is left but its id.
    """

    def __init__(self, board: Board) -> None:
        self._known: dict[str, Person] = {}
        for action in present(board.actions):
            for person in (action.member, action.member_creator):
                if person is not None and person.id:
                    self._known.setdefault(person.id, person)
        members = [member for member in present(board.members) if member.id]
        self._known |= {member.id: member for member in members if member.id}
        self._people: dict[str, IncomingPerson] = {}
        self._joining: dict[UUID, None] = {}
        for member in members:
            self.assignee(member.id)

    @property
    def people(self) -> list[IncomingPerson]:
        """Everybody who was asked for."""
        return list(self._people.values())

    @property
    def member_ids(self) -> list[UUID]:
        """Those who join the project: members of the board, and assignees."""
        return list(self._joining)

    def author(self, trello_id: str | None) -> UUID:
        """The person with this Trello id; all without one are the same former member."""
        found = self._people.get(trello_id or "")
        if found is None:
            person = self._known.get(trello_id or "", _GONE)
            username, full_name = person.username or "", person.full_name or person.username or ""
            found = IncomingPerson(id=new_id(), username=username, full_name=full_name or "Former member")
            self._people[trello_id or ""] = found
        return found.id

    def assignee(self, trello_id: str | None) -> UUID | None:
        """The person with this Trello id, who joins the project then."""
        if not trello_id:
            return None
        person = self.author(trello_id)
        self._joining[person] = None
        return person
