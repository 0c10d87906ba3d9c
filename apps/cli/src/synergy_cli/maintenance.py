"""`synergy maintenance`: the lists of what keeps the system well, doing it, and recording what people did."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from synergy_cli.local import user_name

if TYPE_CHECKING:
    from synergy_domain.maintenance import Finding, MaintenanceTaskView, RecordView
    from synergy_platform.runtime import Runtime

_NAME_LENGTH = 100
_MARKS = {"ok": "ok", "attention": "ATTENTION", "overdue": "OVERDUE", "never": "not yet", "not_applicable": "-"}


_by = click.option(
    "--by", default=lambda: user_name() or "operator", help="Who does it; the name of this user when none is given."
)


@click.group("maintenance")
def maintenance_group() -> None:
    """What has to be done daily, weekly, monthly and quarterly: how it stands, doing it, recording it."""


@maintenance_group.command()
@click.option("--json", "is_json", is_flag=True, help="For scripts: everything that is known of each task.")
def status(*, is_json: bool) -> None:
    """Show each task with its last record; exit status 1 when one is overdue."""
    import msgspec

    from synergy_cli.main import run_with_runtime
    from synergy_domain import maintenance

    async def work(runtime: Runtime) -> list[MaintenanceTaskView]:
        return await maintenance.maintenance_status(runtime.database.reader(), runtime.clock.now())

    tasks: list[MaintenanceTaskView] = run_with_runtime(work)
    if is_json:
        click.echo(msgspec.json.format(msgspec.json.encode(tasks), indent=2).decode())
    else:
        _print_status(tasks)
    if any(task.state == "overdue" for task in tasks):
        raise SystemExit(1)


def _print_status(tasks: list[MaintenanceTaskView]) -> None:
    width = max(len(task.task) for task in tasks)
    for task in tasks:
        last = "" if task.last is None else f"  {task.last.finished_at:%Y-%m-%d}  {task.last.summary}"
        due = "" if task.due_at is None else f"  due {task.due_at:%Y-%m-%d}"
        click.echo(f"{_MARKS[task.state]:<9}  {task.task:<{width}}{due}{last}")
    for task in tasks:
        if task.state == "overdue":
            click.echo(f"\n{task.task} is overdue since {task.overdue_at:%Y-%m-%d}. {task.help}\n    {task.command}")
            for check in task.checks:
                click.echo(f"    - {check}")


@maintenance_group.command()
@click.argument("task")
@_by
def run(task: str, by: str) -> None:
    """Do one of the checks of the system now, as its schedule does, and show what it found."""
    from synergy_cli.main import run_with_runtime
    from synergy_domain import maintenance

    async def work(runtime: Runtime) -> Finding:
        async with runtime.database.unit_of_work() as uow:
            return await maintenance.run_check(runtime, uow, task, done_by=by[:_NAME_LENGTH])

    _print_finding(run_with_runtime(work))


@maintenance_group.command()
@click.argument("task")
@click.option("--outcome", type=click.Choice(["ok", "attention", "failed"]), required=True)
@click.option("--note", required=True, help="A sentence: what was done, and what was found.")
@_by
def record(task: str, outcome: Any, note: str, by: str) -> None:  # noqa: ANN401 - one of the choices
    """Record what a person did, such as quarterly.recovery_drill, or a program elsewhere."""
    from synergy_cli.main import run_with_runtime
    from synergy_domain import maintenance

    async def work(runtime: Runtime) -> None:
        async with runtime.database.unit_of_work() as uow:
            await maintenance.sign_off(runtime, uow, task, outcome=outcome, note=note, done_by=by[:_NAME_LENGTH])

    run_with_runtime(work)
    click.echo(f"{task} is recorded: {outcome}.", err=True)


@maintenance_group.command(hidden=True)
def add() -> None:
    """Keep what a program of ours did: task, outcome, times, summary, as a JSON object on standard input."""
    import msgspec

    from synergy_cli.main import run_with_runtime
    from synergy_domain.maintenance import RecordInput, add_record

    try:
        entry = msgspec.json.decode(sys.stdin.buffer.read(), type=RecordInput)
    except msgspec.DecodeError as error:
        click.echo(f"This is no record: {error}", err=True)
        raise SystemExit(1) from None

    async def work(runtime: Runtime) -> None:
        async with runtime.database.unit_of_work() as uow:
            add_record(uow, entry)

    run_with_runtime(work)
    click.echo(f"Recorded: {entry.task}, {entry.outcome}.", err=True)


@maintenance_group.command()
@click.argument("task")
def show(task: str) -> None:
    """Show the last record of a task with all its figures, as a report."""
    from synergy_cli.main import run_with_runtime
    from synergy_domain import maintenance

    async def work(runtime: Runtime) -> list[RecordView]:
        return await maintenance.recent_records(runtime.database.reader(), [task], limit=1)

    records: list[RecordView] = run_with_runtime(work)
    if not records:
        raise click.ClickException(f"There is no record of {task}. `synergy maintenance status` lists the tasks.")
    [found] = records
    click.echo(f"{found.task}: {found.outcome}, {found.finished_at:%Y-%m-%d %H:%M} UTC, by {found.done_by}")
    click.echo(found.summary)
    _print_detail(found.detail)


@maintenance_group.command("review-logs")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@_by
def review_logs(file: Path, by: str) -> None:
    """Read JSON log lines of FILE (- is standard input), show what is in them, and record that they were reviewed."""
    from synergy_cli.main import run_with_runtime
    from synergy_domain import maintenance

    review = maintenance.LogReview()
    try:
        review.read(_lines(file))
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None

    async def work(runtime: Runtime) -> Finding:
        async with runtime.database.unit_of_work() as uow:
            return await maintenance.record_review(runtime, uow, review, done_by=by[:_NAME_LENGTH])

    _print_finding(run_with_runtime(work))


def _lines(file: Path) -> Iterator[str]:
    if str(file) == "-":
        yield from (line.decode(errors="replace") for line in sys.stdin.buffer)
        return
    with file.open(encoding="utf-8", errors="replace") as source:
        yield from source


def _print_finding(finding: Finding) -> None:
    click.echo(f"{finding.outcome}: {finding.summary}")
    _print_detail(finding.detail)


def _print_detail(detail: dict[str, Any]) -> None:
    """Each figure on a line; rows of one kind as a table."""
    for name, value in detail.items():
        rows = cast("list[Any]", value) if isinstance(value, list) else []
        if rows and all(isinstance(row, dict) for row in rows):
            click.echo(f"{name}:")
            for line in _table(rows):
                click.echo(f"  {line}")
        elif isinstance(value, dict) and value:
            click.echo(f"{name}:")
            for key, inner in cast("dict[str, Any]", value).items():
                click.echo(f"  {key}: {_shown(key, inner)}")
        else:
            click.echo(f"{name}: {_shown(name, value)}")


def _table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    cells = [[_shown(name, value) for name, value in row.items()] for row in rows]
    heads = list(next(iter(rows)))
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(heads))]
    for line in [heads, *cells]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _shown(name: str, value: Any) -> str:  # noqa: ANN401 - JSON
    from synergy_domain.maintenance import readable

    if value is None or value in ([], {}):
        return "-"
    if "bytes" in name.split("_") and isinstance(value, int):
        return readable(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(key, inner)}" for key, inner in cast("dict[str, Any]", value).items())
    if isinstance(value, list):
        return ", ".join(_shown(name, each) for each in cast("list[Any]", value))
    return f"{value}"
