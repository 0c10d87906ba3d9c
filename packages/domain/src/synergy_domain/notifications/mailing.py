"""Mails of notifications: one by one, or as a digest; each can be switched off without signing in (RFC 8058)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from synergy_domain.mails import render_mail
from synergy_domain.notifications.catalogue import CATALOGUE
from synergy_domain.notifications.contracts import Digest
from synergy_domain.notifications.drafts import Draft
from synergy_domain.notifications.preferences import Subscription, unsubscribe_token
from synergy_platform.mail import Mail
from synergy_platform.runtime import Runtime

DIGEST_KIND = "digest"


class DigestItem(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a digest: `count` changes in one, the first at local time `time`."""

    title: str
    message: str
    action_url: str | None
    count: int
    time: str


def notification_mail(runtime: Runtime, draft: Draft, *, address: str, now: datetime) -> Mail:
    """The mail for one notification."""
    base, headers, links = _links(runtime, draft.recipient_id, draft.type)
    item = {"title": draft.title, "message": draft.message, "link": base + draft.action_url}
    parts = render_mail(
        "notification", {"subject": draft.title, "item": item, "reason": CATALOGUE[draft.type].reason, **links}
    )
    return Mail(
        to=address, subject=draft.title, text=parts.text, html=parts.html, headers=headers, kind=draft.type,
        recipient_id=draft.recipient_id, written_at=now,
    )  # fmt: skip


def digest_mail(
    runtime: Runtime,
    items: list[DigestItem],
    *,
    total: int,
    frequency: Digest,
    user_id: UUID,
    address: str,
    now: datetime,
) -> Mail:
    """The mail for what has waited; `total` counts those beyond `items` too."""
    base, headers, links = _links(runtime, user_id, "digest")
    subject = f"{total} {'thing' if total == 1 else 'things'} happened in your projects"
    context: dict[str, Any] = {
        "subject": subject,
        "items": [
            {**msgspec.structs.asdict(item), "link": base + item.action_url if item.action_url else None}
            for item in items
        ],
        "more": total - len(items),
        "frequency": frequency,
        "list_link": f"{base}/notifications",
        **links,
    }
    parts = render_mail("digest", context)
    return Mail(
        to=address, subject=subject, text=parts.text, html=parts.html, headers=headers, kind=DIGEST_KIND,
        recipient_id=user_id, written_at=now,
    )  # fmt: skip


def _links(runtime: Runtime, user_id: UUID, what: Subscription) -> tuple[str, dict[str, str], dict[str, str]]:
    """The address of the web app, the headers that switch these mails off, and the links at a mail's foot."""
    base = runtime.settings.public_url.rstrip("/")
    token = unsubscribe_token(runtime.keyring, user_id, what)
    headers = {
        "List-Unsubscribe": f"<{base}/api/v1/unsubscribe/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    links = {"unsubscribe_link": f"{base}/unsubscribe/{token}", "settings_link": f"{base}/settings/notifications"}
    return base, headers, links
