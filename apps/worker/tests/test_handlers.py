"""The product's own jobs and schedules, through the product's own processes."""

from __future__ import annotations

from synergy_domain import maintenance
from synergy_domain import work as tasks
from synergy_domain.work import CommentInput
from synergy_testing.factories import Factory
from synergy_worker import handlers


def test_schedules_name_jobs_that_there_are():
    registry = handlers.make_registry()

    assert {schedule.name for schedule in handlers.SCHEDULES} == {
        "deadlines", "overdue", "digests", "cleanup", *maintenance.CHECKS,
    }  # fmt: skip
    by_jobs = {task.name for task in maintenance.TASKS if task.how == "job"}
    assert by_jobs <= {schedule.name for schedule in handlers.SCHEDULES}
    for schedule in handlers.SCHEDULES:
        registry.get(schedule.job)


async def test_work_comment_becomes_a_notification_once(work, start):
    make = Factory(work.runtime)
    owner = await make.user()
    project = await make.project(owner)
    author = await make.member(project)
    task = await make.task(project, owner)
    worker = start.product("worker")

    for number in range(20):
        async with work.runtime.database.unit_of_work() as uow:
            await tasks.add_comment(uow, author, str(task.id), CommentInput(body=f"Comment {number}"))

    await work.until(lambda: _notified(work, owner.user_id, 20))
    assert await work.connection.fetchval("SELECT count(*) FROM jobs WHERE attempts > 0") == 0
    assert await worker.end() == 0
    assert await _notified(work, owner.user_id, 20)
    assert {line["log.level"] for line in worker.lines()} <= {"info", "warning"}


async def test_schedule_built_in_schedules_run_without_an_error(work, start):
    worker, scheduler = start.product("worker"), start.product("scheduler")
    await work.until(lambda: _count(work, "SELECT count(*) FROM schedules", len(handlers.SCHEDULES)))

    await work.connection.execute("UPDATE schedules SET next_run_at = date_trunc('minute', now())")

    wanted = {schedule.job for schedule in handlers.SCHEDULES}
    await work.until(lambda: {line["synergy.job"] for line in worker.lines("job.done")} >= wanted)
    assert await scheduler.end() == 0
    assert not [line for line in worker.lines() + scheduler.lines() if line["log.level"] == "error"]


async def _notified(work, user_id, count):
    sql = "SELECT count(*) FROM notifications WHERE recipient_id = $1 AND type = 'comment_added'"
    return await work.connection.fetchval(sql, user_id) == count


async def _count(work, sql, count):
    return await work.connection.fetchval(sql) == count
