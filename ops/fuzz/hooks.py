"""Loaded by schemathesis: who signs in where each request ends its session, and how the events are read."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import schemathesis

_TOKENS = itertools.cycle(Path(os.environ["FUZZ_TOKENS"]).read_text().split() if "FUZZ_TOKENS" in os.environ else [""])


@schemathesis.hook
def before_call(_context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401 - schemathesis's own
    """Read events as a list: as a stream they have no end, and each request would wait until it gives up."""
    if case.path == "/api/v1/events":
        kwargs.setdefault("headers", {})["Accept"] = "application/json"


if "FUZZ_TOKENS" in os.environ:

    @schemathesis.auth(refresh_interval=None)
    class FreshSession:
        """Another user for each request."""

        def get(self, _case: Any, _context: Any) -> str:  # noqa: ANN401 - schemathesis's own
            """The token of somebody who was not here yet."""
            return next(_TOKENS)

        def set(self, case: Any, data: str, _context: Any) -> None:  # noqa: ANN401 - schemathesis's own
            """Sign in with it."""
            case.headers["Authorization"] = f"Bearer {data}"
