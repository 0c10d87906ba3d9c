"""What is done to every answer of a handler, before it is sent and before its transaction is committed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from litestar import Response
from litestar.types import HTTPScope

from synergy_api import etags

# Litestar's hook is not told whose answer it is; the outermost layer notes it here.
request_scope: ContextVar[HTTPScope] = ContextVar("request_scope")


async def finish_answer(response: Response[Any]) -> Response[Any]:
    """Litestar's hook: give the answer its ETag, and note it for whoever keeps it in the transaction."""
    scope = request_scope.get()
    response = etags.tag(scope, response)
    scope["state"]["answer"] = response
    return response
