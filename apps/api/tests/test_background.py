"""Queues, dead letters and schedules, as an administrator steers them over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy_platform import heartbeats
from synergy_platform.ids import new_id
from synergy_platform.jobs import JobHandler, Registry, bury_message, run_job
from synergy_platform.schedules import ScheduleDefinition, due_schedules, ensure_schedules, fire


async def fail(_runtime, _uow, payload):
    raise ValueError(f"no {payload['what']} today")


async def succeed(_runtime, _uow, _payload):
    """Does nothing, well."""


FAILING = Registry((JobHandler(name="test.fail", function=fail),))
WORKING = Registry((JobHandler(name="test.fail", function=succeed),))


@pytest.fixture
async def admin(make, api):
    return await api.as_(await make.user(role="admin"))


@pytest.fixture
def dead_letters(runtime):
    async def make_some(count=1, **payload):
        found = []
        for _ in range(count):
            async with runtime.database.unit_of_work() as uow:
                job_id = uow.enqueue("test.fail", {"what": "bread", **payload}, dedup_key=f"test:{new_id()}")
            for _ in range(5):
                await run_job(runtime, FAILING, job_id, "request-1")
            found.append(str(job_id))
        return found

    return make_some


async def test_job_that_failed_five_times_is_read_with_its_history_and_sent_again(admin, dead_letters, runtime):
    [job_id] = await dead_letters()

    listed = (await admin.get("/admin/jobs?name=test.fail&limit=200")).json()["items"]
    [job] = [job for job in listed if job["id"] == job_id]
    assert (job["state"], job["queue"], job["attempts"], job["payload"]) == ("dead", "fast", 5, {"what": "bread"})
    assert [attempt["attempt"] for attempt in job["history"]] == [1, 2, 3, 4, 5]
    assert {attempt["error"] for attempt in job["history"]} == {"ValueError: no bread today"}
    assert job == (await admin.get(f"/admin/jobs/{job_id}")).json()

    again = await admin.post(f"/admin/jobs/{job_id}/retry")
    assert again.status_code == 200
    assert (again.json()["state"], again.json()["attempts"], again.json()["died_at"]) == ("waiting", 0, None)
    assert (await admin.post(f"/admin/jobs/{job_id}/retry")).status_code == 409
    assert (await admin.delete(f"/admin/jobs/{job_id}")).status_code == 409
    assert await run_job(runtime, WORKING, new_id()) == "not_mine"
    assert await run_job(runtime, WORKING, job["id"]) == "done"
    assert (await admin.get(f"/admin/jobs/{job_id}")).status_code == 404
    assert (await admin.post(f"/admin/jobs/{job_id}/retry")).status_code == 404


async def test_jobs_are_paged_filtered_retried_together_and_deleted(admin, dead_letters):
    ids = await dead_letters(3)
    first = (await admin.get("/admin/jobs?limit=2&name=test.fail&queue=fast,bulk")).json()
    rest = (
        await admin.get(f"/admin/jobs?limit=200&name=test.fail&queue=fast,bulk&cursor={first['next_cursor']}")
    ).json()
    seen = [job["id"] for job in first["items"] + rest["items"]]
    assert [job_id for job_id in seen if job_id in ids] == ids[::-1]
    assert (await admin.get("/admin/jobs?name=test.fail&queue=io")).json()["items"] == []

    assert (await admin.delete(f"/admin/jobs/{ids[0]}")).status_code == 204
    assert (await admin.delete(f"/admin/jobs/{ids[0]}")).status_code == 404
    retried = await admin.post("/admin/jobs/retry", json={"name": "test.fail"})
    assert retried.json()["retried"] >= 2
    assert (await admin.get("/admin/jobs?name=test.fail")).json()["items"] == []
    waiting = (await admin.get("/admin/jobs?state=waiting&name=test.fail&limit=200")).json()["items"]
    assert {ids[1], ids[2]} <= {job["id"] for job in waiting}


async def test_message_that_was_no_job_is_read_and_deleted_but_never_sent(admin, runtime):
    job_id = await bury_message(runtime.database.reader(), runtime, "fast", b"\xff{not json", "malformed: DecodeError")

    job = (await admin.get(f"/admin/jobs/{job_id}")).json()
    assert (job["name"], job["error"]) == ("message", "malformed: DecodeError")
    assert job["payload"]["message"].endswith("{not json")
    assert (await admin.post(f"/admin/jobs/{job_id}/retry")).status_code == 409
    assert (await admin.delete(f"/admin/jobs/{job_id}")).status_code == 204


async def test_queues_say_what_waits_since_when_and_who_is_alive(admin, dead_letters, runtime):
    await dead_letters()
    await heartbeats.beat(runtime.database.reader(), "worker", "background-test:1")
    async with runtime.database.unit_of_work() as uow:
        uow.enqueue("test.fail", {"what": "milk"}, queue="bulk")
        uow.enqueue("test.fail", {"what": "milk"}, queue="bulk", delay=timedelta(hours=1))

    state = (await admin.get("/admin/queues")).json()
    await heartbeats.forget(runtime.database.reader(), "background-test:1")

    queues = {queue["name"]: queue for queue in state["queues"]}
    assert list(queues) == ["fast", "bulk", "io"]
    assert queues["fast"]["dead"] >= 1
    assert queues["bulk"]["due"] >= 1
    assert queues["bulk"]["delayed"] >= 1
    assert queues["bulk"]["oldest_seconds"] >= 0
    assert state["outbox"]["events"] >= 0
    [process] = [process for process in state["processes"] if process["process"] == "background-test:1"]
    assert process["role"] == "worker"
    assert 0 <= process["silent_seconds"] < 60


@pytest.fixture
async def schedule(runtime, admin):
    name = f"test.{new_id()}"
    definition = ScheduleDefinition(name=name, job="test.fail", cron="0 3 * * *")
    async with runtime.database.unit_of_work() as uow:
        await ensure_schedules(uow, (definition,))
    listed = (await admin.get("/admin/schedules")).json()["items"]
    [found] = [each for each in listed if each["name"] == name]
    return found


async def test_schedule_is_run_at_once_by_the_next_scheduler_and_its_slot_stays(admin, schedule, runtime):
    answer = await admin.post(f"/admin/schedules/{schedule['id']}/run")
    assert answer.status_code == 200
    [due] = [
        each for each in await due_schedules(runtime.database.reader(), runtime.clock.now())
        if str(each.id) == schedule["id"]
    ]  # fmt: skip
    for _ in range(2):
        async with runtime.database.unit_of_work() as uow:
            await fire(uow, FAILING, due.id)

    waiting = (await admin.get("/admin/jobs?state=waiting&name=test.fail&limit=200")).json()["items"]
    assert len([job for job in waiting if job["payload"].get("schedule") == schedule["name"]]) == 1
    listed = (await admin.get("/admin/schedules")).json()["items"]
    [after] = [each for each in listed if each["id"] == schedule["id"]]
    assert after["last_run_at"] is not None
    assert after["next_run_at"] == schedule["next_run_at"]


async def test_schedule_paused_has_no_next_run_but_runs_when_asked(admin, schedule, runtime):
    paused = (await admin.post(f"/admin/schedules/{schedule['id']}/pause")).json()
    assert (paused["is_paused"], paused["next_run_at"]) == (True, None)
    assert (await admin.post(f"/admin/schedules/{schedule['id']}/run")).status_code == 200
    async with runtime.database.unit_of_work() as uow:
        assert await fire(uow, FAILING, schedule["id"]) == 1
    resumed = (await admin.post(f"/admin/schedules/{schedule['id']}/resume")).json()
    assert (resumed["is_paused"], resumed["next_run_at"]) == (False, schedule["next_run_at"])


async def test_schedule_changed_is_due_by_its_new_rule(admin, schedule):
    path = f"/admin/schedules/{schedule['id']}"
    by_interval = (await admin.patch(path, json={"interval_seconds": 600})).json()
    assert (by_interval["cron"], by_interval["interval_seconds"]) == (None, 600)
    by_cron = (
        await admin.patch(path, json={"cron": " 0 9  * * 1\n", "timezone": "Europe/Vienna", "missed": "skip"})
    ).json()
    assert (by_cron["cron"], by_cron["interval_seconds"]) == ("0 9 * * 1", None)
    assert (by_cron["timezone"], by_cron["missed"]) == ("Europe/Vienna", "skip")
    assert by_cron["next_run_at"][11:16] in {"07:00", "08:00"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"cron": "every day"}, "/cron"),
        ({"cron": "0 0 31 2 *"}, "/cron"),
        ({"cron": "* * * * * *"}, "/cron"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../etc/passwd"}, "/timezone"),
        ({"interval_seconds": 1}, "/interval_seconds"),
        ({"cron": "* * * * *", "interval_seconds": 60}, "/interval_seconds"),
        ({"missed": "sometimes"}, "/missed"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_schedule_change_that_makes_no_sense_is_refused(admin, schedule, body, pointer):
    answer = await admin.patch(f"/admin/schedules/{schedule['id']}", json=body)

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_background_work_is_for_administrators_alone(make, api, schedule, dead_letters):
    [job_id] = await dead_letters()
    stranger, manager = await api.as_(await make.user()), await api.as_(await make.user(role="manager"))
    one = f"/admin/schedules/{schedule['id']}"
    for caller in (stranger, manager):
        answers = [
            await caller.get("/admin/queues"), await caller.get("/admin/jobs"), await caller.get("/admin/schedules"),
            await caller.get(f"/admin/jobs/{job_id}"), await caller.post(f"/admin/jobs/{job_id}/retry"),
            await caller.post("/admin/jobs/retry", json={}), await caller.delete(f"/admin/jobs/{job_id}"),
            await caller.patch(one, json={"cron": "* * * * *"}), await caller.post(f"{one}/run"),
            await caller.post(f"{one}/pause"), await caller.post(f"{one}/resume"),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [403] * len(answers)


async def test_schedule_or_job_that_is_not_there_is_not_found(admin):
    for path in (
        f"/admin/jobs/{new_id()}/retry",
        *(f"/admin/schedules/{new_id()}/{verb}" for verb in ("run", "pause", "resume")),
    ):
        assert (await admin.post(path)).status_code == 404
    assert (await admin.patch(f"/admin/schedules/{new_id()}", json={"missed": "skip"})).status_code == 404
    assert (await admin.get("/admin/jobs?state=done")).status_code == 400
    assert (await admin.get("/admin/jobs?queue=slow")).status_code == 400
