"""Mails in the database until they are out: queued with the change that causes them, sent by a job of their own.

A mail is sent once, but for what SMTP cannot tell: a connection that is lost after the content was sent and before the
server said that it took it, or a process that dies between that and its record.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog

from synergy_platform.database import UnitOfWork
from synergy_platform.jobs import Finish
from synergy_platform.mail.mailers import MailDelayed, MailRefused
from synergy_platform.mail.message import Mail, one_line
from synergy_platform.runtime import Runtime

SEND_MAIL = "mail.send"
# after each try that came to nothing; the last one again and again
RETRY_DELAYS = (
    timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30),
    timedelta(hours=1), timedelta(hours=2),
)  # fmt: skip
GIVE_UP_AFTER = timedelta(days=3)

MailState = Literal["queued", "sent", "bounced", "failed"]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_INSERT = """
    INSERT INTO mails (id, recipient_id, to_address, kind, subject, text, html, headers, state, attempts, created_at)
    SELECT m.*, 'queued', 0, $9 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                                            $7::text[], $8::jsonb[]) AS m
"""
_QUEUED = """
    SELECT id, recipient_id, to_address, kind, subject, text, html, headers::text AS headers, attempts, created_at
    FROM mails WHERE id = $1 AND state = 'queued'
"""
_TRIED = "UPDATE mails SET attempts = attempts + 1, last_error = $2 WHERE id = $1 AND state = 'queued'"
_FINISHED = """
    UPDATE mails SET attempts = attempts + 1, state = $2, last_error = $3, sent_at = $4,
                     text = NULL, html = NULL, headers = NULL
    WHERE id = $1 AND state = 'queued'
"""


async def queue_mail(uow: UnitOfWork, *mails: Mail) -> None:
    """Store mails, and have each sent after the commit; however many, it is one statement."""
    if not mails:
        return
    rows = [
        (
            mail.id, mail.recipient_id, mail.to, mail.kind, one_line(mail.subject), mail.text, mail.html,
            msgspec.json.encode({name: one_line(value, 900) for name, value in mail.headers.items()}).decode(),
        )
        for mail in mails
    ]  # fmt: skip
    await uow.value(_INSERT, *(list(column) for column in zip(*rows, strict=True)), uow.now)
    for mail in mails:
        uow.enqueue(SEND_MAIL, {"mail_id": mail.id}, queue="io", dedup_key=f"mail:{mail.id}")


async def send_mail(runtime: Runtime, payload: dict[str, Any], _attempt: int) -> Finish:
    """Job: hand a queued mail over.

    A server that is down, slow or busy is tried again with growing delays for three days; what it refuses for good
    has bounced.
    """
    mail_id = UUID(payload["mail_id"])
    row = await runtime.database.reader().row(_QUEUED, mail_id)
    if row is None:  # sent already: the process died before the job was over, or an admin sent it again
        return _nothing
    mail = Mail(
        id=mail_id, recipient_id=row["recipient_id"], to=row["to_address"], kind=row["kind"], subject=row["subject"],
        text=row["text"], html=row["html"], headers=msgspec.json.decode(row["headers"]), written_at=row["created_at"],
    )  # fmt: skip
    try:
        await runtime.mailer.send(mail)
    except MailRefused as error:
        return partial(_record_bounce, mail, _described(error))
    except MailDelayed as error:
        return partial(_record_delay, mail, row["attempts"] + 1, _described(error))
    return partial(_record_sent, mail)


async def delete_old_mails(uow: UnitOfWork, before: datetime) -> int:
    """Delete mails written before that, among them those that rest as dead letters; returns how many."""
    return await uow.value(
        "WITH gone AS (DELETE FROM mails WHERE created_at < $1 RETURNING 1) SELECT count(*) FROM gone", before
    )


def _described(error: Exception) -> str:
    return one_line(str(error), 1000)


async def _nothing(_uow: UnitOfWork) -> None:
    return None


async def _record_sent(mail: Mail, uow: UnitOfWork) -> None:
    await uow.value(_FINISHED, mail.id, "sent", None, uow.now)
    log.info("mail.sent", mail_id=str(mail.id), kind=mail.kind)


async def _record_bounce(mail: Mail, error: str, uow: UnitOfWork) -> None:
    await uow.value(_FINISHED, mail.id, "bounced", error, None)
    log.warning("mail.bounced", mail_id=str(mail.id), kind=mail.kind, error=error)


async def _record_delay(mail: Mail, attempt: int, error: str, uow: UnitOfWork) -> timedelta | None:
    if uow.now - mail.written_at >= GIVE_UP_AFTER:
        await uow.value(_FINISHED, mail.id, "failed", error, None)
        log.error("mail.failed", mail_id=str(mail.id), kind=mail.kind, attempts=attempt, error=error)
        return None
    await uow.value(_TRIED, mail.id, error)
    delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS)) - 1]
    log.warning("mail.delayed", mail_id=str(mail.id), kind=mail.kind, attempt=attempt, error=error,
                next_try_in_seconds=int(delay.total_seconds()))  # fmt: skip
    return delay
