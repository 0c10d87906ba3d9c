"""Imports as a job does them, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from synergy_domain import projects, transfer, work
from synergy_domain.common import Actor
from synergy_domain.transfer import ImportMapping, ImportUpload, ImportView
from synergy_platform.errors import Forbidden, InvalidInput, NotFound
from synergy_platform.jobs import JobHandler, Registry, run_job
from synergy_platform.runtime import Runtime
from synergy_testing.factories import Factory

REGISTRY = Registry(
    [
        JobHandler(name=transfer.RUN_IMPORT, function=transfer.run_import, queue="bulk"),
        JobHandler(name=transfer.DISCARD_FILE, function=transfer.discard_file),
    ]
)
ANN = {"id": "a" * 24, "fullName": "Ann Lee", "username": "annlee"}
WRITTEN = ("projects", "project_members", "users", "tasks", "labels", "subtasks", "comments", "task_labels", "events")


async def accept(runtime: Runtime, actor: Actor, content: bytes, **fields: str | None) -> ImportView:
    """Upload a file, as the API does."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    stored = await runtime.storage.write("imports", chunks(), max_bytes=10**9)
    upload = {"source": "trello", "dry_run": None, "project_id": None, "mapping": None, **fields}
    wanted = await transfer.check_upload(runtime, actor, ImportUpload(file_key=stored.key, **upload))
    async with runtime.database.unit_of_work() as uow:
        return await transfer.request_import(uow, actor, wanted)


async def work_off(runtime: Runtime, view: ImportView) -> str:
    """Do the job of an import, as a worker does; what came of the job."""
    job_id = await runtime.database.reader().value("SELECT id FROM jobs WHERE dedup_key = $1", f"import:{view.id}")
    return await run_job(runtime, REGISTRY, job_id)


async def run(runtime: Runtime, actor: Actor, content: bytes, **fields: str | None) -> ImportView:
    """Upload a file and do its job; what the user sees then."""
    view = await accept(runtime, actor, content, **fields)
    assert await work_off(runtime, view) == "done"
    return await transfer.get_import(runtime.database.reader(), actor, view.id)


async def count_rows(runtime: Runtime) -> dict[str, int]:
    db = runtime.database.reader()
    return {table: await db.value(f"SELECT count(*) FROM {table}") for table in WRITTEN}  # noqa: S608 - constants


def uploads(runtime: Runtime) -> set[Path]:
    folder = runtime.storage.path("imports")
    return {path for path in folder.rglob("*") if path.is_file()}


async def test_import_the_real_board_fills_a_new_project(runtime: Runtime, make: Factory, real_board: bytes) -> None:
    owner = await make.user()
    view = await run(runtime, owner, real_board)
    db = runtime.database.reader()
    assert (view.status, view.progress, view.report.error) == ("completed", 100, None)
    project = await projects.get_project(db, owner, view.project_id)
    assert (project.name, project.status, project.my_role) == ("Project 490 420", "active", "owner")
    assert (project.tasks_total, project.tasks_done, project.progress) == (62, 47, 75)
    assert project.created_at == datetime(2017, 9, 7, 14, 10, 38, tzinfo=UTC)
    board = await work.get_board(db, runtime.cursors, owner, project.id)
    assert [(column.status, column.total) for column in board.columns] == [
        ("todo", 12), ("in_progress", 3), ("review", 0), ("done", 47),
    ]  # fmt: skip
    tasks = [task for column in board.columns for task in column.tasks]
    assert [task.title for task in tasks[:3]] == ["Admin Login", "Common Deliverables", "FINAL PROJECT DELIVERABLES"]
    assert sum(task.subtasks.total for task in tasks) == 66
    assert sum(task.comment_count for task in tasks) == 32
    assert sum("archived" in [label.name for label in task.labels] for task in tasks) == 5
    assert min(tasks, key=lambda task: task.created_at).number == 1
    labels = await work.list_labels(db, owner, project.id)
    assert sorted(label.name for label in labels) == [
        "Back End", "Back and Front", "Front End", "archived", "blue", "purple", "red",
    ]  # fmt: skip
    members = await projects.list_members(db, owner, project.id)
    assert [(one.role, one.is_active) for one in members] == [("owner", True), *[("member", False)] * 5]


async def test_import_tells_its_story_quietly_with_the_dates_of_the_source(
    runtime: Runtime, make: Factory, board: Any
) -> None:
    card = board.card("Plant", list_name="Done")
    board.action("commentCard", card, at="2024-05-03T10:00:00Z", by=ANN, text="Grown *well*")
    board.action("createCard", card, at="2024-05-01T10:00:00Z", by=ANN, list={"id": board.list_id("Done")})
    owner = await make.user()
    view = await run(runtime, owner, board.content)
    rows = await runtime.database.reader().rows(
        """SELECT e.type, e.quiet, e.occurred_at::date::text AS day, u.username, e.data ->> 'excerpt' AS excerpt
           FROM events e JOIN users u ON u.id = e.actor_id WHERE e.project_id = $1 ORDER BY e.ord""",
        view.project_id,
    )
    told = [(row["type"], row["quiet"], row["day"]) for row in rows]
    assert told[:3] == [
        ("project.created", True, "2024-03-01"), ("task.created", True, "2024-05-01"),
        ("comment.created", True, "2024-05-03"),
    ]  # fmt: skip
    assert told[3][:2] == ("project.imported", False)
    assert rows[1]["username"].startswith("annlee")
    assert rows[2]["excerpt"] == "Grown *well*"
    assert rows[3]["username"] == owner.username
    html = await runtime.database.reader().value(
        "SELECT body_html FROM comments c JOIN tasks t ON t.id = c.task_id WHERE t.project_id = $1", view.project_id
    )
    assert html == "<p>Grown <em>well</em></p>\n"


async def test_import_the_same_board_again_adds_nothing(own_runtime: Runtime, real_board: bytes) -> None:
    owner = await Factory(own_runtime).user()
    first = await run(own_runtime, owner, real_board)
    before = await count_rows(own_runtime)
    again = await run(own_runtime, owner, real_board)
    dry = await run(own_runtime, owner, real_board, dry_run="true")
    assert await count_rows(own_runtime) == before
    for view in (again, dry):
        assert (view.status, view.project_id) == ("completed", first.project_id)
        assert view.report.already_imported
        assert view.report.counts.tasks == 0
        assert "nothing was added" in view.report.warnings[0]


async def test_import_the_same_board_by_somebody_else_makes_another_project(
    runtime: Runtime, make: Factory, board: Any
) -> None:
    board.card()
    first = await run(runtime, await make.user(), board.content)
    second = await run(runtime, await make.user(), board.content)
    assert first.project_id != second.project_id
    assert not second.report.already_imported


async def test_import_again_after_the_project_went_to_the_trash_makes_a_new_one(
    runtime: Runtime, make: Factory, board: Any
) -> None:
    owner = await make.user()
    first = await run(runtime, owner, board.content)
    async with runtime.database.unit_of_work() as uow:
        await projects.delete_project(uow, owner, first.project_id)
    second = await run(runtime, owner, board.content)
    assert second.project_id not in {None, first.project_id}


async def test_import_twice_at_the_same_time_makes_one_project(
    runtime: Runtime, make: Factory, real_board: bytes
) -> None:
    owner = await make.user()
    views = [await accept(runtime, owner, real_board) for _ in range(2)]
    assert await asyncio.gather(*(work_off(runtime, view) for view in views)) == ["done", "done"]
    db = runtime.database.reader()
    done = [await transfer.get_import(db, owner, view.id) for view in views]
    assert done[0].project_id == done[1].project_id
    assert sorted(view.report.already_imported for view in done) == [False, True]
    assert await db.value("SELECT count(*) FROM projects WHERE owner_id = $1", owner.user_id) == 1


async def test_import_dry_run_reports_the_same_and_writes_nothing(own_runtime: Runtime, real_board: bytes) -> None:
    owner = await Factory(own_runtime).user()
    before = await count_rows(own_runtime)
    dry = await run(own_runtime, owner, real_board, dry_run="true")
    assert await count_rows(own_runtime) == before
    assert (dry.status, dry.project_id) == ("completed", None)
    real = await run(own_runtime, owner, real_board)
    assert real.report == dry.report


async def test_import_into_a_project_goes_behind_what_is_there(runtime: Runtime, make: Factory, board: Any) -> None:
    project = await make.project()
    first = await make.task(project, title="here before")
    owner = make.owner(project)
    async with runtime.database.unit_of_work() as uow:
        there = await work.add_label(uow, owner, project.id, work.LabelInput(name="Bug", color="#123456"))
    board.card("one", idLabels=[board.label("BUG", "red")])
    board.card("two", list_name="Done")
    manager = await make.member(project, "manager")
    view = await run(runtime, manager, board.content, project_id=str(project.id))
    assert view.project_id == project.id
    db = runtime.database.reader()
    todo = (await work.get_board(db, runtime.cursors, owner, project.id)).columns[0].tasks
    assert [(task.title, task.number) for task in todo] == [("here before", first.number), ("one", first.number + 1)]
    assert [label.id for label in todo[1].labels] == [there.id]
    assert (await projects.get_project(db, owner, project.id)).progress == 33
    # known in this project, whoever of its managers tries
    again = await run(runtime, owner, board.content, project_id=str(project.id))
    assert again.report.already_imported


@pytest.mark.parametrize(("role", "error"), [("viewer", Forbidden), ("member", Forbidden), (None, InvalidInput)])
async def test_import_into_a_project_one_does_not_manage_is_refused(
    runtime: Runtime, make: Factory, board: Any, role: str | None, error: type[Exception]
) -> None:
    project = await make.project()
    actor = await make.member(project, role) if role else await make.user()
    with pytest.raises(error):
        await accept(runtime, actor, board.content, project_id=str(project.id))


async def test_import_by_a_manager_who_lost_the_role_meanwhile_fails(
    runtime: Runtime, make: Factory, board: Any
) -> None:
    project = await make.project()
    manager = await make.member(project, "manager")
    view = await accept(runtime, manager, board.content, project_id=str(project.id))
    async with runtime.database.unit_of_work() as uow:
        await projects.remove_member(uow, make.owner(project), project.id, manager.user_id)
    assert await work_off(runtime, view) == "done"
    failed = await transfer.get_import(runtime.database.reader(), manager, view.id)
    assert (failed.status, failed.report.error.code) == ("failed", "invalid_input")


async def test_import_with_a_mapping_decides_the_columns(runtime: Runtime, make: Factory, board: Any) -> None:
    board.card(list_name="To Do")
    owner = await make.user()
    view = await run(runtime, owner, board.content, mapping='{"lists": {"to do": "review"}}')
    columns = (await work.get_board(runtime.database.reader(), runtime.cursors, owner, view.project_id)).columns
    assert [column.total for column in columns] == [0, 0, 1, 0]


async def test_import_gives_people_names_that_nobody_has(runtime: Runtime, make: Factory, board: Any) -> None:
    taken = await make.user()
    board.member("Somebody Else", taken.username.upper())
    board.member("Third One", taken.username)
    view = await run(runtime, await make.user(), board.content)
    rows = await runtime.database.reader().rows(
        """SELECT u.username, u.email, u.password_hash, u.is_active, u.is_person_only
           FROM project_members m JOIN users u ON u.id = m.user_id
           WHERE m.project_id = $1 AND m.role = 'member' ORDER BY u.username""",
        view.project_id,
    )
    assert [tuple(row) for row in rows] == [
        (f"{taken.username}-2", None, None, False, True), (f"{taken.username}-3", None, None, False, True),
    ]  # fmt: skip


async def test_import_that_breaks_in_the_middle_leaves_nothing_and_is_tried_again(
    own_runtime: Runtime, real_board: bytes
) -> None:
    owner = await Factory(own_runtime).user()
    view = await accept(own_runtime, owner, real_board)
    before = await count_rows(own_runtime)
    db = own_runtime.database.reader()
    await db.value("ALTER TABLE comments ADD CONSTRAINT broken CHECK (body NOT LIKE '%a%') NOT VALID")
    with capture_logs() as logs:
        assert await work_off(own_runtime, view) == "failed"
    assert logs[-1]["event"] == "job.failed"
    assert await count_rows(own_runtime) == before
    assert (await transfer.get_import(db, owner, view.id)).status == "running"
    await db.value("ALTER TABLE comments DROP CONSTRAINT broken")
    assert await work_off(own_runtime, view) == "done"
    assert (await transfer.get_import(db, owner, view.id)).report.counts.comments == 32


async def test_import_whose_job_is_dead_is_shown_as_failed(runtime: Runtime, make: Factory, board: Any) -> None:
    owner = await make.user()
    view = await accept(runtime, owner, board.content)
    db = runtime.database.reader()
    await db.value("UPDATE jobs SET state = 'dead' WHERE dedup_key = $1", f"import:{view.id}")
    shown = await transfer.get_import(db, owner, view.id)
    assert (shown.status, shown.report.error.code) == ("failed", "internal_error")


async def test_import_of_a_large_file_is_read_whole_by_the_job_only(own_runtime: Runtime, board: Any) -> None:
    """What the upload does not look at, for the sake of speed, the job refuses, and the file goes."""
    owner = await Factory(own_runtime).user()
    board.card(name=7)
    with pytest.raises(InvalidInput):
        await accept(own_runtime, owner, board.content)
    before = uploads(own_runtime)
    board.fields["padding"] = "x" * (1024 * 1024)
    failed = await run(own_runtime, owner, board.content)
    assert (failed.status, failed.report.error.code, failed.project_id) == ("failed", "not_a_trello_export", None)
    assert failed.finished_at is not None
    await _discard_files(own_runtime)
    assert uploads(own_runtime) == before


async def test_import_deletes_its_file_when_it_is_done(own_runtime: Runtime, board: Any) -> None:
    before = uploads(own_runtime)
    view = await accept(own_runtime, await Factory(own_runtime).user(), board.content)
    assert len(uploads(own_runtime) - before) == 1
    assert await work_off(own_runtime, view) == "done"
    await _discard_files(own_runtime)
    assert uploads(own_runtime) == before


async def _discard_files(runtime: Runtime) -> None:
    rows = await runtime.database.reader().rows("SELECT id FROM jobs WHERE name = $1", transfer.DISCARD_FILE)
    assert rows
    for row in rows:
        assert await run_job(runtime, REGISTRY, row["id"]) == "done"


async def test_import_of_many_cards_needs_no_more_statements_than_of_few(own_runtime: Runtime, make_board: Any) -> None:
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    async def imported(cards: int) -> int:
        board = make_board()
        for number in range(cards):
            member = board.member(f"Person {number}", f"somebody{cards}-{number}") if number < 5 else None
            card = board.card(f"Card {number}", idMembers=[member], idLabels=[board.label(f"l{number}", "red")])
            board.checklist(card, "List", {"name": "a"}, {"name": "b"})
            board.action("commentCard", card, at="2024-05-02T10:00:00Z", by=ANN, text="x")
        before = statements
        await run(own_runtime, owner, board.content)
        return statements - before

    owner = await Factory(own_runtime).user()
    # statements of the session; those of readers and of the driver are as many as the verbs that are written
    event.listen(own_runtime.database._engine.sync_engine, "before_cursor_execute", count)
    assert await imported(10) == await imported(400)


async def test_get_import_of_somebody_else_is_not_found(runtime: Runtime, make: Factory, board: Any) -> None:
    view = await accept(runtime, await make.user(), board.content)
    with pytest.raises(NotFound):
        await transfer.get_import(runtime.database.reader(), await make.user(), view.id)


async def test_import_file_does_it_at_once_and_tells_how_far_it_is(
    runtime: Runtime, make: Factory, board: Any, tmp_path: Path
) -> None:
    owner = await make.user()
    board.card()
    file = tmp_path / "board.json"
    file.write_bytes(board.content)
    told: list[int] = []

    async def progressed(percent: int) -> None:
        told.append(percent)

    view = await transfer.import_file(
        runtime, owner.username.upper(), file, ImportMapping(), dry_run=False, progressed=progressed
    )
    assert (view.status, view.report.counts.tasks) == ("completed", 1)
    assert told == sorted(told)
    assert told[-1] == 95


async def test_import_file_for_nobody_writes_nothing(runtime: Runtime, tmp_path: Path) -> None:
    async def progressed(_: int) -> None:
        raise AssertionError

    with pytest.raises(InvalidInput, match="no active account named nobody"):
        await transfer.import_file(
            runtime, "nobody", tmp_path / "board.json", ImportMapping(), dry_run=False, progressed=progressed
        )
