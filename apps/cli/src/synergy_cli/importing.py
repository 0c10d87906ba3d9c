"""Commands that bring data in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synergy_domain.transfer import ImportView
    from synergy_platform.runtime import Runtime


@click.group("import")
def import_group() -> None:
    """Bring data in from elsewhere."""


@import_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--owner", required=True, metavar="USERNAME", help="Who owns the new project.")
@click.option("--dry-run", is_flag=True, help="Say what would come, and write nothing.")
@click.option(
    "--map", "overrides", multiple=True, metavar="LIST=STATUS", help='Decide the status of a list, such as "Info=todo".'
)
def trello(file: Path, owner: str, *, dry_run: bool, overrides: tuple[str, ...]) -> None:
    """Import the JSON export of a Trello board (board menu, “Print, export, and share”, “Export as JSON”).

    The status of a list's cards follows from its name: done, finished, archive are done; doing, in progress are in
    progress; review, testing are in review; everything else is to do.
    """
    from asyncpg import PostgresError
    from sqlalchemy.exc import SQLAlchemyError

    from synergy_cli.main import run_with_runtime
    from synergy_domain import transfer
    from synergy_platform.errors import ProductError

    _check_readable(file)
    try:
        mapping = transfer.check_mapping(_pairs(overrides))
    except ProductError as error:
        raise click.ClickException(error.detail) from None

    async def work(runtime: Runtime) -> ImportView:
        return await transfer.import_file(runtime, owner, file, mapping, dry_run=dry_run, progressed=_show_progress)

    try:
        view: ImportView = run_with_runtime(work)
    except (PostgresError, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        raise click.ClickException(f"The database refused the import, and nothing was written: {reason}") from None
    _print_report(view)


def _check_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None


def _pairs(overrides: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for override in overrides:
        # a list's name may hold the sign too, a status does not
        name, sign, status = override.rpartition("=")
        if not sign:
            raise click.ClickException(f'--map takes LIST=STATUS, such as "Info=todo", not {override!r}.')
        pairs[name] = status
    return pairs


async def _show_progress(percent: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{percent} %", nl=False, err=True)


def _print_report(view: ImportView) -> None:
    report = view.report
    if report is None or report.counts is None:
        raise click.ClickException("The import ended without a report.")
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    if not report.already_imported:
        counts = report.counts
        click.echo(f"{'Would import' if view.dry_run else 'Imported'} “{report.name}” from Trello:")
        click.echo(f"  {counts.tasks} tasks ({counts.archived} of them archived)")
        click.echo(f"  {counts.subtasks} subtasks of {counts.checklists} checklists")
        click.echo(
            f"  {counts.comments} comments, {counts.labels} labels, {counts.attachments_linked} links to attachments"
        )
        click.echo(f"  {counts.people} people without an account, {counts.members} of them members")
    click.echo("Lists and their status:")
    width = max((len(entry.name) for entry in report.lists), default=0)
    for entry in report.lists:
        reason = {"name": "by its name", "mapping": "as you said", "default": "by default"}[entry.decided_by]
        archived = ", archived" if entry.archived else ""
        click.echo(f"  {entry.name:<{width}}  {entry.status:<11}  {entry.cards} cards, {reason}{archived}")
    for warning in report.warnings:
        click.echo(f"Note: {warning}")
    if view.project_id is not None:
        click.echo(f"Project: {view.project_id}")
