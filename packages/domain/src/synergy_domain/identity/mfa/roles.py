"""Which global roles need a second factor.

It holds from the next sign-in, and for sessions that began without one from their next refresh.
"""

from __future__ import annotations

import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import policy
from synergy_domain.identity.client import Client
from synergy_domain.identity.mfa import repository
from synergy_domain.identity.mfa.contracts import MfaRoles
from synergy_domain.identity.repository import add_security_event
from synergy_platform.database import Reader, UnitOfWork

log = structlog.stdlib.get_logger(__name__)


async def required_roles(db: Reader, actor: Actor) -> MfaRoles:
    """For administrators; raises AdminsOnly."""
    policy.require_admin(actor)
    return await _roles(db)


async def require_roles(uow: UnitOfWork, actor: Actor, data: MfaRoles, client: Client) -> MfaRoles:
    """Have these roles need a second factor, and no others; raises AdminsOnly."""
    policy.require_admin(actor)
    return await set_required_roles(uow, data, client, actor=actor)


async def set_required_roles(uow: UnitOfWork, data: MfaRoles, client: Client, *, actor: Actor | None) -> MfaRoles:
    """The same; without an actor it is the operator who does it."""
    by = actor.user_id if actor else None
    before = set(await repository.required_roles(uow))
    wanted = set[str](data.roles)
    await repository.set_required_roles(uow, sorted(wanted), by)
    for kind, roles in (("mfa_enabled", wanted - before), ("mfa_disabled", before - wanted)):
        if roles:
            add_security_event(
                uow, kind, user_id=by, ip=client.ip, user_agent=client.user_agent, detail={"roles": sorted(roles)}
            )
    log.info("identity.mfa_roles_set", roles=sorted(wanted), by=str(by) if by else "operator")
    return await _roles(uow)


async def _roles(db: Reader) -> MfaRoles:
    return MfaRoles(roles=await repository.required_roles(db))
