"""What a worker process is doing right now, written where its parent can read it.

The parent has to know when the child is beyond saying anything: it hangs in code that lets nothing else run, or it
died. So the child keeps it in memory that both share. Times are those of the monotonic clock, the same for all.
"""

from __future__ import annotations

import mmap
import struct
import time
from uuid import UUID

import msgspec

# whether it is in use; when it began, in seconds; the job
_SLOT = struct.Struct("=?7xd16s")


class RunningJob(msgspec.Struct, frozen=True):
    """A job that the child has in hand since `seconds`."""

    id: UUID
    seconds: float


class RunningJobs:
    """Slots for the jobs that run at the same time in one process; made before it is forked."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, _SLOT.size * slots)
        self._free = list(range(slots))

    def begin(self, job_id: UUID) -> int:
        """Note a job; returns its slot for `end`."""
        slot = self._free.pop()
        # the first byte last: whoever reads meanwhile sees an empty slot
        _SLOT.pack_into(self._memory, slot * _SLOT.size, False, time.monotonic(), job_id.bytes)
        self._memory[slot * _SLOT.size] = 1
        return slot

    def end(self, slot: int) -> None:
        """The job of this slot is over."""
        self._memory[slot * _SLOT.size] = 0
        self._free.append(slot)

    def clear(self) -> None:
        """Forget all, for the next process."""
        self._memory[:] = bytes(len(self._memory))

    def read(self) -> list[RunningJob]:
        """What runs."""
        now, found = time.monotonic(), list[RunningJob]()
        for offset in range(0, len(self._memory), _SLOT.size):
            in_use, began, job_id = _SLOT.unpack_from(self._memory, offset)
            if in_use:
                found.append(RunningJob(UUID(bytes=bytes(job_id)), now - began))
        return found
