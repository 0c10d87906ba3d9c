"""`synergy doctor`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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
    from synergy_platform.embedded.errors import EmbeddedError
    from synergy_platform.embedded.home import Home

    try:
        home = Home(Path(os.environ.get("SYNERGY_HOME") or ".synergy").absolute())
        running = None if os.environ.get("DB_HOST") else home.running_environment()
    except EmbeddedError as error:
        click.echo(f"Could not look: {error}", err=True)
        sys.exit(EXIT_BLIND)
    try:
        facts = see(os.environ, running, production=prod)
    except Exception as error:  # noqa: BLE001 - no fault of the system, and its text may hold a secret
        click.echo(f"Could not look: {type(error).__name__}.", err=True)
        sys.exit(EXIT_BLIND)
    rows = look(ALL, facts)
    click.echo(as_json(rows) if is_json else as_text(rows))
    sys.exit(exit_status(rows))
