"""Taskiq's receiver, with an end that suits jobs."""

from __future__ import annotations

import asyncio
import contextlib

from taskiq.receiver import Receiver

# the container's or supervisor's grace period has to be longer
DRAIN_SECONDS = 25.0


class JobReceiver(Receiver):
    """Told to end, it begins nothing new and lets what runs finish; after `DRAIN_SECONDS` it cancels that.

    When it only makes room for a fresh process, it waits for what runs, and is not yet due while a long job runs.
    """

    async def listen(self, finish_event: asyncio.Event) -> None:
        """Run jobs until told to end, or until the process has done enough."""
        cut_off = asyncio.create_task(self._cut_off(finish_event))
        try:
            await super().listen(finish_event)
        finally:
            cut_off.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await cut_off

    async def _cut_off(self, finish_event: asyncio.Event) -> None:
        await finish_event.wait()
        self.broker.state.worker.drain()
        await asyncio.sleep(DRAIN_SECONDS)
        await self.broker.state.worker.cancel()

    def _should_stop_prefetch(self, finish_event: asyncio.Event, fetched_tasks: int) -> bool:
        if not finish_event.is_set() and self.broker.state.worker.holds_long_job():
            return False
        return super()._should_stop_prefetch(finish_event, fetched_tasks)
