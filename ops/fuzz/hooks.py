"""Loaded by schemathesis: who signs in where each request ends its session."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import schemathesis

if "FUZZ_TOKENS" in os.environ:
    _TOKENS = itertools.cycle(Path(os.environ["FUZZ_TOKENS"]).read_text().split())

    @schemathesis.auth(refresh_interval=None)
    class FreshSession:
        """Another user for each request."""

        def get(self, _case: Any, _context: Any) -> str:  # noqa: ANN401 - schemathesis's own
            """The token of somebody who was not here yet."""
            return next(_TOKENS)

        def set(self, case: Any, data: str, _context: Any) -> None:  # noqa: ANN401 - schemathesis's own
            """Sign in with it."""
            case.headers["Authorization"] = f"Bearer {data}"
