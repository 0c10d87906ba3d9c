"""Codes by mail: six digits, good for 10 minutes and 5 tries, for the one sign-in or session that asked for them.

A job draws the code and writes the mail: so it stands in no job's payload, and asking for one takes as long as nothing.
"""

from __future__ import annotations

import hmac
import math
import secrets
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from synergy_domain.identity.mfa import repository
from synergy_domain.identity.mfa.errors import CodeJustSent
from synergy_domain.mails import render_mail
from synergy_platform.database import UnitOfWork
from synergy_platform.mail import Mail
from synergy_platform.mail.outbox import queue_mail
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import Keyring, decode_bytes, encode_bytes

MAIL_CODE = "identity.mail_code"
LIFETIME = timedelta(minutes=10)
ATTEMPTS = 5
PAUSE = timedelta(minutes=1)

# what it is for: to complete a sign-in, or to turn codes by mail on
Purpose = Literal["sign_in", "turn_on"]

_SUBJECTS = {"sign_in": "Your sign-in code", "turn_on": "Confirm sign-in codes by mail"}


async def ask_for_code(uow: UnitOfWork, user_id: UUID, purpose: Purpose, *, bound_to: bytes) -> None:
    """Have a code drawn and mailed after the commit; raises CodeJustSent. Only `bound_to` may use it."""
    before = await repository.begin_email_code(uow, user_id, purpose, lifetime=LIFETIME, pause=PAUSE)
    if before is not None:
        raise CodeJustSent(max(1, math.ceil((before + PAUSE - uow.now).total_seconds())))
    payload = {
        "user_id": str(user_id), "purpose": purpose, "bound_to": encode_bytes(bound_to),
        "begun_at": uow.now.isoformat(),
    }  # fmt: skip
    uow.enqueue(MAIL_CODE, payload)


async def mail_code(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: draw the code that was asked for, and mail it."""
    user_id, purpose = UUID(payload["user_id"]), payload["purpose"]
    user = await repository.factors(uow, user_id)
    if user is None or user["email"] is None or not user["is_active"]:
        return
    code = f"{secrets.randbelow(1_000_000):06}"
    stored = _hashes(runtime.keyring, user_id, purpose, decode_bytes(payload["bound_to"]), user["email"], code)[0]
    begun_at = datetime.fromisoformat(payload["begun_at"])
    if not await repository.store_email_code(uow, user_id, purpose, begun_at=begun_at, code_hash=stored):
        return
    subject = _SUBJECTS[purpose]
    context = {
        "subject": subject, "username": user["username"], "code": code, "purpose": purpose,
        "minutes": int(LIFETIME.total_seconds()) // 60,
    }  # fmt: skip
    parts = render_mail("mfa_code", context)
    mail = Mail(
        to=user["email"], subject=subject, text=parts.text, html=parts.html, kind="mfa_code", recipient_id=user_id,
        written_at=uow.now,
    )  # fmt: skip
    await queue_mail(runtime, uow, mail)


async def take_code(
    runtime: Runtime, uow: UnitOfWork, user_id: UUID, purpose: Purpose, *, bound_to: bytes, email: str | None, code: str
) -> bool:
    """Whether it is the code that was mailed; a right one is used up, a wrong one counts as a try.

    The try has to be committed, also when it was wrong.
    """
    stored = await repository.try_email_code(uow, user_id, purpose, attempts=ATTEMPTS)
    if stored is None or email is None:
        return False
    typed = "".join(code.split())
    # against each key of the instance: one may have been replaced meanwhile
    possible = _hashes(runtime.keyring, user_id, purpose, bound_to, email, typed)
    if not any(hmac.compare_digest(stored, each) for each in possible):
        return False
    await repository.delete_email_code(uow, user_id, purpose)
    return True


def _hashes(keyring: Keyring, user_id: UUID, purpose: str, bound_to: bytes, email: str, code: str) -> list[bytes]:
    """Keyed, since there are only a million codes; the address is in it, so that a changed one proves nothing."""
    message = b"\0".join([user_id.bytes, purpose.encode(), bound_to, email.lower().encode(), code.encode()])
    return keyring.macs("email-code", message)
