"""Argon2id (RFC 9106) in a thread of its own, one hash at a time in each process, behind a bounded queue.

A hash takes some 50 ms of CPU and 46 MiB. It releases the interpreter's lock, so other requests go on meanwhile;
without the bound, a flood of sign-ins would take all memory and all time. There are more processes than cores, and each
may hash: so hashing takes second place (on Linux), the processes of one server take turns (`SharedTurn`), and what
answers requests does not wait for a core.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import stat
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Counter, Gauge

from synergy_platform.errors import Unavailable

_T = TypeVar("_T")

MEMORY_KIB = 46 * 1024
ITERATIONS = 1
LANES = 1
# Added to the niceness of the thread: a tenth of the weight of the others, so that it goes on where they take all.
NICENESS = 10
# A place in the queue for the hash, and one for the statements before and after it.
_TURNS = 2
# So many processes share a turn: half the cores, where there are two processes for each.
_PROCESSES_OF_A_TURN = 4
# A process that holds the turn and stands still keeps the others no longer than this.
_MOST_SECONDS_FOR_OTHERS = 2.0
_POLL_SECONDS = 0.005
# Nobody waits longer for a turn: better told to come back than stopped by a deadline.
MAX_WAIT_SECONDS = 8.0

_QUEUE = Gauge("synergy_hash_queue", "Callers that wait for a password's hash, or get it", multiprocess_mode="livesum")
_REFUSED = Counter("synergy_hash_refused", "Callers that were told to come back, since too many waited or too long")


def normal_form(password: str) -> str:
    """The password as it is hashed, since keyboards write the same letter in different ways; nothing is cut off.

    NIST SP 800-63B, 3.1.1.2.
    """
    return unicodedata.normalize("NFKC", password)


class Place(NamedTuple):
    """What whoever has a place in the queue may ask for: as the hasher's own `hash` and `verify`."""

    hash: Callable[[str], Awaitable[str]]
    verify: Callable[[str | None, str], Awaitable[bool]]


class SharedTurn:
    """One hash at a time for several processes of a server: each would take a core, and there are fewer of those.

    It is a lock on a file, which ends with the process that holds it.
    """

    def __init__(self, folder: Path, number: int = 0) -> None:
        self._file = (folder / f"hashing-{number}.lock").open("a")

    @classmethod
    def of_server(cls, processes: int) -> SharedTurn | None:
        """The turn of a process that is one of so many; None where it is alone, or no folder is safe."""
        folder = _own_folder()
        if processes < 2 or folder is None:
            return None
        return cls(folder, os.getpid() % max(1, processes // _PROCESSES_OF_A_TURN))

    def take(self, work: Callable[[], _T]) -> _T:
        """Do it when the others are done."""
        latest = time.monotonic() + _MOST_SECONDS_FOR_OTHERS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < latest:
                    time.sleep(_POLL_SECONDS)
                    continue
            break
        try:
            return work()
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PasswordHasher:
    """Hashes and verifies; Unavailable (503) when `queue_size` callers wait, or one too long."""

    def __init__(
        self,
        *,
        memory_kib: int = MEMORY_KIB,
        queue_size: int = 40,
        max_wait: float = MAX_WAIT_SECONDS,
        turn: SharedTurn | None = None,
    ) -> None:
        self._argon2 = Argon2(time_cost=ITERATIONS, memory_cost=memory_kib, parallelism=LANES)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2", initializer=_take_second_place)
        self._turn = turn
        self._queue_size = queue_size
        self._max_wait = max_wait
        self._waiting = 0
        self._turns = asyncio.Semaphore(_TURNS)
        # verified against when there is no such account, so that the answer takes as long
        self._nobody = self._argon2.hash("nobody has this password")

    @property
    def waiting(self) -> int:
        """Callers that wait or are served."""
        return self._waiting

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncGenerator[Place]:
        """A turn for the length of the block, after those before; raises Unavailable when there are too many of them.

        Whoever counts attempts takes it first: what is not looked at must not count. What is committed in the block
        does not wait for others any more, so that its deadline has no queue in it.
        """
        if self._waiting >= self._queue_size:
            raise _too_many()
        self._waiting += 1
        _QUEUE.inc()
        try:
            try:
                async with asyncio.timeout(self._max_wait):
                    await self._turns.acquire()
            except TimeoutError:
                raise _too_many() from None
            try:
                yield Place(self._hash, self._verify)
            finally:
                self._turns.release()
        finally:
            self._waiting -= 1
            _QUEUE.dec()

    async def hash(self, password: str) -> str:
        """The encoded hash of `password`, with its parameters."""
        async with self.place() as place:
            return await place.hash(password)

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether `password` belongs to `encoded`; None takes as long and is False."""
        async with self.place() as place:
            return await place.verify(encoded, password)

    def needs_rehash(self, encoded: str) -> bool:
        """Whether `encoded` was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(encoded)

    def close(self) -> None:
        """End the thread."""
        # a hash that runs gives its turn back first
        self._executor.shutdown(wait=self._turn is not None, cancel_futures=True)
        if self._turn is not None:
            self._turn.close()

    def _matches(self, encoded: str, password: str) -> bool:
        normal = normal_form(password)
        # hashes of releases up to 0.3 were made of what was typed
        return self._fits(encoded, normal) or (normal != password and self._fits(encoded, password))

    def _fits(self, encoded: str, password: str) -> bool:
        try:
            return self._argon2.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _hash(self, password: str) -> str:
        return await self._run(lambda: self._argon2.hash(normal_form(password)))

    async def _verify(self, encoded: str | None, password: str) -> bool:
        matches = await self._run(lambda: self._matches(encoded or self._nobody, password))
        return matches and encoded is not None

    async def _run(self, work: Callable[[], _T]) -> _T:
        turn = self._turn
        in_turn = work if turn is None else lambda: turn.take(work)
        return await asyncio.get_running_loop().run_in_executor(self._executor, in_turn)


def _own_folder() -> Path | None:
    """A folder that nobody else can write to, or None: whoever holds a lock in it holds up sign-ins."""
    folder = Path(tempfile.gettempdir(), f"synergy-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if is_ours else None


def _too_many() -> Unavailable:
    _REFUSED.inc()
    return Unavailable("Many people are signing in at this moment. Try again in a few seconds.", retry_after=3)


def _take_second_place() -> None:
    """Let other threads go first; a thread has a niceness of its own on Linux only."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it: it works all the same
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
