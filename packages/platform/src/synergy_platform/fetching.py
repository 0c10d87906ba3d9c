"""HTTP requests to servers that the operator names, such as providers of single sign-on.

They may be in any network. Bounded in time and size; no redirects, no cookies; nothing is kept open, since requests
are few.
"""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import msgspec
from yarl import URL

from synergy_platform.version import VERSION

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 256 * 1024


class NoAnswer(Exception):
    """The server did not answer within the bounds; the message says why, for the log."""


class Fetched(msgspec.Struct, frozen=True):
    """An answer of any status, with the whole of its body."""

    status: int
    body: bytes


async def fetch(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Fetched:
    """GET, or POST of a form; raises NoAnswer."""
    try:
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,  # the bound counts what came, not what it unfolds to
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
                headers={
                    "User-Agent": f"SynergyOS/{VERSION}", "Accept": "application/json", "Accept-Encoding": "identity",
                    **(headers or {}),
                },
            ) as session,
            session.request(
                "GET" if form is None else "POST", URL(url, encoded=True), data=form, allow_redirects=False
            ) as response,
        ):  # fmt: skip
            body = bytearray()
            async for part in response.content.iter_chunked(64 * 1024):
                body += part
                if len(body) > MAX_BYTES:
                    raise NoAnswer(f"the answer has more than {MAX_BYTES} bytes")
            return Fetched(response.status, bytes(body))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise NoAnswer(f"{type(error).__name__}: {error}"[:300]) from None
