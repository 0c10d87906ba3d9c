"""What the OpenAPI description says beside the types: errors of each operation, and the page to read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, get_args

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.params import FromPath
from litestar.routes import HTTPRoute
from litestar.types import Method

from synergy_api import idempotency, params
from synergy_api.authentication import needed_scope
from synergy_api.problems import MEDIA_TYPE, Problem
from synergy_platform.errors import NotFound
from synergy_platform.version import VERSION

ADDRESS = "/api/openapi.json"
_DESCRIPTIONS = {
    400: "The request cannot be read, or a query parameter is wrong or unknown",
    401: "Not signed in, or the token is expired or revoked",
    403: "The caller may see it, but not do this",
    404: "There is no such thing, or the caller may not see it",
    408: "The body did not arrive in time",
    409: "In conflict with the present state",
    412: "Changed by somebody else meanwhile; `current` holds the present state",
    413: "Too large",
    415: "Unsupported media type",
    416: "There is no such part",
    421: "The server does not go by this host",
    422: "Some values cannot be used; `errors` says which",
    429: "Too many requests; see Retry-After",
    500: "A fault of ours, recorded under `request_id`",
    503: "Not available at the moment; see Retry-After",
    504: "This took too long; `code` says whether anything was changed",
}


def errors(*statuses: int, is_limited: bool = True) -> dict[int, ResponseSpec]:
    """The problems of an operation; 429 where requests are limited, and 503 are always possible."""
    return {
        status: ResponseSpec(
            data_container=Problem, description=_DESCRIPTIONS[status], media_type=MEDIA_TYPE, generate_examples=False
        )
        for status in (*statuses, *([429] if is_limited else ()), 503)
    }


READ = errors(400, 401, 404)
WRITE = errors(400, 401, 403, 404, 409, 415, 422)
# of what has a version
CHANGE = {**WRITE, **errors(412)}


def _operation_id(handler: HTTPRouteHandler, _method: Method, _path: Sequence[Any]) -> str:
    """The handler's own name: it does not change with the address."""
    return handler.handler_name


def _nothing_below(connection: ASGIConnection[Any, Any, Any, Any], _handler: object) -> None:
    """Refuse the addresses that Litestar adds below the description: a second copy, and a page of HTML."""
    if connection.scope["path"].rstrip("/") != ADDRESS:
        raise NotFound("There is nothing at this address.")


def openapi_config() -> OpenAPIConfig:
    """OpenAPI 3.1 at /api/openapi.json."""
    return OpenAPIConfig(
        title="SynergyOS",
        version=VERSION,
        description=(
            "The REST API of SynergyOS. Send `Authorization: Bearer <access token>`; "
            "`POST /api/v1/auth/login` gives one. "
            "Errors are `application/problem+json`; `code` is a stable name. "
            "A personal token (`syn_…`) needs the scope named beside an operation: `read`, `write` (which holds "
            "`read`) or `admin`; `session` is not to be had by a token. "
            "Each answer says in `RateLimit` and `RateLimit-Policy` what is left of the limit that it counts against."
        ),
        # not /api: Litestar answers everything below with a page of its own
        openapi_router=Router(ADDRESS, route_handlers=[], include_in_schema=False, guards=[_nothing_below]),
        render_plugins=[DescriptionPlugin()],
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        security=[{"bearer": []}],
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        tags=[
            Tag(name)
            for name in (
                "auth",
                "me",
                "people",
                "projects",
                "tasks",
                "planning",
                "notifications",
                "webhooks",
                "live",
                "transfer",
                "admin",
                "health",
            )
        ],
    )


_GENERIC = re.compile(r"(Page|ItemList)_[A-Za-z0-9_.]*\.([A-Za-z0-9]+)_")


def readable_names(description: dict[str, Any]) -> dict[str, Any]:
    """The description with `TaskSummaryPage` in the place of the dotted names that generic types get."""
    text = json.dumps(description, sort_keys=True, ensure_ascii=False, default=str)
    return json.loads(_GENERIC.sub(lambda match: match[2] + match[1].replace("ItemList", "List"), text))


def describe(app: Litestar) -> dict[str, Any]:
    """The description, with the scope that a personal token needs beside each operation."""
    description = readable_names(app.openapi_schema.to_schema())
    handlers = {
        handler.handler_name: handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
    }
    for path in description["paths"].values():
        for operation in path.values():
            if "operationId" not in operation:
                continue
            handler = handlers[operation["operationId"]]
            if operation.get("security") != [{}]:
                operation["security"] = [{"bearer": [needed_scope(handler)]}]
            # a handler says so by `opt={"also_answers": <media type>}`: Litestar knows one type for each status
            if (also := handler.opt.get("also_answers")) is not None:
                operation["responses"]["200"]["content"][also] = {"schema": {"type": "string"}}
            _describe_refusals(operation, handler, signed_in=handler in app.state.needing_actor)
            if handler in app.state.idempotent:
                _describe_key(operation)
            # there is none, whatever the handler's annotation says
            operation["responses"].get("204", {}).pop("content", None)
    for struct in _inputs(handlers.values()):
        description["components"]["schemas"][struct.__name__]["additionalProperties"] = False
    return description


def _describe_refusals(operation: dict[str, Any], handler: HTTPRouteHandler, *, signed_in: bool) -> None:
    """Say what may come of any request of its kind, whatever its handler does."""
    answers: dict[str, Any] = operation["responses"]
    if "503" not in answers:  # health
        return
    statuses = [421, 500, 504]
    if not handler.opt.get("takes_any_parameters"):
        statuses.append(400)
    if handler.http_methods & params.WITH_BODY and not handler.opt.get("takes_any_body"):
        statuses.append(415)
    if signed_in and needed_scope(handler) != "read":  # a token that reaches less far
        statuses.append(403)
    if "requestBody" in operation:
        statuses += [408, 413]
    for status in statuses:
        answers.setdefault(str(status), {**answers["503"], "description": _DESCRIPTIONS[status]})


def _describe_key(operation: dict[str, Any]) -> None:
    """Say that the key is honoured, and what may come of it."""
    form = f"1 to {idempotency.MAX_LENGTH} visible ASCII characters, such as a UUID"
    schema = {"type": "string", "pattern": idempotency.PATTERN.pattern, "description": form}
    operation.setdefault("parameters", []).append(
        {"name": idempotency.HEADER, "in": "header", "required": False, "schema": schema,
         "description": "The same key and body within 24 hours: done once, and answered the same"}
    )  # fmt: skip
    answers: dict[str, Any] = operation["responses"]
    for status in (409, 422):
        answers.setdefault(str(status), {**answers["401"], "description": _DESCRIPTIONS[status]})


def _inputs(handlers: Iterable[HTTPRouteHandler]) -> set[type[msgspec.Struct]]:
    """What handlers take as bodies, and what those hold; unknown fields are refused."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[Any] = [handler.parsed_data_field.annotation for handler in handlers if handler.parsed_data_field]
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            waiting += [field.type for field in msgspec.structs.fields(kind)]
            if kind.__struct_config__.forbid_unknown_fields:
                found.add(kind)
    return found


class DescriptionPlugin(JsonRenderPlugin):
    """Serves the description as /api/openapi.json. It is put together once: that takes a tenth of a second or more."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The description as JSON."""
        del openapi_schema
        if self._rendered is None:
            self._rendered = json.dumps(describe(request.app), ensure_ascii=False).encode()
        return self._rendered


_PAGE = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>SynergyOS API</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/api/docs/swagger-ui.css"></head>
<body><main id="ui"></main>
<script src="/api/docs/swagger-ui-bundle.js"></script><script src="/api/docs/start.js"></script></body>
</html>
"""
_START = b'SwaggerUIBundle({url: "/api/openapi.json", dom_id: "#ui", deepLinking: true, validatorUrl: null});\n'
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "start.js": "text/javascript"}


@get("/api/docs", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def docs_page() -> Response[bytes]:
    """A page to read and try the API; all of it served from here."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


@get("/api/docs/{name:str}", include_in_schema=False, sync_to_thread=True)
def docs_asset(name: FromPath[str]) -> Response[bytes]:
    """A part of the page."""
    if name not in _ASSETS:
        raise NotFound("There is nothing at this address.")
    content = _START if name == "start.js" else files("swagger_ui").joinpath("static", name).read_bytes()
    return Response(content, media_type=_ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})
