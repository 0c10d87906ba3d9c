"""What an event is; each domain declares its own."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events.

    A subclass names `TYPE` (`<object>.<verb in the past>`) and `OBJECT`; the fields that it adds become the event's
    data. `VERSION` goes up when a field changes its meaning or goes away. An event without a project and with a
    recipient is personal: only that user sees it.
    """

    TYPE: ClassVar[str]
    OBJECT: ClassVar[str]
    VERSION: ClassVar[int] = 1

    object_id: UUID
    project_id: UUID | None = None
    recipient_id: UUID | None = None

    def data(self) -> dict[str, Any]:
        """The fields that the subclass adds, as JSON types."""
        fields = msgspec.to_builtins(self)
        return {name: value for name, value in fields.items() if name not in _ENVELOPE}


_ENVELOPE = frozenset(Event.__struct_fields__)
