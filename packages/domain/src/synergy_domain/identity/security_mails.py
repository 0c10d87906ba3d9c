"""Mails that tell users what happened to their account, so that they notice when it was not them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from synergy_domain.identity.client import Client, device_name
from synergy_domain.mails import render_mail
from synergy_platform.database import UnitOfWork
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime

SEND_SECURITY_MAIL = "identity.send_security_mail"
_REMEMBERED = timedelta(days=90)

Notice = Literal[
    "new_device", "password_changed", "password_reset_done", "email_change_requested", "email_changed",
    "email_changed_by_admin", "email_taken", "api_token_created", "token_reuse", "totp_on", "totp_off",
    "email_codes_on", "email_codes_off", "recovery_codes_new", "recovery_code_used", "mfa_reset", "identity_linked",
    "identity_unlinked",
]  # fmt: skip


class _Text(msgspec.Struct, frozen=True):
    subject: str
    sentence: str
    advice: str


_CHANGE_IT = "If it was not you, change your password now: that ends all other sessions."
_RESET_IT = (
    'If it was not you, set another password now, by "Forgot password?" on the sign-in page, and tell your '
    "administrator."
)
_TEXTS: dict[Notice, _Text] = {
    "new_device": _Text(
        "New sign-in to your account",
        "somebody signed in to your account from a device that has not done so before.",
        f"If it was you, there is nothing to do. {_CHANGE_IT}",
    ),
    "password_changed": _Text(
        "Your password was changed",
        "the password of your account was changed. All other sessions were ended.",
        _RESET_IT,
    ),
    "password_reset_done": _Text(
        "A new password was set",
        "a new password was set for your account, by a link that was mailed to you. All sessions were ended and all"
        " personal tokens revoked.",
        _RESET_IT,
    ),
    "email_change_requested": _Text(
        "Your email address is about to change",
        "somebody signed in as you asked to use another email address for your account. It changes once the link that"
        " was mailed there is followed.",
        "If it was not you, change your password now: that ends all other sessions and voids the link.",
    ),
    "email_changed": _Text(
        "Your email address was changed",
        "your account has another email address now. This is the last mail to the old one.",
        "If it was not you, tell your administrator at once: whoever did it knows your password.",
    ),
    "email_changed_by_admin": _Text(
        "Your email address was changed",
        "an administrator gave your account another email address. This is the last mail to the old one.",
        "If you did not ask for it, tell your administrators.",
    ),
    "email_taken": _Text(
        "Somebody wanted to use your email address",
        "somebody wanted to use this email address for another account. It is yours already, so nothing was changed.",
        "There is nothing to do.",
    ),
    "api_token_created": _Text(
        "A personal token was made",
        "a personal token was made for your account. Whoever has it can act as you, within its scopes.",
        "If it was not you, revoke the token and change your password now.",
    ),
    "totp_on": _Text(
        "Two-factor sign-in is on",
        "an authenticator app was set up for your account: a code of it is needed to sign in from now on.",
        _CHANGE_IT,
    ),
    "totp_off": _Text(
        "Authenticator app turned off",
        "the authenticator app of your account was turned off: no code of it is needed to sign in any more.",
        _CHANGE_IT,
    ),
    "email_codes_on": _Text(
        "Sign-in codes by mail are on",
        "codes by mail were turned on for your account: a code that we mail you is needed to sign in from now on.",
        _CHANGE_IT,
    ),
    "email_codes_off": _Text(
        "Sign-in codes by mail turned off",
        "codes by mail were turned off for your account: no code by mail is needed to sign in any more.",
        _CHANGE_IT,
    ),
    "recovery_codes_new": _Text(
        "New recovery codes",
        "new recovery codes were made for your account. The old ones are void.",
        _CHANGE_IT,
    ),
    "recovery_code_used": _Text(
        "A recovery code was used",
        "one of your recovery codes was used to sign in to your account. It is void now.",
        _CHANGE_IT,
    ),
    "mfa_reset": _Text(
        "Two-factor sign-in was reset",
        "an administrator turned off all second factors of your account, and its recovery codes are void.",
        "If you did not ask for it, tell your administrator. Set a second factor up again under Settings.",
    ),
    "identity_linked": _Text(
        "Another way to sign in was added",
        "an account elsewhere was linked to yours. Whoever has it can sign in as you.",
        "If it was not you, unlink it under Settings, Security, and change your password now.",
    ),
    "identity_unlinked": _Text(
        "A way to sign in was removed",
        "an account elsewhere was unlinked from yours. It can no longer sign in as you.",
        "If it was not you, change your password now: that ends all other sessions.",
    ),
    "token_reuse": _Text(
        "A session was ended: somebody used an old copy of it",
        "a key of one of your sessions was used a second time. It may have been copied from your device, so the session"
        " was ended: sign in again where you miss it.",
        "If it happens again, or you cannot explain it, change your password and look at your sessions.",
    ),
}  # fmt: skip


def tell_user(
    uow: UnitOfWork, user_id: UUID, notice: Notice, client: Client | None, *, to: str | None = None, **facts: str
) -> None:
    """Have a mail written; `to` is another address than the account's, `facts` are shown by their names."""
    ip, user_agent = (client.ip, client.user_agent) if client else (None, None)
    payload = {
        "user_id": user_id, "notice": notice, "at": uow.now, "to": to, "facts": facts, "ip": ip,
        "user_agent": user_agent[:300] if user_agent else None,
    }  # fmt: skip
    uow.enqueue(SEND_SECURITY_MAIL, payload)


async def send_security_mail(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: write the mail."""
    user_id = UUID(payload["user_id"])
    if payload["notice"] == "new_device" and await _signed_in_from_there(uow, user_id, payload):
        return
    user = await uow.row("SELECT first_name, email, timezone FROM users WHERE id = $1 AND deleted_at IS NULL", user_id)
    address = payload["to"] or (user["email"] if user else None)
    if user is None or address is None:
        return
    text = _TEXTS[payload["notice"]]
    at = datetime.fromisoformat(payload["at"]).astimezone(ZoneInfo(user["timezone"]))
    facts = {"Time": f"{at:%Y-%m-%d %H:%M} ({user['timezone']})"}
    if payload["user_agent"] is not None:
        facts["Device"] = device_name(payload["user_agent"])
    if payload["ip"] is not None:
        facts["Address"] = payload["ip"]
    facts |= {name.replace("_", " ").capitalize(): value for name, value in payload["facts"].items()}
    parts = render_mail(
        "security",
        {
            "subject": text.subject, "name": user["first_name"], "sentence": text.sentence, "advice": text.advice,
            "facts": facts, "link": f"{runtime.settings.public_url.rstrip('/')}/settings/security",
        },
    )  # fmt: skip
    mail = Mail(
        to=address, subject=text.subject, text=parts.text, html=parts.html, kind=payload["notice"],
        recipient_id=user_id, written_at=uow.now,
    )  # fmt: skip
    await queue_mail(runtime, uow, mail)


async def _signed_in_from_there(uow: UnitOfWork, user_id: UUID, payload: dict[str, Any]) -> bool:
    """Whether the same program signed in from the same address before: scripts and apps may keep no device token."""
    return await uow.value(
        """SELECT EXISTS (SELECT 1 FROM security_events
                          WHERE user_id = $1 AND type = 'login_success' AND created_at BETWEEN $2 AND $3
                            AND ip IS NOT DISTINCT FROM $4 AND user_agent IS NOT DISTINCT FROM $5)""",
        user_id, datetime.fromisoformat(payload["at"]) - _REMEMBERED,
        datetime.fromisoformat(payload["at"]) - timedelta(milliseconds=1), payload["ip"], payload["user_agent"],
    )  # fmt: skip
