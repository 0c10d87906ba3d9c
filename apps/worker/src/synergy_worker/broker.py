"""A stream broker on the one of taskiq-redis that loses nothing and leaves nothing behind.

What is different from `RedisStreamBroker` (taskiq-redis 1.2), and why:

- a consumer group reads from the stream's beginning, so that tasks sent before the first worker are done;
- messages of a worker that died are claimed on a timer, also while the queue is idle; claiming needs no lock;
- what a worker holds for long it claims anew, so that nobody else takes it for lost;
- done messages leave the stream (XACK and XDEL together), dead consumers leave the group;
- several streams, each with its own limit of messages that one worker holds, so that long tasks do not keep short ones
  waiting; what was fetched and not begun when a worker ends goes to the others at once;
- malformed messages and those of unknown tasks are taken out and reported;
- a Redis that is away, was emptied, or lost the group is waited for, and set up again.

It knows nothing of what the tasks do. Works with Redis 6.2 and later.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from taskiq import AckableMessage
from taskiq.abc.broker import AsyncBroker
from taskiq.message import BrokerMessage
from taskiq_redis import RedisStreamBroker

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BLOCK_MS = 1000
ACK_SECONDS = 0.01
LOST_AFTER_MS = 8_000  # a message that nobody renewed for so long belonged to a worker that died
RENEW_SECONDS = 2.0
CLAIM_SECONDS = 2.0
TIDY_SECONDS = 30.0
DEAD_CONSUMER_MS = 60_000
HANDED_BACK_IDLE_MS = 3_600_000
LONGEST_PAUSE_SECONDS = 5.0
PAGE = 1000

BROKER_AWAY = (RedisError, OSError, TimeoutError)

_Message = tuple[str, bytes, Mapping[bytes, bytes]]

# In one step: a consumer that fetches something at this moment would lose it otherwise. Removes those that hold nothing
# and were silent for ARGV[3] ms; only the one named ARGV[2], unless that is empty.
_REMOVE_CONSUMERS = """
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  local meant = ARGV[2] == '' or ARGV[2] == consumer['name']
  if meant and consumer['pending'] == 0 and consumer['idle'] >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
  end
end
return 0
"""


class StreamBroker(RedisStreamBroker):
    """Sends tasks to named streams, and hands a worker no more of each than its limit.

    `limits` maps a stream's name to how many of its messages one worker may hold; the label `queue_name` of a task
    names its stream, the first one is the default. `on_reject` gets (stream, message, fault) of what no task can take,
    before it leaves the stream.
    """

    def __init__(self, url: str, limits: Mapping[str, int], *, group: str) -> None:
        first, *others = limits
        super().__init__(
            url,
            queue_name=first,
            additional_streams=dict.fromkeys(others, ">"),
            consumer_group_name=group,
            consumer_id="0",
            max_connection_pool_size=20,
            socket_timeout=BLOCK_MS / 1000 + 5,
            socket_connect_timeout=3,
            # callers wait and try again themselves, and say so in the log
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis(connection_pool=self.connection_pool)
        self._limits = dict(limits)
        self._held: dict[str, dict[bytes, bytes]] = {stream: {} for stream in limits}  # message -> its task
        self._begun: dict[str, set[bytes]] = {stream: set() for stream in limits}
        self._done: dict[str, list[bytes]] = {stream: [] for stream in limits}
        self._flushing: asyncio.Task[None] | None = None
        self._room = {stream: asyncio.Event() for stream in limits}
        self._next_claim = dict.fromkeys(limits, 0.0)
        self._upkeep: asyncio.Task[None] | None = None
        self._away = False
        self._had_groups = False
        self.on_reject: Callable[[str, bytes, str], Awaitable[None]] | None = None

    # ---- sending -----------------------------------------------------------------------------------------------

    async def kick(self, message: BrokerMessage) -> None:
        """Send one task."""
        await self.send([message])

    async def send(self, messages: Iterable[BrokerMessage]) -> None:
        """Send tasks in this order, in one round trip; raises one of `BROKER_AWAY`."""
        pipe = self._redis.pipeline(transaction=False)
        for message in messages:
            stream = message.labels.get("queue_name") or self.queue_name
            pipe.xadd(stream, {b"data": message.message, b"task": message.task_id})
        await pipe.execute()

    async def depths(self) -> dict[str, int]:
        """How many messages wait or are being worked on, by stream."""
        pipe = self._redis.pipeline(transaction=False)
        for stream in self._limits:
            pipe.xlen(stream)
        return dict(zip(self._limits, await pipe.execute(), strict=True))

    async def task_ids(self, stream: str) -> set[str]:
        """The tasks that wait in the stream or are being worked on."""
        found: set[str] = set()
        start = "-"
        while True:
            page = cast("list[tuple[bytes, dict[bytes, bytes]]]", await self._redis.xrange(stream, start, "+", PAGE))
            found.update(fields[b"task"].decode() for _, fields in page if b"task" in fields)
            if len(page) < PAGE:
                return found
            start = "(" + page[-1][0].decode()

    def begin(self, task_id: str) -> None:
        """Work on this task begins: nobody else is to take its message over while this process lives.

        What was yielded and has not begun may go to a worker that has time for it.
        """
        wanted = task_id.encode()
        for stream, held in self._held.items():
            self._begun[stream].update(message_id for message_id, task in held.items() if task == wanted)

    @property
    def most_held(self) -> int:
        """How many messages this worker holds at most."""
        return sum(self._limits.values())

    def holds(self, stream: str) -> bool:
        """Whether this worker has a message of the stream in hand."""
        return bool(self._held[stream])

    # ---- life --------------------------------------------------------------------------------------------------

    async def startup(self) -> None:
        """Get ready; Redis need not be there yet, `listen` makes the groups."""
        await AsyncBroker.startup(self)
        if self.is_worker_process:
            self._upkeep = asyncio.create_task(self._keep_up())

    async def shutdown(self) -> None:
        """Give back what was fetched and not done, and leave."""
        await AsyncBroker.shutdown(self)
        if self._upkeep is not None:
            self._upkeep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._upkeep
            while self._flushing is not None and not self._flushing.done():
                await self._flushing
            with contextlib.suppress(*BROKER_AWAY):
                await self._leave()
        await self.connection_pool.disconnect()

    async def _leave(self) -> None:
        """Give back all that is still ours, also what a cut connection swallowed; then leave the groups."""
        for stream in self._limits:
            pending = await self._redis.xpending_range(
                stream, self.consumer_group_name, "-", "+", PAGE, self.consumer_name
            )
            if pending:
                await self._hand_back(stream, [entry["message_id"] for entry in pending])
            await self._remove_consumers(stream, self.consumer_name, 0)

    async def _hand_back(self, stream: str, ids: Iterable[bytes | str | int]) -> None:
        """Make them look idle for long: whoever looks for lost messages next takes them."""
        await self._redis.xclaim(
            stream, self.consumer_group_name, self.consumer_name, 0, [*ids], idle=HANDED_BACK_IDLE_MS, justid=True
        )

    async def _remove_consumers(self, stream: str, name: str, silent_ms: int) -> None:
        await self._redis.eval(_REMOVE_CONSUMERS, 1, stream, self.consumer_group_name, name, str(silent_ms))

    # ---- receiving ---------------------------------------------------------------------------------------------

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yield messages, new ones and those of workers that died; never ends."""
        fetched: asyncio.Queue[_Message | BaseException] = asyncio.Queue()
        followers = [asyncio.create_task(self._follow(stream, fetched)) for stream in self._limits]
        try:
            while True:
                stop_if_cancelled()
                message = await fetched.get()
                if isinstance(message, BaseException):
                    raise message
                stream, message_id, fields = message
                data = fields.get(b"data", b"")
                fault = self._fault(data)
                if fault is None:
                    yield AckableMessage(data=data, ack=self._ack_generator(message_id.decode(), stream))
                else:
                    await self._reject(stream, message_id, data, fault)
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            await self._hand_back_unbegun()

    async def _follow(self, stream: str, fetched: asyncio.Queue[_Message | BaseException]) -> None:
        """Fetch from one stream as there is room; apart from the others, so that none waits for another."""
        pause = 0.0
        try:
            while True:
                stop_if_cancelled()
                try:
                    messages = await self._fetch(stream)
                except BROKER_AWAY as error:
                    pause = await self._mend(error, pause)
                    continue
                if self._away:
                    self._away = False
                    log.info("broker.back")
                pause, self._had_groups = 0.0, True
                for message in messages:
                    fetched.put_nowait(message)
        except Exception as error:  # noqa: BLE001 - `listen` raises it
            fetched.put_nowait(error)

    async def _hand_back_unbegun(self) -> None:
        for stream, held in self._held.items():
            unbegun = [message_id for message_id in held if message_id not in self._begun[stream]]
            for message_id in unbegun:
                del held[message_id]
            if unbegun:
                with contextlib.suppress(*BROKER_AWAY):
                    await self._hand_back(stream, unbegun)

    async def _mend(self, error: BaseException, pause: float) -> float:
        """After a failed fetch: make the groups again, or wait; returns how long the next wait is at least."""
        if isinstance(error, ResponseError) and any(word in str(error) for word in ("NOGROUP", "UNBLOCKED")):
            if self._had_groups:  # the first worker of all makes them
                log.warning("broker.group_lost")
            with contextlib.suppress(*BROKER_AWAY):
                await self._declare_consumer_group()
                await asyncio.sleep(pause)
                return 0.1
        if not self._away:
            self._away = True
            log.warning("broker.away", error=_text(error))
        pause = min(LONGEST_PAUSE_SECONDS, max(0.1, pause * 2))
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads load
        return pause

    async def _fetch(self, stream: str) -> list[_Message]:
        room = self._limits[stream] - len(self._held[stream])
        if room <= 0:
            self._room[stream].clear()
            await self._room[stream].wait()
            return []
        if time.monotonic() >= self._next_claim[stream]:
            self._next_claim[stream] = time.monotonic() + CLAIM_SECONDS
            claimed = await self._claim(stream, room)
            if claimed:
                self._next_claim[stream] = 0.0  # perhaps there are more
                return claimed
        reply = cast(
            "list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes]]]]] | None",
            await self._redis.xreadgroup(
                self.consumer_group_name, self.consumer_name, {stream: ">"}, count=room, block=BLOCK_MS
            ),
        )
        return [message for _, entries in reply or () for message in self._hold(stream, entries)]

    def _hold(self, stream: str, entries: Iterable[tuple[bytes, Mapping[bytes, bytes] | None]]) -> list[_Message]:
        messages = [(stream, message_id, fields or {}) for message_id, fields in entries]
        for _, message_id, fields in messages:
            self._held[stream][message_id] = fields.get(b"task", b"")
        return messages

    async def _claim(self, stream: str, room: int) -> list[_Message]:
        """Take over messages that their worker stopped renewing, or that a cut connection swallowed on their way here.

        Not by XAUTOCLAIM: it would take, and so renew, also those that wait here until there is time for them.
        """
        pending = await self._redis.xpending_range(
            stream, self.consumer_group_name, "-", "+", self._limits[stream] + room, idle=LOST_AFTER_MS
        )
        lost = [entry["message_id"] for entry in pending if entry["message_id"] not in self._held[stream]][:room]
        if not lost:
            return []
        claimed = cast(
            "list[tuple[bytes | None, Mapping[bytes, bytes] | None]]",
            await self._redis.xclaim(stream, self.consumer_group_name, self.consumer_name, LOST_AFTER_MS, [*lost]),
        )
        # Redis 6.2 names entries that were deleted from the stream, without their id
        taken = [(message_id, fields) for message_id, fields in claimed if message_id is not None]
        if taken:
            log.warning("broker.messages_reclaimed", stream=stream, messages=len(taken))
        return self._hold(stream, taken)

    def _fault(self, data: bytes) -> str | None:
        try:
            message = self.formatter.loads(data)
        except Exception as error:  # noqa: BLE001 - whatever the bytes are, they must not stop the queue
            return f"malformed: {type(error).__name__}"
        return None if self.find_task(message.task_name) else f"unknown task {message.task_name[:80]}"

    async def _reject(self, stream: str, message_id: bytes, data: bytes, fault: str) -> None:
        log.error(
            "broker.message_rejected", stream=stream, message_id=message_id.decode(), fault=fault, bytes=len(data)
        )
        if self.on_reject is not None:
            try:
                await self.on_reject(stream, data, fault)
            except Exception as error:  # noqa: BLE001 - whatever it is: what is not kept elsewhere stays here
                log.warning("broker.message_kept", message_id=message_id.decode(), error=repr(error))
                self._held[stream].pop(message_id, None)  # nobody renews it, so it is claimed again later
                self._room[stream].set()
                return
        await self._ack_generator(message_id.decode(), stream)()

    def _ack_generator(
        self,
        id: str,  # noqa: A002 - the parent's name for it
        queue_name: str,
    ) -> Callable[[], Awaitable[None]]:
        message_id = id.encode()

        async def ack() -> None:
            self._held[queue_name].pop(message_id, None)
            self._begun[queue_name].discard(message_id)
            self._done[queue_name].append(message_id)
            self._room[queue_name].set()
            if self._flushing is None or self._flushing.done():
                self._flushing = asyncio.create_task(self._flush())

        return ack

    async def _flush(self) -> None:
        """Take out of Redis what is done, a little later and together: one round trip for each costs more than a task.

        What a kill prevents comes again, and the task finds its work done.
        """
        await asyncio.sleep(ACK_SECONDS)
        done, self._done = self._done, {stream: [] for stream in self._limits}
        try:
            pipe = self._redis.pipeline(transaction=True)
            for stream, ids in done.items():
                if ids:
                    pipe.xack(stream, self.consumer_group_name, *ids)
                    pipe.xdel(stream, *ids)
            await pipe.execute()
        except BROKER_AWAY as error:
            log.warning("broker.ack_failed", messages=sum(map(len, done.values())), error=_text(error))
        if any(self._done.values()):  # more came meanwhile
            self._flushing = asyncio.create_task(self._flush())

    # ---- upkeep ------------------------------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        """Renew what is being worked on, and now and then remove dead consumers."""
        next_tidying = time.monotonic() + random.uniform(0, TIDY_SECONDS)  # noqa: S311 - spreads load
        while True:
            stop_if_cancelled()
            await asyncio.sleep(RENEW_SECONDS)
            # `listen` says when Redis is away
            with contextlib.suppress(*BROKER_AWAY):
                await self._renew()
                if time.monotonic() >= next_tidying:
                    next_tidying = time.monotonic() + TIDY_SECONDS
                    for stream in self._limits:
                        await self._remove_consumers(stream, "", DEAD_CONSUMER_MS)

    async def _renew(self) -> None:
        # those fetched and not begun are left out on purpose: a worker with room may take them over
        for stream, ids in self._begun.items():
            if ids:
                await self._redis.xclaim(stream, self.consumer_group_name, self.consumer_name, 0, [*ids], justid=True)


def stop_if_cancelled() -> None:
    """Raise CancelledError in a task that was cancelled and did not notice.

    On Python 3.11 `asyncio.wait_for` can swallow a cancellation (bpo-42130), and redis uses it for each command: loops
    around commands call this.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _text(error: BaseException) -> str:
    """Redis's errors say nothing by their repr."""
    return f"{type(error).__name__}: {error}"
