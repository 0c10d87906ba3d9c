"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new identifier."""
    return uuid7()


def parse_id(text: str) -> UUID | None:
    """`text` as an identifier, or None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def first_id_at(moment: datetime) -> UUID:
    """The smallest identifier of that millisecond: older ones compare below it. None is from before 1970."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80 | 0x7 << 76 | 0x2 << 62)


def made_at(identifier: UUID) -> datetime:
    """When an identifier of `new_id` was made, in UTC."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
