"""ETags of single things: the version, which If-Match compares, and a hash of the answer, which If-None-Match does.

`finish_answer` adds them to every answer, so that no route has to think of it; lists have none.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope

from synergy_api.authentication import needed_scope
from synergy_api.lists import ItemList
from synergy_platform.errors import BadRequest
from synergy_platform.pagination import Page

_ETAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_VERSION = re.compile(r"(\d{1,9})(?:-[0-9a-f]+)?")
_NO_VERSION_OF_OURS = -1
_LISTS = (Page, ItemList)
# what browsers may keep, and ask for again: nothing of administrators, sessions and mailed links
_KEPT = frozenset({"read", "write"})


def tag(scope: HTTPScope, response: Response[Any]) -> Response[Any]:
    """The answer with its ETag, or 304 when the caller has it already.

    A thing that was changed or made has one too if it has a version: it is what the next change can name.
    """
    view = response.content
    if not isinstance(view, msgspec.Struct) or isinstance(view, _LISTS):
        return response
    handler: HTTPRouteHandler = scope["route_handler"]  # pyright: ignore[reportAssignmentType]  # of HTTP it is one
    said = getattr(view, "version", None)
    version = said if isinstance(said, int) else None  # that of the product is none
    is_read = scope["method"] == "GET"
    if (response.status_code or handler.status_code) >= 300 or not (is_read or version is not None):
        return response
    body = msgspec.json.encode(view)
    digest = blake2b(body, digest_size=8).hexdigest()
    etag = f'"{digest}"' if version is None else f'"{version}-{digest}"'
    response.headers.setdefault("ETag", etag)
    if is_read:
        # else it is what everything is: no-store
        if scope["route_handler"] in scope["litestar_app"].state.needing_actor and needed_scope(handler) in _KEPT:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
        if known is not None and is_known(known.decode("latin-1"), etag):
            return Response(None, status_code=304, headers=response.headers)
    response.content = body
    return response


def is_known(header: str, etag: str) -> bool:
    """Whether If-None-Match names the ETag."""
    return header.strip() == "*" or etag in (known.strip().removeprefix("W/") for known in header.split(","))


def expected_version(request: Request[Any, Any, Any]) -> int | None:
    """The version that If-Match names; None without one or for `*`. An ETag that is none of ours never matches."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise BadRequest('If-Match: send one ETag, such as "3-0f1e2d3c4b5a6978", or *.')
    version = _VERSION.fullmatch(match[1])
    return int(version[1]) if version else _NO_VERSION_OF_OURS
