"""The statements of migrations, as Alembic would run them, without a database.

So a migration must not ask the database for anything while it runs; a backfill is a job (docs/development.md).
"""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_TRANSACTION = {"BEGIN;": True, "COMMIT;": False}


class Statement(msgspec.Struct, frozen=True):
    """One statement with its semicolon; whether it runs in the transaction of its migration."""

    sql: str
    in_transaction: bool


class Migration(msgspec.Struct, frozen=True):
    """One migration: its revision, the first line of its docstring, and what it runs."""

    revision: str
    title: str
    statements: tuple[Statement, ...]


class _Statements(io.StringIO):
    """What Alembic writes; each statement comes in a call of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Statement] = []
        self._in_transaction = False

    def write(self, text: str, /) -> int:
        sql = text.strip()
        if sql in _TRANSACTION:
            self._in_transaction = _TRANSACTION[sql]
        # its comments, and its own note of the revision
        elif sql and not sql.startswith("-- Running ") and " alembic_version" not in sql:
            self.found.append(Statement(sql, self._in_transaction))
        return len(text)


def migrations_between(after: str | None, up_to: str = "head", *, folder: Path | None = None) -> list[Migration]:
    """The migrations after one revision (None: all), oldest first. `folder` holds env.py and versions/; ours if None.

    alembic.util.CommandError where there is no such revision; whatever a migration raises that asks the database.
    """
    location = str(folder or Path(__file__).parent)
    scripts = ScriptDirectory.from_config(_config(location, io.StringIO()))
    found: list[Migration] = []
    for script in reversed(list(scripts.iterate_revisions(up_to, after or "base"))):
        before = script.down_revision or "base"
        buffer = _Statements()
        command.upgrade(_config(location, buffer), f"{before}:{script.revision}", sql=True)
        title = script.doc.splitlines()[0] if script.doc else ""
        found.append(Migration(script.revision, title, tuple(buffer.found)))
    return found


def _config(location: str, buffer: io.StringIO) -> Config:
    config = Config(output_buffer=buffer)
    config.set_main_option("script_location", location)
    return config
