"""The record of mails: admins see what was sent, and what was not and why."""

from __future__ import annotations

import asyncio
import email
from email import policy as email_policy
from email.message import MIMEPart
from uuid import UUID

from synergy_domain.common import Actor
from synergy_domain.mails import policy
from synergy_domain.mails.contracts import MailContent, MailQuery, MailView
from synergy_platform.database import Reader
from synergy_platform.errors import NotFound
from synergy_platform.mail import FolderMailer
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime
from synergy_platform.sql import Keyset, Where

_SORT = Keyset((("created_at", "timestamp", "desc"),), "id")


async def list_mails(db: Reader, cursors: Cursors, actor: Actor, query: MailQuery) -> Page[MailView]:
    """All mails of the last 30 days, the newest first; raises AdminsOnly."""
    policy.require_admin(actor)
    where = Where()
    where.among("state", query.states)
    if query.to is not None:
        where.matches(["to_address"], query.to)
    _SORT.after(where, _SORT.decode(cursors, "-created_at", query.cursor))
    rows = await db.rows(
        f"""SELECT id, kind, to_address AS "to", recipient_id, subject, state, attempts, last_error, created_at, sent_at
            FROM mails WHERE {where.sql} ORDER BY {_SORT.order} LIMIT {query.limit + 1}""",  # noqa: S608 - built of constants
        *where.args,
    )
    found = [MailView(**row) for row in rows]
    return make_page(found, query.limit, lambda last: cursors.encode("-created_at", [last.created_at, last.id]), None)


async def read_mail(runtime: Runtime, actor: Actor, mail_id: UUID) -> MailContent:
    """What a mail says, where mails land in a folder; raises AdminsOnly and NotFound.

    Elsewhere nobody reads it: what a mail says is for its recipient.
    """
    policy.require_admin(actor)
    mailer = runtime.mailer
    if not isinstance(mailer, FolderMailer):
        raise NotFound("What mails say is kept only where they land in a folder (EMAIL_BACKEND=folder).")
    try:
        content = await asyncio.to_thread(mailer.path(mail_id).read_bytes)
    except FileNotFoundError:
        raise NotFound("There is no such mail in the folder.") from None
    message = email.message_from_bytes(content, policy=email_policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return MailContent(
        id=mail_id,
        to=str(message["To"]),
        subject=str(message["Subject"]),
        headers={name: str(value) for name, value in message.items() if not name.startswith("Content-")},
        text=_lines(text) or "",
        html=_lines(html),
    )


def _lines(part: MIMEPart | None) -> str | None:
    return None if part is None else str(part.get_content()).replace("\r\n", "\n")
