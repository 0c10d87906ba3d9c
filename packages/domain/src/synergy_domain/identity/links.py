"""Links that are mailed: good once, for a time, stored hashed. A newer one of the same purpose voids the older ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from synergy_domain.identity.models import OneTimeLink
from synergy_domain.mails import render_mail
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import hash_token, new_opaque_token

LinkPurpose = Literal["password_reset", "password_set", "email_change"]
LinkPage = Literal["reset-password", "verify-email"]


class FoundLink(msgspec.Struct, frozen=True, kw_only=True):
    """Whose link it is, and the address that it was sent to."""

    user_id: UUID
    email: str


async def new_link(uow: UnitOfWork, user_id: UUID, purpose: LinkPurpose, email: str, lifetime: timedelta) -> str:
    """The token of a new link; it belongs into the mail and nowhere else."""
    await uow.value(
        "UPDATE one_time_links SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
        user_id, purpose, uow.now,
    )  # fmt: skip
    token = new_opaque_token()
    link = OneTimeLink(
        token_hash=hash_token(token), user_id=user_id, purpose=purpose, email=email, created_at=uow.now,
        expires_at=uow.now + lifetime,
    )  # fmt: skip
    uow.session.add(link)
    await uow.flush()
    return token


async def find_link(db: Reader, token: str, *purposes: LinkPurpose, now: datetime) -> FoundLink | None:
    """A link that is still good; it stays so."""
    row = await db.row(
        """SELECT user_id, email FROM one_time_links
           WHERE token_hash = $1 AND purpose = ANY($2::text[]) AND used_at IS NULL AND expires_at > $3""",
        hash_token(token), purposes, now,
    )  # fmt: skip
    return FoundLink(**row) if row else None


async def take_link(uow: UnitOfWork, token: str, *purposes: LinkPurpose) -> bool:
    """Use a link up; False when it is no longer good. Lock its user first, as whoever voids links does."""
    return bool(
        await uow.value(
            """UPDATE one_time_links SET used_at = $3
               WHERE token_hash = $1 AND purpose = ANY($2::text[]) AND used_at IS NULL AND expires_at > $3
               RETURNING true""",
            hash_token(token), purposes, uow.now,
        )
    )  # fmt: skip


def link_address(runtime: Runtime, page: LinkPage, token: str) -> str:
    """What is mailed. The token stands behind the `#`, which no server, log or Referer gets to see."""
    return f"{runtime.settings.public_url.rstrip('/')}/{page}#token={token}"


async def mail_link(
    runtime: Runtime, uow: UnitOfWork, kind: str, user_id: UUID, to: str, context: dict[str, Any]
) -> None:
    """Queue a mail of this kind, from the template of that name; `context` has its subject and the link."""
    parts = render_mail(kind, context)
    mail = Mail(
        to=to, subject=context["subject"], text=parts.text, html=parts.html, kind=kind, recipient_id=user_id,
        written_at=uow.now,
    )  # fmt: skip
    await queue_mail(runtime, uow, mail)
