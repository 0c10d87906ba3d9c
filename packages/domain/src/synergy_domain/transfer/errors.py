"""What can go wrong with an import."""

from __future__ import annotations

from synergy_platform.errors import InputFault, InvalidInput, NotFound


class NotATrelloExport(InvalidInput):
    """The file is not what Trello writes when a board is exported."""

    code, title = "not_a_trello_export", "This file cannot be imported"

    def __init__(self, detail: str) -> None:
        super().__init__([InputFault("/file", self.code, detail)], detail)


class ImportNotFound(NotFound):
    """There is no such import, or somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such import.")
