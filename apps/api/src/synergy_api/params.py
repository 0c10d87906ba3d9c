"""Query parameters: closed lists, several values with commas, and nothing that nobody reads."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar, cast, get_args
from uuid import UUID

from litestar import Litestar, Request
from litestar.datastructures import Headers
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.routes import HTTPRoute

from synergy_domain.common import Actor
from synergy_platform.errors import BadRequest, InputFault, NotFound, UnsupportedMediaType
from synergy_platform.ids import parse_id
from synergy_platform.pagination import MAX_LIMIT

T = TypeVar("T", bound=str)

# ISO 8601 has more forms than RFC 3339
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_JSON, _FORM = "application/json", "multipart/form-data"

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many at most")]
CursorParam = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before", max_length=1000)]
CountParam = Annotated[bool, QueryParameter(description="Give the total too; it costs a count")]
AllParam = Annotated[bool, QueryParameter(name="all", description="For admins: not only their own")]


def bad_parameter(name: str, detail: str) -> BadRequest:
    """The error for one parameter."""
    return BadRequest(f"{name}: {detail}", [InputFault(name, "invalid", detail)])


def choices(name: str, text: str | None, allowed: Any) -> frozenset[Any]:  # noqa: ANN401 - a Literal type
    """The values of a comma-separated parameter; each must be one of the Literal's."""
    if text is None:
        return frozenset()
    values = [value.strip() for value in text.split(",")]
    options = cast("tuple[str, ...]", get_args(allowed))
    for value in values:
        if value not in options:
            raise bad_parameter(name, f"{value!r} is none of {', '.join(options)}")
    return frozenset(values)


def ids(name: str, text: str | None) -> frozenset[UUID]:
    """The ids of a comma-separated parameter."""
    if text is None:
        return frozenset()
    found = [parse_id(value.strip()) for value in text.split(",")]
    if None in found:
        raise bad_parameter(name, "must be ids, separated by commas")
    return frozenset(value for value in found if value is not None)


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """A value of a closed list, such as a sort order."""
    if value not in allowed:
        raise bad_parameter(name, f"{value!r} is none of {', '.join(sorted(allowed))}")
    return value


def assignee(text: str | None, actor: Actor) -> Any:  # noqa: ANN401 - an id, "none" or None
    """`me`, `none` or a user's id."""
    if text is None or text == "none":
        return text
    if text == "me":
        return actor.user_id
    user_id = parse_id(text)
    if user_id is None:
        raise bad_parameter("assignee", "must be me, none or a user's id")
    return user_id


def day(name: str, text: str | None) -> date | None:
    """A date `YYYY-MM-DD`."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    raise bad_parameter(name, "must be a date such as 2026-01-31")


def moment(name: str, text: str | None) -> datetime | None:
    """An RFC 3339 time with its offset."""
    if text is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    raise bad_parameter(name, "must be a time such as 2026-01-31T12:00:00Z")


def known_parameters(app: Litestar) -> dict[HTTPRouteHandler, frozenset[str]]:
    """The query parameters that each handler reads."""
    return {
        handler: frozenset(str(parameter.field_alias) for parameter in model.expected_query_params)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler, model in route.route_handler_map.values()
    }


def _body_has_another_type(headers: Headers, allowed: Collection[str]) -> bool:
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return has_body and headers.get("content-type", "").partition(";")[0].strip().lower() not in allowed


def _body_types(request: Request[Any, Any, Any]) -> Collection[str]:
    """A form is what pages of others can send without asking: it is taken only where a file is."""
    return (_JSON,) if request.route_handler in request.app.state.body_decoders else (_JSON, _FORM)


def check_request(request: Request[Any, Any, Any]) -> None:
    """Refuse a query parameter that the handler does not read, and a body that is neither JSON nor a form."""
    if "\0" in request.scope["path"]:  # it is in no name of anything, and PostgreSQL cannot even look for it
        raise NotFound("There is nothing at this address.")
    if (
        request.method in WITH_BODY
        and _body_has_another_type(request.headers, _body_types(request))
        # a handler that reads no body may say that it minds none
        and not request.route_handler.opt.get("takes_any_body")
    ):
        raise UnsupportedMediaType("Send application/json, or multipart/form-data where a file is taken.")
    # nor does one mind parameters that somebody else's server puts together
    if not request.scope["query_string"] or request.route_handler.opt.get("takes_any_parameters"):
        return
    for name, value in request.query_params.multi_items():
        if "\0" in value:
            raise bad_parameter(name, "contains a character that no text here has (NUL)")
    known: frozenset[str] = request.app.state.known_parameters[request.scope["route_handler"]]
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        faults = [InputFault(name, "unknown_parameter", "is no parameter of this address") for name in unknown]
        raise BadRequest(f"Unknown query parameters: {', '.join(unknown)}.", faults)
    repeated = sorted(name for name in known if len(request.query_params.getall(name, [])) > 1)
    if repeated:
        raise bad_parameter(repeated[0], "is given twice; separate several values with commas")
