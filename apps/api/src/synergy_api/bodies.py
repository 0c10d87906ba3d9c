"""JSON bodies, taken by their declared type and nothing near it.

Litestar converts what it decoded leniently, as it must for query parameters, and would take `"5"` for a number and 0
for false. So the body is decoded here, before a handler runs, and left where Litestar looks for it. What does not fit
is told only when Litestar comes to it, behind the checks of who asks.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.utils.scope.state import ScopeState

from synergy_platform.errors import BadRequest

# what no type takes
DOES_NOT_FIT = object()


def body_decoders(app: Litestar) -> dict[HTTPRouteHandler, msgspec.json.Decoder[Any]]:
    """The decoder of each handler that takes a JSON body."""
    return {
        handler: msgspec.json.Decoder(handler.parsed_data_field.annotation)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler, _ in route.route_handler_map.values()
        if handler.parsed_data_field is not None
    }


async def read_body(request: Request[Any, Any, Any]) -> None:
    """Decode the body for the handler, if it takes one."""
    decoder: msgspec.json.Decoder[Any] | None = request.app.state.body_decoders.get(request.scope["route_handler"])
    if decoder is None:
        return
    raw = await request.body()
    if not raw:
        return
    ScopeState.from_scope(request.scope).json = decode_body(raw, decoder)


def decode_body(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401 - what the decoder is for
    """The body, or DOES_NOT_FIT when it has another shape. Raises BadRequest for what is no JSON."""
    try:
        try:
            value = decoder.decode(raw)
        except msgspec.ValidationError:
            msgspec.json.decode(raw)  # behind the first fault it was not read
            value = DOES_NOT_FIT
        json.loads(raw, object_pairs_hook=_without_repetition)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}") from None
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) != len(pairs):
        raise BadRequest("The body names a field twice.")
