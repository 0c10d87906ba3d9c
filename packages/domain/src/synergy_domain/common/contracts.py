"""Parts of contracts that several domains use."""

from __future__ import annotations

from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")

# The end of a pattern: a plain `$` of Python is also before a last line break. JavaScript reads it the same way.
END = r"$(?!\n)"

# Text of one line, for titles and names: no control characters (C0, DEL, C1), no line or paragraph separators, and
# nothing that turns the direction of the text around it (CVE-2021-42574). The marks that set a direction are fine.
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*" + END
Line = Annotated[str, msgspec.Meta(pattern=_ONE_LINE, description="One line, without control characters")]


class PersonView(msgspec.Struct, kw_only=True):
    """A person as they are shown beside their work."""

    id: UUID
    username: str
    name: str


def given(value: T | msgspec.UnsetType, present: T) -> T:
    """`value` when the caller sent one, else what is there at present."""
    return present if isinstance(value, msgspec.UnsetType) else value
