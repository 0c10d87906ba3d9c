"""Boards of other tools come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath

from synergy_api.answers import finish_answer
from synergy_api.documentation import READ, errors
from synergy_api.idempotency import unit_of_work
from synergy_api.params import CursorParam, Limit
from synergy_api.uploads import deleted_unless_taken, receive_upload
from synergy_domain import transfer
from synergy_domain.common import Actor
from synergy_domain.transfer import ImportUpload, ImportView
from synergy_platform.database import Reader
from synergy_platform.pagination import Page
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

_FIELDS = frozenset({"source", "dry_run", "project_id", "mapping"})
_TEXT = OpenAPIType.STRING


@dataclass
class _ImportOperation(Operation):
    """The form, which is read from the connection and not by Litestar."""

    def __post_init__(self) -> None:
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["source", "file"],
            additional_properties=False,
            properties={
                "source": Schema(type=_TEXT, enum=["trello"], description="Where the file comes from"),
                "file": Schema(
                    type=_TEXT, format=OpenAPIFormat.BINARY, description="The JSON export of a Trello board"
                ),
                "dry_run": Schema(type=_TEXT, enum=["true", "false"], description="Report only, write nothing"),
                "project_id": Schema(
                    type=_TEXT, format=OpenAPIFormat.UUID, description="A project you manage; else a new one"
                ),
                "mapping": Schema(
                    type=_TEXT, description='JSON that overrides the status of lists: `{"lists": {"Info": "todo"}}`'
                ),
            },
        )
        self.request_body = RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=schema)}, required=True)


@post(
    "/imports",
    tags=["transfer"],
    status_code=202,
    opt={"idempotent": True},
    responses=errors(400, 401, 403, 409, 413, 415, 422),
    request_max_body_size=None,  # the limit is a setting, and holds while the file streams in
    operation_class=_ImportOperation,
)
async def create_import(
    request: Request[Any, Any, Any], state: State, actor: NamedDependency[Actor]
) -> Response[ImportView]:
    """Import a board: the file is checked now and imported by a job; ask for the import until it is completed."""
    runtime: Runtime = state.runtime
    upload = await receive_upload(
        request,
        runtime.storage,
        area=transfer.FILES_AREA,
        max_bytes=runtime.settings.max_import_mb * 1024 * 1024,
        fields=_FIELDS,
    )
    wanted = ImportUpload(
        source=upload.fields.get("source"),
        file_key=upload.file.key if upload.file else None,
        dry_run=upload.fields.get("dry_run"),
        project_id=upload.fields.get("project_id"),
        mapping=upload.fields.get("mapping"),
    )
    async with deleted_unless_taken(runtime.storage, upload) as take:
        checked = await transfer.check_upload(runtime, actor, wanted)
        async with unit_of_work(request, actor, upload.fingerprint) as uow:
            accepted = await transfer.request_import(uow, actor, checked)
            location = {"Location": f"/api/v1/imports/{accepted.id}"}
            answer = await finish_answer(Response(accepted, status_code=202, headers=location))
            take()
    log.info("import.requested", import_id=str(accepted.id), dry_run=checked.dry_run)
    return answer


@get("/imports", tags=["transfer"], responses=READ)
async def list_imports(
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[ImportView]:
    """One's own imports, the newest first."""
    return await transfer.list_imports(db, state.runtime.cursors, actor, cursor=cursor, limit=limit)


@get("/imports/{import_id:uuid}", tags=["transfer"], responses=READ)
async def get_import(
    import_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> ImportView:
    """One of one's own imports: how far it is, and its report."""
    return await transfer.get_import(db, actor, import_id)


router = Router("", route_handlers=[create_import, list_imports, get_import])
