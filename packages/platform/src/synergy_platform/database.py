"""The database: a reader for queries that end in a contract, and a unit of work for changes.

Reads take the compiled road: SQL on an asyncpg connection, outside a transaction, straight into a Struct.
Changes go through `Database.unit_of_work()`: one transaction that holds the rows, the events and the jobs they cause.
It is committed when the block ends, before anything is answered; an exception rolls all of it back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from uuid import UUID

import asyncpg
import msgspec
import structlog
from sqlalchemy import event as pool_events
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import configure_mappers

from synergy_platform.clock import Clock
from synergy_platform.connections import CountedPool, PoolUse
from synergy_platform.events import Event
from synergy_platform.ids import new_id
from synergy_platform.settings import Settings
from synergy_platform.tracing import TimedConnection, count_statement, trace_parent

# what a statement, a connection or a unit of work may raise while the database is away, going down or too busy; a
# TimeoutError is an OSError
DATABASE_ERRORS = (
    OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, SQLAlchemyError,
)  # fmt: skip

OUTBOX_CHANNEL = "synergy_outbox"
LEDGER_CHANNEL = "synergy_ledger"
# its payload is the id of a user some of whose sessions or tokens have just ended
REVOKED_CHANNEL = "synergy_revoked"

# what each connection of a pool asks for
SERVER_SETTINGS = {"statement_timeout": "15000", "lock_timeout": "2000", "timezone": "UTC", "jit": "off"}

# Called right before a unit of work sends its COMMIT, in the context of whoever opened it; what it raises rolls back.
before_commit: ContextVar[Callable[[], None] | None] = ContextVar("before_commit", default=None)

_INSERT_OUTBOX = """
    WITH batch AS (
      INSERT INTO events (id, type, version, occurred_at, actor_id, project_id, recipient_id, object_type, object_id,
                          quiet, request_id, trace_parent, data)
      SELECT e.* FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[], $5::uuid[], $6::uuid[],
                             $7::uuid[], $8::text[], $9::uuid[], $10::bool[], $11::text[], $12::text[],
                             $13::jsonb[]) AS e
    )
    SELECT pg_notify('synergy_outbox', '')
"""
_INSERT_JOBS = """
    WITH batch AS (
      INSERT INTO jobs (id, name, queue, payload, dedup_key, state, attempts, run_at, created_at, request_id,
                        trace_parent)
      SELECT j.id, j.name, j.queue, j.payload, j.dedup_key, 'waiting', 0, j.run_at, $7, j.request_id, j.trace_parent
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::timestamptz[], $8::text[],
                  $9::text[]) AS j (id, name, queue, payload, dedup_key, run_at, request_id, trace_parent)
      ON CONFLICT (dedup_key) DO NOTHING
    )
    SELECT pg_notify('synergy_outbox', '')
"""


class Connection(Protocol):
    """What this project uses of an asyncpg connection or pool."""

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row."""
        ...

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any SQL type
        """The first value of the first row."""
        ...


class Reader:
    """Runs queries; `statements` counts them, for tests that bound their number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements = 0

    async def rows(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows of a query."""
        self.statements += 1
        return await self._connection.fetch(query, *args)

    async def row(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row of a query."""
        self.statements += 1
        return await self._connection.fetchrow(query, *args)

    async def value(self, query: str, *args: object) -> Any:  # noqa: ANN401 - a value of any SQL type
        """The first value of the first row of a query."""
        self.statements += 1
        return await self._connection.fetchval(query, *args)


class UnitOfWork(Reader):
    """One transaction: ORM session, raw queries on the same connection, and what it will have caused.

    It is a reader too, so a query sees what the session has written: call `flush` between the two.
    """

    def __init__(self, session: AsyncSession, connection: Connection, now: datetime, request_id: str | None) -> None:
        super().__init__(connection)
        self.session = session
        self.now = now
        self._request_id = request_id
        self._events: list[tuple[object, ...]] = []
        self._jobs: list[tuple[object, ...]] = []

    def emit(self, event: Event, *, by: UUID | None, at: datetime | None = None, quiet: bool = False) -> None:
        """Record that `event` happened, caused by user `by`; it is stored with the commit.

        `at` is the date of the source and `quiet` keeps everybody from being notified: both for imports.
        """
        self._events.append(
            (
                new_id(), event.TYPE, event.VERSION, at or self.now, by, event.project_id, event.recipient_id,
                event.OBJECT, event.object_id, quiet, self._request_id, trace_parent.get(),
                msgspec.json.encode(event.data()).decode(),
            )
        )  # fmt: skip

    def enqueue(
        self, name: str, payload: dict[str, Any] | None = None, *, queue: str = "fast", dedup_key: str | None = None,
        delay: timedelta | None = None,
    ) -> UUID:  # fmt: skip
        """Have job `name` done after the commit; a second one with the same `dedup_key` is not added."""
        job_id = new_id()
        run_at = self.now + delay if delay else self.now
        encoded = msgspec.json.encode(payload or {}).decode()
        self._jobs.append((job_id, name, queue, encoded, dedup_key, run_at, self._request_id, trace_parent.get()))
        return job_id

    async def flush(self) -> None:
        """Send what the session holds, so that a query sees it."""
        await self.session.flush()

    async def write_outbox(self) -> None:
        """Store events and jobs; the database calls it once, before the commit."""
        await self.session.flush()
        if self._events:
            await self.value(_INSERT_OUTBOX, *(list(column) for column in zip(*self._events, strict=True)))
        if self._jobs:
            *columns, requests, traces = (list(column) for column in zip(*self._jobs, strict=True))
            await self.value(_INSERT_JOBS, *columns, self.now, requests, traces)


class Database:
    """Connections of one process: some for readers, some for units of work, together `db_pool_size` at most.

    `writers` is how many units of work are open at the same time, where that is known; a reader keeps one connection.
    """

    def __init__(self, settings: Settings, clock: Clock, *, application: str, writers: int | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._application = application
        # most requests read; a writer holds its connection for a whole transaction, a reader for one statement
        writers = max(1, min(writers or settings.db_pool_size * 2 // 5, settings.db_pool_size - 1))
        self._reader_limit = max(1, settings.db_pool_size - writers)
        url = settings.database_url()
        self._engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=writers,
            max_overflow=0,
            pool_timeout=10,
            # else the message of every error has them, and so do logs
            hide_parameters=True,
            connect_args={"server_settings": {**SERVER_SETTINGS, "application_name": application}},
        )
        pool_events.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._timed = bool(settings.otlp_endpoint)
        if self._timed:
            pool_events.listen(self._engine.sync_engine, "before_cursor_execute", _begin_statement)
            pool_events.listen(self._engine.sync_engine, "after_cursor_execute", _end_statement)
        self._pool: CountedPool | None = None
        self._queries: Connection | None = None
        self._readers, self._writers = PoolUse("readers", self._reader_limit), PoolUse("writers", writers)

    async def open(self) -> None:
        """Make the readers' pool; does not need the database to be there yet."""
        # else the first write would do it, and hold up everybody meanwhile
        configure_mappers()
        pool = await asyncpg.create_pool(
            self._settings.database_url(),
            min_size=0,
            max_size=self._reader_limit,
            server_settings={**SERVER_SETTINGS, "application_name": self._application},
            # a reader changes nothing of the session, and a reset would double its round trips
            reset=_keep_session,
            # a timer for each release costs more than the idle connection
            max_inactive_connection_lifetime=0,
        )
        self._pool = CountedPool(pool, self._readers)
        self._queries = TimedConnection(self._pool) if self._timed else self._pool

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.close()
        await self._engine.dispose()

    @property
    def pools(self) -> tuple[PoolUse, PoolUse]:
        """How the connections of readers and of units of work are used."""
        return self._readers, self._writers

    def reader(self) -> Reader:
        """Queries outside a transaction, each on any free connection."""
        if self._queries is None:
            raise RuntimeError("the database is not open")
        return Reader(self._queries)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncGenerator[UnitOfWork]:
        """One transaction, committed at the end of the block; an exception rolls it back."""
        async with self._session() as session:
            raw = await (await self._writers.acquired(session.connection())).get_raw_connection()
            # SQLAlchemy sends BEGIN with its own first statement, which may come after a raw one: begin now
            begin = cast("Any", raw.dbapi_connection)._start_transaction  # noqa: SLF001 - no public one; has a test
            try:
                await begin()
            except AsyncAdapt_asyncpg_dbapi.Error as error:
                # the dialect's own type, which callers never see else: they know the driver's error below it
                raise (error.__cause__ or error) from None
            request_id: str | None = structlog.contextvars.get_contextvars().get("request.id")
            connection = cast("Connection", raw.driver_connection)
            if self._timed:
                connection = TimedConnection(connection)
            uow = UnitOfWork(session, connection, self._clock.now(), request_id)
            yield uow
            await uow.write_outbox()
            if (call := before_commit.get()) is not None:
                call()

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[AsyncSession]:
        with self._writers:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session

    async def connect_directly(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection of its own that goes around a pooler: for LISTEN, advisory locks and migrations."""
        return await asyncpg.connect(
            self._settings.database_url(direct=True),
            server_settings={"timezone": "UTC", "application_name": f"{self._application}-direct"},
            timeout=10,
        )


def _refuse_closed(dbapi_connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401 - SQLAlchemy's own
    """Have the pool replace a connection that the server has closed meanwhile.

    SQLAlchemy notices by the errors of its own statements, and a unit of work's first one is not its own.
    """
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


# Both for the session's own statements, where traces are recorded: those of a unit of work's queries do not pass here.
def _begin_statement(connection: Any, *_: object) -> None:  # noqa: ANN401 - SQLAlchemy's own
    connection.info["began"] = time.perf_counter_ns()


def _end_statement(connection: Any, *_: object) -> None:  # noqa: ANN401 - SQLAlchemy's own
    count_statement(connection.info["began"])


async def _keep_session(_connection: object) -> None:
    """What a connection of readers does when it goes back to the pool: nothing."""


@asynccontextmanager
async def listening(
    connection: asyncpg.Connection[asyncpg.Record], channel: str, wake: Callable[[str], None]
) -> AsyncGenerator[None]:
    """Call `wake` with the payload of each notification on `channel` inside the block."""

    def notified(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        wake(str(payload))

    await connection.add_listener(channel, notified)
    try:
        yield
    finally:
        with contextlib.suppress(*DATABASE_ERRORS):
            await connection.remove_listener(channel, notified)
