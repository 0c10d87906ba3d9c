"""Real PostgreSQL and Redis for every test process, a migrated database, and the API over it.

Each process of a parallel run has servers of its own; tests make the users and projects that they need and share
nothing else. A test that needs the whole database for itself asks for `own_runtime`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, event

from synergy_platform.database import Reader
from synergy_platform.embedded.postgres import EmbeddedPostgres
from synergy_platform.embedded.redis import EmbeddedRedis
from synergy_platform.ids import new_id
from synergy_platform.passwords import PasswordHasher
from synergy_platform.runtime import Runtime
from synergy_platform.settings import RateLimit, Settings
from synergy_testing.factories import Factory
from synergy_testing.post import Post

if TYPE_CHECKING:
    from litestar import Litestar

SECRET = "a secret of the tests that is long enough to sign"


@pytest.fixture(scope="session")
def services() -> Iterator[tuple[EmbeddedPostgres, EmbeddedRedis, EmbeddedRedis]]:
    """PostgreSQL, the broker and the cache."""
    with tempfile.TemporaryDirectory(prefix="synergy-test-") as folder:
        home = Path(folder)
        with (
            EmbeddedPostgres(home / "postgres", durable=False) as postgres,
            EmbeddedRedis(home / "broker", kind="broker") as broker,
            EmbeddedRedis(home / "cache", kind="cache") as cache,
        ):
            yield postgres, broker, cache


@pytest.fixture(scope="session")
async def base_settings(
    services: tuple[EmbeddedPostgres, EmbeddedRedis, EmbeddedRedis], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings whose database `template` is migrated; others are copied from it."""
    from synergy_domain.migrations import migrate

    postgres, broker, cache = services
    postgres.create_database("template_synergy")
    settings = Settings(
        secret_keys=(SECRET,),
        home=str(tmp_path_factory.mktemp("home")),
        db_name="template_synergy",
        db_user=postgres.user,
        db_password=postgres.password,
        db_host=postgres.host,
        db_port=postgres.port,
        redis_url=cache.url(),
        broker_url=broker.url(),
        log_format="json",
        # requests are counted as they are in production, but never too many: all tests come from one address
        rate_limit_api=RateLimit(1_000_000, 60),
    )
    await migrate(settings)
    return settings


@pytest.fixture(scope="session")
async def settings(
    base_settings: Settings, services: tuple[EmbeddedPostgres, EmbeddedRedis, EmbeddedRedis]
) -> Settings:
    """Settings of the database that tests share."""
    services[0].create_database("synergy_shared", template="template_synergy")
    return msgspec.structs.replace(base_settings, db_name="synergy_shared")


@pytest.fixture
async def own_settings(
    base_settings: Settings, services: tuple[EmbeddedPostgres, EmbeddedRedis, EmbeddedRedis]
) -> AsyncIterator[Settings]:
    """Settings of a migrated database that one test has for itself."""
    name = f"synergy_{new_id().hex[-12:]}"
    services[0].create_database(name, template="template_synergy")
    yield msgspec.structs.replace(base_settings, db_name=name)
    services[0].drop_database(name)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_settings(settings: Settings, s3_server: str, tmp_path: Path) -> Settings:
    """Settings of the shared database, with files in a bucket of the test's own."""
    bucket = f"files-{new_id().hex[-12:]}"
    httpx.put(f"{s3_server}/{bucket}").raise_for_status()
    return msgspec.structs.replace(
        settings, storage="s3", s3_endpoint=s3_server, s3_bucket=bucket, s3_access_key_id="tests",
        s3_secret_access_key=SECRET, media_root=str(tmp_path / "spool"),
    )  # fmt: skip


def cheap_runtime(settings: Settings) -> Runtime:
    """A runtime with cheap hashes, not opened yet: what they cost is tested where they are made."""
    return Runtime(settings, application="synergy-test", hasher=PasswordHasher(memory_kib=64, queue_size=1000))


@pytest.fixture(scope="session")
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """An open runtime on the shared database."""
    opened = cheap_runtime(settings)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def own_runtime(own_settings: Settings) -> AsyncIterator[Runtime]:
    """An open runtime on a database of the test's own."""
    opened = cheap_runtime(own_settings)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def make(runtime: Runtime) -> Factory:
    """Makes users, projects and tasks on the shared database."""
    return Factory(runtime)


@pytest.fixture
def post(runtime: Runtime) -> Post:
    """Writes the mails that are due, and reads them."""
    return Post(runtime)


@cache
def _routes() -> Litestar:
    from synergy_api.app import build_app

    return build_app()


def quick_app(runtime: Runtime) -> Litestar:
    """As `create_app`, in no time: what is the same for all settings is built once for each test process."""
    from synergy_api.app import attach

    app = copy(_routes())
    app.state = app.state.copy()
    attach(app, runtime)
    return app


@pytest.fixture(scope="session")
async def app_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The API, in this process; nobody is signed in. Streams need `live_api` instead."""
    from synergy_api.app import create_app

    no_limit = RateLimit(0, 1)
    unlimited = msgspec.structs.replace(
        settings, rate_limit_register=no_limit, rate_limit_forgot=no_limit, rate_limit_reset=no_limit
    )  # fmt: skip
    app = create_app(cheap_runtime(unlimited))
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # entered and left in one task, which set-up and tear-down of a fixture are not
        async with app.lifespan():
            started.set()
            await stop.wait()

    task = asyncio.create_task(live())
    await asyncio.wait({task, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://synergy.test") as client:
        yield client
    stop.set()
    await task


class Api:
    """Requests as a user: `await api.as_(user).post(...)`; `api.anonymous` is nobody."""

    def __init__(self, client: httpx.AsyncClient, make: Factory) -> None:
        self._client = client
        self._make = make

    def with_token(self, token: str) -> Caller:
        """Whoever has this token."""
        return Caller(self._client, {"Authorization": f"Bearer {token}"})

    @property
    def anonymous(self) -> Caller:
        """Nobody."""
        return Caller(self._client, {})

    async def as_(self, user: object) -> Caller:
        """A user, signed in by a bearer token of a new session."""
        token = await self._make.access_token(user)
        return Caller(self._client, {"Authorization": f"Bearer {token}"})


class Caller:
    """One caller of the API; paths begin below /api/v1."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self.headers = headers

    async def request(self, method: str, path: str, **kwargs: object) -> httpx.Response:
        """Any request; cookies are not kept."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        url = path if path.startswith("/api") else f"/api/v1{path}"
        self._client.cookies.clear()
        return await self._client.request(method, url, headers=headers, **kwargs)

    async def get(self, path: str, **kwargs: object) -> httpx.Response:
        """GET."""
        return await self.request("GET", path, **kwargs)

    async def post(self, path: str, json: object = None, **kwargs: object) -> httpx.Response:
        """POST with a JSON body, if any."""
        if json is not None:
            kwargs["json"] = json
        return await self.request("POST", path, **kwargs)

    async def patch(self, path: str, json: object, **kwargs: object) -> httpx.Response:
        """PATCH with a JSON body."""
        return await self.request("PATCH", path, json=json, **kwargs)

    async def delete(self, path: str, **kwargs: object) -> httpx.Response:
        """DELETE."""
        return await self.request("DELETE", path, **kwargs)


@pytest.fixture
def api(app_client: httpx.AsyncClient, make: Factory) -> Api:
    """Requests to the API as anybody."""
    return Api(app_client, make)


@pytest.fixture
async def api_with(runtime: Runtime) -> AsyncIterator[Callable[[Settings], httpx.AsyncClient]]:
    """The API with other settings, on the connections of the shared database; nothing live."""
    clients: list[httpx.AsyncClient] = []
    runtimes: list[Runtime] = []

    def make_client(settings: Settings) -> httpx.AsyncClient:
        other = cheap_runtime(settings)
        runtimes.append(other)
        other.database = runtime.database
        app = quick_app(other)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://synergy.test"))
        return clients[-1]

    yield make_client
    for client in clients:
        await client._transport.app.state.runtime.limiter.close()
        await client.aclose()
    for other in runtimes:  # the database is the shared one, and stays open
        await other.limiter.close()
        other.hasher.close()


class Counter:
    """Counts statements of the ORM and of readers."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def note(self, *args) -> None:
        statement = next(part for part in args if isinstance(part, str))
        if "FROM events e" not in statement:  # the hub reads the ledger meanwhile, for nobody's request
            self.statements.append(statement)

    async def cost(self, request) -> int:
        self.statements.clear()
        answer = await request
        assert answer.status_code < 300, answer.text
        return len(self.statements)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """Counts the SQL statements of requests: `await counter.cost(caller.get(…))`."""
    counted = Counter()
    for name in ("rows", "row", "value"):
        original = getattr(Reader, name)

        async def counting(self, query, *args, original=original):
            counted.note(query)
            return await original(self, query, *args)

        monkeypatch.setattr(Reader, name, counting)

    def executed(_connection, _cursor, statement, *_rest):
        counted.note(statement)

    event.listen(Engine, "before_cursor_execute", executed)
    yield counted
    event.remove(Engine, "before_cursor_execute", executed)
