"""Passwords: change, forgotten, set anew by a link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import repository
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import ForgotPassword, PasswordChange, PasswordReset
from synergy_domain.identity.errors import InvalidLink
from synergy_domain.identity.links import (
    FoundLink,
    LinkPurpose,
    find_link,
    link_address,
    mail_link,
    new_link,
    take_link,
)
from synergy_domain.identity.passwords import password_faults
from synergy_domain.identity.reauthentication import confirm_identity, lock_confirmed
from synergy_domain.identity.revoking import end_other_sessions, end_what_is_under_way, revoke_everything
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.addresses import client_network
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput
from synergy_platform.mail.outbox import count_mails
from synergy_platform.passwords import normal_form
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

SEND_RESET = "identity.send_reset"
RESET_LIFETIME = timedelta(hours=1)
RESET_KIND = "password_reset"
_PURPOSES: tuple[LinkPurpose, ...] = ("password_reset", "password_set")
_HOURS = RESET_LIFETIME // timedelta(hours=1)


async def change_password(runtime: Runtime, actor: Actor, data: PasswordChange, client: Client) -> None:
    """Set another password, which ends all other sessions; raises InvalidInput and SignInAgain."""
    confirmed = await confirm_identity(runtime, actor, data.current_password, client, pointer="/current_password")
    faults = await _faults(runtime.database.reader(), actor.user_id, data.new_password, "/new_password")
    if data.current_password and normal_form(data.new_password) == normal_form(data.current_password):
        faults.append(InputFault("/new_password", "password_unchanged", "is your present password"))
    if faults:
        raise InvalidInput(faults)
    encoded = await runtime.hasher.hash(data.new_password)
    async with runtime.database.unit_of_work() as uow:
        await lock_confirmed(uow, actor, confirmed, pointer="/current_password")
        await _set_password(uow, actor.user_id, encoded)
        await end_other_sessions(uow, actor)
        await end_what_is_under_way(uow, actor.user_id)
        repository.add_security_event(
            uow, "password_change", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent
        )
        tell_user(uow, actor.user_id, "password_changed", client)
    log.info("identity.password_changed", user_id=str(actor.user_id))


async def ask_for_reset(runtime: Runtime, data: ForgotPassword, client: Client) -> None:
    """Have a link mailed, if there is such an account.

    That is looked up by a job, so that neither the answer nor its time depends on it.
    """
    await runtime.limiter.hit("forgot", runtime.settings.rate_limit_forgot, client_network(client.ip))
    async with runtime.database.unit_of_work() as uow:
        uow.enqueue(SEND_RESET, {"email": data.email, "ip": client.ip, "user_agent": client.user_agent})


async def send_reset(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: mail the link that sets a new password, to the account's own spelling of the address."""
    user = await uow.row(
        "SELECT id, email, first_name FROM users WHERE lower(email) = lower($1) AND is_active", payload["email"]
    )
    repository.add_security_event(
        uow, "password_reset_request", user_id=user["id"] if user else None, username_tried=payload["email"],
        ip=payload["ip"], user_agent=payload["user_agent"],
    )  # fmt: skip
    if user is None:
        return
    limit = runtime.settings.rate_limit_forgot
    since = uow.now - timedelta(seconds=limit.seconds)
    if limit.count and await count_mails(uow, user["email"], [RESET_KIND], since) >= limit.count:
        log.info("identity.reset_not_mailed_again", user_id=str(user["id"]))
        return
    token = await new_link(uow, user["id"], "password_reset", user["email"], RESET_LIFETIME)
    link = link_address(runtime, "reset-password", token)
    context = {"subject": "Set a new password", "name": user["first_name"], "link": link, "hours": _HOURS}
    await mail_link(runtime, uow, RESET_KIND, user["id"], user["email"], context)


async def reset_password(runtime: Runtime, data: PasswordReset, client: Client) -> None:
    """Set the password by a link, which ends everything that was begun with the old one.

    That the link arrived proves the address. Raises InvalidLink and InvalidInput; after the latter the link is still
    good.
    """
    limit, key = runtime.settings.rate_limit_reset, client_network(client.ip)
    await runtime.limiter.hit("reset", limit, key)
    db = runtime.database.reader()
    link = await find_link(db, data.token, *_PURPOSES, now=runtime.clock.now())
    if link is None:
        raise InvalidLink
    # whoever has a link guesses none
    await runtime.limiter.clear("reset", limit, key)
    faults = await _faults(db, link.user_id, data.password, "/password")
    if faults:
        raise InvalidInput(faults)
    encoded = await runtime.hasher.hash(data.password)
    async with runtime.database.unit_of_work() as uow:
        await _reset(uow, link, data.token, encoded, client)
    log.info("identity.password_reset", user_id=str(link.user_id))


async def _reset(uow: UnitOfWork, link: FoundLink, token: str, encoded: str, client: Client) -> None:
    # the lock waits for sessions and tokens that are just being made, so that they end too
    is_theirs = await uow.value(
        "SELECT lower(email) = lower($2) FROM users WHERE id = $1 AND is_active FOR UPDATE", link.user_id, link.email
    )
    if not is_theirs or not await take_link(uow, token, *_PURPOSES):
        raise InvalidLink
    await _set_password(uow, link.user_id, encoded)
    await uow.value(
        "UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL", link.user_id, uow.now
    )
    await revoke_everything(uow, link.user_id)
    repository.add_security_event(
        uow, "password_reset", user_id=link.user_id, ip=client.ip, user_agent=client.user_agent
    )
    tell_user(uow, link.user_id, "password_reset_done", client)


async def _set_password(uow: UnitOfWork, user_id: UUID, encoded: str) -> None:
    await uow.value(
        """UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3, version = version + 1
           WHERE id = $1""",
        user_id, encoded, uow.now,
    )  # fmt: skip


async def _faults(db: Reader, user_id: UUID, password: str, pointer: str) -> list[InputFault]:
    about = await db.row("SELECT username, email, first_name, last_name FROM users WHERE id = $1", user_id)
    return password_faults(password, about_user=[text for text in (about or ()) if text], pointer=pointer)
