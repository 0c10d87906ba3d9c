"""What a process can do: its handlers, and how often and how long they may try."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, ClassVar, Literal

import msgspec

from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime

QUEUES = ("fast", "bulk", "io")
MAX_ATTEMPTS = 5
RETRY_BASE_SECONDS = 10
RETRY_FACTOR = 4
RETRY_CAP_SECONDS = 900
SOFT_TIMEOUT_SECONDS = 300
IO_TIMEOUT_SECONDS = 60

Queue = Literal["fast", "bulk", "io"]
Outcome = Literal["done", "failed", "dead", "again", "not_mine", "too_early", "alone"]
HandlerFunction = Callable[[Runtime, UnitOfWork, dict[str, Any]], Awaitable[None]]
# records what came of it, in the transaction that ends the job; the time after which to try again, or None
Finish = Callable[[UnitOfWork], Awaitable[timedelta | None]]
IoFunction = Callable[[Runtime, dict[str, Any], int], Awaitable[Finish]]


class JobHandler(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of job that works in the database.

    `function` gets the runtime, the unit of work that also removes the job, and the payload; what must be seen before
    it ends (progress) it commits in a unit of work of its own. `events` are the types of events that it subscribes to:
    it then runs once for each with the payload `{"event_id": …}`, in order for each object; `skips_quiet` leaves out
    those that nobody is to be notified of. After `soft_timeout` seconds the handler is cancelled, which counts as a
    failure. (A job that does not end then either is killed with its process, after the hard limit of the worker.)
    """

    name: str
    function: HandlerFunction
    queue: Literal["fast", "bulk"] = "fast"
    events: frozenset[str] = frozenset()
    skips_quiet: bool = False
    soft_timeout: float = SOFT_TIMEOUT_SECONDS


class IoHandler(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of job that waits for somebody else's server; no transaction is open meanwhile.

    `function` gets the runtime, the payload and the number of the try (from 1), and returns what records the outcome.
    That runs in the transaction which ends the job: None, and its row goes; a time, and it is tried again after it. The
    row is leased to the process meanwhile, and comes back when that dies: what was sent may be sent again. An exception
    is a fault of ours and counts as a failure, as of any job.
    """

    queue: ClassVar[Literal["io"]] = "io"
    events: ClassVar[frozenset[str]] = frozenset()

    name: str
    function: IoFunction
    soft_timeout: float = IO_TIMEOUT_SECONDS


Handler = JobHandler | IoHandler


class UnknownJob(Exception):
    """No handler has this name here. During a deploy a newer process may have it: the job is tried again."""


class Registry:
    """The handlers of a process, by name and by the events that they subscribe to."""

    def __init__(self, handlers: Iterable[Handler]) -> None:
        self._by_name: dict[str, Handler] = {}
        self._by_event: dict[str, list[JobHandler]] = {}
        for handler in handlers:
            if handler.name in self._by_name:
                raise ValueError(f"two handlers are named {handler.name}")
            self._by_name[handler.name] = handler
            if isinstance(handler, JobHandler):
                for event in handler.events:
                    self._by_event.setdefault(event, []).append(handler)

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._by_name.values())

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, name: str) -> Handler:
        """The handler of job `name`; raises `UnknownJob`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownJob(f"no handler is named {name}") from None

    def subscribers(self, event: str, *, quiet: bool) -> list[JobHandler]:
        """The handlers that an event of this type goes to."""
        return [handler for handler in self._by_event.get(event, ()) if not (quiet and handler.skips_quiet)]


def retry_delay(attempt: int) -> timedelta:
    """How long to wait after try number `attempt` (from 1) failed: exponential, with full jitter.

    Any moment up to the limit is as likely as any other, so that jobs that failed together do not return together.
    """
    limit = min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * RETRY_FACTOR ** (attempt - 1))
    return timedelta(seconds=random.uniform(0, limit))  # noqa: S311 - spreads load, guards nothing
