"""Multipart uploads, straight from the connection into the storage: a file is never held in memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, RequestBody, Schema
from multipart import MultipartError, MultipartSegment, PushMultipartParser  # pyright: ignore[reportMissingTypeStubs]  # it has annotations, but does not say so

from synergy_platform.errors import BadRequest, InputFault, InvalidInput, TooLarge, UnsupportedMediaType
from synergy_platform.storage import Storage, StoredFile

AnyRequest = Request[Any, Any, Any]
_Events = AsyncGenerator[MultipartSegment | bytes | bytearray | None, None]

_MAX_FIELD_BYTES = 256 * 1024
_MAX_PARTS = 50
_DRAIN_FACTOR = 4


class Upload(msgspec.Struct, frozen=True):
    """The text fields of a form, and its file, if it had one; `name` and `media_type` are what the client calls it."""

    fields: dict[str, str]
    file: StoredFile | None
    name: str | None
    media_type: str | None

    @property
    def fingerprint(self) -> bytes:
        """A hash of the form, whatever its boundary was."""
        said = (self.fields, self.file and self.file.sha256, self.name, self.media_type)
        return sha256(msgspec.json.encode(said, order="sorted")).digest()


async def receive_upload(
    request: AnyRequest, storage: Storage, *, area: str, max_bytes: int, fields: frozenset[str]
) -> Upload:
    """Read a form with the text fields `fields` and a part `file`, which is stored in `area`.

    Raises TooLarge when the file has more than `max_bytes`, UnsupportedMediaType for another media type, BadRequest for
    a body that is cut off, InvalidInput for unknown or repeated fields; then nothing stays stored.
    """
    media_type, options = request.content_type
    if media_type != "multipart/form-data":
        raise UnsupportedMediaType("Send multipart/form-data.")
    if not options.get("boundary"):
        raise BadRequest("The Content-Type names no boundary.")
    stream = request.stream()
    reader = _FormReader(storage, area, max_bytes, fields)
    try:
        await reader.read(_events(stream, PushMultipartParser(options["boundary"], max_segment_count=_MAX_PARTS)))
    except BaseException as error:
        await reader.discard()
        if isinstance(error, TooLarge):
            # a client that is still sending would see a broken connection instead of the answer
            await _drain(stream, _DRAIN_FACTOR * max_bytes)
        raise
    return Upload(reader.values, reader.file, reader.name, reader.media_type)


@contextlib.asynccontextmanager
async def deleted_unless_taken(storage: Storage, upload: Upload) -> AsyncGenerator[Callable[[], None]]:
    """Delete the file of the form when the block ends before it has called what it gets, which says: it is taken.

    Call it before the commit: one whose answer is lost may have happened, and the daily cleanup finds what is left.
    """
    taken = False

    def take() -> None:
        nonlocal taken
        taken = True

    try:
        yield take
    finally:
        if upload.file is not None and not taken:
            await storage.delete(upload.file.key)


async def refuse_upload(request: AnyRequest, *, max_bytes: int) -> None:
    """Read on and forget: a client that is still sending would see a broken connection instead of the answer."""
    await _drain(request.stream(), _DRAIN_FACTOR * max_bytes)


def file_form(description: str) -> RequestBody:
    """What the description of the API says of a form with one part `file`, which Litestar does not read itself."""
    file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, description=description)
    schema = Schema(type=OpenAPIType.OBJECT, required=["file"], additional_properties=False, properties={"file": file})
    return RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=schema)}, required=True)


class _FormReader:
    def __init__(self, storage: Storage, area: str, max_bytes: int, fields: frozenset[str]) -> None:
        self._storage = storage
        self._area = area
        self._max_bytes = max_bytes
        self._fields = fields
        self._faults: list[InputFault] = []
        self.values: dict[str, str] = {}
        self.file: StoredFile | None = None
        self.name: str | None = None
        self.media_type: str | None = None

    async def read(self, events: _Events) -> None:
        async for event in events:
            if isinstance(event, MultipartSegment):
                await self._read_part(event, events)
        if self._faults:
            raise InvalidInput(self._faults)

    async def discard(self) -> None:
        if self.file is not None:
            await self._storage.delete(self.file.key)

    async def _read_part(self, part: MultipartSegment, events: _Events) -> None:
        name = part.name or ""
        pointer = f"/{name.replace('~', '~0').replace('/', '~1')}"
        if name in self.values or (name == "file" and self.file is not None):
            self._faults.append(InputFault(pointer, "repeated", "is given twice"))
        elif name == "file":
            self.name, self.media_type = part.filename, part.content_type
            self.file = await self._storage.write(self._area, _content(events), max_bytes=self._max_bytes)
            return
        elif name not in self._fields:
            self._faults.append(InputFault(pointer, "unknown_field", "is no field of this input"))
        else:
            await self._read_text(name, pointer, events)
            return
        async for _ in _content(events):
            pass

    async def _read_text(self, name: str, pointer: str, events: _Events) -> None:
        content = bytearray()
        async for chunk in _content(events):
            content += chunk[: _MAX_FIELD_BYTES + 1 - len(content)]
        if len(content) > _MAX_FIELD_BYTES:
            self._faults.append(InputFault(pointer, "too_long", f"must not have more than {_MAX_FIELD_BYTES} bytes"))
        try:
            self.values[name] = content[:_MAX_FIELD_BYTES].decode()
        except UnicodeDecodeError:
            self.values[name] = ""
            self._faults.append(InputFault(pointer, "invalid", "must be text in UTF-8"))


async def _events(stream: AsyncIterator[bytes], parser: PushMultipartParser) -> _Events:
    """The parts of the form: a segment, the chunks of its content, None at its end."""
    try:
        async for chunk in stream:
            if chunk:
                for event in parser.parse(chunk):
                    yield event
        parser.close()
    except MultipartError as error:
        raise BadRequest(f"The form cannot be read, or is cut off: {error}") from None
    except HTTPException:
        raise BadRequest("The connection ended before the form did.") from None


async def _content(events: _Events) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            return
        if not isinstance(event, MultipartSegment):
            yield bytes(event)


async def _drain(stream: AsyncIterator[bytes], most: int) -> None:
    """Read on and forget, up to `most` bytes."""
    with contextlib.suppress(HTTPException):
        async for chunk in stream:
            most -= len(chunk)
            if most < 0:
                return
