"""`Idempotency-Key`: a POST that is sent again, since its answer was lost, is done once and answered the same.

A handler that takes the dependency `uow` honours the key, whatever it does. One that opens its transaction itself does
it through `unit_of_work`, and says so by `opt={"idempotent": True}`. Ignored under /auth, without a user, and where
the answer holds a secret, which a handler says by `opt={"secret_answer": True}`. An answer that refuses is not kept:
nothing was done, and the next try may go better.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from synergy_domain.common import END, Actor
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import BadRequest
from synergy_platform.idempotency import KeptAnswer, KeyedRequest
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_LENGTH = 255
# a string of RFC 8941 has quotes around it, which belong to it; most clients send none
PATTERN = re.compile(rf"^[\x21-\x7e]{{1,{MAX_LENGTH}}}{END}")


class Replayed(Exception):
    """This request was done before."""

    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__()
        self.answer = answer


def idempotent_handlers(app: Litestar) -> frozenset[HTTPRouteHandler]:
    """The handlers that honour the key."""
    return frozenset(
        handler
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/api/v1/auth/")
        for handler, model in route.route_handler_map.values()
        if "POST" in handler.http_methods
        and not handler.opt.get("secret_answer")
        and (
            handler.opt.get("idempotent")
            or any(dependency.key == "uow" for batch in model.dependency_batches for dependency in batch)
        )
    )


@asynccontextmanager
async def unit_of_work(request: AnyRequest, actor: Actor, content: bytes | None = None) -> AsyncGenerator[UnitOfWork]:
    """The transaction of a request; with its key, the answer is kept in it, and `Replayed` raised if there is one.

    `content` stands for the body where that is no JSON. Before it ends, `finish_answer` has to have got the answer.
    """
    runtime: Runtime = request.app.state.runtime
    keyed = await _keyed(request, actor, content)
    async with runtime.database.unit_of_work() as uow:
        if keyed is None:
            yield uow
            return
        if (before := await keyed.claim(uow)) is not None:
            raise Replayed(before)
        yield uow
        await keyed.keep(uow, _as_given(request))


def replay(_request: AnyRequest, replayed: Replayed) -> Response[bytes]:
    """The answer that was given before, and that it was."""
    answer = replayed.answer
    headers = {**answer.headers, REPLAYED: "true"}
    return Response(answer.body, status_code=answer.status, headers=headers, media_type="application/json")


async def _keyed(request: AnyRequest, actor: Actor, content: bytes | None) -> KeyedRequest | None:
    key = request.headers.get(HEADER)
    if key is None or request.scope["route_handler"] not in request.app.state.idempotent:
        return None
    if len(request.headers.getall(HEADER)) > 1 or PATTERN.fullmatch(key) is None:
        raise BadRequest(f"{HEADER}: send one, of 1 to {MAX_LENGTH} visible ASCII characters; a UUID does well.")
    said = content if content is not None else await request.body()
    parts = (request.scope["path"].encode(), request.scope["query_string"], said)
    fingerprint = blake2b(digest_size=32)
    for part in parts:
        fingerprint.update(len(part).to_bytes(8) + part)
    return KeyedRequest(actor.user_id, key, fingerprint.digest())


def _as_given(request: AnyRequest) -> KeptAnswer:
    response: Response[Any] = request.scope["state"]["answer"]
    content = response.content
    body = b"" if content is None else content if isinstance(content, bytes) else msgspec.json.encode(content)
    handler: HTTPRouteHandler = request.scope["route_handler"]  # pyright: ignore[reportAssignmentType]  # of HTTP it is one
    return KeptAnswer(status=response.status_code or handler.status_code, headers=dict(response.headers), body=body)
