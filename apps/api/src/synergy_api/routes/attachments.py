"""Files on tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import structlog
from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Schema,
)
from litestar.params import FromPath, PathParameter

from synergy_api.answers import finish_answer
from synergy_api.documentation import READ, errors
from synergy_api.downloads import Download, answer_download
from synergy_api.idempotency import unit_of_work
from synergy_api.params import CursorParam, Limit
from synergy_api.uploads import deleted_unless_taken, file_form, receive_upload, refuse_upload
from synergy_domain import work
from synergy_domain.common import Actor
from synergy_domain.work import AttachmentUpload, AttachmentView
from synergy_platform.database import Reader, UnitOfWork
from synergy_platform.errors import InvalidInput, ProductError
from synergy_platform.pagination import Page
from synergy_platform.runtime import Runtime

log = structlog.stdlib.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

_TaskRef = Annotated[str, PathParameter(description="Id, or key such as WEB-42", max_length=40)]
_BINARY = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
_TEXT = Schema(type=OpenAPIType.STRING)


@dataclass
class _UploadOperation(Operation):
    """The form, which is read from the connection and not by Litestar."""

    def __post_init__(self) -> None:
        self.request_body = file_form("The file, with its name; 50 MiB at most unless the operator set another limit")


@dataclass
class _DownloadOperation(Operation):
    """The file's own bytes, or a part of them."""

    def __post_init__(self) -> None:
        content = {"*/*": OpenAPIMediaType(schema=_BINARY)}
        headers = {
            "ETag": OpenAPIHeader(schema=_TEXT, description="The content's SHA-256"),
            "Content-Disposition": OpenAPIHeader(schema=_TEXT, description="`attachment`, with the file's name"),
            "Accept-Ranges": OpenAPIHeader(schema=_TEXT, description="`bytes`"),
        }
        part = {"Content-Range": OpenAPIHeader(schema=_TEXT, description="Which part of how many bytes")}
        self.responses = {
            **(self.responses or {}),
            "200": OpenAPIResponse(
                description="The file, under its own media type", content=content, headers={**headers}
            ),
            "206": OpenAPIResponse(
                description="The range that `Range` asked for", content=content, headers={**headers, **part}
            ),
            "304": OpenAPIResponse(description="`If-None-Match` names the content"),
        }


@get("/tasks/{task:str}/attachments", tags=["tasks"], responses=READ)
async def list_attachments(
    task: _TaskRef,
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[AttachmentView]:
    """The files of a task, the newest first."""
    return await work.list_attachments(db, state.runtime.cursors, actor, task, cursor=cursor, limit=limit)


@post(
    "/tasks/{task:str}/attachments",
    tags=["tasks"],
    opt={"idempotent": True},
    responses=errors(400, 401, 403, 404, 409, 413, 415, 422),
    request_max_body_size=None,  # the limit is a setting, and holds while the file streams in
    operation_class=_UploadOperation,
)
async def add_attachment(
    task: _TaskRef, request: AnyRequest, state: State, db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> Response[AttachmentView]:
    """Add a file to a task; its content is taken as it is and never shown from this address."""
    runtime: Runtime = state.runtime
    max_bytes = runtime.settings.max_upload_mb * 1024 * 1024
    try:
        await work.check_may_attach(db, actor, task)
    except ProductError:
        await refuse_upload(request, max_bytes=max_bytes)
        raise
    upload = await receive_upload(
        request, runtime.storage, area=work.FILES_AREA, max_bytes=max_bytes, fields=frozenset()
    )
    if upload.file is None:
        raise InvalidInput.at("/file", "is required: the file to attach", "required")
    stored = AttachmentUpload(file=upload.file, name=upload.name, media_type=upload.media_type)
    async with (
        deleted_unless_taken(runtime.storage, upload) as take,
        unit_of_work(request, actor, upload.fingerprint) as uow,
    ):
        attachment = await work.add_attachment(uow, actor, task, stored)
        location = {"Location": f"/api/v1/attachments/{attachment.id}"}
        answer = await finish_answer(Response(attachment, status_code=201, headers=location))
        take()
    log.info("attachment.added", attachment_id=str(attachment.id), size=attachment.size)
    return answer


@get("/attachments/{attachment_id:uuid}", tags=["tasks"], responses=READ)
async def get_attachment(
    attachment_id: FromPath[UUID], db: NamedDependency[Reader], actor: NamedDependency[Actor]
) -> AttachmentView:
    """What is known of one file."""
    return await work.get_attachment(db, actor, attachment_id)


@get(
    "/attachments/{attachment_id:uuid}/content",
    tags=["tasks"],
    responses=errors(400, 401, 404, 416),
    operation_class=_DownloadOperation,
)
async def get_attachment_content(
    attachment_id: FromPath[UUID],
    request: AnyRequest,
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The file itself, to be saved; one byte range where `Range` asks for it."""
    found = await work.get_attachment_content(db, actor, attachment_id)
    file = Download(
        key=found.file_key, name=found.name, media_type=found.media_type, size=found.size, sha256=found.sha256
    )
    return await answer_download(request, state.runtime, file)


@delete("/attachments/{attachment_id:uuid}", tags=["tasks"], responses=errors(400, 401, 403, 404, 409))
async def delete_attachment(
    attachment_id: FromPath[UUID], uow: NamedDependency[UnitOfWork], actor: NamedDependency[Actor]
) -> None:
    """Put a file into the trash: one's own, or any as manager."""
    await work.delete_attachment(uow, actor, attachment_id)


router = Router(
    "",
    route_handlers=[
        list_attachments, add_attachment, get_attachment, get_attachment_content, delete_attachment,
    ],
)  # fmt: skip
