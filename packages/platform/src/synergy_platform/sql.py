"""Conditions of a list query, put together from constant fragments and numbered parameters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from synergy_platform.pagination import Cursors

KeyType = Literal["timestamp", "date", "text", "integer"]
_PYTHON: dict[KeyType, type] = {"timestamp": datetime, "date": date, "text": str, "integer": int}
_POSTGRES: dict[KeyType, str] = {"timestamp": "timestamptz", "date": "date", "text": "text", "integer": "bigint"}


class Where:
    """Fragments joined by AND; values become parameters behind the ones given at the start."""

    def __init__(self, *args: object) -> None:
        self.args: list[object] = list(args)
        self._fragments: list[str] = []

    def param(self, value: object) -> str:
        """Add a value; its placeholder."""
        self.args.append(value)
        return f"${len(self.args)}"

    def add(self, fragment: str) -> None:
        """Add a condition."""
        self._fragments.append(fragment)

    def among(self, column: str, values: Collection[str]) -> None:
        """The column is one of the values; no values: no condition."""
        if values:
            self.add(f"{column} = ANY({self.param(sorted(values))}::text[])")

    def matches(self, columns: Sequence[str], text: str) -> None:
        """Any of the columns contains the text, without regard to case."""
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        placeholder = self.param(f"%{escaped}%")
        self.add("(" + " OR ".join(f"{column} ILIKE {placeholder}" for column in columns) + ")")

    @property
    def sql(self) -> str:
        """The condition."""
        return " AND ".join(self._fragments) or "true"


class Keyset:
    """An order of rows that a cursor can go on from: expressions, their types and directions, then the id."""

    def __init__(self, columns: tuple[tuple[str, KeyType, Literal["asc", "desc"]], ...], id_column: str) -> None:
        self._columns = columns
        self._id = id_column
        self._direction = columns[-1][2] if columns else "asc"

    @property
    def types(self) -> tuple[Any, ...]:
        """The types of a cursor's values."""
        return (*(_PYTHON[kind] for _, kind, _ in self._columns), UUID)

    @property
    def key(self) -> str:
        """What rows are sorted by before their id, to be read beside them: the first value of a cursor."""
        return self._columns[0][0]

    @property
    def order(self) -> str:
        """The ORDER BY clause."""
        parts = [f"{expression} {direction}" for expression, _, direction in self._columns]
        return ", ".join([*parts, f"{self._id} {self._direction}"])

    def decode(self, cursors: Cursors, sort: str, cursor: str | None) -> list[Any] | None:
        """The values of a cursor; None without one."""
        return None if cursor is None else cursors.decode(sort, cursor, self.types)

    def after(self, where: Where, values: Sequence[Any] | None) -> None:
        """Only rows behind those values. All columns of one direction compare as a row, which an index can serve."""
        if values is None:
            return
        holders = [
            f"{where.param(value)}::{_POSTGRES[kind]}"
            for value, (_, kind, _) in zip(values[:-1], self._columns, strict=True)
        ]
        holders.append(f"{where.param(values[-1])}::uuid")
        expressions = ", ".join([*(expression for expression, _, _ in self._columns), self._id])
        sign = ">" if self._direction == "asc" else "<"
        where.add(f"({expressions}) {sign} ({', '.join(holders)})")
