"""The `synergy` command. What a command needs is imported when it runs, so that `synergy --help` is quick."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from synergy_cli.accounts import require_mfa, reset_mfa
from synergy_cli.backup.commands import backup, backups, drill, escrow, recover, restore
from synergy_cli.backup.container import container
from synergy_cli.demo import demo
from synergy_cli.doctor.command import doctor
from synergy_cli.importing import import_group
from synergy_cli.local import local_environment, settings_or_exit
from synergy_cli.maintenance import maintenance_group
from synergy_cli.up import up
from synergy_cli.upgrading import upgrade
from synergy_cli.webhooks import webhooks_group
from synergy_platform.settings import EXIT_BAD_SETTINGS

if TYPE_CHECKING:
    from synergy_platform.runtime import Runtime


@click.group()
def main() -> None:
    """SynergyOS: run it, look after it, bring data in."""


main.add_command(container)
main.add_command(up)
main.add_command(import_group)
main.add_command(demo)
main.add_command(doctor)
main.add_command(maintenance_group)
main.add_command(webhooks_group)
for command in (backup, backups, restore, drill, escrow, recover):
    main.add_command(command)
main.add_command(reset_mfa)
main.add_command(require_mfa)
main.add_command(upgrade)


@main.command("stack", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def stack(words: tuple[str, ...]) -> None:
    """The compose stack: `synergy stack deploy` does what `just deploy` does; --help lists the verbs."""
    from synergy_cli.stack.cli import main as run_verb

    sys.exit(run_verb(words or ("--help",)))


@main.command("tune", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def tune(words: tuple[str, ...]) -> None:
    """What to set for this machine and so many users, and why; `synergy tune --help` lists the options."""
    from synergy_cli.stack.cli import main as run_verb

    sys.exit(run_verb(("tune", *words)))


def run_with_runtime(work: Callable[[Runtime], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the work returns
    """Open a runtime, do the work, close it; an error of the product is one sentence."""
    from synergy_platform.errors import ProductError
    from synergy_platform.logs import configure_logging
    from synergy_platform.reporting import start_reporting
    from synergy_platform.runtime import Runtime
    from synergy_platform.version import VERSION

    settings = settings_or_exit(local_environment(os.environ))
    if not settings.secret_keys:
        click.echo(
            "No running system was found. Start one with `synergy up`, in another terminal and with the same "
            "SYNERGY_HOME; or set SECRET_KEY and DB_HOST to reach another.",
            err=True,
        )
        raise SystemExit(EXIT_BAD_SETTINGS)
    configure_logging(settings, service="synergy-cli", version=VERSION)
    start_reporting(settings, service="synergy-cli")

    async def run() -> Any:  # noqa: ANN401 - whatever the work returns
        runtime = Runtime(settings, application="synergy-cli")
        await runtime.open()
        try:
            return await work(runtime)
        finally:
            await runtime.close()

    try:
        return asyncio.run(run())
    except ProductError as error:
        click.echo(f"{error.title}: {error.detail}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        click.echo(f"The database cannot be reached ({error}). Is it running? `synergy up` starts one.", err=True)
        raise SystemExit(1) from None


@main.command()
def migrate() -> None:
    """Bring the database's schema to this version; safe to run any number of times at once."""
    from synergy_domain import migrations
    from synergy_platform.reporting import start_reporting

    settings = settings_or_exit(local_environment(os.environ))
    start_reporting(settings, service="synergy-cli")
    try:
        report = asyncio.run(migrations.migrate(settings))
    except migrations.SchemaTooNew as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    if report.before == report.after:
        click.echo(f"The schema is at {report.after} already.", err=True)
    else:
        click.echo(f"Migrated the schema from {report.before or 'nothing'} to {report.after}.", err=True)


@main.command()
@click.argument("name")
def migration(name: str) -> None:
    """Begin a migration, in development: the next number, and what to remember."""
    from synergy_domain import migrations

    try:
        path = migrations.begin_migration(name)
    except ValueError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    click.echo(
        f"{path}: write `upgrade`, then put its number into SUPPORTED_REVISIONS (synergy_domain/schema.py).", err=True
    )


@main.command("create-admin")
@click.option("--username", prompt=True)
@click.option("--email", prompt=True)
@click.option("--first-name", prompt=True)
@click.option("--last-name", prompt=True)
@click.option("--password", help="Asked for when it is not given; - reads it from standard input.")
def create_admin(username: str, email: str, first_name: str, last_name: str, password: str | None) -> None:
    """Make an account that runs the instance."""
    import msgspec

    from synergy_domain.identity import Client, Registration, create_account

    if password == "-":  # noqa: S105 - the sign for standard input
        password = sys.stdin.readline().rstrip("\n")
    password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    fields = {
        "username": username, "email": email, "first_name": first_name, "last_name": last_name, "password": password,
    }  # fmt: skip
    try:
        data = msgspec.convert(fields, Registration)
    except msgspec.ValidationError as error:
        click.echo(f"This cannot be used: {error}", err=True)
        raise SystemExit(1) from None
    user = run_with_runtime(lambda runtime: create_account(runtime, data, role="admin", client=Client(None, "synergy")))
    click.echo(f"{user.username} is an admin now.", err=True)


@main.command()
def secret() -> None:
    """Print a random value for SECRET_KEY."""
    click.echo(secrets.token_urlsafe(48))


@main.group("settings")
def settings_group() -> None:
    """What can be set."""


@settings_group.command("example")
def settings_example() -> None:
    """Print `.env.example`: every setting with its sentence and its default."""
    from synergy_platform.env_example import env_example

    click.echo(env_example(), nl=False)
