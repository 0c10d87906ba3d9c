"""What the tests of notifications share."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from synergy_domain.common import Actor
from synergy_domain.notifications import PreferencesChange, change_preferences, notify_about
from synergy_platform.clock import SetClock
from synergy_platform.mail.outbox import read_queued
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_testing.factories import Factory


class Desk:
    """Does the jobs of events, and looks at what came of them."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def tell(self, object_id, *kinds: str) -> None:
        """Run the job of each event of an object that was not told yet, each twice: the second changes nothing."""
        rows = await self.runtime.database.reader().rows(
            "SELECT id FROM events WHERE object_id = $1 AND type = ANY($2) ORDER BY ord", object_id, list(kinds)
        )
        assert rows
        for row in rows:
            for _ in range(2):
                await self.job(notify_about, {"event_id": str(row["id"])})

    async def tell_last(self, object_id, kind: str) -> None:
        """Run the job of the object's last event of that type."""
        event = await self.runtime.database.reader().value(
            "SELECT id FROM events WHERE object_id = $1 AND type = $2 ORDER BY ord DESC LIMIT 1", object_id, kind
        )
        await self.job(notify_about, {"event_id": str(event)})

    async def job(self, function, payload=None) -> None:
        async with self.runtime.database.unit_of_work() as uow:
            await function(self.runtime, uow, payload or {})

    async def inbox(self, actor: Actor) -> list[tuple[str, str]]:
        """Types and titles of a user's list, the oldest first."""
        rows = await self.runtime.database.reader().rows(
            """SELECT type, title FROM notifications WHERE recipient_id = $1 AND is_listed ORDER BY created_at, id""",
            actor.user_id,
        )
        return [(row["type"], row["title"]) for row in rows]

    async def rows(self, actor: Actor):
        """All rows of a user, with their data."""
        rows = await self.runtime.database.reader().rows(
            "SELECT *, data::text AS json FROM notifications WHERE recipient_id = $1 ORDER BY created_at, id",
            actor.user_id,
        )
        return [{**row, "data": msgspec.json.decode(row["json"])} for row in rows]

    async def mails(self, actor: Actor):
        """The mails of a user that wait, the oldest first."""
        db = self.runtime.database.reader()
        rows = await db.rows(
            "SELECT id, to_address, subject, kind, created_at FROM mails WHERE recipient_id = $1 ORDER BY id",
            actor.user_id,
        )
        mails = [await read_queued(self.runtime, db, row["id"]) for row in rows]
        return [
            {**row, "text": mail.text, "html": mail.html, "headers": mail.headers}
            for row, mail in zip(rows, mails, strict=True)
        ]

    async def prefer(self, actor: Actor, **change: object) -> None:
        """Change a user's preferences, as a body of the API would."""
        async with self.runtime.database.unit_of_work() as uow:
            await change_preferences(uow, actor, msgspec.convert(change, PreferencesChange))


@pytest.fixture
def desk(runtime) -> Desk:
    return Desk(runtime)


@pytest.fixture
async def project(make):
    return await make.project()


@pytest.fixture
async def timed(own_settings):
    """A runtime on a database of its own, whose clock the test sets; and its factory and desk."""
    clock = SetClock(datetime(2026, 1, 1, tzinfo=UTC))
    runtime = Runtime(
        msgspec.structs.replace(own_settings, public_url="https://pm.example.org"), application="synergy-test",
        clock=clock, hasher=PasswordHasher(memory_kib=64, queue_size=1000),
    )  # fmt: skip
    await runtime.open()
    yield Timed(runtime, clock)
    await runtime.close()


class Timed(Desk):
    """A desk with a clock."""

    def __init__(self, runtime: Runtime, clock: SetClock) -> None:
        super().__init__(runtime)
        self.clock = clock
        self.make = Factory(runtime)

    def at(self, *moment: int) -> None:
        """Put the clock to a moment in UTC."""
        self.clock.advance(datetime(*moment, tzinfo=UTC) - self.clock.now())

    async def reader(self, **fields: object) -> Actor:
        """A user with a verified address."""
        return await self.make.user(email_verified_at=self.clock.now(), **fields)
