"""`synergy upgrade --plan`: the part of an upgrade that needs our libraries."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synergy_cli.local import local_environment, settings_or_exit

if TYPE_CHECKING:
    from synergy_platform.settings import Settings

_SCRATCH_SECONDS = 60.0


@click.command("upgrade")
@click.option("--plan", "is_plan", is_flag=True, help="Say what this version would do to the database; change nothing.")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
@click.option("--scratch", metavar="URL", help="An empty database, where migrations are tried to see their locks.")
def upgrade(*, is_plan: bool, is_json: bool, scratch: str | None) -> None:
    """What bringing the data of an older version to this one would do.

    Of a running `synergy up`, or, with DB_HOST set, of the database that the environment names. `synergy up` migrates
    when it starts; a compose stack is upgraded by `just upgrade`. Exit status: 0 it can be done, 1 something forbids
    it.
    """
    import msgspec

    from synergy_cli.stack.plan_text import schema_lines

    if not is_plan:
        click.echo(
            "Say --plan to see what would happen. To do it: `synergy backup`, end `synergy up`, take the new version "
            "(`git pull`), start it again: it migrates by itself. A compose stack is upgraded by `just upgrade`.",
            err=True,
        )
        raise SystemExit(1)
    found = _plan(scratch)
    schema: dict[str, Any] = found["schema"]
    if is_json:
        click.echo(msgspec.json.encode(found))
    else:
        click.echo("\n".join(schema_lines(schema, found["backup"])))
        click.echo(schema["forbidden"] or "It can be done.")
    raise SystemExit(1 if schema["forbidden"] else 0)


def _plan(scratch: str | None) -> dict[str, Any]:
    """`schema` (a SchemaPlan) and `backup` (the last good one's record, or None), as JSON has them."""
    import msgspec

    settings = settings_or_exit(local_environment(os.environ))
    try:
        with contextlib.nullcontext(scratch) if scratch else _own_scratch() as url:
            return msgspec.to_builtins(asyncio.run(_look(settings, url)))
    except OSError as error:
        click.echo(f"The database cannot be reached ({error}). Is it running? `synergy up` starts one.", err=True)
        raise SystemExit(1) from None


@contextlib.contextmanager
def _own_scratch() -> Generator[str | None]:
    """A server for the moment, where PostgreSQL is installed as a wheel; None elsewhere."""
    from synergy_platform.embedded.errors import EmbeddedError
    from synergy_platform.embedded.postgres import EmbeddedPostgres, binaries

    try:
        binaries()
    except EmbeddedError:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="synergy-plan-") as folder,
        EmbeddedPostgres(Path(folder), durable=False) as postgres,
    ):
        yield postgres.url()


async def _look(settings: Settings, scratch: str | None) -> dict[str, Any]:
    import asyncpg

    from synergy_domain import maintenance, migrations
    from synergy_platform.database import Reader

    if scratch:
        await _wait_for(scratch)
    only_look = {"default_transaction_read_only": "on", "application_name": "synergy-plan"}
    connection = await asyncpg.connect(settings.database_url(direct=True), server_settings=only_look)
    try:
        reader = Reader(connection)
        plan = await migrations.plan_migrations(reader, scratch)
        has_records = await reader.value("SELECT to_regclass('maintenance_records') IS NOT NULL")
        records = await maintenance.latest_records(reader, succeeded=True) if has_records else {}
    finally:
        await connection.close()
    return {"schema": plan, "backup": records.get("backup")}


async def _wait_for(url: str) -> None:
    """Until the server answers; what it said last when it does not in time."""
    import asyncpg

    deadline = time.monotonic() + _SCRATCH_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.3)
        else:
            await connection.close()
            return
