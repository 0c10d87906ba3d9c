"""The verbs of imports."""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from synergy_domain import projects
from synergy_domain.common import Actor
from synergy_domain.identity.people import add_people
from synergy_domain.projects.errors import ProjectNotFound
from synergy_domain.projects.intake import IncomingProject, ProjectReference, add_members, add_project
from synergy_domain.transfer import policy, repository
from synergy_domain.transfer.contracts import (
    ImportCounts,
    ImportMapping,
    ImportProblem,
    ImportReport,
    ImportUpload,
    ImportView,
)
from synergy_domain.transfer.errors import ImportNotFound, NotATrelloExport
from synergy_domain.transfer.events import ProjectImported
from synergy_domain.transfer.plan import ImportPlan
from synergy_domain.transfer.repository import StoredImport
from synergy_domain.transfer.trello import check_board, list_names, parse_board, plan_board
from synergy_domain.transfer.trello.statuses import decide_statuses
from synergy_domain.work import STATUSES
from synergy_domain.work.intake import add_labels, add_tasks, render_texts
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InputFault, InvalidInput, ProductError, Unavailable
from synergy_platform.ids import parse_id
from synergy_platform.pagination import Cursors, Page, make_page
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

RUN_IMPORT = "transfer.run_import"
# the area of the storage where uploaded files wait
FILES_AREA = "imports"
DISCARD_FILE = "transfer.discard_file"

_SORT = "-created_at"
# up to this size a file is read whole when it is uploaded; of a larger one only the outline, so that nobody else waits
_READ_WHOLE_BYTES = 1024 * 1024
_RENDER_BATCH = 250
_PLANNED, _RENDERED, _WRITTEN = 10, 50, 95

Progress = Callable[[int], Awaitable[None]]


class _RawMapping(msgspec.Struct, forbid_unknown_fields=True):
    lists: dict[str, Any] = {}


def read_mapping(text: str | None) -> ImportMapping:
    """The mapping of a request: JSON such as `{"lists": {"Info": "todo"}}`; InvalidInput names each fault."""
    if text is None or not text.strip():
        return ImportMapping()
    try:
        return check_mapping(msgspec.json.decode(text, type=_RawMapping).lists)
    except msgspec.ValidationError:
        detail = 'must be of the form {"lists": {"<name of a list>": "<status>"}}'
        raise InvalidInput.at("/mapping", detail, "wrong_type") from None
    except (msgspec.DecodeError, RecursionError) as error:
        detail = f'is not JSON such as {{"lists": {{"Info": "todo"}}}}: {error}'
        raise InvalidInput.at("/mapping", detail, "not_json") from None


def check_mapping(lists: dict[str, Any]) -> ImportMapping:
    """List names to statuses; InvalidInput names each that is no status."""
    faults = [
        InputFault(f"/mapping/lists/{name.replace('~', '~0').replace('/', '~1')}", "unknown_status",
                   f"must be one of {', '.join(STATUSES)}")
        for name, status in lists.items() if status not in STATUSES
    ]  # fmt: skip
    if faults:
        raise InvalidInput(faults)
    return ImportMapping(lists=lists)


async def check_upload(runtime: Runtime, actor: Actor, upload: ImportUpload) -> StoredImport:
    """What a form and its file ask for; the file is the caller's to delete when anything is wrong.

    InvalidInput tells all faults of the form, or NotATrelloExport that of the file, as far as it is cheap to find.
    """
    wanted = _read_form(upload, actor.user_id)
    async with runtime.storage.local_copy(wanted.file_key or "") as path:
        await asyncio.to_thread(_check_file, path, wanted.mapping)
    return wanted


async def request_import(uow: UnitOfWork, actor: Actor, wanted: StoredImport) -> ImportView:
    """Have a job import what `check_upload` found to be in order.

    The project to import into must be one that the actor manages: 422 for one they cannot see, 403 below manager.
    """
    if wanted.project_id is not None:
        await _check_target(uow, actor, wanted.project_id)
    import_id = await repository.add(uow, wanted)
    job_key = repository.job_key(import_id)
    uow.enqueue(RUN_IMPORT, {"import_id": str(import_id)}, queue="bulk", dedup_key=job_key)
    return await get_import(uow, actor, import_id)


async def get_import(db: Reader, actor: Actor, import_id: UUID) -> ImportView:
    """One of the actor's own imports; ImportNotFound otherwise."""
    found = await repository.find_view(db, actor.user_id, import_id)
    if found is None:
        raise ImportNotFound
    return found


async def list_imports(
    db: Reader, cursors: Cursors, actor: Actor, *, cursor: str | None, limit: int
) -> Page[ImportView]:
    """The actor's imports, the newest first."""
    after = None if cursor is None else cursors.decode(_SORT, cursor, (datetime, UUID))
    found = await repository.list_views(db, actor.user_id, after, limit)
    return make_page(found, limit, lambda last: cursors.encode(_SORT, [last.created_at, last.id]), None)


async def run_import(runtime: Runtime, uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: do an import that was requested. A fault of the input is its result; anything else is tried again."""
    import_id = UUID(payload["import_id"])
    stored = await repository.find_stored(uow, import_id)
    if stored is None or stored.file_key is None:
        return

    async def progressed(percent: int) -> None:
        await repository.set_progress(runtime.database.reader(), import_id, percent)

    status, project_id = "completed", stored.project_id
    try:
        await progressed(0)
        plan, project = await _prepare_stored(runtime, uow, stored, progressed)
    except Unavailable:
        raise
    except ProductError as error:
        # nothing is written yet, so this transaction holds the verdict only
        status, report = "failed", repository.failure_report(ImportProblem(code=error.code, detail=error.detail))
    else:
        report = plan.report
        if not stored.dry_run and not report.already_imported:
            project = await _write(uow, plan, stored.user_id, project, progressed)
        project_id = project.id if project else None
    await repository.finish(uow, import_id, status=status, report=report, project_id=project_id, at=runtime.clock.now())
    # deleted once this is committed, and not before: a job that is tried again needs the file
    uow.enqueue(DISCARD_FILE, {"file_key": stored.file_key})
    log.info("import.finished", import_id=str(import_id), status=status, dry_run=stored.dry_run)


async def discard_file(runtime: Runtime, _uow: UnitOfWork, payload: dict[str, Any]) -> None:
    """Job: delete the file of an import that is finished."""
    await runtime.storage.delete(payload["file_key"])


async def import_file(
    runtime: Runtime, owner: str, path: Path, mapping: ImportMapping, *, dry_run: bool, progressed: Progress
) -> ImportView:
    """Import a file at once, for the user named `owner`: all of it or, with an error, nothing."""
    async with runtime.database.unit_of_work() as uow:
        actor = await repository.find_owner(uow, owner)
        if actor is None:
            raise InvalidInput.at("/owner", f"There is no active account named {owner}.", "unknown_user")
        wanted = StoredImport(user_id=actor.user_id, file_key=None, dry_run=dry_run, project_id=None, mapping=mapping)
        import_id = await repository.add(uow, wanted)
        plan, project = await _prepare(uow, wanted, path, progressed)
        if not dry_run and not plan.report.already_imported:
            project = await _write(uow, plan, actor.user_id, project, progressed)
        await repository.finish(
            uow, import_id, status="completed", report=plan.report, project_id=project.id if project else None,
            at=runtime.clock.now(),
        )  # fmt: skip
        return await get_import(uow, actor, import_id)


async def _prepare_stored(
    runtime: Runtime, uow: UnitOfWork, stored: StoredImport, progressed: Progress
) -> tuple[ImportPlan, ProjectReference | None]:
    try:
        async with runtime.storage.local_copy(stored.file_key or "") as path:
            return await _prepare(uow, stored, path, progressed)
    except FileNotFoundError:
        raise NotATrelloExport("The uploaded file is not there any more. Upload it again.") from None


async def _prepare(
    uow: UnitOfWork, wanted: StoredImport, path: Path, progressed: Progress
) -> tuple[ImportPlan, ProjectReference | None]:
    """All that can refuse an import: its plan, and the project that it goes into or has gone into before."""
    actor = await repository.find_actor(uow, wanted.user_id)
    if actor is None:
        raise InvalidInput.at("/owner", "The account that asked for this is not active any more.", "unknown_user")
    project: ProjectReference | None = None
    if wanted.project_id is not None:
        await _check_target(uow, actor, wanted.project_id)
        project = await repository.find_target(uow, wanted.project_id)
    plan = await asyncio.to_thread(_read_plan, path, wanted.mapping, uow.now)
    await repository.lock_source(uow, actor.user_id, plan.import_source)
    earlier = await repository.find_earlier(uow, actor.user_id, plan.import_source, wanted.project_id)
    if earlier is not None:
        plan.report = _nothing_new(plan.report, earlier)
        return plan, earlier
    await progressed(_PLANNED)
    return plan, project


async def _write(
    uow: UnitOfWork, plan: ImportPlan, user_id: UUID, project: ProjectReference | None, progressed: Progress
) -> ProjectReference:
    for start in range(0, len(plan.tasks), _RENDER_BATCH):
        await asyncio.to_thread(render_texts, plan.tasks[start : start + _RENDER_BATCH])
        await progressed(_between(_PLANNED, _RENDERED, (start + _RENDER_BATCH) / len(plan.tasks)))
    await repository.allow_long_statements(uow)
    await add_people(uow, plan.people)
    if project is None:
        incoming = IncomingProject(
            name=plan.name, description=plan.description, owner_id=user_id, import_source=plan.import_source,
            created_at=plan.created_at,
        )  # fmt: skip
        project = await add_project(uow, incoming)
    await add_members(uow, project.id, plan.member_ids, added_by=user_id, at=plan.created_at)
    label_ids = await add_labels(uow, project.id, plan.labels)

    async def wrote(part: float) -> None:
        await progressed(_between(_RENDERED, _WRITTEN, part))

    await add_tasks(uow, project.id, plan.tasks, label_ids=label_ids, by=user_id, progressed=wrote)
    counts = plan.report.counts
    event = ProjectImported(
        object_id=project.id, project_id=project.id, key=project.key, name=project.name, source="trello",
        tasks=len(plan.tasks), subtasks=counts.subtasks if counts else 0, comments=counts.comments if counts else 0,
        people=len(plan.people),
    )  # fmt: skip
    uow.emit(event, by=user_id)
    return project


async def _check_target(db: Reader, actor: Actor, project_id: UUID) -> None:
    try:
        access = await projects.access_to(db, actor, project_id)
    except ProjectNotFound:
        raise InvalidInput.at("/project_id", "is no project that you can see", "unknown_id") from None
    projects.require(access, policy.may_import_into(access.role), "import into the project")


def _read_form(upload: ImportUpload, user_id: UUID) -> StoredImport:
    faults: list[InputFault] = []
    if upload.source != "trello":
        faults.append(InputFault("/source", "unknown_source", "must be trello: no other source is offered yet"))
    if upload.file_key is None:
        faults.append(InputFault("/file", "required", "is required: the JSON export of a Trello board"))
    if upload.dry_run not in {None, "true", "false"}:
        faults.append(InputFault("/dry_run", "invalid", "must be true or false"))
    project_id = parse_id(upload.project_id) if upload.project_id else None
    if upload.project_id and project_id is None:
        faults.append(InputFault("/project_id", "invalid", "must be the id of a project"))
    mapping = ImportMapping()
    try:
        mapping = read_mapping(upload.mapping)
    except InvalidInput as error:
        faults += error.faults
    if faults:
        raise InvalidInput(faults)
    is_dry = upload.dry_run == "true"
    return StoredImport(
        user_id=user_id, file_key=upload.file_key, dry_run=is_dry, project_id=project_id, mapping=mapping
    )


def _check_file(path: Path, mapping: ImportMapping) -> None:
    size = path.stat().st_size
    if size <= _READ_WHOLE_BYTES:
        decide_statuses(list_names(parse_board(path.read_bytes()).lists), mapping)
        return
    with path.open("rb") as file:
        # the pages of the file are the kernel's to keep or drop: nothing of it is copied into this process
        content = memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
    decide_statuses(check_board(content), mapping)


def _read_plan(path: Path, mapping: ImportMapping, now: datetime) -> ImportPlan:
    return plan_board(parse_board(path.read_bytes()), mapping, now=now)


def _nothing_new(report: ImportReport, earlier: ProjectReference) -> ImportReport:
    told = f"This board was imported before, as {earlier.name} ({earlier.key}): nothing was added."
    return msgspec.structs.replace(
        report,
        already_imported=True,
        counts=ImportCounts(**dict.fromkeys(ImportCounts.__struct_fields__, 0)),
        warnings=[told],
    )


def _between(low: int, high: int, part: float) -> int:
    return low + round((high - low) * min(part, 1.0))
