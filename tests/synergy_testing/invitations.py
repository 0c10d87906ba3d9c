"""A project that invites people, over HTTP."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec

from synergy_domain import projects
from synergy_platform.ids import new_id
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import read_queued
from synergy_testing.factories import PASSWORD


def address(name: str = "guest") -> str:
    return f"{name}-{new_id().hex[-12:]}@example.org"


def registration(**fields: str) -> dict[str, dict[str, str]]:
    account = {
        "username": f"g{new_id().hex[-12:]}", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper"
    }  # fmt: skip
    return {"registration": {**account, **fields}}


class Desk:
    """A project whose owner has a confirmed address, and what the worker would do for it."""

    def __init__(self, api, make, runtime) -> None:
        self.api, self.make, self.runtime = api, make, runtime

    async def open(self, **fields) -> Desk:
        self.owner = await self.make.user(**{"verified": True, **fields})
        self.project = await self.make.project(self.owner)
        self.caller = await self.api.as_(self.owner)
        self.path = f"/projects/{self.project.id}/invitations"
        return self

    async def invite(self, email: str, role: str = "member", caller=None) -> dict:
        answer = await (caller or self.caller).post(self.path, {"email": email, "role": role})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def mail(self, invitation: dict) -> Mail | None:
        """Do the job that mails the link; the mail that it queued, if any."""
        sql = "SELECT id FROM mails WHERE to_address = $1 AND kind = 'invitation' ORDER BY id DESC LIMIT 1"
        async with self.runtime.database.unit_of_work() as uow:
            before = await uow.value(sql, invitation["email"])
            await projects.send_invitation(self.runtime, uow, {"invitation_id": invitation["id"]})
            after = await uow.value(sql, invitation["email"])
            return None if after == before else await read_queued(self.runtime, uow, after)

    async def token(self, invitation: dict) -> str:
        return re.search(r"/invitations#token=([\w-]{43})\n", (await self.mail(invitation)).text)[1]

    async def invited(self, email: str | None = None, role: str = "member") -> str:
        return await self.token(await self.invite(email or address(), role))

    async def set(self, invitation: dict, column: str, value: object) -> None:
        async with self.runtime.database.unit_of_work() as uow:
            sql = f"UPDATE invitations SET {column} = $2 WHERE id = $1"  # noqa: S608 - a column that the test names
            await uow.value(sql, UUID(invitation["id"]), value)

    async def row(self, sql: str, *args):
        return await self.runtime.database.reader().row(sql, *args)

    async def events(self) -> list[tuple[str, dict]]:
        rows = await self.runtime.database.reader().rows(
            "SELECT type, data::text AS data FROM events WHERE project_id = $1 ORDER BY id", self.project.id
        )
        return [(row["type"], msgspec.json.decode(row["data"])) for row in rows]
