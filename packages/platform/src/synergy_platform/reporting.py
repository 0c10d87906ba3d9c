"""Errors that nobody expected, told to Sentry where `SENTRY_DSN` names one; its client is imported only then.

What is sent is the type of an error and where in the code it happened, with the ids that find its lines in the logs.
Its message stays there: it may quote what somebody wrote. So do requests, local variables and everything about users.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import structlog

from synergy_platform.settings import Settings
from synergy_platform.version import VERSION

if TYPE_CHECKING:
    from sentry_sdk.client import BaseClient
    from sentry_sdk.types import Event, Hint

# an event has these and nothing else, whatever the client learns to add
_SENT = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "release",
    "environment",
    "server_name",
    "sdk",
    "tags",
    "message",
)
_SENT_OF_FRAME = ("filename", "module", "function", "lineno", "in_app")
# at the end of a process; shorter than what is left of any grace period
FLUSH_SECONDS = 2.0
_LOG_FIELDS = ("request.id", "trace.id")

_client: BaseClient | None = None


def start_reporting(settings: Settings, *, service: str) -> None:
    """Send the errors of this process, and of those that it forks, from a thread; does nothing without `SENTRY_DSN`."""
    global _client  # noqa: PLW0603 - one for the process, as its logs
    if not settings.sentry_dsn:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration

    sentry_sdk.init(
        settings.sentry_dsn,
        release=f"synergyos@{VERSION}",
        environment=settings.environment,
        # what ends a process; those that patch libraries would cost each request
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[ExcepthookIntegration(), AtexitIntegration(callback=_wait_silently)],
        include_local_variables=False,
        include_source_context=False,
        send_default_pii=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        shutdown_timeout=FLUSH_SECONDS,
        before_send=_scrubbed,
    )
    sentry_sdk.get_global_scope().set_tag("service", service)
    _client = sentry_sdk.get_client()


def report(error: BaseException | str, **tags: str | None) -> None:
    """Tell of an error, or of what happened in a sentence of ours without anybody's data. Returns at once."""
    if _client is None:
        return
    import sentry_sdk

    context = structlog.contextvars.get_contextvars()
    named = {name: value for name, value in (*tags.items(), *((key, context.get(key)) for key in _LOG_FIELDS)) if value}
    if isinstance(error, str):
        sentry_sdk.capture_message(error, "fatal", tags=named)
    else:
        sentry_sdk.capture_exception(error, tags=named)


async def flush_reports() -> None:
    """Wait until what was told is sent, for `FLUSH_SECONDS` at most."""
    if _client is not None:
        await asyncio.to_thread(flush_reports_now)


def flush_reports_now() -> None:
    """The same, where nothing else is to go on meanwhile."""
    if _client is not None:
        _client.flush(timeout=FLUSH_SECONDS)


def _wait_silently(_pending: int, _seconds: float) -> None:
    """It would write to the error output that it waits."""


def _scrubbed(event: Event, _hint: Hint) -> Event:
    """What is sent of an event."""
    given: dict[str, Any] = dict(event)
    sent = {name: given[name] for name in _SENT if name in given}
    if "exception" in given:
        sent["exception"] = {"values": [_without_message(value) for value in given["exception"]["values"]]}
    return sent  # pyright: ignore[reportReturnType]  # a subset of what came


def _without_message(exception: dict[str, Any]) -> dict[str, Any]:
    kept = {name: exception[name] for name in ("type", "module", "mechanism") if name in exception}
    frames = cast("list[dict[str, Any]]", exception["stacktrace"]["frames"] if exception.get("stacktrace") else [])
    kept["stacktrace"] = {
        "frames": [{name: frame[name] for name in _SENT_OF_FRAME if name in frame} for frame in frames]
    }
    return kept
