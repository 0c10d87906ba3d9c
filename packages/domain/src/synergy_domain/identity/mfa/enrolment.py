"""One's own second factors: turned on with a first code, off with the password."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity.client import Client
from synergy_domain.identity.mfa import email_codes, recovery, repository, totp
from synergy_domain.identity.mfa.contracts import MfaView, RecoveryCodes, TotpSetUp
from synergy_domain.identity.mfa.errors import (
    FactorOnAlready,
    FactorRequired,
    NoEmailAddress,
    NoFactorYet,
    NothingToConfirm,
)
from synergy_domain.identity.reauthentication import confirm_identity, lock_account, lock_confirmed
from synergy_domain.identity.repository import add_security_event, find_login
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput, NotFound
from synergy_platform.runtime import Runtime
from synergy_platform.secretbox import SecretUnreadable

log = structlog.stdlib.get_logger(__name__)


async def my_factors(db: Reader, actor: Actor) -> MfaView:
    """Which factors are on, and whether the role needs one."""
    user = _found(await repository.factors(db, actor.user_id))
    return MfaView(
        totp=user["totp"], email=user["email_codes"], recovery_codes_left=user["recovery_codes_left"],
        required=user["required"],
    )  # fmt: skip


async def begin_totp(runtime: Runtime, actor: Actor, password: str | None, client: Client) -> TotpSetUp:
    """A secret for an authenticator app; the factor is on once a first code has come back."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock_confirmed(uow, actor, confirmed)
        if user["totp"]:
            raise FactorOnAlready
        set_up = totp.new_set_up(user["username"])
        encrypted = totp.secret_box(runtime.keyring).encrypt(set_up.secret)
        await repository.store_secret(uow, actor.user_id, encrypted)
    return set_up


async def confirm_totp(runtime: Runtime, actor: Actor, code: str, client: Client) -> RecoveryCodes:
    """Turn the authenticator app on with its first code, which is used up with it."""
    await _limit_codes(runtime, actor)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock(uow, actor)
        if user["totp"]:
            raise FactorOnAlready
        if user["totp_secret"] is None:
            raise NothingToConfirm
        step = totp.matching_step(totp.secret_box(runtime.keyring).decrypt(user["totp_secret"]), code, uow.now)
        if step is None or not await repository.take_step(uow, actor.user_id, step):
            raise _wrong_code()
        await repository.turn_totp(uow, actor.user_id, on=True)
        return await _turned_on(runtime, uow, actor, user, client, method="totp")


async def turn_totp_off(runtime: Runtime, actor: Actor, password: str | None, client: Client) -> None:
    """Forget the authenticator app; without one, nothing happens. Raises FactorRequired."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock_confirmed(uow, actor, confirmed)
        if user["totp"] and user["required"] and not user["email_codes"]:
            raise FactorRequired
        await repository.turn_totp(uow, actor.user_id, on=False)
        if user["totp"]:
            await _turned_off(uow, actor, client, method="totp", last=not user["email_codes"])


async def begin_email(runtime: Runtime, actor: Actor, password: str | None, client: Client) -> None:
    """Mail a code; codes by mail are on once it has come back."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock_confirmed(uow, actor, confirmed)
        if user["email_codes"]:
            raise FactorOnAlready
        if user["email"] is None:
            raise NoEmailAddress
        await email_codes.ask_for_code(uow, actor.user_id, "turn_on", bound_to=_session(actor))


async def confirm_email(runtime: Runtime, actor: Actor, code: str, client: Client) -> RecoveryCodes:
    """Turn codes by mail on with the first of them."""
    await _limit_codes(runtime, actor)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock(uow, actor)
        if user["email_codes"]:
            raise FactorOnAlready
        codes = None
        if await email_codes.take_code(
            runtime, uow, actor.user_id, "turn_on", bound_to=_session(actor), email=user["email"], code=code
        ):
            await repository.turn_email(uow, actor.user_id, on=True)
            await repository.verify_address(uow, actor.user_id)
            codes = await _turned_on(runtime, uow, actor, user, client, method="email")
    if codes is None:
        # behind the commit: the try stays counted although this is an error
        raise _wrong_code()
    return codes


async def turn_email_off(runtime: Runtime, actor: Actor, password: str | None, client: Client) -> None:
    """Turn codes by mail off; if they are, nothing happens. Raises FactorRequired."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock_confirmed(uow, actor, confirmed)
        if not user["email_codes"]:
            return
        if user["required"] and not user["totp"]:
            raise FactorRequired
        await repository.turn_email(uow, actor.user_id, on=False)
        await _turned_off(uow, actor, client, method="email", last=not user["totp"])


async def renew_recovery_codes(runtime: Runtime, actor: Actor, password: str | None, client: Client) -> RecoveryCodes:
    """Ten new codes; all others are void. Raises NoFactorYet."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    async with runtime.database.unit_of_work() as uow:
        user = await _lock_confirmed(uow, actor, confirmed)
        if not (user["totp"] or user["email_codes"]):
            raise NoFactorYet
        codes = await _new_codes(runtime, uow, actor.user_id)
        _record(uow, "mfa_enabled", actor.user_id, client, method="recovery_code")
        tell_user(uow, actor.user_id, "recovery_codes_new", client)
        return RecoveryCodes(recovery_codes=codes)


async def reset_factors(uow: UnitOfWork, user_id: UUID, *, by: UUID | None, client: Client) -> None:
    """Turn off all second factors of somebody who lost them; `by` None is the operator.

    The next sign-in needs the first factor only, and a code by mail where the role needs a second one.

    Who may do this is the caller's to check. Raises NotFound.
    """
    _found(await repository.lock_factors(uow, user_id))
    await repository.turn_totp(uow, user_id, on=False)
    await repository.turn_email(uow, user_id, on=False)
    await repository.replace_recovery_codes(uow, user_id, [])
    await repository.end_challenges(uow, user_id)
    _record(uow, "mfa_disabled", user_id, client, method="all", by=str(by) if by else "operator")
    tell_user(uow, user_id, "mfa_reset", None)
    log.info("identity.mfa_reset", user_id=str(user_id), by=str(by) if by else "operator")


async def reset_by_operator(runtime: Runtime, name: str, client: Client) -> str:
    """The same for the account with this username or address; its username. Raises NotFound."""
    row = await find_login(runtime.database.reader(), name)
    async with runtime.database.unit_of_work() as uow:
        await reset_factors(uow, row["id"], by=None, client=client)
        user = _found(await repository.factors(uow, row["id"]))
    return str(user["username"])


async def renew_secrets(runtime: Runtime, uow: UnitOfWork) -> int:
    """Encrypt what an older SECRET_KEY encrypted with the first one, so that it may go; returns how many."""
    box, renewed = totp.secret_box(runtime.keyring), 0
    for row in await repository.secrets_of_all(uow):
        try:
            secret = box.renew(row["totp_secret"])
        except SecretUnreadable:
            log.exception("identity.totp_secret_unreadable", user_id=str(row["id"]))
            continue
        if secret is not None:
            await repository.replace_secret(uow, row["id"], secret)
            renewed += 1
    return renewed


async def _turned_on(
    runtime: Runtime, uow: UnitOfWork, actor: Actor, user: asyncpg.Record, client: Client, *, method: str
) -> RecoveryCodes:
    # the session has just proved the factor: it need not be proved again when a role needs one
    await repository.add_method(uow, actor.session_id, method)
    codes = None if user["recovery_codes_left"] else await _new_codes(runtime, uow, actor.user_id)
    _record(uow, "mfa_enabled", actor.user_id, client, method=method)
    tell_user(uow, actor.user_id, "totp_on" if method == "totp" else "email_codes_on", client)
    log.info("identity.mfa_enabled", user_id=str(actor.user_id), method=method)
    return RecoveryCodes(recovery_codes=codes)


async def _turned_off(uow: UnitOfWork, actor: Actor, client: Client, *, method: str, last: bool) -> None:
    if last:
        await repository.replace_recovery_codes(uow, actor.user_id, [])
    # a sign-in that waits for this factor begins anew
    await repository.end_challenges(uow, actor.user_id)
    _record(uow, "mfa_disabled", actor.user_id, client, method=method)
    tell_user(uow, actor.user_id, "totp_off" if method == "totp" else "email_codes_off", client)
    log.info("identity.mfa_disabled", user_id=str(actor.user_id), method=method)


async def _new_codes(runtime: Runtime, uow: UnitOfWork, user_id: UUID) -> list[str]:
    codes = recovery.new_codes()
    hashes = [recovery.code_hash(user_id, code) for code in codes]
    await repository.replace_recovery_codes(uow, user_id, hashes)
    return codes


async def _lock(uow: UnitOfWork, actor: Actor) -> asyncpg.Record:
    await lock_account(uow, actor)
    return _found(await repository.factors(uow, actor.user_id))


async def _lock_confirmed(uow: UnitOfWork, actor: Actor, confirmed: str | None) -> asyncpg.Record:
    await lock_confirmed(uow, actor, confirmed)
    return _found(await repository.factors(uow, actor.user_id))


async def _limit_codes(runtime: Runtime, actor: Actor) -> None:
    await runtime.limiter.hit("mfa-set-up", runtime.settings.rate_limit_mfa, str(actor.session_id))


def _record(uow: UnitOfWork, kind: str, user_id: UUID, client: Client, **detail: str) -> None:
    add_security_event(uow, kind, user_id=user_id, ip=client.ip, user_agent=client.user_agent, detail=detail)


def _session(actor: Actor) -> bytes:
    if actor.session_id is None:
        raise RuntimeError("only a session sets up two-factor")
    return actor.session_id.bytes


def _wrong_code() -> InvalidInput:
    return InvalidInput.at("/code", "is wrong, expired, or was used already", "wrong_code")


def _found(user: asyncpg.Record | None) -> asyncpg.Record:
    if user is None:
        raise NotFound("There is no such user.")
    return user
