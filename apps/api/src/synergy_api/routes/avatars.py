"""Pictures of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Schema,
)
from litestar.params import FromPath, QueryParameter

from synergy_api.documentation import errors
from synergy_api.uploads import file_form, receive_upload
from synergy_domain import identity, projects
from synergy_domain.common import Actor
from synergy_domain.identity import UserView
from synergy_platform.database import Reader
from synergy_platform.errors import InvalidInput
from synergy_platform.runtime import Runtime

AnyRequest = Request[Any, Any, Any]


@dataclass
class _UploadOperation(Operation):
    """The form, which is read from the connection and not by Litestar."""

    def __post_init__(self) -> None:
        self.request_body = file_form("A PNG, JPEG, WebP or GIF of at most 5 MiB; its middle becomes the picture")


@dataclass
class _PictureOperation(Operation):
    """The picture's own bytes."""

    def __post_init__(self) -> None:
        picture = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.responses = {
            **(self.responses or {}),
            "200": OpenAPIResponse(
                description="256 by 256 pixels", content={identity.AVATAR_TYPE: OpenAPIMediaType(schema=picture)}
            ),
            "304": OpenAPIResponse(description="`If-None-Match` names it"),
        }


@put(
    "/me/avatar",
    tags=["me"],
    responses=errors(400, 401, 403, 413, 415, 422),
    request_max_body_size=None,  # it is held while the file streams in
    operation_class=_UploadOperation,
)
async def set_avatar(request: AnyRequest, state: State, actor: NamedDependency[Actor]) -> UserView:
    """Set one's own picture: what is sent is made small and square, and all else in it is thrown away."""
    runtime: Runtime = state.runtime
    upload = await receive_upload(
        request,
        runtime.storage,
        area=identity.AVATARS_AREA,
        max_bytes=identity.MAX_AVATAR_BYTES,
        fields=frozenset(),
    )
    if upload.file is None:
        raise InvalidInput.at("/file", "is required: the picture", "required")
    return await identity.set_avatar(runtime, actor, upload.file.key)


@delete("/me/avatar", tags=["me"], responses=errors(400, 401, 403))
async def remove_avatar(state: State, actor: NamedDependency[Actor]) -> None:
    """Have no picture."""
    await identity.remove_avatar(state.runtime, actor)


@get(
    "/users/{user_id:uuid}/avatar",
    tags=["people"],
    responses=errors(400, 401, 404),
    operation_class=_PictureOperation,
)
async def get_avatar(
    user_id: FromPath[UUID],
    request: AnyRequest,
    state: State,
    db: NamedDependency[Reader],
    actor: NamedDependency[Actor],
    version: Annotated[
        str | None, QueryParameter(name="v", max_length=16, description="Another one for another picture; not read")
    ] = None,
) -> Response[Any]:
    """The picture of somebody whom the caller may see, as a WebP."""
    del version
    key = await projects.find_avatar(db, actor, user_id)
    etag = f'"{key.rpartition("/")[2]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers=headers)
    return Response(await identity.read_avatar(state.runtime, key), media_type=identity.AVATAR_TYPE, headers=headers)


router = Router("", route_handlers=[set_avatar, remove_avatar, get_avatar])
