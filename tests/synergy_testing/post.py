"""Does the jobs of a domain as a worker would, and reads the mails that are queued."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from synergy_platform.jobs import JobHandler
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import read_queued
from synergy_platform.runtime import Runtime


class Post:
    """`await post.last(address)` is the newest mail to it, once the jobs that write mails are done."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def all(self, address: str) -> list[Mail]:
        """All queued mails to an address, the oldest first."""
        await self.do_jobs()
        reader = self._runtime.database.reader()
        rows = await reader.rows(
            "SELECT id FROM mails WHERE lower(to_address) = lower($1) AND state = 'queued' ORDER BY id", address
        )
        found = [await read_queued(self._runtime, reader, row["id"]) for row in rows]
        return [mail for mail in found if mail is not None]

    async def last(self, address: str, kind: str) -> Mail:
        """The newest queued mail of a kind to an address."""
        return [mail for mail in await self.all(address) if mail.kind == kind][-1]

    async def kinds(self, address: str) -> list[str]:
        """What the mails to an address are for, the oldest first."""
        return [mail.kind for mail in await self.all(address)]

    async def token(self, address: str, kind: str) -> str:
        """The token of the link in the newest mail of a kind."""
        match = re.search(r"#token=(\S+)", (await self.last(address, kind)).text)
        assert match is not None
        return match[1]

    async def do_jobs(self, prefix: str = "identity.") -> None:
        """Do what waits, until nothing does."""
        from synergy_worker.handlers import make_registry

        registry = make_registry()
        while True:
            async with self._runtime.database.unit_of_work() as uow:
                job: Any = await uow.row(
                    """DELETE FROM jobs WHERE id = (SELECT id FROM jobs WHERE starts_with(name, $1) ORDER BY id LIMIT 1
                                                    FOR UPDATE SKIP LOCKED)
                       RETURNING name, payload::text AS payload""",
                    prefix,
                )
                if job is None:
                    return
                handler = registry.get(job["name"])
                assert isinstance(handler, JobHandler)
                await handler.function(self._runtime, uow, msgspec.json.decode(job["payload"]))
