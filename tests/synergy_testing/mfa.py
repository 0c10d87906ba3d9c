"""People with second factors, over HTTP."""

from __future__ import annotations

import re
import time

import pyotp

from synergy_testing.factories import PASSWORD
from synergy_testing.post import Post

OWN = {"password": PASSWORD}


class Person:
    """A user with the API and an authenticator app."""

    def __init__(self, api, runtime, user, caller):
        self.api, self.runtime, self.user, self.caller = api, runtime, user, caller
        self.secret = self.codes = None

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(time.time() + 30 * steps)

    async def turn_totp_on(self):
        self.secret = (await self.caller.post("/me/mfa/totp", OWN)).json()["secret"]
        answer = await self.caller.post("/me/mfa/totp/confirm", {"code": self.code()})
        assert answer.status_code == 200, answer.text
        self.codes = answer.json()["recovery_codes"]
        # as if some time had passed: else the code of this moment would be used up
        await update(
            self.runtime, "UPDATE users SET totp_last_step = totp_last_step - 9 WHERE id = $1", self.user.user_id
        )
        return self

    async def turn_email_on(self):
        answer = await self.caller.post("/me/mfa/email", OWN)
        assert answer.status_code == 202, answer.text
        code = await mailed_code(self.runtime, self.user)
        answer = await self.caller.post("/me/mfa/email/confirm", {"code": code})
        assert answer.status_code == 200, answer.text
        self.codes = answer.json()["recovery_codes"]
        return self

    async def login(self, **fields):
        body = {"identifier": self.user.username, "password": PASSWORD, **fields}
        return await self.api.anonymous.post("/auth/login", body)

    async def challenge(self) -> str:
        answer = (await self.login()).json()
        assert answer["mfa_required"], answer
        return answer["mfa_token"]

    async def verify(self, token, code, method="totp", **fields):
        body = {"mfa_token": token, "method": method, "code": code, **fields}
        return await self.api.anonymous.post("/auth/mfa/verify", body)


async def mailed_code(runtime, user) -> str:
    """The six digits that were mailed last."""
    text = (await Post(runtime).last(f"{user.username}@example.org", "mfa_code")).text
    return re.search(r"^\d{6}$", text, re.MULTILINE)[0]


async def told(runtime, user) -> list[str]:
    """The kinds of mails but for codes."""
    kinds = await Post(runtime).kinds(f"{user.username}@example.org")
    return [kind for kind in kinds if kind not in {"mfa_code", "new_device"}]


async def events_of(runtime, user) -> list[str]:
    rows = await runtime.database.reader().rows(
        "SELECT type FROM security_events WHERE user_id = $1 ORDER BY id", user.user_id
    )
    return [row["type"] for row in rows]


async def update(runtime, statement, *args):
    async with runtime.database.unit_of_work() as uow:
        await uow.value(statement, *args)
