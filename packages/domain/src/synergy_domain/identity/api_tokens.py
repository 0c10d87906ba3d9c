"""Personal tokens: for scripts that act as their user, within scopes."""

from __future__ import annotations

from uuid import UUID

import msgspec
import structlog

from synergy_domain.common.actor import Actor
from synergy_domain.identity import policy, repository
from synergy_domain.identity.accounts import require_verified_email
from synergy_domain.identity.client import Client
from synergy_domain.identity.contracts import ApiTokenInput, ApiTokenView, NewApiTokenView
from synergy_domain.identity.errors import (
    AdminScopeForbidden,
    ApiTokenNotFound,
    TooManyApiTokens,
)
from synergy_domain.identity.models import ApiToken
from synergy_domain.identity.reauthentication import lock_account
from synergy_domain.identity.revoking import tell_streams
from synergy_domain.identity.security_mails import tell_user
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput
from synergy_platform.ids import new_id
from synergy_platform.tokens import hash_token, new_opaque_token

log = structlog.stdlib.get_logger(__name__)

TOKEN_PREFIX = "syn_"  # noqa: S105 - how a token begins
MOST_TOKENS = 50
_SHOWN = 12
_COLUMNS = "id, name, prefix, scopes, created_at, expires_at, last_used_at, host(last_used_ip) AS last_used_ip"


async def list_api_tokens(db: Reader, actor: Actor) -> list[ApiTokenView]:
    """The actor's tokens that are not revoked, the newest first; expired ones stay in sight for a while."""
    rows = await db.rows(
        f"SELECT {_COLUMNS} FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC",  # noqa: S608 - a constant
        actor.user_id,
    )
    return [ApiTokenView(**row) for row in rows]


async def create_api_token(uow: UnitOfWork, actor: Actor, data: ApiTokenInput, client: Client) -> NewApiTokenView:
    """Make a token; it is shown now and never again.

    Raises EmailNotVerified, AdminScopeForbidden, TooManyApiTokens, InvalidInput.
    """
    account = await lock_account(uow, actor)
    await require_verified_email(uow, actor)
    if not policy.may_give_scopes(account["role"], data.scopes):
        raise AdminScopeForbidden
    name = data.name.strip()
    if not name:
        raise InvalidInput.at("/name", "must not be empty", "too_short")
    if data.expires_at is not None:
        if data.expires_at.tzinfo is None:
            raise InvalidInput.at("/expires_at", "must be a time with its offset, such as 2026-01-31T12:00:00Z")
        if data.expires_at <= uow.now:
            raise InvalidInput.at("/expires_at", "must be in the future", "out_of_range")
    if len(await list_api_tokens(uow, actor)) >= MOST_TOKENS:
        raise TooManyApiTokens(MOST_TOKENS)
    token = TOKEN_PREFIX + new_opaque_token()
    row = ApiToken(
        id=new_id(), user_id=actor.user_id, name=name, prefix=token[:_SHOWN], token_hash=hash_token(token),
        scopes=sorted(set(data.scopes)), created_at=uow.now, expires_at=data.expires_at,
    )  # fmt: skip
    uow.session.add(row)
    await uow.flush()
    repository.add_security_event(
        uow, "api_token_created", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
        detail={"token_id": str(row.id), "name": name, "scopes": row.scopes},
    )  # fmt: skip
    tell_user(uow, actor.user_id, "api_token_created", client, token=name, scopes=", ".join(row.scopes))
    log.info("identity.api_token_created", user_id=str(actor.user_id), token_id=str(row.id))
    view = await _view(uow, actor, row.id)
    return NewApiTokenView(**msgspec.structs.asdict(view), token=token)


async def revoke_api_token(uow: UnitOfWork, actor: Actor, token_id: UUID, client: Client) -> None:
    """End a token, at once; raises ApiTokenNotFound."""
    name: str | None = await uow.value(
        "UPDATE api_tokens SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING name",
        token_id, actor.user_id, uow.now,
    )  # fmt: skip
    if name is None:
        raise ApiTokenNotFound
    await tell_streams(uow, actor.user_id)
    repository.add_security_event(
        uow, "api_token_revoked", user_id=actor.user_id, ip=client.ip, user_agent=client.user_agent,
        detail={"token_id": str(token_id), "name": name},
    )  # fmt: skip
    log.info("identity.api_token_revoked", user_id=str(actor.user_id), token_id=str(token_id))


async def _view(db: Reader, actor: Actor, token_id: UUID) -> ApiTokenView:
    row = await db.row(
        f"SELECT {_COLUMNS} FROM api_tokens WHERE id = $1 AND user_id = $2",  # noqa: S608 - a constant
        token_id, actor.user_id,
    )  # fmt: skip
    if row is None:
        raise ApiTokenNotFound
    return ApiTokenView(**row)
