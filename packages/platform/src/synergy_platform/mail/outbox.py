"""Mails in the database until they are out: queued with the change that causes them, sent by a job of their own.

A mail is sent once, but for what SMTP cannot tell: a connection that is lost after the content was sent and before the
server said that it took it, or a process that dies between that and its record.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter

from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.jobs import Finish
from synergy_platform.mail.mailers import MailDelayed, MailRefused
from synergy_platform.mail.message import Mail, one_line
from synergy_platform.runtime import Runtime
from synergy_platform.secretbox import SecretBox
from synergy_platform.tracing import trace_parent

# before mails were encrypted: for those that the release before has queued, and is queueing beside us
SEND_MAIL = "mail.send"
# a name that the release before does not know: it would send what it cannot read
SEND_SEALED_MAIL = "mail.send_sealed"
# after each try that came to nothing; the last one again and again
RETRY_DELAYS = (
    timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30),
    timedelta(hours=1), timedelta(hours=2),
)  # fmt: skip
GIVE_UP_AFTER = timedelta(days=3)

MailState = Literal["queued", "sent", "bounced", "failed"]

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_OUTCOMES = Counter("synergy_mails", "Mails by what came of a try: sent, delayed, bounced, failed", ["outcome"])
_SENT, _DELAYED, _BOUNCED, _FAILED = (
    _OUTCOMES.labels(outcome) for outcome in ("sent", "delayed", "bounced", "failed")
)  # each is told from the start, so that the first one is seen as a change

_WAITING = """
    SELECT count(*) AS mails, coalesce(extract(epoch FROM $1 - min(created_at)), 0)::float8 AS oldest_seconds
    FROM mails WHERE state = 'queued'
"""
_INSERT = """
    INSERT INTO mails (id, recipient_id, to_address, kind, subject, sealed, state, attempts, created_at)
    SELECT m.*, 'queued', 0, $7 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[],
                                            $6::bytea[]) AS m
"""
_QUEUED = """
    SELECT id, recipient_id, to_address, kind, subject, text, html, headers::text AS headers, sealed, attempts,
           created_at
    FROM mails WHERE id = $1 AND state = 'queued'
"""
_TRIED = "UPDATE mails SET attempts = attempts + 1, last_error = $2 WHERE id = $1 AND state = 'queued'"
_FINISHED = """
    UPDATE mails SET attempts = attempts + 1, state = $2, last_error = $3, sent_at = $4,
                     text = NULL, html = NULL, headers = NULL, sealed = NULL
    WHERE id = $1 AND state = 'queued'
"""


class _Content(msgspec.Struct):
    """What a mail says: what whoever reads the table must not learn."""

    text: str
    html: str | None
    headers: dict[str, str]


async def queue_mail(runtime: Runtime, uow: UnitOfWork, *mails: Mail) -> None:
    """Store mails, and have each sent after the commit; however many, it is one statement.

    Address, kind and subject stay readable for those who run the instance: a secret belongs into the text.
    """
    if not mails:
        return
    box = _box(runtime)
    rows = [
        (mail.id, mail.recipient_id, mail.to, mail.kind, one_line(mail.subject), _seal(box, mail)) for mail in mails
    ]
    await uow.value(_INSERT, *(list(column) for column in zip(*rows, strict=True)), uow.now)
    for mail in mails:
        uow.enqueue(SEND_SEALED_MAIL, {"mail_id": mail.id}, queue="io", dedup_key=f"mail:{mail.id}")


async def count_mails(db: Reader, to: str, kinds: Collection[str], since: datetime) -> int:
    """How many mails of these kinds were written to an address since then, whatever became of them."""
    return await db.value(
        "SELECT count(*) FROM mails WHERE created_at > $3 AND kind = ANY($2::text[]) AND lower(to_address) = lower($1)",
        to, sorted(kinds), since,
    )  # fmt: skip


async def send_mail(runtime: Runtime, payload: dict[str, Any], _attempt: int) -> Finish:
    """Job: hand a queued mail over.

    A server that is down, slow or busy is tried again with growing delays for three days; what it refuses for good
    has bounced.
    """
    queued = await _find_queued(runtime, runtime.database.reader(), UUID(payload["mail_id"]))
    if queued is None:  # sent already: the process died before the job was over, or an admin sent it again
        return _nothing
    mail, attempts = queued
    try:
        # its kind, and neither recipient nor subject
        with runtime.tracing.span("mail", "client", trace_parent.get(), {"synergy.mail.kind": mail.kind}):
            await runtime.mailer.send(mail)
    except MailRefused as error:
        return partial(_record_bounce, mail, _described(error))
    except MailDelayed as error:
        return partial(_record_delay, mail, attempts + 1, _described(error))
    return partial(_record_sent, mail)


async def read_queued(runtime: Runtime, db: Reader, mail_id: UUID) -> Mail | None:
    """A mail that waits to be sent; raises SecretUnreadable."""
    queued = await _find_queued(runtime, db, mail_id)
    return queued[0] if queued else None


async def mails_waiting(db: Reader, now: datetime) -> tuple[int, float]:
    """How many mails are queued, and for how many seconds the oldest is."""
    row = await db.row(_WAITING, now)
    return (row["mails"], max(0.0, row["oldest_seconds"])) if row else (0, 0.0)


async def delete_old_mails(uow: UnitOfWork, before: datetime) -> int:
    """Delete mails written before that, among them those that rest as dead letters; returns how many."""
    return await uow.value(
        "WITH gone AS (DELETE FROM mails WHERE created_at < $1 RETURNING 1) SELECT count(*) FROM gone", before
    )


async def _find_queued(runtime: Runtime, db: Reader, mail_id: UUID) -> tuple[Mail, int] | None:
    """The mail, and how often it was tried."""
    row = await db.row(_QUEUED, mail_id)
    if row is None:
        return None
    content = _content(runtime, row)
    mail = Mail(
        id=mail_id, recipient_id=row["recipient_id"], to=row["to_address"], kind=row["kind"], subject=row["subject"],
        text=content.text, html=content.html, headers=content.headers, written_at=row["created_at"],
    )  # fmt: skip
    return mail, row["attempts"]


def _box(runtime: Runtime) -> SecretBox:
    return SecretBox(runtime.keyring, "mail")


def _seal(box: SecretBox, mail: Mail) -> bytes:
    headers = {name: one_line(value, 900) for name, value in mail.headers.items()}
    return box.encrypt(msgspec.json.encode(_Content(mail.text, mail.html, headers)).decode())


def _content(runtime: Runtime, row: asyncpg.Record) -> _Content:
    """What a queued mail says. SecretUnreadable makes a dead letter of it: with the key back, it can be sent again."""
    if row["sealed"] is None:
        return _Content(row["text"], row["html"], msgspec.json.decode(row["headers"]))
    return msgspec.json.decode(_box(runtime).decrypt(row["sealed"]), type=_Content)


def _described(error: Exception) -> str:
    return one_line(str(error), 1000)


async def _nothing(_uow: UnitOfWork) -> None:
    return None


async def _record_sent(mail: Mail, uow: UnitOfWork) -> None:
    await uow.value(_FINISHED, mail.id, "sent", None, uow.now)
    _SENT.inc()
    log.info("mail.sent", mail_id=str(mail.id), kind=mail.kind)


async def _record_bounce(mail: Mail, error: str, uow: UnitOfWork) -> None:
    await uow.value(_FINISHED, mail.id, "bounced", error, None)
    _BOUNCED.inc()
    log.warning("mail.bounced", mail_id=str(mail.id), kind=mail.kind, error=error)


async def _record_delay(mail: Mail, attempt: int, error: str, uow: UnitOfWork) -> timedelta | None:
    if uow.now - mail.written_at >= GIVE_UP_AFTER:
        await uow.value(_FINISHED, mail.id, "failed", error, None)
        _FAILED.inc()
        log.error("mail.failed", mail_id=str(mail.id), kind=mail.kind, attempts=attempt, error=error)
        return None
    await uow.value(_TRIED, mail.id, error)
    _DELAYED.inc()
    delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS)) - 1]
    log.warning("mail.delayed", mail_id=str(mail.id), kind=mail.kind, attempt=attempt, error=error,
                next_try_in_seconds=int(delay.total_seconds()))  # fmt: skip
    return delay
