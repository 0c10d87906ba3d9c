"""How long a request may take, and what its caller may rely on when it took longer.

`deadline_exceeded` means that nothing was changed: the request was stopped before its COMMIT was sent. From that
moment on it is no longer stopped for being late: it gets a time of its own to end and to answer, and only when that
passes too is the answer `outcome_unknown`. So nothing that was answered as done is undone, and nothing that was
answered as not done was done.

The time counts up to the start of the answer, which leaves out event streams and downloads. The parts of a multipart
body each start it anew, which leaves out the transfer of an upload, but not a client or a handler that stands still.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from synergy_platform.database import before_commit
from synergy_platform.errors import ProductError

COMMIT_SECONDS = 10.0


class DeadlineExceeded(ProductError):
    """Stopped before anything was changed."""

    status, code, title = 504, "deadline_exceeded", "This took too long"


class OutcomeUnknown(ProductError):
    """Stopped while, or after, a change was committed."""

    status, code, title = 504, "outcome_unknown", "This took too long"


class BodyTimeout(ProductError):
    """The client stopped sending."""

    status, code, title = 408, "body_timeout", "The body did not arrive in time"


class Deadline:
    """An async context around one request; what it raises on a late one is a `ProductError`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)
        self._committed = False
        self._over = False
        self.awaits_body = False

    async def __aenter__(self) -> Self:
        self._token = before_commit.set(self._commit)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        before_commit.reset(self._token)
        self._over = True
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._error() from error  # whose traceback ends where the request stood

    def restart(self) -> None:
        """Count from now: another part of an upload has arrived."""
        self._set(asyncio.get_running_loop().time() + self._seconds)

    def lift(self) -> None:
        """Count no longer: the answer begins."""
        self._set(None)

    def _commit(self) -> None:
        if self._timeout.expired():  # the cancellation is on its way here, or a library has swallowed it
            raise asyncio.CancelledError
        self._committed = True
        self._set(asyncio.get_running_loop().time() + COMMIT_SECONDS)

    def _set(self, when: float | None) -> None:
        if not (self._over or self._timeout.expired()):
            self._timeout.reschedule(when)

    def _error(self) -> ProductError:
        if self._committed:
            return OutcomeUnknown("The change may have been made or not: look before you send it again.")
        if self.awaits_body:
            return BodyTimeout(f"No more of the body came for {self._seconds:g} seconds. Nothing was changed.")
        return DeadlineExceeded(
            f"The request took longer than {self._seconds:g} seconds and was stopped. Nothing was changed."
        )
