"""The errors that a caller may see; each knows its HTTP status, and an adapter turns them into RFC 9457 problems.

    ProductError
    ├── BadRequest 400           ├── Conflict 409            ├── TooManyRequests 429
    ├── NotAuthenticated 401     ├── PreconditionFailed 412  └── Unavailable 503
    ├── Forbidden 403            ├── TooLarge 413
    ├── NotFound 404             ├── UnsupportedMediaType 415
                                 └── InvalidInput 422

Domains subclass them (`class SprintAlreadyClosed(Conflict)`), with a stable `code` in snake_case.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class InputFault(msgspec.Struct, frozen=True):
    """One fault of an input: `pointer` is a JSON pointer into the body, or the name of a parameter."""

    pointer: str
    code: str
    detail: str


class ProductError(Exception):
    """An error with a sentence for the user; `extra` is added to the problem document."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self, detail: str, *, extra: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra or {}
        self.headers = headers or {}


class BadRequest(ProductError):
    """The request cannot be read, or a query parameter is wrong or unknown."""

    status, code, title = 400, "bad_request", "The request cannot be understood"

    def __init__(self, detail: str, faults: list[InputFault] | None = None) -> None:
        super().__init__(detail)
        self.faults = faults or []


class NotAuthenticated(ProductError):
    """Nobody is signed in, or the token is no longer good."""

    status, code, title = 401, "not_authenticated", "Sign in first"


class Forbidden(ProductError):
    """The caller may see the thing but not do this to it."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(ProductError):
    """There is no such thing, or the caller may not see it."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(ProductError):
    """The state of the thing does not allow this."""

    status, code, title = 409, "conflict", "In conflict with the present state"


class PreconditionFailed(ProductError):
    """The thing changed since the caller read it; `current` is its present state."""

    status, code, title = 412, "version_mismatch", "Changed by somebody else meanwhile"

    def __init__(self, detail: str, *, current: Any = None) -> None:  # noqa: ANN401 - any contract
        super().__init__(detail, extra={} if current is None else {"current": current})


class TooLarge(ProductError):
    """The body is larger than allowed."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMediaType(ProductError):
    """The body's media type is not one that this address takes."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class InvalidInput(ProductError):
    """A body of the right syntax with wrong types, values or unknown fields."""

    status, code, title = 422, "invalid_input", "Some values cannot be used"

    def __init__(self, faults: list[InputFault], detail: str | None = None) -> None:
        super().__init__(detail or "; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults))
        self.faults = faults

    @classmethod
    def at(cls, pointer: str, detail: str, code: str = "invalid") -> InvalidInput:
        """One fault at one place."""
        return cls([InputFault(pointer, code, detail)])


class TooManyRequests(ProductError):
    """A rate limit is used up; try again after `retry_after` seconds."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, retry_after))})


class Unavailable(ProductError):
    """Something that is needed is down or full; try again after `retry_after` seconds."""

    status, code, title = 503, "unavailable", "Not available at the moment"

    def __init__(self, detail: str, *, retry_after: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})
