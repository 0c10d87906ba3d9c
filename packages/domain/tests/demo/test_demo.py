import asyncio
from datetime import timedelta

import msgspec
import pytest

from synergy_domain import projects, work
from synergy_domain.common import Actor
from synergy_domain.demo import PASSWORD, fill, story
from synergy_domain.demo.errors import AlreadyFilling, DatabaseInUse, NotInProduction
from synergy_domain.demo.reference import COLUMNS, ReferenceSet
from synergy_domain.identity import Client, Credentials, sign_in
from synergy_domain.projects import ProjectQuery
from synergy_platform.runtime import Runtime
from synergy_testing.factories import Factory

_TABLES = ("users", "projects", "project_members", "tasks", "comments", "subtasks", "task_labels", "events")


async def _counts(runtime: Runtime) -> dict[str, int]:
    db = runtime.database.reader()
    return {table: await db.value(f"SELECT count(*) FROM {table}") for table in _TABLES}  # noqa: S608 - our tables


async def _wrong_counters(runtime: Runtime) -> int:
    return await runtime.database.reader().value(
        """SELECT count(*) FROM project_counters c
           WHERE (tasks_total, tasks_done, impact_total, impact_done, last_number) <>
           (SELECT count(*), count(*) FILTER (WHERE status = 'done'), coalesce(sum(impact), 0),
                   coalesce(sum(impact) FILTER (WHERE status = 'done'), 0), coalesce(max(number), 0)
            FROM tasks t WHERE t.project_id = c.project_id)"""
    )


async def test_fill_small_makes_accounts_that_can_sign_in_and_see_lively_boards(own_runtime: Runtime) -> None:
    filled = await fill(own_runtime, "small")

    assert filled.added
    db = own_runtime.database.reader()
    for username in story.usernames():
        issued = await sign_in(
            own_runtime, Credentials(identifier=username, password=PASSWORD), Client("127.0.0.1", "test")
        )
        assert issued.user.email_verified_at is not None
    mara = Actor(user_id=await db.value("SELECT id FROM users WHERE username = 'mara'"), username="mara", role="admin")
    found = await projects.list_projects(db, own_runtime.cursors, mara, ProjectQuery())
    assert {project.key for project in found.items} == {"WEB", "APP", "CARE", "MOVE"}
    website = next(project for project in found.items if project.key == "WEB")
    board = await work.get_board(db, own_runtime.cursors, mara, website.id)
    assert all(column.tasks for column in board.columns)
    assert await _wrong_counters(own_runtime) == 0


async def test_fill_small_tells_everything_in_the_past_and_in_its_order(own_runtime: Runtime) -> None:
    await fill(own_runtime, "small")

    db = own_runtime.database.reader()
    now = own_runtime.clock.now()
    times = [row["occurred_at"] for row in await db.rows("SELECT occurred_at FROM events ORDER BY ord")]
    assert times == sorted(times)
    assert times[0] < now - timedelta(days=30)
    assert times[-1] <= now
    assert (
        await db.value(
            "SELECT count(*) FROM comments c JOIN tasks t ON t.id = c.task_id WHERE c.created_at < t.created_at"
        )
        == 0
    )
    assert await db.value("SELECT count(*) FROM tasks WHERE (status = 'done') <> (completed_at IS NOT NULL)") == 0


async def test_fill_small_keeps_keys_that_others_have(own_runtime: Runtime) -> None:
    make = Factory(own_runtime)
    await make.project(key="WEB")

    assert (await fill(own_runtime, "small")).added
    keys = {row["key"] for row in await own_runtime.database.reader().rows("SELECT key FROM projects")}
    assert len(keys) == 5


@pytest.mark.parametrize("only_if_empty", [False, True])
async def test_fill_small_a_second_time_adds_nothing(own_runtime: Runtime, only_if_empty: bool) -> None:
    await fill(own_runtime, "small")
    before = await _counts(own_runtime)

    again = await fill(own_runtime, "small", only_if_empty=only_if_empty)

    assert not again.added
    assert again.sign_in
    assert await _counts(own_runtime) == before


async def test_fill_only_if_empty_with_a_user_adds_nothing(own_runtime: Runtime) -> None:
    await Factory(own_runtime).user()

    filled = await fill(own_runtime, "small", only_if_empty=True)

    assert (filled.added, filled.sign_in) == (False, [])
    assert (await _counts(own_runtime))["users"] == 1


async def test_fill_in_production_is_refused(own_runtime: Runtime) -> None:
    own_runtime.settings = msgspec.structs.replace(own_runtime.settings, environment="production")

    with pytest.raises(NotInProduction):
        await fill(own_runtime, "small")
    assert (await _counts(own_runtime))["users"] == 0


async def test_fill_reference_with_a_project_is_refused(own_runtime: Runtime) -> None:
    await Factory(own_runtime).project()

    with pytest.raises(DatabaseInUse):
        await fill(own_runtime, "reference")


@pytest.mark.long
async def test_fill_reference_makes_exactly_the_promised_numbers(own_runtime: Runtime) -> None:
    assert (await fill(own_runtime, "reference")).added

    counts, db = await _counts(own_runtime), own_runtime.database.reader()
    assert (counts["users"], counts["projects"], counts["tasks"]) == (100, 1000, 100_000)
    assert counts["comments"] + counts["events"] == 300_000
    assert await _wrong_counters(own_runtime) == 0
    assert await db.value("SELECT last_seq FROM ledger_head") == counts["events"]
    assert await db.value("SELECT max(seq) FROM events") == counts["events"]
    boards = await db.rows(
        """SELECT c.project_id FROM project_counters c WHERE c.tasks_total = 200 AND NOT EXISTS
             (SELECT 1 FROM (SELECT count(*) AS size FROM tasks t WHERE t.project_id = c.project_id GROUP BY t.status) x
              WHERE x.size <> 50)"""
    )
    assert len(boards) >= 10
    assert not (await fill(own_runtime, "reference")).added
    # a task made afterwards goes to the end of its column
    owner = await db.row(
        "SELECT o.id, o.username FROM projects p JOIN users o ON o.id = p.owner_id WHERE p.id = $1", boards[0][0]
    )
    assert owner is not None
    actor = Actor(user_id=owner["id"], username=owner["username"], role="member")
    async with own_runtime.database.unit_of_work() as uow:
        task = await work.create_task(uow, actor, boards[0][0], work.TaskInput(title="One more"))
    assert task.number == 201
    assert (
        await db.value(
            "SELECT id FROM tasks WHERE project_id = $1 AND status = 'todo' ORDER BY position DESC LIMIT 1",
            boards[0][0],
        )
        == task.id
    )


def test_reference_set_made_twice_is_the_same() -> None:
    def first_rows() -> list[object]:
        made = ReferenceSet("hash")
        batches = made.batches(projects_at_once=5)
        return [next(batches) for _ in range(3)]

    assert first_rows() == first_rows()


async def test_reference_columns_exist(own_runtime: Runtime) -> None:
    rows = await own_runtime.database.reader().rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    present = {(row["table_name"], row["column_name"]) for row in rows}
    assert {(table, column) for table, columns in COLUMNS.items() for column in columns} <= present


async def test_fill_small_twice_at_once_makes_it_once(own_runtime: Runtime) -> None:
    results = await asyncio.gather(fill(own_runtime, "small"), fill(own_runtime, "small"), return_exceptions=True)

    added = [result for result in results if not isinstance(result, BaseException) and result.added]
    other = next(result for result in results if result not in added)
    assert len(added) == 1
    assert isinstance(other, AlreadyFilling) or not other.added
    assert await own_runtime.database.reader().value("SELECT count(*) FROM users WHERE username = 'mara'") == 1
