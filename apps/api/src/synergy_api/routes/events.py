"""The event stream, and the same list as JSON."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from synergy_api.documentation import READ
from synergy_api.hub import EventHub, encode_event
from synergy_api.params import Limit
from synergy_domain import live
from synergy_domain.common import Actor
from synergy_domain.identity import is_still_good
from synergy_domain.live import EventView
from synergy_platform.database import Reader
from synergy_platform.errors import BadRequest, Unavailable
from synergy_platform.pagination import Page
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]

_KEEPALIVE_SECONDS = 15.0
_REPLAY_BATCH = 500
_RETRY = b"retry: 2000\n\n"


@get(
    "/events",
    tags=["live"],
    opt={"stream": True, "also_answers": "text/event-stream"},
    responses={
        **READ,
        200: ResponseSpec(
            data_container=Page[EventView], description="As JSON; else a stream", generate_examples=False
        ),
    },
)
async def stream_events(
    request: AnyRequest,
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    after: Annotated[
        int | None, QueryParameter(ge=0, description="Number of the last event seen; 0 for all that is kept")
    ] = None,
    limit: Limit = 50,
) -> Response[Any]:
    """Everything that the caller may see, as it happens; with `Accept: application/json` a page of it.

    Resumable by `Last-Event-ID` or `after`. The header counts when both are there: a browser that reconnects sends it
    to the address that it began with.
    """
    last = _last_event_id(request)
    start = after if last is None else last
    if "application/json" in request.headers.get("accept", ""):
        return Response(await _page(db, actor, start or 0, limit))
    hub: EventHub = state.hub
    if hub.draining:
        raise Unavailable("This server is going down. Connect again.", retry_after=1)
    return Stream(
        _stream(state.runtime, hub, actor, start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _last_event_id(request: AnyRequest) -> int | None:
    header = request.headers.get("last-event-id")
    if not header:
        return None
    if not re.fullmatch(r"\d{1,40}", header):
        raise BadRequest("Last-Event-ID: send the id of an event.")
    return int(header)


async def _page(db: Reader, actor: Actor, start: int, limit: int) -> Page[EventView]:
    kept = await live.bounds(db)
    found = await live.events_after(db, actor, start, kept.last, limit + 1)
    items = found[:limit]
    return Page(items=items, next_cursor=str(items[-1].number) if len(found) > limit else None)


async def _stream(runtime: Runtime, hub: EventHub, actor: Actor, start: int | None) -> AsyncIterator[bytes]:
    async with hub.subscribe(actor) as subscription:
        # what ends from here on is told to the subscription
        if not await is_still_good(runtime, runtime.database.reader(), actor):
            return
        checked = time.monotonic()
        until = hub.last
        yield _RETRY
        if start is not None:
            db = runtime.database.reader()
            kept = await live.bounds(db)
            until = max(until, kept.last)
            if start > kept.last or (start < kept.first - 1 and start > 0):
                yield b"id: %d\nevent: reset\ndata: {}\n\n" % kept.last
                start = until
            while found := await live.events_after(db, actor, start, until, _REPLAY_BATCH):
                yield b"".join(encode_event(view) for view in found)
                start = found[-1].number
        while True:
            try:
                waiting = await asyncio.wait_for(subscription.frames.get(), _KEEPALIVE_SECONDS)
            except TimeoutError:
                waiting = (until + 1, b": \n\n")
            if time.monotonic() - checked >= _KEEPALIVE_SECONDS:
                if not await is_still_good(runtime, runtime.database.reader(), actor):
                    return
                checked = time.monotonic()
            if waiting is None:
                return
            number, frame = waiting
            # what was replayed from the database waits here a second time
            if number > until:
                yield frame


router = Router("", route_handlers=[stream_events])
