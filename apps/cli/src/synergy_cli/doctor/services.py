"""Asks PostgreSQL and Redis, with the settings of the product."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import asyncpg
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from synergy_cli.doctor.facts import Trouble
from synergy_cli.doctor.findings import Runbook
from synergy_cli.doctor.queries import APART_SECONDS, ASKED_TWICE, QUERIES, keep_lasting, query
from synergy_domain.schema import SUPPORTED_REVISIONS
from synergy_platform.database import SERVER_SETTINGS
from synergy_platform.settings import Settings

_CONNECT_SECONDS = 5.0
_REFUSED: Runbook = "database-refused"


async def ask_database(settings: Settings, folder: Path | None) -> tuple[dict[str, Any] | None, Trouble | None]:
    """What each query gave, or why none could be asked; `folder` lies on the database's disk, if that is here."""
    where = f"{settings.db_host}:{settings.db_port}"
    try:
        connection = await asyncpg.connect(
            settings.database_url(), timeout=_CONNECT_SECONDS, command_timeout=10,
            server_settings={**SERVER_SETTINGS, "application_name": "synergy-doctor"},
        )  # fmt: skip
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return None, Trouble(
            f"The database at {where} refuses the password of {settings.db_user}.",
            "Put the right DB_PASSWORD, or give the role that one with ALTER ROLE.", _REFUSED,
        )  # fmt: skip
    except asyncpg.InvalidCatalogNameError:
        return None, Trouble(
            f"There is no database {settings.db_name} at {where}.", "Correct DB_NAME, or create it.", _REFUSED
        )
    except asyncpg.TooManyConnectionsError:
        return None, Trouble(
            f"The database at {where} has no connection left.",
            "End what holds them, or run fewer processes.", _REFUSED,
        )  # fmt: skip
    except asyncpg.PostgresError as error:
        return None, Trouble(
            f"The database at {where} lets nobody in now ({type(error).__name__}).",
            "Read PostgreSQL's log; while it starts or recovers, wait.", _REFUSED,
        )  # fmt: skip
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        return None, Trouble(
            f"The database at {where} cannot be reached ({type(error).__name__}).",
            "See that PostgreSQL runs, and that DB_HOST and DB_PORT name it.", _REFUSED,
        )  # fmt: skip
    try:
        return await _asked(connection, settings, folder), None
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        return None, Trouble(
            f"The database at {where} stopped answering ({type(error).__name__}).",
            "See whether its processes are stopped, its disk is full, or its machine is busy.", "responses-slow",
        )  # fmt: skip
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


async def _asked(
    connection: asyncpg.Connection[asyncpg.Record], settings: Settings, folder: Path | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"supported": SUPPORTED_REVISIONS, "schema": None}
    for name in QUERIES:
        before = time.time()
        await _answer(connection, name, settings.db_user, found)
        if name == "clock" and name in found:
            found["clock_difference"] = found["clock"] - (before + time.time()) / 2
    again: dict[str, Any] = {}
    await asyncio.sleep(APART_SECONDS)
    for name in ASKED_TWICE:
        await _answer(connection, name, settings.db_user, again)
    keep_lasting(found, again)
    wanted = dict(SERVER_SETTINGS)
    rows = await connection.fetch(
        "SELECT name, setting FROM pg_settings WHERE lower(name) = ANY($1::text[])", [name.lower() for name in wanted]
    )
    found["session"] = {row["name"].lower(): row["setting"] for row in rows}
    found["session_wanted"] = wanted
    found["free"] = shutil.disk_usage(folder).free if folder else None
    return found


async def _answer(connection: asyncpg.Connection[asyncpg.Record], name: str, role: str, found: dict[str, Any]) -> None:
    """A question that this database cannot answer leaves its place empty; the checks say so."""
    try:
        value = await connection.fetchval(query(name, role))
    except asyncpg.PostgresError:
        return
    found[name] = json.loads(value) if value is not None else None


def ask_redis(name: str, url: str) -> tuple[dict[str, str] | None, Trouble | None]:
    """What INFO says, or why it could not be asked."""
    variable = "TASKIQ_BROKER_URL" if name == "broker" else "REDIS_URL"
    runbook = "tasks-not-processed" if name == "broker" else ""
    try:
        client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)  # pyright: ignore[reportUnknownMemberType]  # redis-py types it in part
    except ValueError:
        return None, Trouble(f"{variable} is no address of a Redis server.", f"Correct {variable}.", runbook)
    try:
        info = client.info()  # pyright: ignore[reportUnknownMemberType]  # as above
    except AuthenticationError:
        return None, Trouble(f"The {name} refuses the password.", f"Correct the password in {variable}.", runbook)
    except RedisError as error:
        return None, Trouble(
            f"The {name} cannot be reached ({type(error).__name__}).",
            f"See that it runs and that {variable} names it.", runbook,
        )  # fmt: skip
    finally:
        client.close()
    return {key: str(value) for key, value in info.items()}, None
