"""The ledger, handed on to the open event streams of this process.

One connection listens; each new entry is read and encoded once, then put before every stream whose user may see it.
Who may see what follows the memberships: an entry that ends one takes the project out of the view before the next
entry is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from uuid import UUID

import msgspec
import structlog

from synergy_api.metrics import STREAM_EVENTS, STREAMS, STREAMS_DROPPED
from synergy_domain import live
from synergy_domain.common import Actor
from synergy_domain.identity import is_still_good
from synergy_domain.live import EventView, LedgerEntry
from synergy_platform.database import DATABASE_ERRORS, LEDGER_CHANNEL, REVOKED_CHANNEL, listening
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

_BATCH = 500
_POLL_SECONDS = 2.0
_QUEUE_SIZE = 2000
_RETRY_SECONDS = 1.0
_CHANGES_VIEW = frozenset(
    {"member.added", "member.joined", "member.removed", "project.created", "project.imported", "project.transferred"}
)


def encode_event(view: EventView) -> bytes:
    """One event in the format of server-sent events; its number is the id, not part of the data."""
    data = msgspec.to_builtins(view)
    number = data.pop("number")
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, view.type.encode(), msgspec.json.encode(data))


class Subscription:
    """One open stream: its user's projects, and the frames that wait for it."""

    def __init__(self, actor: Actor, projects: set[UUID]) -> None:
        self.actor = actor
        self.user_id = actor.user_id
        self.projects = projects
        self.frames: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(_QUEUE_SIZE)

    def end(self) -> None:
        """Close the stream behind what waits; one that is too slow loses what waits."""
        if self.frames.full():
            self.frames.get_nowait()
        self.frames.put_nowait(None)

    def cut(self) -> None:
        """Close the stream now; what waits is lost."""
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(None)


class EventHub:
    """Follows the ledger and feeds the subscriptions."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._subscriptions: set[Subscription] = set()
        self._wake = asyncio.Event()
        self._revoked: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None
        self.last = 0
        self.draining = False

    async def start(self) -> None:
        """Follow the ledger from its present end."""
        self._task = asyncio.create_task(self._follow(), name="event-hub")

    async def stop(self) -> None:
        """Stop following and end all streams."""
        self.drain()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def drain(self) -> None:
        """End all streams, so that the process can; clients come back to another one."""
        self.draining = True
        for subscription in self._subscriptions:
            subscription.end()

    @contextlib.asynccontextmanager
    async def subscribe(self, actor: Actor) -> AsyncGenerator[Subscription]:
        """A subscription that gets everything behind `last`."""
        # registered before the memberships are read, so that no change of them is missed
        subscription = Subscription(actor, set())
        self._subscriptions.add(subscription)
        STREAMS.inc()
        try:
            subscription.projects |= await live.membership(self._runtime.database.reader(), actor.user_id)
            yield subscription
        finally:
            STREAMS.dec()
            self._subscriptions.discard(subscription)

    async def _follow(self) -> None:
        started = False
        while True:
            try:
                connection = await self._runtime.database.connect_directly()
                try:
                    if not started:
                        self.last = (await live.bounds(self._runtime.database.reader())).last
                        started = True
                    async with (
                        listening(connection, LEDGER_CHANNEL, lambda _payload: self._wake.set()),
                        listening(connection, REVOKED_CHANNEL, self._look_at),
                    ):
                        while not connection.is_closed():
                            await self._end_revoked()
                            await self._forward()
                            with contextlib.suppress(TimeoutError):
                                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
                            self._wake.clear()
                finally:
                    with contextlib.suppress(*DATABASE_ERRORS):
                        await connection.close(timeout=1)
            except DATABASE_ERRORS as error:
                log.warning("live.ledger_away", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)

    def _look_at(self, user_id: str) -> None:
        self._revoked.add(UUID(user_id))
        self._wake.set()

    async def _end_revoked(self) -> None:
        """End the streams whose session or token has ended; what of a user remains goes on.

        Where the news got lost, a stream finds out by itself within seconds.
        """
        revoked, self._revoked = self._revoked, set()
        for subscription in list(self._subscriptions):
            if subscription.user_id in revoked:
                db = self._runtime.database.reader()
                if not await is_still_good(self._runtime, db, subscription.actor):
                    self._subscriptions.discard(subscription)
                    subscription.cut()

    async def _forward(self) -> None:
        while True:
            entries = await live.entries_after(self._runtime.database.reader(), self.last, _BATCH)
            for entry in entries:
                self.last = entry.view.number
                if self._subscriptions:
                    self._hand_on(entry)
            if len(entries) < _BATCH:
                return

    def _hand_on(self, entry: LedgerEntry) -> None:
        view = entry.view
        frame: bytes | None = None
        handed_on = 0
        for subscription in list(self._subscriptions):
            if view.type in _CHANGES_VIEW and view.project_id is not None:
                self._change_view(subscription, view, view.project_id)
            leaving = view.type == "member.removed" and view.object.id == subscription.user_id
            if not leaving and not entry.visible(subscription.user_id, subscription.projects):
                continue
            frame = frame or encode_event(view)
            try:
                subscription.frames.put_nowait((view.number, frame))
                handed_on += 1
            except asyncio.QueueFull:
                # a client that does not read must not cost memory; it resumes by the last id that it got
                log.info("live.slow_client_dropped", user_id=str(subscription.user_id))
                STREAMS_DROPPED.inc()
                self._subscriptions.discard(subscription)
                subscription.end()
        STREAM_EVENTS.inc(handed_on)

    def _change_view(self, subscription: Subscription, view: EventView, project_id: UUID) -> None:
        subject = view.object.id if view.object.type == "user" else (view.actor.id if view.actor else None)
        if subject != subscription.user_id:
            return
        if view.type == "member.removed":
            subscription.projects.discard(project_id)
        else:
            subscription.projects.add(project_id)
