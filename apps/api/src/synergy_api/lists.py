"""Lists that are never long."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class ItemList(msgspec.Struct, Generic[T], kw_only=True):
    """All of them; `next_cursor` is always null, so that clients read every list the same way."""

    items: list[T]
    next_cursor: str | None


def whole(items: list[T]) -> ItemList[T]:
    """A whole list."""
    return ItemList(items=items, next_cursor=None)
