"""What can go wrong with demo data."""

from __future__ import annotations

from synergy_platform.errors import Conflict, Forbidden


class NotInProduction(Forbidden):
    """Everybody knows the demo's password."""

    code, title = "not_in_production", "No demo data here"

    def __init__(self) -> None:
        super().__init__(
            "Demo accounts have a password that everybody knows: they are for SYNERGY_ENV=development only."
        )


class DatabaseInUse(Conflict):
    """The reference set is for a database of its own."""

    code, title = "database_in_use", "The database is in use"

    def __init__(self) -> None:
        super().__init__(
            "The reference set needs a database without projects and without its accounts: set DB_NAME or SYNERGY_HOME "
            "to an empty one."
        )


class AlreadyFilling(Conflict):
    """Two at once would make the same accounts."""

    code, title = "already_filling", "Demo data is being made"

    def __init__(self) -> None:
        super().__init__("Another command is making demo data in this database: wait for it, then look.")
