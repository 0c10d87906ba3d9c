"""Every error as application/problem+json (RFC 9457)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import asyncpg
import msgspec
import structlog
from advanced_alchemy.exceptions import AdvancedAlchemyError
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.base_exceptions import SerializationException
from litestar.types import Scope, Send
from litestar.utils.scope.state import ScopeState
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from synergy_api.params import WITH_BODY
from synergy_platform.errors import (
    BadRequest,
    Conflict,
    InputFault,
    InvalidInput,
    NotFound,
    ProductError,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from synergy_platform.logs import without_values
from synergy_platform.reporting import report

log = structlog.stdlib.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:synergyos:problem:"
_MAX_FAULTS = 50
_PATTERN = "matching regex"
_LENGTH = re.compile(r"Expected `(str|array)` of length (>=|<=) (\d+)")
_AT = re.compile(r"^(.*?)(?: - at `(\$.*)`)?$", re.DOTALL)
# a mailed link's token in the place of a name is for no log, and for nobody to copy with an error message
_TOKEN = re.compile(r"\A(/api/v1/(?:invitations|unsubscribe)/)[^/]+")

OUR_FAULT = "This is a fault of ours, not yours. It was recorded under the request id."

AnyRequest = Request[Any, Any, Any]


class Problem(msgspec.Struct, kw_only=True):
    """An error (RFC 9457). `code` is a stable name; `errors` lists the faults of an input."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[InputFault]


def shown_path(path: str) -> str:
    """The path of a request, as it may be written down."""
    return _TOKEN.sub(r"\1[redacted]", path)


def problem_response(request: AnyRequest, error: ProductError) -> Response[bytes]:
    """The answer for an error; fields of `extra` are added to it."""
    return Response(
        _document(request.scope, error), status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers
    )


async def send_problem(scope: Scope, send: Send, error: ProductError) -> None:
    """The same answer where Litestar does not make it."""
    body = _document(scope, error)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _document(scope: Scope, error: ProductError) -> bytes:
    document: dict[str, Any] = {
        "type": f"{_TYPE_PREFIX}{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": shown_path(scope["path"]),
        "code": error.code,
        "request_id": scope["state"]["request_id"],
        "errors": getattr(error, "faults", []),
        **error.extra,
    }
    return msgspec.json.encode(document)


def handle_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Turn any exception into a problem; what nobody expected is logged with its traceback and told as a 500."""
    error = _cause(error)
    product_error = _translate(request, error)
    if product_error.status >= 500 and not isinstance(product_error, Unavailable):
        log.error("http.failed", exc_info=error)
        scope: Any = request.scope  # Litestar's type of a scope says that there is always a route
        report(error, route=scope.get("path_template"))
    elif isinstance(product_error, Unavailable) and not isinstance(error, ProductError):
        log.warning("http.dependency_down", error=without_values(f"{type(error).__name__}: {error}")[:300])
    elif isinstance(error, (asyncpg.DataError, OverflowError)):
        log.warning("http.out_of_range", exc_info=error)  # it may be a fault of ours after all
    return problem_response(request, product_error)


def _cause(error: Exception) -> Exception:
    """What the database said, where a repository wraps it; one of what Litestar's dependencies raised together."""
    match error:
        case AdvancedAlchemyError(__cause__=Exception() as cause) | ExceptionGroup(exceptions=(cause, *_)):
            return _cause(cause)
        case DBAPIError(orig=BaseException(__cause__=Exception() as cause)):
            return cause
        case StatementError(orig=OverflowError() as cause):
            return cause
        case _:
            return error


def _translate(request: AnyRequest, error: Exception) -> ProductError:
    match error:
        case ProductError():
            return error
        case ValidationException():
            return _validation(request, error)
        case HTTPException():
            return _http(error)
        case asyncpg.UntranslatableCharacterError() | asyncpg.CharacterNotInRepertoireError():
            return InvalidInput.at("", "contains a character that cannot be stored (NUL)", "invalid_character")
        case asyncpg.DataError() | OverflowError():
            return _out_of_range(request)
        case asyncpg.ForeignKeyViolationError():
            return Conflict("Something that this names is gone meanwhile. Look at it again.")
        case OperationalError() | InterfaceError() | PoolTimeout() | asyncpg.InterfaceError():
            return Unavailable("The database cannot be reached at the moment. Try again in a few seconds.")
        # the last three: it ended while it worked on this, or right before, and asyncpg had not taken that in yet
        case (
            asyncpg.PostgresConnectionError() | asyncpg.CannotConnectNowError() | asyncpg.TooManyConnectionsError()
            | asyncpg.AdminShutdownError() | asyncpg.CrashShutdownError() | asyncpg.InternalClientError()
        ):  # fmt: skip
            return Unavailable("The database cannot be reached at the moment. Try again in a few seconds.")
        case asyncpg.QueryCanceledError() | asyncpg.LockNotAvailableError() | asyncpg.DeadlockDetectedError():
            return Unavailable("This took too long, and nothing was changed. Try again.", retry_after=1)
        case ConnectionError() | TimeoutError():
            return Unavailable("Something that is needed cannot be reached. Try again in a few seconds.")
        case _:
            return ProductError(OUR_FAULT)


def _out_of_range(request: AnyRequest) -> ProductError:
    """A time or number that fits its type and no column."""
    if request.method in WITH_BODY:
        return InvalidInput.at("", "contains a time or number that is out of range", "out_of_range")
    return BadRequest("A parameter is a time or number that is out of range.")


def _http(error: HTTPException) -> ProductError:
    """Litestar's own errors."""
    match error.status_code:
        case 400:
            reason = error.__cause__ if isinstance(error.__cause__, SerializationException) else None
            return BadRequest(f"The body is not valid JSON: {reason}" if reason else error.detail)
        case 404:
            return NotFound("There is nothing at this address.")
        case 405:
            allowed = dict(error.headers or {}).get("allow", "")
            if "GET" in allowed:  # and so what Litestar never sees, since it is answered as GET is
                allowed += ", HEAD"
            wrong = ProductError("This address does not take this method.", headers={"Allow": allowed})
            return _named(wrong, 405, "method_not_allowed", "Method not allowed")
        case 413:
            return TooLarge("The body is too large.")
        case 415:
            return UnsupportedMediaType(error.detail)
        case status:
            return _named(ProductError(error.detail), status, "error", "The request failed")


def _named(error: ProductError, status: int, code: str, title: str) -> ProductError:
    """An error of a status that no class stands for."""
    return type("HttpError", (ProductError,), {"status": status, "code": code, "title": title})(
        error.detail, extra=error.extra, headers=error.headers
    )


def _validation(request: AnyRequest, error: ValidationException) -> ProductError:
    entries: list[dict[str, Any]] = error.extra if isinstance(error.extra, list) else []
    if any(str(entry.get("source", "")) == "body" for entry in entries):
        return _body_faults(request, entries)
    if any("path" in str(entry.get("source", "")) for entry in entries):
        return NotFound("There is nothing at this address.")
    faults = [
        InputFault(str(entry.get("key", "")), "invalid", _sentence(str(entry.get("message", "")))) for entry in entries
    ]
    detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
    return BadRequest(detail or error.detail, faults)


def _body_faults(request: AnyRequest, entries: list[dict[str, Any]]) -> ProductError:
    """All faults of the body, not only the first: each field is converted by itself."""
    raw = ScopeState.from_scope(request.scope).body  # read and kept by Litestar; a handler of errors cannot await
    if not isinstance(raw, bytes) or not raw.strip():
        return BadRequest("A JSON body is needed.")
    field = getattr(request.scope["route_handler"], "parsed_data_field", None)
    annotation = getattr(field, "annotation", None)
    faults: list[InputFault] = []
    for kind in (annotation, *get_args(annotation)):  # a body that may be missing is a union with None
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            faults = struct_faults(raw, kind)
    if not faults:
        faults = [InputFault("", "invalid", _sentence(str(entry.get("message", "")))) for entry in entries]
    return InvalidInput(faults[:_MAX_FAULTS])


def struct_faults(raw: bytes, struct: type[msgspec.Struct]) -> list[InputFault]:
    """Why `raw` JSON is no `struct`: a fault for each field."""
    try:
        body = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.ValidationError:
        return [InputFault("", "wrong_type", "Expected a JSON object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    faults = [
        InputFault(f"/{_escape(name)}", "unknown_field", "is no field of this input")
        for name in body
        if name not in fields
    ]
    for name, field in fields.items():
        if name not in body:
            if field.required:
                faults.append(InputFault(f"/{name}", "required", "is required"))
            continue
        try:
            msgspec.convert(body[name], field.type)
        except msgspec.ValidationError as error:
            message, path = _split(str(error))
            detail = _form(field.type, message) or _sentence(message)
            faults.append(InputFault(f"/{name}{_pointer(path)}", _code(message), detail))
    return faults


def _form(kind: Any, message: str) -> str | None:  # noqa: ANN401 - the type of a field
    """What a pattern stands for in words, when that is what the value does not match: its description says it."""
    if _PATTERN not in message:
        return None
    for part in _parts(kind):
        if isinstance(part, msgspec.Meta) and part.pattern is not None and repr(part.pattern) in message:
            said = part.description or ""
            return f"must be {said[:1].lower()}{said[1:]}" if said else None
    return None


def _parts(kind: Any) -> Iterator[Any]:  # noqa: ANN401 - the type of a field
    """All that a type is made of, with what is noted beside it."""
    yield kind
    for part in (*get_args(kind), *getattr(kind, "__metadata__", ())):
        yield from _parts(part)


def _split(message: str) -> tuple[str, str]:
    match = _AT.match(message)
    return (match[1], match[2] or "$") if match else (message, "$")


def _pointer(path: str) -> str:
    """msgspec's `$.a[0]` as the JSON pointer `/a/0`."""
    return "".join(f"/{_escape(name or index)}" for name, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", path))


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _code(message: str) -> str:
    if _PATTERN in message:
        return "wrong_format"
    if message.startswith("Expected"):
        if "length >=" in message:
            return "too_short"
        if "length <=" in message:
            return "too_long"
        if ">=" in message or "<=" in message:
            return "out_of_range"
        return "wrong_type"
    return "invalid"


def _sentence(message: str) -> str:
    """msgspec's message without its own quoting."""
    text, _ = _split(message)
    if length := _LENGTH.fullmatch(text):
        bound = "at least" if length[2] == ">=" else "at most"
        unit, units = ("character", "characters") if length[1] == "str" else ("entry", "entries")
        return f"must have {bound} {length[3]} {unit if length[3] == '1' else units}"
    return text.replace("`", "").replace(_PATTERN, "of the form").strip() or "is missing"
