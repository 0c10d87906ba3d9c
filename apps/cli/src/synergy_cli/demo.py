"""Demo data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synergy_domain.demo import Size


@click.command()
@click.option(
    "--size", type=click.Choice(["small", "reference"]), default="small", show_default=True,
    help="A few projects to look at, or 100,000 tasks to measure with.",
)  # fmt: skip
@click.option("--if-empty", is_flag=True, help="Do nothing when anybody uses the system already.")
def demo(size: Size, *, if_empty: bool) -> None:
    """Fill the system with demo data. A second time adds nothing; in production it is refused."""
    from synergy_cli.main import run_with_runtime
    from synergy_domain.demo import PASSWORD, fill

    filled = run_with_runtime(lambda runtime: fill(runtime, size, only_if_empty=if_empty))
    if filled.added:
        click.echo("The demo data is there.", err=True)
    elif filled.sign_in:
        click.echo("The demo data was there already; nothing was added.", err=True)
    else:
        click.echo("The system is in use; nothing was added.", err=True)
        return
    click.echo(f"Sign in as {', '.join(filled.sign_in)} with the password {PASSWORD}", err=True)
