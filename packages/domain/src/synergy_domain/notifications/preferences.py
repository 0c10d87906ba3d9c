"""What a user wants to be told and how, and the links that switch mails off without signing in."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal, cast, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from synergy_domain.common import Actor, expect_version
from synergy_domain.notifications.catalogue import CATALOGUE, TYPES, channels_of
from synergy_domain.notifications.contracts import (
    Digest,
    NotificationType,
    PreferencesChange,
    PreferencesView,
    TypePreference,
    UnsubscribeView,
    Weekday,
)
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput, NotFound
from synergy_platform.tokens import Keyring, decode_bytes, encode_bytes

Subscription = NotificationType | Literal["digest"]
Chosen = dict[str, dict[str, bool]]

_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_DIGEST_TIME = time(9)
_PURPOSE = "unsubscribe"
_MAC_BYTES, _ID_BYTES = 16, 16

_FIND = """
    SELECT u.timezone, u.email IS NOT NULL AND u.email_verified_at IS NOT NULL AS email_verified,
           p.channels::text AS channels, p.digest, p.digest_time, p.digest_weekday, p.last_digest_on,
           coalesce(p.version, 0) AS version
    FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id WHERE u.id = $1
"""
_MAKE = """
    INSERT INTO notification_preferences (user_id, channels, digest, digest_time, digest_weekday, updated_at)
    VALUES ($1, '{}', 'never', $2, 1, $3) ON CONFLICT (user_id) DO NOTHING
"""
_STORE = """
    UPDATE notification_preferences SET channels = $2::jsonb, digest = $3::text, digest_time = $4, digest_weekday = $5,
                                        last_digest_on = $6, updated_at = $7,
      version = version + ((channels, digest, digest_time, digest_weekday) IS DISTINCT FROM ($2, $3::text, $4, $5))::int
    WHERE user_id = $1
"""
# what waits for a digest that will not have it
_WAIT_NO_LONGER = """
    UPDATE notifications SET awaits_digest = false
    WHERE recipient_id = $1 AND awaits_digest AND (type = ANY($2::text[]) OR $3)
"""


async def my_preferences(db: Reader, actor: Actor) -> PreferencesView:
    """What the actor is told, and how."""
    return _to_view(await _find(db, actor.user_id))


async def change_preferences(
    uow: UnitOfWork, actor: Actor, data: PreferencesChange, *, expected_version: int | None = None
) -> PreferencesView:
    """Change what was sent; raises InvalidInput. A digest begins with the next time that is due."""
    types = {} if isinstance(data.types, msgspec.UnsetType) else data.types
    faults = [
        InputFault(f"/types/{name}", "unknown_type", f"is no type of notification; these are: {', '.join(TYPES)}")
        for name in types
        if name not in CATALOGUE
    ]
    if faults:
        raise InvalidInput(faults)
    row = await _lock(uow, actor.user_id)
    await expect_version("choice", row["version"], expected_version, lambda: my_preferences(uow, actor))
    chosen = _chosen(row)
    for name, change in types.items():
        kind = cast("NotificationType", name)  # checked above
        for channel in ("in_app", "email"):
            value: bool | msgspec.UnsetType = getattr(change, channel)
            if value is not msgspec.UNSET:
                _choose(chosen, kind, channel, on=value)
    digest: Digest = row["digest"] if data.digest is msgspec.UNSET else data.digest
    at: time = row["digest_time"]
    if isinstance(data.digest_time, str):
        at = time.fromisoformat(data.digest_time)
    weekday: int = row["digest_weekday"]
    if data.digest_weekday is not msgspec.UNSET:
        weekday = _WEEKDAYS.index(data.digest_weekday) + 1
    last: date | None = row["last_digest_on"]
    if digest != "never" and (digest, at, weekday) != (row["digest"], row["digest_time"], row["digest_weekday"]):
        passed = last_due(uow.now, row["timezone"], digest, at, weekday)
        last = max(last, passed) if last else passed
    await _store(uow, actor.user_id, chosen, digest, at, weekday, last)
    return _to_view(await _find(uow, actor.user_id))


def last_due(now: datetime, timezone: str, digest: Digest, at: time, weekday: int) -> date:
    """The local day whose digest time came last. (`digests.py` says the same in SQL.)"""
    local = now.astimezone(ZoneInfo(timezone))
    day = local.date() if local.time() >= at else local.date() - timedelta(days=1)
    return day - timedelta(days=(day.isoweekday() - weekday) % 7) if digest == "weekly" else day


def unsubscribe_token(keyring: Keyring, user_id: UUID, what: Subscription) -> str:
    """The token of a link that switches mails of one type off, or with `digest` all of them. It does not expire."""
    body = user_id.bytes + what.encode()
    return encode_bytes(keyring.mac(_PURPOSE, body)[:_MAC_BYTES] + body)


async def read_unsubscribe(db: Reader, keyring: Keyring, token: str) -> UnsubscribeView:
    """What a link would switch off; raises NotFound for one that is not ours."""
    user_id, what = _read_token(keyring, token)
    return _subscription(what, _chosen(await _find(db, user_id)))


async def unsubscribe(uow: UnitOfWork, keyring: Keyring, token: str) -> UnsubscribeView:
    """Switch the mails off; a second time changes nothing. Raises NotFound for a token that is not ours.

    The digest holds every type that goes by mail, so its link switches all of them off: were only the digest ended,
    single mails would come in its place.
    """
    user_id, what = _read_token(keyring, token)
    await _find(uow, user_id)
    row = await _lock(uow, user_id)
    chosen = _chosen(row)
    for kind in TYPES if what == "digest" else (what,):
        _choose(chosen, kind, "email", on=False)
    await _store(uow, user_id, chosen, row["digest"], row["digest_time"], row["digest_weekday"], row["last_digest_on"])
    return _subscription(what, chosen)


async def _find(db: Reader, user_id: UUID) -> asyncpg.Record:
    row = await db.row(_FIND, user_id)
    if row is None:
        raise NotFound("There is no such user.")
    return row


async def _lock(uow: UnitOfWork, user_id: UUID) -> asyncpg.Record:
    """The user's row, made if need be and kept from others until the commit."""
    await uow.value(_MAKE, user_id, _DIGEST_TIME, uow.now)
    await uow.value("SELECT 1 FROM notification_preferences WHERE user_id = $1 FOR UPDATE", user_id)
    return await _find(uow, user_id)


async def _store(
    uow: UnitOfWork, user_id: UUID, chosen: Chosen, digest: Digest, at: time, weekday: int, last: date | None
) -> None:
    await uow.value(_STORE, user_id, msgspec.json.encode(chosen).decode(), digest, at, weekday, last, uow.now)
    off = [kind for kind in TYPES if not channels_of(kind, chosen).email]
    await uow.value(_WAIT_NO_LONGER, user_id, off, digest == "never")


def _chosen(row: asyncpg.Record) -> Chosen:
    return msgspec.json.decode(row["channels"], type=Chosen) if row["channels"] else {}


def _choose(chosen: Chosen, kind: NotificationType, channel: str, *, on: bool) -> None:
    """Keep only what differs from the default: who never chose follows it, should it change."""
    own = chosen.setdefault(kind, {})
    if on == getattr(CATALOGUE[kind], channel):
        own.pop(channel, None)
    else:
        own[channel] = on
    if not own:
        del chosen[kind]


def _read_token(keyring: Keyring, token: str) -> tuple[UUID, Subscription]:
    try:
        raw = decode_bytes(token)
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not keyring.verify_mac(_PURPOSE, body, mac):
            raise ValueError
        what = msgspec.convert(body[_ID_BYTES:].decode(), Subscription)
        return UUID(bytes=body[:_ID_BYTES]), what
    except (ValueError, msgspec.ValidationError):
        raise NotFound("This link is not ours, or not whole: copy it from the mail again.") from None


def _subscription(what: Subscription, chosen: Chosen) -> UnsubscribeView:
    if what == "digest":
        subscribed = any(channels_of(kind, chosen).email for kind in TYPES)
        return UnsubscribeView(type=what, label="All mails about what happens", subscribed=subscribed)
    return UnsubscribeView(type=what, label=CATALOGUE[what].label, subscribed=channels_of(what, chosen).email)


def _to_view(row: asyncpg.Record) -> PreferencesView:
    chosen = _chosen(row)
    types: dict[NotificationType, TypePreference] = {}
    for kind in TYPES:
        channels = channels_of(kind, chosen)
        types[kind] = TypePreference(label=CATALOGUE[kind].label, in_app=channels.in_app, email=channels.email)
    return PreferencesView(
        types=types,
        digest=row["digest"] or "never",
        digest_time=(row["digest_time"] or _DIGEST_TIME).strftime("%H:%M"),
        digest_weekday=_WEEKDAYS[(row["digest_weekday"] or 1) - 1],
        timezone=row["timezone"],
        email_verified=row["email_verified"],
        version=row["version"],
    )
