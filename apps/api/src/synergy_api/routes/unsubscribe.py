"""Links of mails that switch mails off: nobody is signed in, the token says who and what."""

from __future__ import annotations

from litestar import Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from synergy_api.documentation import errors
from synergy_domain import notifications
from synergy_domain.notifications import UnsubscribeView
from synergy_platform.database import Reader
from synergy_platform.runtime import Runtime

_PUBLIC: list[dict[str, list[str]]] = [{}]


@get("/unsubscribe/{token:str}", tags=["notifications"], security=_PUBLIC, responses=errors(400, 404))
async def get_unsubscribe(token: FromPath[str], state: State, db: NamedDependency[Reader]) -> UnsubscribeView:
    """What the link would switch off; it changes nothing, since mail programs look at links by themselves."""
    return await notifications.read_unsubscribe(db, state.runtime.keyring, token)


@post(
    "/unsubscribe/{token:str}",
    tags=["notifications"],
    status_code=200,
    security=_PUBLIC,
    responses=errors(400, 404),
    opt={"takes_any_body": True},
)
async def unsubscribe(token: FromPath[str], state: State) -> UnsubscribeView:
    """Switch the mails off. No body is needed; mail providers send `List-Unsubscribe=One-Click` (RFC 8058)."""
    runtime: Runtime = state.runtime
    async with runtime.database.unit_of_work() as uow:  # nobody is signed in, so no transaction is provided
        return await notifications.unsubscribe(uow, runtime.keyring, token)


router = Router("", route_handlers=[get_unsubscribe, unsubscribe])
