"""The record of mails, for admins."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from synergy_api import params
from synergy_api.documentation import errors
from synergy_api.params import CursorParam, Limit
from synergy_domain import mails
from synergy_domain.common import Actor
from synergy_domain.mails import MailContent, MailQuery, MailState, MailView
from synergy_platform.database import Reader
from synergy_platform.pagination import Page


@get("/admin/mails", tags=["admin"], responses=errors(400, 401, 403))
async def list_mails(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    mail_state: Annotated[
        str | None, QueryParameter(name="state", description="queued, sent, bounced, failed; separated by commas")
    ] = None,
    to: Annotated[str | None, QueryParameter(max_length=254, description="Part of the address")] = None,
) -> Page[MailView]:
    """The mails of the last 30 days, the newest first: what was sent, and what was not and why."""
    states = params.choices("state", mail_state, MailState)
    return await mails.list_mails(
        db, state.runtime.cursors, actor, MailQuery(states=states, to=to, cursor=cursor, limit=limit)
    )


@get("/admin/mails/{mail_id:uuid}", tags=["admin"], responses=errors(400, 401, 403, 404))
async def get_mail(mail_id: FromPath[UUID], state: State, actor: NamedDependency[Actor]) -> MailContent:
    """What a mail says, where mails land in a folder (`EMAIL_BACKEND=folder`, as in development); 404 elsewhere."""
    return await mails.read_mail(state.runtime, actor, mail_id)


router = Router("", route_handlers=[list_mails, get_mail])
