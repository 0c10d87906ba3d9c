"""Email addresses: confirmed by a link, and changed for another one that has to be confirmed first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import EmailChange
from synergy_domain.identity.errors import InvalidLink
from synergy_domain.identity.links import find_link, link_address, mail_link, new_link, take_link
from synergy_domain.identity.models import User
from synergy_domain.identity.reauthentication import confirm_identity, lock_confirmed
from synergy_domain.identity.revoking import end_what_is_under_way
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import InvalidInput
from synergy_platform.ids import parse_id
from synergy_platform.mail.outbox import count_mails
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import InvalidToken, JwtSigner

log = structlog.stdlib.get_logger(__name__)

SEND_VERIFICATION = "identity.send_verification"
SEND_EMAIL_CHANGE = "identity.send_email_change"
VERIFICATION_LIFETIME = timedelta(days=3)
CHANGE_LIFETIME = timedelta(days=1)
CHANGE_KIND = "email_change"


async def resend_verification(runtime: Runtime, uow: UnitOfWork, actor: Actor) -> None:
    """Have the mail that confirms the address sent again; none goes to an address that is confirmed."""
    await runtime.limiter.hit("resend", runtime.settings.rate_limit_forgot, str(actor.user_id))
    uow.enqueue(SEND_VERIFICATION, {"user_id": actor.user_id})


async def send_verification(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: mail the link that verifies the address."""
    user = await repository.find_user(uow, UUID(payload["user_id"]))
    if user is None or user.email is None or user.email_verified_at is not None:
        return
    token = JwtSigner(runtime.keyring, "verify-email").sign(
        {"sub": str(user.id), "email": user.email}, issued_at=uow.now, expires_at=uow.now + VERIFICATION_LIFETIME
    )
    link = link_address(runtime, "verify-email", token)
    context = {
        "subject": "Confirm your email address", "name": user.first_name, "link": link,
        "days": VERIFICATION_LIFETIME.days,
    }  # fmt: skip
    await mail_link(runtime, uow, "verification", user.id, user.email, context)


async def verify_email(runtime: Runtime, token: str, client: Client) -> None:
    """Take the token of a link that confirms the present address, or changes it for the one that it was mailed to.

    The first kind may be followed twice, the second once. Raises InvalidLink.
    """
    if "." in token:
        async with runtime.database.unit_of_work() as uow:
            await _verify_present(runtime, uow, token)
        return
    try:
        async with runtime.database.unit_of_work() as uow:
            await _change_address(uow, token, client)
    except IntegrityError:  # somebody has taken the address since
        raise InvalidLink from None


async def change_email(runtime: Runtime, actor: Actor, data: EmailChange, client: Client) -> None:
    """Have a link mailed to another address, whoever has it; the account has it once that is followed.

    The answer does not tell whether somebody has an account with that address: only that address is told. Raises
    InvalidInput, SignInAgain, TooManyRequests.
    """
    confirmed = await confirm_identity(runtime, actor, data.password, client)
    await runtime.limiter.hit("email_change", runtime.settings.rate_limit_forgot, str(actor.user_id))
    async with runtime.database.unit_of_work() as uow:
        account = await lock_confirmed(uow, actor, confirmed)
        if account["email"] == data.email:
            raise InvalidInput.at("/email", "is your address already", "unchanged")
        uow.enqueue(SEND_EMAIL_CHANGE, {"user_id": actor.user_id, "email": data.email, "asked_at": uow.now})
        if account["email"] is not None:
            tell_user(uow, actor.user_id, "email_change_requested", client, to=account["email"], new_address=data.email)


async def send_email_change(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: mail the link to the new address; to somebody who has it already, that it was wanted."""
    user_id, address = UUID(payload["user_id"]), payload["email"]
    user = await uow.row(
        "SELECT first_name, password_changed_at FROM users WHERE id = $1 AND is_active FOR UPDATE", user_id
    )
    asked_at = datetime.fromisoformat(payload["asked_at"])
    # another password meanwhile: whoever asked may not have been its owner
    if user is None or (user["password_changed_at"] is not None and user["password_changed_at"] > asked_at):
        return
    limit = runtime.settings.rate_limit_forgot
    since = uow.now - timedelta(seconds=limit.seconds)
    if limit.count and await count_mails(uow, address, [CHANGE_KIND, "email_taken"], since) >= limit.count:
        log.info("identity.email_change_not_mailed_again", user_id=str(user_id))
        return
    owner: UUID | None = await uow.value("SELECT id FROM users WHERE lower(email) = lower($1)", address)
    if owner is not None and owner != user_id:
        tell_user(uow, owner, "email_taken", None)
        return
    token = await new_link(uow, user_id, "email_change", address, CHANGE_LIFETIME)
    context = {
        "subject": "Confirm your new email address", "name": user["first_name"],
        "link": link_address(runtime, "verify-email", token), "hours": CHANGE_LIFETIME // timedelta(hours=1),
    }  # fmt: skip
    await mail_link(runtime, uow, CHANGE_KIND, user_id, address, context)


async def _verify_present(runtime: Runtime, uow: UnitOfWork, token: str) -> None:
    try:
        claims = JwtSigner(runtime.keyring, "verify-email").verify(token, now=uow.now)
    except InvalidToken:
        raise InvalidLink from None
    # the address in the link, not the present one: it may have been changed meanwhile
    is_theirs = await uow.value(
        """WITH verified AS (
             UPDATE users SET email_verified_at = $3, updated_at = $3, version = version + 1
             WHERE id = $1 AND email = $2 AND email_verified_at IS NULL)
           SELECT EXISTS (SELECT FROM users WHERE id = $1 AND email = $2)""",
        parse_id(str(claims["sub"])), claims.get("email"), uow.now,
    )  # fmt: skip
    if not is_theirs:
        raise InvalidLink


async def _change_address(uow: UnitOfWork, token: str, client: Client) -> None:
    link = await find_link(uow, token, "email_change", now=uow.now)
    if link is None:
        raise InvalidLink
    user = await repository.Users(session=uow.session).get_one_or_none(
        User.id == link.user_id, User.is_active.is_(True), with_for_update=True
    )
    if user is None or not await take_link(uow, token, "email_change"):
        raise InvalidLink
    before = user.email
    user.email, user.email_verified_at, user.updated_at = link.email, uow.now, uow.now
    user.version += 1
    await uow.flush()
    # links that went to the old address must not open the account any more
    await end_what_is_under_way(uow, user.id)
    repository.add_security_event(
        uow, "email_changed", user_id=user.id, ip=client.ip, user_agent=client.user_agent,
        detail={"from": before, "to": link.email},
    )  # fmt: skip
    if before is not None:
        tell_user(uow, user.id, "email_changed", client, to=before)
    log.info("identity.email_changed", user_id=str(user.id))
