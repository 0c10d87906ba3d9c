"""One's own accounts elsewhere."""

from __future__ import annotations

from uuid import UUID

from synergy_domain.common.actor import Actor
from synergy_domain.identity.client import Client
from synergy_domain.identity.oidc import repository
from synergy_domain.identity.oidc.contracts import IdentityView
from synergy_domain.identity.oidc.errors import LastWayIn
from synergy_domain.identity.reauthentication import confirm_identity, lock_confirmed
from synergy_domain.identity.repository import add_security_event
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import Reader
from synergy_platform.errors import NotFound
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings


async def list_identities(db: Reader, settings: Settings, actor: Actor) -> list[IdentityView]:
    """The actor's accounts elsewhere, oldest first; one whose provider is gone keeps the provider's id as its name."""
    names = _names(settings)
    return [
        IdentityView(
            id=row["id"], provider=row["provider"], provider_name=names.get(row["issuer"]) or row["provider"],
            email=row["email"], created_at=row["created_at"], last_used_at=row["last_used_at"],
        )
        for row in await repository.list_identities(db, actor.user_id)
    ]  # fmt: skip


async def unlink_identity(
    runtime: Runtime, actor: Actor, password: str | None, identity_id: UUID, client: Client
) -> None:
    """Let an account elsewhere no longer sign in; raises NotFound, or LastWayIn, and as `confirm_identity` does."""
    confirmed = await confirm_identity(runtime, actor, password, client)
    names = _names(runtime.settings)
    async with runtime.database.unit_of_work() as uow:
        account = await lock_confirmed(uow, actor, confirmed)
        rows = await repository.list_identities(uow, actor.user_id)
        mine = next((row for row in rows if row["id"] == identity_id), None)
        if mine is None:
            raise NotFound("There is no such identity.")
        # one whose provider is no longer configured lets nobody in
        others = [row for row in rows if row["id"] != identity_id and row["issuer"] in names]
        if account["password_hash"] is None and not others:
            raise LastWayIn
        await repository.delete_identity(uow, identity_id)
        # the closed list of types has none for this; a way in is taken back
        add_security_event(
            uow, "session_revoked", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
            detail={"provider": mine["provider"], "unlinked": True},
        )  # fmt: skip
        name = names.get(mine["issuer"]) or mine["provider"]
        tell_user(uow, actor.user_id, "identity_unlinked", client, provider=name)


def _names(settings: Settings) -> dict[str, str]:
    """What people call each issuer."""
    return {provider.issuer: provider.name for provider in settings.oidc_providers}
