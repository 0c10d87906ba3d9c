"""Who may do what: every route, asked by every kind of caller. The table is in `synergy_testing.matrix`."""

from __future__ import annotations

from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
import pytest
from litestar.routes import HTTPRoute

from synergy_api.app import create_app
from synergy_domain.migrations.tables import METADATA
from synergy_testing.factories import Factory
from synergy_testing.matrix import CALLERS, FOREIGN_IDS, ROUTES, Kind, World, expected

# what is written about a request that is refused: that it was, and how often
_RECORDS = frozenset({"admin_accesses", "login_throttles", "rate_limits", "security_events"})
# a use is noted in the row, so only how many there are says that nothing changed
_NOTED = frozenset({"api_tokens", "sessions"})
_DEFAULT_STATUS = {"GET": 200, "HEAD": 200, "POST": 201, "PATCH": 200, "PUT": 200, "DELETE": 204}
OWNER = next(kind for kind in CALLERS if kind.name == "owner")
ADMIN = next(kind for kind in CALLERS if kind.name == "admin")


def cases() -> list[Any]:
    return [
        pytest.param(route, entry, id=f"{route} {entry.rule}" + (f" {', '.join(entry.ids)}" if entry.ids else ""))
        for route, entries in ROUTES.items()
        for entry in (entries if isinstance(entries, tuple) else (entries,))
    ]


@pytest.fixture(scope="session")
async def people(app_client, runtime):
    world = World(app_client, Factory(runtime))
    await world.people()
    return world


@pytest.fixture
async def world(people):
    """The same people in a project of the test's own."""
    await people.new_project()
    yield people
    assert await people.ended() == [], "a request that ends its session is `fresh` in the table"


@pytest.fixture(scope="session")
def handlers(runtime) -> dict[str, Any]:
    return {
        f"{method} {route.path_format}": handler
        for route in create_app(runtime).routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS"
    }


def test_table_has_every_route_and_no_other(handlers):
    assert (sorted(set(handlers) - set(ROUTES)), sorted(set(ROUTES) - set(handlers))) == ([], [])


@pytest.mark.parametrize(("route", "entry"), cases())
async def test_route_asked_by_every_caller_answers_as_the_table_says(world, runtime, route, entry):
    method = route.partition(" ")[0]
    ok = entry.ok or _DEFAULT_STATUS[method]
    reads = method in {"GET", "HEAD"}
    statuses = {kind: expected(entry, kind, ok, reads=reads) for kind in CALLERS}
    refused = [kind for kind, status in statuses.items() if status >= 400]
    wrong: list[str] = []

    requests = [(kind, await world.request(route, entry, kind)) for kind in refused]
    before = await fingerprint(runtime)
    for kind, request in requests:
        wrong += check(kind, statuses[kind], await send(world, kind, request))
    assert await fingerprint(runtime) == before, "a refused request changed something"

    for kind in statuses:
        if kind in refused:
            continue
        if entry.fresh:
            await world.renew(kind)
        if not reads:
            await world.new_project()
        wrong += check(kind, ok, await send(world, kind, await world.request(route, entry, kind)))
        if entry.fresh:
            await world.renew(kind)
    assert wrong == []


async def send(world: World, kind: Kind, request: dict[str, Any]) -> Any:
    return await world.callers[kind.name].request(**request)


def check(kind: Kind, status: int, answer: Any) -> list[str]:
    if answer.status_code != status:
        return [f"{kind.name}: {answer.status_code}, not {status}: {answer.text[:300]}"]
    if status >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
    return []


async def fingerprint(runtime) -> dict[str, tuple[Any, ...]]:
    """How many rows each table has, and which transaction wrote the newest of them."""
    tables = [table.name for table in METADATA.sorted_tables if table.name not in _RECORDS]
    parts = [
        f"SELECT '{name}' AS name, count(*), max(xmin::text::bigint) AS newest FROM {name}"  # noqa: S608 - our own names
        for name in tables
    ]
    rows = await runtime.database.reader().rows(" UNION ALL ".join(parts))
    return {row["name"]: (row["count"], None if row["name"] in _NOTED else row["newest"]) for row in rows}


def names_something(kind: Any) -> bool:
    """Whether a type holds ids."""
    return kind is UUID or any(names_something(part) for part in get_args(kind))


def fields_with_ids(struct: Any) -> list[str]:
    if get_origin(struct) is not None or not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
        return []
    return [field.encode_name for field in msgspec.structs.fields(struct) if names_something(field.type)]


def test_table_of_foreign_ids_has_every_field_that_names_something(handlers):
    found = {
        route: set(fields_with_ids(handler.parsed_data_field.annotation))
        for route, handler in handlers.items()
        if handler.parsed_data_field is not None
    }
    wanted = {(route, field) for route, fields in found.items() for field in fields}
    present = {(route, field) for route, fields in FOREIGN_IDS.items() for field in fields}
    assert (sorted(wanted - present), sorted(present - wanted)) == ([], [])


@pytest.mark.parametrize(
    ("route", "field"), [(route, field) for route, fields in FOREIGN_IDS.items() for field in fields]
)
async def test_id_of_another_project_in_a_body_is_refused_at_its_field(world, runtime, route, field):
    entries = ROUTES[route]
    entry = entries[0] if isinstance(entries, tuple) else entries
    caller = ADMIN if entry.rule == "admin" else OWNER
    foreign = await world.resolve(FOREIGN_IDS[route][field], caller)
    request = await world.request(route, entry, caller)
    request["json"] |= {field: foreign}
    before = await fingerprint(runtime)
    answer = await send(world, caller, request)
    assert answer.status_code == 422, answer.text
    assert all(error["pointer"].startswith(f"/{field}") for error in answer.json()["errors"])
    assert await fingerprint(runtime) == before


async def test_import_into_a_project_of_others_is_refused(world):
    files = {**await world.board_file(OWNER), "project_id": (None, await world.hidden_project(OWNER))}
    answer = await world.callers["owner"].post("/imports", files=files)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/project_id"]
