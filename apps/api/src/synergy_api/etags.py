"""ETags: the version, which If-Match compares, and a hash of the answer, which If-None-Match compares too."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from litestar import Request, Response

from synergy_platform.errors import BadRequest


class Versioned(Protocol):
    """A contract with a version."""

    version: int


_ETAG = re.compile(r'(?:W/)?"(\d{1,9})(?:-[0-9a-f]+)?"')


def tagged(request: Request[Any, Any, Any], view: Versioned) -> Response[Any]:
    """The answer with its ETag, or 304 when the caller has it already."""
    body = msgspec.json.encode(view)
    etag = f'"{view.version}-{blake2b(body, digest_size=8).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match")
    if known is not None and (
        known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
    ):
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def expected_version(request: Request[Any, Any, Any]) -> int | None:
    """The version that If-Match names; None without one or for `*`."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise BadRequest("If-Match: send one ETag of ours.")
    return int(match[1])
