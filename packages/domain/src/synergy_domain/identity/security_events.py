"""Security events, read: users see their own, administrators all of them, as pages or as CSV."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from synergy_domain.common.actor import Actor
from synergy_domain.common.contracts import PersonView
from synergy_domain.identity import policy
from synergy_domain.identity.client import Client
from synergy_platform.database import Reader
from synergy_platform.ids import new_id
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.sql import Keyset, Where

SecurityEventType = Literal[
    "login_success", "login_failed", "logout", "registration", "password_change", "password_reset_request",
    "password_reset", "email_changed", "mfa_enabled", "mfa_disabled", "mfa_failed", "token_reuse", "session_revoked",
    "api_token_created", "api_token_revoked", "role_changed", "user_deactivated", "user_activated", "user_changed",
    "user_deleted", "user_linked", "rate_limited", "permission_denied", "admin_access",
]  # fmt: skip

CSV_COLUMNS = (
    "created_at", "type", "user_id", "username", "name", "username_tried", "ip", "user_agent", "detail", "id",
)  # fmt: skip
_CSV_BATCH = 1000
_FEW_USERS = 100
_SORT = "-created_at"
_ORDER = Keyset((("e.created_at", "timestamp", "desc"),), "e.id")


class SecurityEventView(msgspec.Struct, kw_only=True):
    """Something that touches security. `user` is whom it concerns; `detail` depends on the type.

    `username_tried` is what somebody wrote who tried to sign in; `detail.by` names who did it where that is another.
    """

    id: UUID
    type: str
    user: PersonView | None
    username_tried: str | None
    ip: str | None
    user_agent: str | None
    detail: dict[str, Any]
    created_at: datetime


class SecurityEventQuery(msgspec.Struct, kw_only=True, frozen=True):
    """A list of security events, the newest first.

    `by_id` is who did it to another, `text` a part of the user's names or address, or the whole name that was tried.
    """

    types: frozenset[SecurityEventType] = frozenset()
    user_id: UUID | None = None
    by_id: UUID | None = None
    ip: IPv4Network | IPv6Network | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    cursor: str | None = None
    limit: int = 50


async def record_security_event(
    db: Reader, kind: SecurityEventType, user_id: UUID | None, client: Client, detail: dict[str, Any], *, now: datetime
) -> None:
    """Write an event outside of any transaction; what belongs to a change is written with it instead."""
    await db.value(
        """INSERT INTO security_events (id, type, user_id, ip, user_agent, detail, created_at)
           VALUES ($1, $2, $3, $4::inet, $5, $6::jsonb, $7)""",
        new_id(), kind, user_id, client.ip, client.user_agent[:300] if client.user_agent else None,
        msgspec.json.encode(detail).decode(), now,
    )  # fmt: skip


async def list_security_events(
    db: Reader, cursors: Cursors, actor: Actor, query: SecurityEventQuery
) -> Page[SecurityEventView]:
    """A page of everybody's; raises AdminsOnly."""
    policy.require_admin(actor)
    return await page_of_events(db, cursors, query)


async def list_my_security_events(
    db: Reader, cursors: Cursors, actor: Actor, query: SecurityEventQuery
) -> Page[SecurityEventView]:
    """A page of those that concern the actor; where others did it, their address and program are not told."""
    page = await page_of_events(db, cursors, msgspec.structs.replace(query, user_id=actor.user_id))
    for event in page.items:
        if "by" in event.detail:
            event.ip = event.user_agent = None
    return page


async def page_of_events(db: Reader, cursors: Cursors, query: SecurityEventQuery) -> Page[SecurityEventView]:
    """A page of the events that fit; who may see them has been checked."""
    found = await _find(db, query, _ORDER.decode(cursors, _SORT, query.cursor), query.limit + 1)
    return make_page(found, query.limit, lambda last: cursors.encode(_SORT, [last.created_at, last.id]), None)


def export_security_events(db: Reader, actor: Actor, query: SecurityEventQuery) -> AsyncIterator[bytes]:
    """All that fit as CSV (RFC 4180), in pieces; raises AdminsOnly at once.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    policy.require_admin(actor)
    return _csv(db, query)


async def _csv(db: Reader, query: SecurityEventQuery) -> AsyncIterator[bytes]:
    yield _lines([CSV_COLUMNS])
    after: list[Any] | None = None
    while found := await _find(db, query, after, _CSV_BATCH):
        yield _lines(_cells(event) for event in found)
        after = [found[-1].created_at, found[-1].id]


async def _find(db: Reader, query: SecurityEventQuery, after: list[Any] | None, limit: int) -> list[SecurityEventView]:
    where = Where()
    if len(query.types) == 1:
        # so that the order of the index is that of the list, whether the type is frequent or rare
        where.add(f"e.type = {where.param(*query.types)}")
    else:
        where.among("e.type", query.types)
    if query.user_id is not None:
        where.add(f"e.user_id = {where.param(query.user_id)}")
    if query.by_id is not None:
        where.add(f"e.detail ->> 'by' = {where.param(str(query.by_id))}")
    if query.ip is not None:
        first, last = query.ip[0], query.ip[-1]
        where.add(f"e.ip = {where.param(first)}" if first == last else _between(where, first, last))
    if query.since is not None:
        where.add(f"e.created_at >= {where.param(query.since)}")
    if query.until is not None:
        where.add(f"e.created_at < {where.param(query.until)}")
    source = "security_events e"
    _ORDER.after(where, after)
    if query.text:
        source = await _about(db, where, query.text, limit)
    rows = await db.rows(
        f"""SELECT e.id, e.type, e.username_tried, host(e.ip) AS ip, e.user_agent, e.detail::text AS detail,
                   e.created_at, u.id AS user_id, u.username, u.first_name || ' ' || u.last_name AS name
            FROM {source} LEFT JOIN users u ON u.id = e.user_id
            WHERE {where.sql} ORDER BY {_ORDER.order} LIMIT {limit}""",  # noqa: S608 - built of constants
        *where.args,
    )
    return [_to_view(row) for row in rows]


def _between(where: Where, first: object, last: object) -> str:
    return f"e.ip BETWEEN {where.param(first)} AND {where.param(last)}"


async def _about(db: Reader, where: Where, text: str, limit: int) -> str:
    """Where to look for a text: whose names it is a part of is found first, among the few users.

    Few of them are looked up one by one, so that the rest is not read; with many the newest events are soon found.
    """
    users = Where()
    users.matches(("username", "email", "first_name || ' ' || last_name"), text)
    rows = await db.rows(f"SELECT id FROM users WHERE {users.sql} LIMIT {_FEW_USERS + 1}", *users.args)  # noqa: S608 - built of constants
    if len(rows) > _FEW_USERS:
        where.matches(("e.username_tried", "u.username", "u.email", "u.first_name || ' ' || u.last_name"), text)
        return "security_events e"
    newest = f"AND {where.sql} ORDER BY {_ORDER.order} LIMIT {limit}"
    people = f"unnest({where.param([row['id'] for row in rows])}::uuid[]) AS person (id)"
    theirs = f"SELECT * FROM security_events e WHERE e.user_id = person.id {newest}"  # noqa: S608 - built of constants
    tried = f"e.username_tried IS NOT NULL AND lower(e.username_tried) = lower({where.param(text)})"
    return f"""(SELECT found.* FROM {people} CROSS JOIN LATERAL ({theirs}) found
                UNION (SELECT * FROM security_events e WHERE {tried} {newest})) e"""  # noqa: S608 - built of constants


def _to_view(row: asyncpg.Record) -> SecurityEventView:
    return SecurityEventView(
        id=row["id"],
        type=row["type"],
        user=PersonView(id=row["user_id"], username=row["username"], name=row["name"]) if row["user_id"] else None,
        username_tried=row["username_tried"],
        ip=row["ip"],
        user_agent=row["user_agent"],
        detail=msgspec.json.decode(row["detail"]),
        created_at=row["created_at"],
    )


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _cells(event: SecurityEventView) -> list[str]:
    user = event.user
    return [
        event.created_at.isoformat().replace("+00:00", "Z"),
        event.type,
        str(user.id) if user else "",
        user.username if user else "",
        user.name if user else "",
        event.username_tried or "",
        event.ip or "",
        event.user_agent or "",
        msgspec.json.encode(event.detail).decode(),
        str(event.id),
    ]


def _harmless(cell: str) -> str:
    # a spreadsheet also takes the wide forms of these signs for the start of a formula, and skips space before them
    begins_formula = unicodedata.normalize("NFKC", cell.lstrip()[:1]) in {"=", "+", "-", "@"}
    return f"'{cell}" if begins_formula or cell[:1] in {"\t", "\r", "\n"} else cell
