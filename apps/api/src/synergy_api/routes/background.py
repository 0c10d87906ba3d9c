"""Background work, for administrators: queues, dead letters, schedules."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK

from synergy_api import params
from synergy_api.documentation import errors
from synergy_api.etags import expected_version
from synergy_api.params import CursorParam, Limit
from synergy_domain import background
from synergy_domain.background import (
    JobQuery,
    JobState,
    JobView,
    QueueName,
    RetriedJobs,
    RetryInput,
    ScheduleChange,
    ScheduleView,
)
from synergy_domain.common import Actor
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.jobs import BackgroundState
from synergy_platform.pagination import Page

AnyRequest = Request[Any, Any, Any]

_READ = errors(400, 401, 403)
_ONE = errors(400, 401, 403, 404)
_CHANGE = errors(400, 401, 403, 404, 409)


@get("/admin/queues", tags=["admin"], responses=_READ)
async def get_queues(state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> BackgroundState:
    """How the queues stand, what the outbox holds back, and which background processes are alive."""
    return await background.state_of_queues(state.runtime, db, actor)


@get("/admin/jobs", tags=["admin"], responses=_READ)
async def list_jobs(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
    job_state: Annotated[str, QueryParameter(name="state", description="dead or waiting")] = "dead",
    queue: Annotated[str | None, QueryParameter(description="fast, bulk, io; separated by commas")] = None,
    name: Annotated[str | None, QueryParameter(max_length=80, description="Name of the job")] = None,
) -> Page[JobView]:
    """Dead letters, the latest first; with `state=waiting` what waits, the longest due first."""
    wanted = cast("JobState", params.one_of("state", job_state, ("dead", "waiting")))
    queues = params.choices("queue", queue, QueueName)
    query = JobQuery(state=wanted, queues=queues, name=name, cursor=cursor, limit=limit)
    return await background.list_jobs(db, state.runtime.cursors, actor, query)


@post("/admin/jobs/retry", tags=["admin"], status_code=HTTP_200_OK, responses=errors(400, 401, 403, 415, 422))
async def retry_jobs(
    data: JSONBody[RetryInput], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> RetriedJobs:
    """Send all dead letters again, or those of one kind of job."""
    return await background.retry_jobs(uow, actor, data)


@get("/admin/jobs/{job_id:uuid}", tags=["admin"], responses=_ONE)
async def get_job(job_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> JobView:
    """One job that waits or is a dead letter."""
    return await background.get_job(db, actor, job_id)


@post("/admin/jobs/{job_id:uuid}/retry", tags=["admin"], status_code=HTTP_200_OK, responses=_CHANGE)
async def retry_job(job_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]) -> JobView:
    """Send a dead letter again, with five new tries."""
    return await background.retry_job(uow, actor, job_id)


@delete("/admin/jobs/{job_id:uuid}", tags=["admin"], responses=_CHANGE)
async def delete_job(job_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]) -> None:
    """Delete a dead letter for good."""
    await background.delete_job(uow, actor, job_id)


@get("/admin/schedules", tags=["admin"], responses=_READ)
async def list_schedules(db: NamedDependency[Reader], actor: NamedDependency[Actor]) -> Page[ScheduleView]:
    """All schedules by name."""
    return Page(items=await background.list_schedules(db, actor), next_cursor=None)


@patch("/admin/schedules/{schedule_id:uuid}", tags=["admin"], responses=errors(400, 401, 403, 404, 412, 415, 422))
async def change_schedule(
    schedule_id: FromPath[UUID],
    data: JSONBody[ScheduleChange],
    request: AnyRequest,
    uow: NamedDependency[UnitOfWork],
    actor: NamedDependency[Actor],
) -> ScheduleView:
    """Change when a schedule is due; with If-Match only the version that it names."""
    return await background.change_schedule(uow, actor, schedule_id, data, expected_version=expected_version(request))


@post("/admin/schedules/{schedule_id:uuid}/run", tags=["admin"], status_code=HTTP_200_OK, responses=_ONE)
async def run_schedule(
    schedule_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> ScheduleView:
    """Run it now, within two seconds; its slots stay as they are."""
    return await background.run_schedule(uow, actor, schedule_id)


@post("/admin/schedules/{schedule_id:uuid}/pause", tags=["admin"], status_code=HTTP_200_OK, responses=_ONE)
async def pause_schedule(
    schedule_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> ScheduleView:
    """Let its slots pass until it is resumed."""
    return await background.pause_schedule(uow, actor, schedule_id)


@post("/admin/schedules/{schedule_id:uuid}/resume", tags=["admin"], status_code=HTTP_200_OK, responses=_ONE)
async def resume_schedule(
    schedule_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> ScheduleView:
    """Go on with the next slot."""
    return await background.resume_schedule(uow, actor, schedule_id)


router = Router(
    "",
    route_handlers=[
        get_queues, list_jobs, retry_jobs, get_job, retry_job, delete_job, list_schedules, change_schedule,
        run_schedule, pause_schedule, resume_schedule,
    ],
)  # fmt: skip
