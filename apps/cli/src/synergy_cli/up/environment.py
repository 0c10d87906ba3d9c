"""The environments of the processes that `synergy up` starts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from synergy_platform.settings import Settings, documented_settings, load_settings

# what this command decides, so that it is not read from the environment
_DECIDED = (
    "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT", "DB_DIRECT_HOST",
    "REDIS_URL", "TASKIQ_BROKER_URL", "CELERY_BROKER_URL", "TASKIQ_RESULT_BACKEND",
)  # fmt: skip


def is_set(environ: Mapping[str, str], name: str) -> bool:
    """Whether the operator gave a value, directly or by file."""
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings as the children will see them, but for what is not known yet; raises InvalidSettings."""
    known = without(environ, _DECIDED)
    if not is_set(environ, "SECRET_KEY"):  # one is made and kept in the home
        known["SECRET_KEY"] = secrets.token_urlsafe(32)
    return load_settings(known)


def ignored(environ: Mapping[str, str]) -> list[str]:
    """Names that are set and have no effect, because the services are this command's own."""
    return [name for name in _DECIDED if is_set(environ, name)]


def without(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """A copy without these settings."""
    unwanted = {*names, *(f"{name}_FILE" for name in names)}
    return {name: value for name, value in environ.items() if name not in unwanted}


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """A copy for programs that need none of our secrets."""
    secret = [setting for setting in documented_settings() if setting.secret]
    return without(environ, tuple(name for setting in secret for name in (setting.name, *setting.aliases)))


@dataclass(frozen=True)
class Environments:
    """`shared` is what another command needs to reach the running system; the others are whole environments."""

    shared: dict[str, str]
    python: dict[str, str]
    worker: dict[str, str]
    web: dict[str, str]


def make_environments(
    environ: Mapping[str, str],
    settings: Settings,
    *,
    services: Mapping[str, str],
    secret_key: str,
    api_address: tuple[str, int],
) -> Environments:
    """`services` holds DB_* and the Redis addresses; `secret_key` is used where the operator gave none."""
    shared = {
        **services,
        "SYNERGY_HOME": str(settings.home_path),
        "SYNERGY_HOST": settings.host,
        "SYNERGY_PORT": str(settings.port),
        "SYNERGY_API_HOST": api_address[0],
        "SYNERGY_API_PORT": str(api_address[1]),
        "SYNERGY_PUBLIC_URL": public_url(environ, settings),
    }
    if not is_set(environ, "SECRET_KEY"):
        shared["SECRET_KEY"] = secret_key
    base = without(environ, (*_DECIDED, *shared))
    # a line that is not JSON comes through at once too
    python = _with_bytecode(base, settings) | shared | {"SYNERGY_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}
    return Environments(
        shared=shared,
        python=python,
        # both tell their metrics, here on one machine
        worker=python | ({"SYNERGY_METRICS_PORT": str(settings.metrics_port + 1)} if settings.metrics_port else {}),
        web=without_secrets(base)
        | {
            "NODE_ENV": "production",
            "PORT": str(settings.port),
            "HOST": settings.host,
            "SYNERGY_API_URL": f"http://{api_address[0]}:{api_address[1]}",
            "SYNERGY_PUBLIC_URL": shared["SYNERGY_PUBLIC_URL"],
            "LOG_LEVEL": settings.log_level,
        },
    )


def _with_bytecode(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Keep compiled modules in the home where they may not lie beside the sources: starts take a third of the time."""
    kept = dict(environ)
    if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
        kept.setdefault("PYTHONPYCACHEPREFIX", str(settings.home_path / "pycache"))
    return kept


def public_url(environ: Mapping[str, str], settings: Settings) -> str:
    """What users type; follows the port where the operator did not say."""
    return (
        settings.public_url.rstrip("/")
        if is_set(environ, "SYNERGY_PUBLIC_URL")
        else f"http://localhost:{settings.port}"
    )


def wants_pretty(settings: Settings, descriptor: int) -> bool:
    """Whether lines are for a person."""
    return settings.log_format == "pretty" or (settings.log_format == "auto" and os.isatty(descriptor))
