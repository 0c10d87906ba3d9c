"""The second half of a sign-in: between the password and the second factor there is neither session nor token."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg
import structlog

from synergy_domain.identity import throttle
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import IssuedTokens, MfaMethod, SecondFactorNeeded
from synergy_domain.identity.mfa import email_codes, recovery, repository, totp
from synergy_domain.identity.mfa.contracts import SecondFactor
from synergy_domain.identity.mfa.errors import InvalidMfaToken, MethodNotOffered, NoSecondFactor, WrongCode
from synergy_domain.identity.repository import add_security_event
from synergy_domain.identity.security_mails import tell_user
from synergy_domain.identity.sessions import finish_sign_in
from synergy_platform.addresses import client_network
from synergy_platform.database import UnitOfWork
from synergy_platform.runtime import Runtime
from synergy_platform.tokens import hash_token, new_opaque_token

log = structlog.stdlib.get_logger(__name__)

# as long as a mailed code is good, which belongs to it
CHALLENGE_LIFETIME = timedelta(minutes=10)


def methods_of(user: asyncpg.Record) -> list[MfaMethod]:
    """How this user can complete a sign-in; empty when the first factor is enough. Raises NoSecondFactor.

    Where the role needs a second factor and the account has none, a code by mail is: it proves the address too.
    """
    methods: list[MfaMethod] = []
    if user["totp"]:
        methods.append("totp")
    if user["email_codes"] and user["email"]:
        methods.append("email")
    if methods and user["recovery_codes_left"]:
        methods.append("recovery_code")
    if methods or not user["required"]:
        return methods
    if user["email"] is None:
        raise NoSecondFactor
    return ["email"]


async def begin_challenge(
    uow: UnitOfWork, user_id: UUID, *, first_method: str, methods: list[MfaMethod], device_id: UUID | None,
    provider: str | None,
) -> SecondFactorNeeded:  # fmt: skip
    """Have the sign-in wait for its second factor."""
    token = new_opaque_token()
    await repository.add_challenge(
        uow, hash_token(token), user_id, first_method=first_method, provider=provider, methods=list(methods),
        device_id=device_id,
        lifetime=CHALLENGE_LIFETIME,
    )  # fmt: skip
    return SecondFactorNeeded(mfa_token=token, methods=methods)


async def send_sign_in_code(runtime: Runtime, mfa_token: str) -> None:
    """Mail six digits for this sign-in; raises InvalidMfaToken, MethodNotOffered, CodeJustSent."""
    token_hash = hash_token(mfa_token)
    async with runtime.database.unit_of_work() as uow:
        challenge = await repository.find_challenge(uow, token_hash, uow.now)
        if challenge is None:
            raise InvalidMfaToken
        if "email" not in challenge["methods"]:
            raise MethodNotOffered("email")
        await email_codes.ask_for_code(uow, challenge["user_id"], "sign_in", bound_to=token_hash)


async def complete_sign_in(runtime: Runtime, data: SecondFactor, client: Client) -> IssuedTokens:
    """Check the second factor and begin the session; raises InvalidMfaToken, MethodNotOffered, WrongCode."""
    token_hash = hash_token(data.mfa_token)
    challenge = await repository.find_challenge(runtime.database.reader(), token_hash, runtime.clock.now())
    if challenge is None:
        raise InvalidMfaToken
    if data.method not in challenge["methods"]:
        raise MethodNotOffered(data.method)
    user_id, device_id = cast("UUID", challenge["user_id"]), cast("UUID | None", challenge["device_id"])
    limit = runtime.settings.rate_limit_mfa
    limit_key = ("mfa", limit, str(device_id or client_network(client.ip)), str(user_id))
    await runtime.limiter.hit(*limit_key)
    key = throttle.throttle_key(runtime.keyring, "mfa", str(user_id), device_id)
    await throttle.count_attempt(runtime.database, key)
    async with runtime.database.unit_of_work() as uow:
        # the user's row first, as whoever changes the password or the factors does: no two wait for each other
        user = await repository.lock_factors(uow, user_id)
        if user is None or not user["is_active"]:
            raise InvalidMfaToken
        correct = await _check(runtime, uow, user, data, token_hash, client)
        if correct and not await repository.end_challenge(uow, token_hash):
            raise InvalidMfaToken
        if correct:
            await throttle.forgive(uow, key)
            methods = [cast("str", challenge["first_method"]), data.method]
            issued = await finish_sign_in(
                runtime, uow, user_id, client, methods=methods, device_id=device_id, provider=challenge["provider"]
            )
        else:
            issued = None
            add_security_event(
                uow, "mfa_failed", user_id=user_id, ip=client.ip, user_agent=client.user_agent,
                detail={"method": data.method},
            )  # fmt: skip
    if issued is None:
        # behind the commit: the try stays counted although this is an error
        raise WrongCode
    await runtime.limiter.clear(*limit_key)
    log.info("identity.signed_in", user_id=str(user_id))
    return issued


async def _check(
    runtime: Runtime, uow: UnitOfWork, user: asyncpg.Record, data: SecondFactor, token_hash: bytes, client: Client
) -> bool:
    """Whether the factor is theirs; a right one is used up."""
    user_id = cast("UUID", user["id"])
    match data.method:
        case "totp":
            if not user["totp"]:
                return False
            secret = totp.secret_box(runtime.keyring).decrypt(user["totp_secret"])
            step = totp.matching_step(secret, data.code, uow.now)
            return step is not None and await repository.take_step(uow, user_id, step)
        case "email":
            correct = await email_codes.take_code(
                runtime, uow, user_id, "sign_in", bound_to=token_hash, email=user["email"], code=data.code
            )
            if correct:
                await repository.verify_address(uow, user_id)
            return correct
        case "recovery_code":
            correct = await repository.use_recovery_code(uow, user_id, recovery.code_hash(user_id, data.code))
            if correct:
                left = user["recovery_codes_left"] - 1
                tell_user(uow, user_id, "recovery_code_used", client, recovery_codes_left=str(left))
            return correct
