"""Mails that tell a user that their second factor changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from synergy_domain.identity.mfa import repository
from synergy_domain.mails import render_mail
from synergy_platform.database import UnitOfWork
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime

MAIL_FACTOR_CHANGE = "identity.mail_factor_change"

Change = Literal["totp_on", "totp_off", "email_on", "email_off", "recovery_new", "recovery_used", "reset"]

_SENTENCES: dict[Change, tuple[str, str]] = {
    "totp_on": ("Two-factor sign-in is on", "An authenticator app is now needed to sign in to your account."),
    "totp_off": ("Authenticator app turned off", "An authenticator app is no longer needed to sign in."),
    "email_on": ("Sign-in codes by mail are on", "A code that we mail you is now needed to sign in to your account."),
    "email_off": ("Sign-in codes by mail turned off", "A code by mail is no longer needed to sign in."),
    "recovery_new": ("New recovery codes", "New recovery codes were made for your account; the old ones are void."),
    "recovery_used": ("A recovery code was used", "One of your recovery codes was used to sign in to your account."),
    "reset": (
        "Two-factor sign-in was reset",
        "An administrator turned off all second factors of your account.",
    ),
}


def tell_of_change(uow: UnitOfWork, user_id: UUID, change: Change) -> None:
    """Have the user told by mail, after the commit."""
    uow.enqueue(MAIL_FACTOR_CHANGE, {"user_id": str(user_id), "change": change, "at": uow.now.isoformat()})


async def mail_factor_change(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: mail what changed and when."""
    user = await repository.factors(uow, UUID(payload["user_id"]))
    if user is None or user["email"] is None:
        return
    subject, sentence = _SENTENCES[payload["change"]]
    context = {
        "subject": subject, "name": user["first_name"], "sentence": sentence,
        "time": datetime.fromisoformat(payload["at"]).strftime("%Y-%m-%d %H:%M UTC"),
        "left": user["recovery_codes_left"] if payload["change"] == "recovery_used" else None,
        "link": f"{runtime.settings.public_url.rstrip('/')}/settings/security",
    }  # fmt: skip
    parts = render_mail("mfa_changed", context)
    mail = Mail(
        to=user["email"], subject=subject, text=parts.text, html=parts.html, kind="mfa_changed",
        recipient_id=user["id"], written_at=uow.now,
    )  # fmt: skip
    await queue_mail(runtime, uow, mail)
