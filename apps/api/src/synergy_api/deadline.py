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
import time
from typing import cast

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


class Deadlines:
    """Those of all requests that run; one timer looks after them, since one for each costs more than many a request."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._interval = min(0.5, seconds / 10)
        self._running: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: Deadline) -> None:
        """Look after this one."""
        self._running.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)

    def discard(self, deadline: Deadline) -> None:
        """Look after it no longer."""
        self._running.discard(deadline)

    def _look(self) -> None:
        now = time.monotonic()
        for deadline in [deadline for deadline in self._running if deadline.latest < now]:
            deadline.expire()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._interval, self._look) if self._running else None


class Deadline:
    """One request's, from `start` until it is lifted or stopped, in the task that handles the request."""

    __slots__ = ("_all", "_committed", "_expired", "_task", "awaits_body", "latest")

    def __init__(self, all_of_them: Deadlines) -> None:
        self._all = all_of_them
        self._committed = self._expired = self.awaits_body = False

    def start(self) -> None:
        """Count from now."""
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        before_commit.set(self._commit)  # in the context of this request's task, which ends with it
        self.restart()
        self._all.add(self)

    def restart(self) -> None:
        """Count from now again: another part of an upload has arrived."""
        self.latest = time.monotonic() + self._all.seconds

    def lift(self) -> None:
        """Count no longer: the answer begins."""
        self._all.discard(self)

    def stop(self) -> ProductError | None:
        """The request has ended; the error to answer, if that was for being late."""
        self._all.discard(self)
        if not self._expired:
            return None
        self._task.uncancel()
        if self._committed:
            return OutcomeUnknown("The change may have been made or not: look before you send it again.")
        seconds = f"{self._all.seconds:g} seconds"
        if self.awaits_body:
            return BodyTimeout(f"No more of the body came for {seconds}. Nothing was changed.")
        return DeadlineExceeded(f"The request took longer than {seconds} and was stopped. Nothing was changed.")

    def expire(self) -> None:
        """Stop the request; where it stands, `CancelledError` is raised."""
        self._all.discard(self)
        self._expired = True
        self._task.cancel()

    def _commit(self) -> None:
        if self._expired:  # the cancellation is on its way here, or a library has swallowed it
            raise asyncio.CancelledError
        self._committed = True
        self.latest = time.monotonic() + COMMIT_SECONDS
