"""JSON logs: one object a line on stdout, from our code and every library, in ECS names (flat and dotted).

Records of structlog and of the standard library take the same road, so that a traceback of a library is JSON too.
"""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from synergy_platform.settings import Settings

REDACTED = "[redacted]"
_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "dsn", "passwd", "recovery_code")
# names that contain such a word and hold no secret
_HARMLESS = frozenset({"token_type", "token_id", "mfa_required"})

# What databases say of an error behind its first line has values in it, and so has asyncpg's sentence on an argument.
_VALUES = re.compile(r"(query argument \$\d+): .*|\s*\n(?:DETAIL|CONTEXT): .*|\[parameters: .*", re.DOTALL)

_encoder = msgspec.json.Encoder(enc_hook=repr)


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _HARMLESS and any(word in lowered for word in _SECRET_WORDS)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace the values of fields whose names promise a secret, at any depth of mappings and lists."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def _redacted(name: str, value: Any) -> Any:  # noqa: ANN401 - any logged value
    if _is_secret(name):
        return REDACTED
    if isinstance(value, dict):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # whatever was logged
    if isinstance(value, (list, tuple)):
        return [_redacted("", inner) for inner in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # whatever was logged
    return value


def without_values(message: str) -> str:
    """The message of an error, without what somebody wrote into a database, or wanted to."""
    return _VALUES.sub(lambda match: match[1] or "", message)


class _EcsFields:
    """Move structlog's names to ECS's and put those of this program under `synergy.`."""

    _KEEP = ("log.", "service.", "error.", "request.", "actor.", "http.", "url.", "client.",
             "event.", "trace.", "span.", "process.", "user_agent.", "synergy.")  # fmt: skip

    def __init__(self, service: str, version: str) -> None:
        self._fixed = {"service.name": service, "service.version": version}

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        ecs: dict[str, Any] = {
            "@timestamp": event.pop("timestamp"),
            "log.level": event.pop("level", "info"),
            "message": str(event.pop("event", "")),
            **self._fixed,
        }
        logger = event.pop("logger", None)
        if logger:
            ecs["log.logger"] = logger
        exception = event.pop("exception", None)
        if exception:
            ecs["error.type"] = exception[0].get("exc_type")
            ecs["error.message"] = without_values(exception[0].get("exc_value") or "")
            ecs["error.stack_trace"] = "\n".join(
                f"{frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in exception[0].get("frames", [])
            )
        for name, value in event.items():
            ecs[name if name.startswith(self._KEEP) else f"synergy.{name}"] = value
        return ecs


def _drop_arguments(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The arguments of a library's message are in the message already."""
    event.pop("positional_args", None)
    return event


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return _encoder.encode(dict(event)).decode()


def wants_pretty(settings: Settings) -> bool:
    """Whether lines are for a person."""
    return settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stdout.isatty())


def log_config(settings: Settings, *, service: str, version: str) -> dict[str, Any]:
    """The `dictConfig` that sends every logger through the one formatter to stdout."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_arguments,
        redact,
    ]
    last: list[Processor]
    if wants_pretty(settings):
        # its own tracebacks show local variables, and take seconds to draw
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    else:
        last = [
            structlog.processors.ExceptionRenderer(
                # local variables would show passwords and tokens
                ExceptionDictTransformer(show_locals=False, max_frames=30)
            ),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _EcsFields(service, version),
            _render,
        ]
    level = "DEBUG" if settings.debug else settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "default": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "pass_foreign_args": True,
                "processors": last,
            }
        },
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "default"}
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            # handlers of their own would print a second time, and in another form
            **{
                name: {"handlers": [], "propagate": True}
                for name in ("_granian", "granian.access", "taskiq", "litestar")
            },
            "sqlalchemy.engine": {"level": "WARNING"},
            "asyncio": {"level": "INFO"},
            # it says "Executing task" for each: our own line says more
            "taskiq.receiver.receiver": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},
        },
    }


def configure_logging(settings: Settings, *, service: str, version: str) -> None:
    """Send all logs of this process to stdout as JSON (or as readable lines on a terminal)."""
    config = log_config(settings, service=service, version=version)
    logging.config.dictConfig(config)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
