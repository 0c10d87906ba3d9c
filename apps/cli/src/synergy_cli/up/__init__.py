"""`synergy up`: the whole of SynergyOS in one place, for one machine."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--web/--no-web", default=True, help="Without the web app the API alone answers the public port.")
@click.option("--demo", is_flag=True, help="Fill it with demo data once it is up.")
def up(*, web: bool, demo: bool) -> None:
    """Run SynergyOS on this machine: database, queue, API, worker, scheduler and web app; Ctrl-C ends all of it."""
    from synergy_cli.up.main import main

    sys.exit(main(web=web, demo=demo))
