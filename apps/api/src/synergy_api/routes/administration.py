"""Accounts and security events, for administrators."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Request, Response, Router, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from synergy_api import params
from synergy_api.authentication import client_of
from synergy_api.documentation import errors
from synergy_api.etags import expected_version
from synergy_api.params import CountParam, CursorParam, Limit
from synergy_domain import identity
from synergy_domain.common import Actor, GlobalRole
from synergy_domain.identity import SecurityEventQuery, SecurityEventType, SecurityEventView, administration
from synergy_domain.identity.administration import AdminUserView, NewUser, UserChange, UserQuery
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]
_LIST = errors(400, 401, 403)
_ONE = errors(400, 401, 403, 404)
_ACT = errors(400, 401, 403, 404, 409)
# what steers accounts is for a person who signed in, never for a token that a script keeps
_SESSION = {"scope": "session"}


@get("/admin/users", tags=["admin"], responses=_LIST)
async def list_accounts(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    sort: FromQuery[str] = "username",
    text: Annotated[
        str | None, QueryParameter(name="q", max_length=200, description="Part of the username, address or name")
    ] = None,
    role: Annotated[str | None, QueryParameter(description="member, manager, admin; separated by commas")] = None,
    is_active: FromQuery[bool | None] = None,
    is_person_only: Annotated[
        bool | None, QueryParameter(description="Only people without an account, or only accounts")
    ] = None,
    count: CountParam = False,
) -> Page[AdminUserView]:
    """All accounts, but for deleted ones."""
    query = UserQuery(
        text=text, roles=params.choices("role", role, GlobalRole), is_active=is_active, is_person_only=is_person_only,
        sort=params.one_of("sort", sort, administration.SORTS), cursor=cursor, limit=limit, count=count,
    )  # fmt: skip
    return await administration.list_users(db, state.runtime.cursors, actor, query)


@post("/admin/users", tags=["admin"], opt=_SESSION, responses=errors(400, 401, 403, 409, 415, 422))
async def create_account(
    data: JSONBody[NewUser], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> Response[AdminUserView]:
    """Make an account; its user gets a mail with a link to choose a password, good for 7 days."""
    user = await administration.create_user(uow, actor, client_of(request), data)
    return Response(user, status_code=201, headers={"Location": f"/api/v1/admin/users/{user.id}"})


@get("/admin/users/{user_id:uuid}", tags=["admin"], responses=_ONE)
async def get_account(
    user_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> AdminUserView:
    """One account."""
    return await administration.get_user(db, actor, user_id)


@patch(
    "/admin/users/{user_id:uuid}", tags=["admin"], opt=_SESSION,
    responses=errors(400, 401, 403, 404, 409, 412, 415, 422),
)  # fmt: skip
async def change_account(
    user_id: FromPath[UUID],
    data: JSONBody[UserChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> AdminUserView:
    """Change the fields that are sent, never one's own role; with If-Match only the version that it names.

    Another role counts at once, also for the access tokens that are out.
    """
    return await administration.change_user(
        uow, actor, client_of(request), user_id, data, expected_version=expected_version(request)
    )


@post("/admin/users/{user_id:uuid}/deactivate", tags=["admin"], status_code=200, opt=_SESSION, responses=_ACT)
async def deactivate_account(
    user_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> AdminUserView:
    """End all sessions of a user, and let them sign in no more."""
    return await administration.deactivate_user(uow, actor, client_of(request), user_id)


@post("/admin/users/{user_id:uuid}/activate", tags=["admin"], status_code=200, opt=_SESSION, responses=_ACT)
async def activate_account(
    user_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> AdminUserView:
    """Let a user sign in again."""
    return await administration.activate_user(uow, actor, client_of(request), user_id)


@post("/admin/users/{user_id:uuid}/reset-mfa", tags=["admin"], status_code=200, opt=_SESSION, responses=_ONE)
async def reset_account_mfa(
    user_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> AdminUserView:
    """Forget the second factors and recovery codes of a user who lost them."""
    return await administration.reset_second_factors(uow, actor, client_of(request), user_id)


@post("/admin/users/{user_id:uuid}/sign-out", tags=["admin"], status_code=204, opt=_SESSION, responses=_ONE)
async def sign_account_out(
    user_id: FromPath[UUID], request: AnyRequest, uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """End all sessions of a user."""
    await administration.sign_user_out(uow, actor, client_of(request), user_id)


@get("/admin/security-events", tags=["admin"], opt={"also_answers": "text/csv"}, responses=_LIST)
async def list_security_events(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    kind: Annotated[
        str | None, QueryParameter(name="type", max_length=500, description="Types, separated by commas")
    ] = None,
    user_id: Annotated[UUID | None, QueryParameter(description="Whom they concern")] = None,
    by: Annotated[UUID | None, QueryParameter(description="Who did it to another")] = None,
    ip: Annotated[str | None, QueryParameter(max_length=50, description="An address, or a network: 10.0.0.0/8")] = None,
    since: Annotated[str | None, QueryParameter(name="from", description="RFC 3339")] = None,
    until: Annotated[str | None, QueryParameter(name="to", description="RFC 3339, not included")] = None,
    text: Annotated[
        str | None,
        QueryParameter(name="q", max_length=200, description="Part of the user's names, or the name that was tried"),
    ] = None,
    answer: Annotated[str, QueryParameter(name="format", description="json or csv")] = "json",
) -> Response[Page[SecurityEventView]]:
    """Everybody's security events, the newest first; `format=csv` gives all that fit, whatever limit and cursor say."""
    query = SecurityEventQuery(
        types=params.choices("type", kind, SecurityEventType), user_id=user_id, by_id=by, ip=_network(ip),
        since=params.moment("from", since), until=params.moment("to", until), text=text, cursor=cursor, limit=limit,
    )  # fmt: skip
    if params.one_of("format", answer, ("json", "csv")) == "csv":
        stream = Stream(
            identity.export_security_events(db, actor, query),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="security-events.csv"'},
        )
        return cast("Response[Page[SecurityEventView]]", stream)
    return Response(await identity.list_security_events(db, state.runtime.cursors, actor, query))


def _network(text: str | None) -> IPv4Network | IPv6Network | None:
    try:
        return None if text is None else ip_network(text, strict=False)
    except ValueError:
        raise params.bad_parameter("ip", "must be an address such as 192.0.2.7, or a network") from None


router = Router(
    "",
    route_handlers=[
        list_accounts, create_account, get_account, change_account, deactivate_account, activate_account,
        reset_account_mfa, sign_account_out, list_security_events,
    ],
)  # fmt: skip
