"""Parts of contracts that several domains use."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")

# The end of a pattern: a plain `$` of Python is also before a last line break. JavaScript reads it the same way.
END = r"$(?!\n)"


class PersonView(msgspec.Struct, kw_only=True):
    """A person as they are shown beside their work."""

    id: UUID
    username: str
    name: str


def given(value: T | msgspec.UnsetType, present: T) -> T:
    """`value` when the caller sent one, else what is there at present."""
    return present if isinstance(value, msgspec.UnsetType) else value
