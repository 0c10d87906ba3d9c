"""`synergy doctor`."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.option("--prod", is_flag=True, help="Look with production's rules, whatever SYNERGY_ENV says.")
@click.option("--json", "is_json", is_flag=True, help="For scripts.")
def doctor(*, prod: bool, is_json: bool) -> None:
    """Say what is wrong with the running system and what mends it; it changes nothing.

    It looks at the `synergy up` of SYNERGY_HOME, or, with DB_HOST set, at what the environment names. Exit status: 0 no
    fault, 1 a fault, 2 something could not be looked at.
    """
    from synergy_cli.doctor.embedded import see
    from synergy_cli.doctor.findings import EXIT_BLIND, as_json, as_text, exit_status, look
    from synergy_cli.doctor.table import ALL
    from synergy_cli.local import running_environment
    from synergy_platform.embedded.errors import EmbeddedError

    try:
        running = running_environment(os.environ)
    except EmbeddedError as error:
        click.echo(f"Could not look: {error}", err=True)
        sys.exit(EXIT_BLIND)
    try:
        facts = see(os.environ, running, production=prod)
    except Exception as error:  # noqa: BLE001 - whatever kept it from looking is status 2; its text may hold a secret
        click.echo(f"Could not look: {type(error).__name__}.", err=True)
        sys.exit(EXIT_BLIND)
    rows = look(ALL, facts)
    click.echo(as_json(rows) if is_json else as_text(rows))
    sys.exit(exit_status(rows))
