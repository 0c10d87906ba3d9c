"""What a worker process is doing right now, written where its parent can read it.

The parent has to know when the child is beyond saying anything: it hangs in code that lets nothing else run, or it
died. So the child keeps it in memory that both share. Times are those of the monotonic clock, the same for all.
"""

from __future__ import annotations

import mmap
import struct
import time
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar
from uuid import UUID

import msgspec

# the slot whose code runs at this moment, 0 for none and else counted from 1; how many steps there were
_STEP = struct.Struct("=QQ")
# whether it is in use; when it began, in seconds; the job
_SLOT = struct.Struct("=?7xd16s")

_T = TypeVar("_T")


class RunningJob(msgspec.Struct, frozen=True):
    """A job that the child has in hand since `seconds`."""

    id: UUID
    seconds: float


class RunningJobs:
    """Slots for the jobs that run at the same time in one process; made before it is forked."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, _STEP.size + _SLOT.size * slots)
        self._free = list(range(slots))
        self._steps = 0
        self._seen = (0, 0)
        self._seen_since = time.monotonic()

    def begin(self, job_id: UUID) -> int:
        """Note a job; returns its slot for `end`."""
        slot = self._free.pop()
        offset = _offset(slot)
        # the first byte last: whoever reads meanwhile sees an empty slot
        _SLOT.pack_into(self._memory, offset, False, time.monotonic(), job_id.bytes)
        self._memory[offset] = 1
        return slot

    def end(self, slot: int) -> None:
        """The job of this slot is over."""
        self._memory[_offset(slot)] = 0
        self._free.append(slot)

    @types.coroutine
    def follow(self, slot: int, work: Coroutine[Any, Any, _T]) -> Generator[Any, Any, _T]:
        """Await `work`, and note at each of its steps that it is the one whose code runs."""
        value, error = None, None
        while True:
            self._steps += 1
            _STEP.pack_into(self._memory, 0, slot + 1, self._steps)
            try:
                waits_for = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            finally:
                _STEP.pack_into(self._memory, 0, 0, self._steps)
            value, error = None, None
            try:
                value = yield waits_for
            except BaseException as thrown:  # noqa: BLE001 - it is for the work, a cancellation too
                error = thrown

    def clear(self) -> None:
        """Forget all, for the next process."""
        self._memory[:] = bytes(len(self._memory))
        self._seen = (0, 0)

    def read(self) -> list[RunningJob]:
        """What runs."""
        now, found = time.monotonic(), list[RunningJob]()
        for offset in range(_STEP.size, len(self._memory), _SLOT.size):
            in_use, began, job_id = _SLOT.unpack_from(self._memory, offset)
            if in_use:
                found.append(RunningJob(UUID(bytes=bytes(job_id)), now - began))
        return found

    def blocker(self, seconds: float) -> RunningJob | None:
        """The job whose code has run for so long without a pause, as far as was asked: nothing else could meanwhile."""
        step, now = _STEP.unpack_from(self._memory, 0), time.monotonic()
        if step != self._seen:
            self._seen, self._seen_since = step, now
        if step[0] == 0 or now - self._seen_since < seconds:
            return None
        _, began, job_id = _SLOT.unpack_from(self._memory, _offset(step[0] - 1))
        return RunningJob(UUID(bytes=bytes(job_id)), time.monotonic() - began)


def _offset(slot: int) -> int:
    return _STEP.size + slot * _SLOT.size
