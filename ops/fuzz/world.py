"""Who asks, and what there is to ask for: the people and the things of the authorisation matrix."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import msgspec

from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.settings import Settings
from synergy_testing.factories import Factory
from synergy_testing.matrix import CALLERS, FOREIGN_IDS, ROUTES, Entry, World

ROLES = ("anonymous", "viewer", "member", "manager", "owner", "admin", "read_token")
_OF_EACH = 5
_PARAMETER = re.compile(r"{(\w+)}")
# what a field of a body names, where it is no person
_NAMED = {"label_ids": "@label_id", "depends_on_ids": "@task", "before": "@task", "after": "@task"}


class Known(msgspec.Struct, frozen=True):
    """What the requests of one role are made with.

    `values` are real ids and tokens by what they are; `paths` and `fields` say which of them a path parameter of a
    route, and a field of its body, may name.
    """

    authorization: str | None
    values: dict[str, list[str]]
    paths: dict[str, dict[str, str]]
    fields: dict[str, dict[str, str]]


def ends_session(route: str) -> bool:
    """Whether the session of whoever asks for it may be over afterwards."""
    return any(entry.fresh for entry in _entries(route))


async def prepare(settings: Settings, base_url: str, role: str) -> Known:
    """Make the people and the things."""
    kind = next(kind for kind in CALLERS if kind.name == role)
    paths = {
        route: {name: _entries(route)[0].ids.get(name, f"@{name}") for name in names}
        for route in ROUTES
        if (names := _PARAMETER.findall(route))
    }
    fields = {
        route: {field: _NAMED.get(field, "@user_id") for field in fields} for route, fields in FOREIGN_IDS.items()
    }
    wanted = {what for names in (*paths.values(), *fields.values()) for what in names.values()}
    # the archived project last: nothing more can be made in it
    values: dict[str, list[str]] = {what: [] for what in sorted(wanted, key=lambda what: ("archived" in what, what))}
    async with _runtime(settings) as runtime, httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        world = World(client, Factory(runtime))
        await world.people()
        for _ in range(_OF_EACH):
            await world.new_project()
            for what, found in values.items():
                found.append(str(await world.resolve(what, kind)))
    return Known(world.callers[role].headers.get("Authorization"), values, paths, fields)


async def fresh_sessions(settings: Settings, count: int) -> list[str]:
    """Access tokens of as many users, each good until it is used for what ends it."""
    async with _runtime(settings) as runtime:
        make = Factory(runtime)
        return [await make.access_token(await make.user(verified=True)) for _ in range(count)]


@asynccontextmanager
async def _runtime(settings: Settings) -> AsyncGenerator[Runtime]:
    """With cheap hashes: signing in is not what is tried here."""
    runtime = Runtime(settings, application="synergy-fuzz", hasher=PasswordHasher(memory_kib=64, queue_size=1000))
    await runtime.open()
    try:
        yield runtime
    finally:
        await runtime.close()


def _entries(route: str) -> tuple[Entry, ...]:
    entries = ROUTES[route]
    return entries if isinstance(entries, tuple) else (entries,)
