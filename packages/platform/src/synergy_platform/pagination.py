"""Keyset pagination: opaque, signed cursors that carry the sort values of the last row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from synergy_platform.errors import BadRequest, InputFault
from synergy_platform.tokens import Keyring, decode_bytes, encode_bytes

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_MAC_BYTES = 16


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list; `next_cursor` is null on the last page, `total` only when it was asked for."""

    items: list[T]
    next_cursor: str | None
    total: int | msgspec.UnsetType | None = msgspec.UNSET


class Cursors:
    """Writes and reads cursors; a cursor is only good for the sort that it was made for."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def encode(self, sort: str, values: list[Any]) -> str:
        """A cursor behind the row with these sort values."""
        body = msgspec.json.encode([sort, *values])
        return encode_bytes(self._keyring.mac("cursor", body)[:_MAC_BYTES] + body)

    def decode(self, sort: str, cursor: str, types: tuple[Any, ...]) -> list[Any]:
        """The values of a cursor as `types`; BadRequest for one that is forged or belongs to another sort."""
        try:
            raw = decode_bytes(cursor)
            mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if not self._keyring.verify_mac("cursor", body, mac):
                raise ValueError
            name, *values = msgspec.json.decode(body, type=list[Any])
            if name != sort or len(values) != len(types):
                raise ValueError
            return [msgspec.convert(value, kind) for value, kind in zip(values, types, strict=True)]
        except (ValueError, msgspec.MsgspecError):
            fault = InputFault("cursor", "invalid", "not a cursor of this list and sort; begin without one")
            raise BadRequest("The cursor cannot be used: begin the list again without one.", [fault]) from None


def make_page(found: list[T], limit: int, cursor_behind: Callable[[T], str], total: int | None) -> Page[T]:
    """A page from a query that asked for one row more than `limit`."""
    items = found[:limit]
    cursor = cursor_behind(items[-1]) if len(found) > limit else None
    return Page(items=items, next_cursor=cursor, total=msgspec.UNSET if total is None else total)
