"""What users are mailed: jobs that write mails are done, the mails sent, and read where they land."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage
from uuid import UUID

import msgspec

from synergy_platform.mail.outbox import send_mail
from synergy_platform.runtime import Runtime


async def do_jobs(runtime: Runtime, user_id: UUID) -> None:
    """Do the jobs that wait for this user and name them in their payload, as the worker would."""
    from synergy_worker.handlers import make_registry

    jobs = await runtime.database.reader().rows(
        "SELECT id, name, payload::text AS payload FROM jobs WHERE payload->>'user_id' = $1 ORDER BY id", str(user_id)
    )
    for job in jobs:
        async with runtime.database.unit_of_work() as uow:
            await make_registry().get(job["name"]).function(runtime, uow, msgspec.json.decode(job["payload"]))
            await uow.value("DELETE FROM jobs WHERE id = $1", job["id"])


async def mails_to(runtime: Runtime, user_id: UUID, kind: str) -> list[EmailMessage]:
    """All mails of a kind that were written to this user, the first first; those that wait are sent now."""
    await do_jobs(runtime, user_id)
    rows = await runtime.database.reader().rows(
        "SELECT id FROM mails WHERE recipient_id = $1 AND kind = $2 ORDER BY id", user_id, kind
    )
    found: list[EmailMessage] = []
    for row in rows:
        finish = await send_mail(runtime, {"mail_id": str(row["id"])}, 1)
        async with runtime.database.unit_of_work() as uow:
            await finish(uow)
        content = (runtime.settings.home_path / "mail" / f"{row['id']}.eml").read_bytes()
        found.append(email.message_from_bytes(content, policy=policy.default))
    return found


async def mailed_code(runtime: Runtime, user_id: UUID) -> str:
    """The six digits that were mailed last."""
    message = (await mails_to(runtime, user_id, "mfa_code"))[-1]
    return re.search(r"^(\d{6})\r?$", message.get_body(("plain",)).get_content(), re.MULTILINE)[1]
