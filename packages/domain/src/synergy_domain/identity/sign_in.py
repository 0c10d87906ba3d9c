"""Signing in: a first factor, and where the account or its role has one, a second."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import structlog

from synergy_domain.identity import repository, throttle
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import Credentials, IssuedTokens, SecondFactorNeeded
from synergy_domain.identity.errors import WrongCredentials
from synergy_domain.identity.known_devices import known_device
from synergy_domain.identity.mfa import repository as mfa_repository
from synergy_domain.identity.mfa.challenge import begin_challenge, methods_of
from synergy_domain.identity.sessions import finish_sign_in
from synergy_platform.addresses import client_network
from synergy_platform.database import UnitOfWork
from synergy_platform.errors import TooManyRequests
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit

log = structlog.stdlib.get_logger(__name__)

# as many times the limit of one account may one address fail for all accounts together
ACCOUNTS_OF_ADDRESS = 20


async def sign_in(runtime: Runtime, credentials: Credentials, client: Client) -> IssuedTokens | SecondFactorNeeded:
    """Check the password, and begin a session or wait for the second factor.

    WrongCredentials says the same in every case and takes as long: the same statements run and the same hash is made
    for an account, an inactive one, one without a password and none at all.
    """
    # what finds no place in the queue of hashes is not looked at, and must not count
    async with runtime.hasher.place() as hashing:
        row = await repository.find_login(runtime.database.reader(), credentials.identifier.strip())
        name: str = row["name"]  # as the database compares it, so that no other spelling of it counts apart
        now = runtime.clock.now()
        device_id = known_device(runtime.keyring, credentials.device_id, row["id"], now=now)
        key = throttle.throttle_key(runtime.keyring, "password", name, device_id)
        limit_key = ("login", runtime.settings.rate_limit_login, str(device_id or client_network(client.ip)), key.hex())
        if device_id is None:
            await _look_at_address(runtime, client)
        await runtime.limiter.hit(*limit_key)
        await throttle.count_attempt(runtime.database, key)

        encoded: str | None = row["password_hash"] if row["is_active"] else None
        correct = await hashing.verify(encoded, credentials.password)
        if encoded is None or not correct:
            async with runtime.database.unit_of_work() as uow:
                repository.add_security_event(
                    uow, "login_failed", user_id=row["id"], username_tried=name, ip=client.ip,
                    user_agent=client.user_agent,
                )  # fmt: skip
            if device_id is None:
                await runtime.limiter.hit(*_address_limit(runtime, client))
            raise WrongCredentials
        stale = runtime.hasher.needs_rehash(encoded)
        rehashed = await hashing.hash(credentials.password) if stale else None

    async with runtime.database.unit_of_work() as uow:
        await throttle.forgive(uow, key)
        outcome = await after_first_factor(
            runtime, uow, row["id"], client, first_method="password", device_id=device_id, checked=row
        )
        if rehashed is not None:
            await repository.replace_password_hash(uow, row["id"], rehashed)
    await runtime.limiter.clear(*limit_key)
    if isinstance(outcome, IssuedTokens):
        log.info("identity.signed_in", user_id=str(row["id"]))
    return outcome


def _address_limit(runtime: Runtime, client: Client) -> tuple[str, RateLimit, str]:
    limit = runtime.settings.rate_limit_login
    return "login-address", RateLimit(limit.count * ACCOUNTS_OF_ADDRESS, limit.seconds), client_network(client.ip)


async def _look_at_address(runtime: Runtime, client: Client) -> None:
    """Refuse an address that failed for many accounts; what succeeds does not count, so that an office may sign in."""
    state = await runtime.limiter.hit(*_address_limit(runtime, client), cost=0)
    if state is not None and state.remaining == 0:
        raise TooManyRequests(
            f"Too many failed sign-ins from your address. Try again in {state.reset_seconds} seconds.",
            retry_after=state.reset_seconds,
        )


async def after_first_factor(
    runtime: Runtime, uow: UnitOfWork, user_id: UUID, client: Client, *, first_method: str, device_id: UUID | None,
    checked: asyncpg.Record | None = None, provider: str | None = None, is_second_shown: bool = False,
) -> IssuedTokens | SecondFactorNeeded:  # fmt: skip
    """Begin the session, or wait for the second factor where the user or their role has one.

    `first_method` (`password` or `oidc`) was proved just now; `checked` is the account as its password was checked:
    WrongCredentials when that was changed, or the account deactivated, meanwhile. With `is_second_shown` the `provider`
    vouches for a second factor, and ours is not asked for. Raises NoSecondFactor.
    """
    user = await mfa_repository.lock_factors(uow, user_id)
    if user is None or not user["is_active"]:
        raise WrongCredentials
    # not the hash: of two sign-ins at once, one may have hashed the same password anew
    if checked is not None and checked["password_changed_at"] != user["password_changed_at"]:
        raise WrongCredentials
    if not is_second_shown and (methods := methods_of(user)):
        return await begin_challenge(
            uow, user_id, first_method=first_method, methods=methods, device_id=device_id, provider=provider
        )
    shown = [first_method, f"{first_method}_mfa"] if is_second_shown else [first_method]
    return await finish_sign_in(runtime, uow, user_id, client, methods=shown, device_id=device_id, provider=provider)
