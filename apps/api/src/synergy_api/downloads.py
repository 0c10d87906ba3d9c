"""Stored files go out: whole or in part, from here or by the proxy, to be saved and never to be shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from synergy_api.etags import is_known
from synergy_platform.errors import ProductError
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
# RFC 8187, 3.2.1: what need not be encoded
_ATTR_CHARS = "!#$&+-.^_`|~"
# characters of a quoted string (RFC 9110) that some browser reads in a way of its own
_UNSAFE = re.compile(r'[^ -~]|["\\%]')


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file that the caller may have: its key, its size in bytes, its SHA-256 in hex."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


class RangeNotSatisfiable(ProductError):
    """The part that was asked for begins behind the file's end."""

    status, code, title = 416, "range_not_satisfiable", "There is no such part of the file"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}"})


async def answer_download(request: AnyRequest, runtime: Runtime, file: Download) -> Response[Any]:
    """The file, or the one range of it that is asked for; 304 when the caller has it.

    With SYNERGY_MEDIA_ACCEL the answer is an empty 200 for the proxy, with `X-Accel-Redirect: /media/<key>` or
    `X-Accel-Redirect: /s3/<bucket>/<key>?<signature>` (see Storage.accel_location); the proxy then reads the request's
    Range and sends the file. What it would not do as this does is answered from here: conditions, parts that do not
    exist, HEAD. A signed address goes to the proxy only.
    """
    etag = f'"{file.sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": (
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
        ),
    }
    known = request.headers.get("if-none-match")
    if known is not None and is_known(known, etag):
        return Response(None, status_code=304, headers=headers)
    headers["Content-Type"] = file.media_type
    ranges = {"Accept-Ranges": "bytes"}
    if request.scope["state"].get("is_head"):  # it has no ranges (RFC 9110, 14.2)
        return Response(None, headers={**headers, **ranges, "Content-Length": str(file.size)})
    wanted = request.headers.get("range")
    # without a Last-Modified of ours, a date is never the right condition
    is_current = request.headers.get("if-range", etag).strip() == etag
    part = requested_range(wanted, file.size) if wanted is not None and is_current else None
    if runtime.settings.media_accel and (wanted is None or is_current):
        # without Accept-Ranges: the proxy keeps this one and adds its own
        return Response(b"", headers={**headers, "X-Accel-Redirect": await runtime.storage.accel_location(file.key)})
    start, end = part or (0, file.size)
    headers |= {**ranges, "Content-Length": str(end - start)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    content: AsyncIterator[bytes] = await runtime.storage.read(file.key, start, end - start)
    return Stream(content, status_code=200 if part is None else 206, headers=headers)


def requested_range(header: str, size: int) -> tuple[int, int] | None:
    """The range of a `Range` header as (first, behind the last); None for what is answered whole.

    That is a header of another form, and one with several ranges. RangeNotSatisfiable where no byte is in the range.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0].endswith("=-"):
        return None
    first, last = match[1], match[2]
    if not first:
        if int(last) == 0 or size == 0:
            raise RangeNotSatisfiable(size)
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeNotSatisfiable(size)
    return int(first), min(int(last) + 1, size) if last else size


def content_disposition(name: str) -> str:
    """`attachment` with the name for browsers of today, and one of ASCII letters for others (RFC 6266)."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()).strip()
    if not plain.strip("._ "):
        plain = "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
