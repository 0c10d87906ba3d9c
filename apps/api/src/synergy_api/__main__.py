"""`python -m synergy_api`: the API on Granian; `python -m synergy_api openapi PATH` writes its description."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

from synergy_platform.logs import configure_logging, log_config
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, Settings, load_settings
from synergy_platform.version import VERSION

_WORKER_LIFETIME_SECONDS = 6 * 3600
_WORKER_KILL_SECONDS = 25


def write_description(path: Path) -> None:
    """Write the OpenAPI description, as it is committed."""
    from synergy_api.app import create_app
    from synergy_api.documentation import readable_names
    from synergy_platform.runtime import Runtime

    # nothing is opened, so the secret is never used
    settings = Settings(secret_keys=("only the description is made with this",))
    app = create_app(Runtime(settings, application="synergy-api"))
    description = readable_names(app.openapi_schema.to_schema())
    path.write_text(json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def serve() -> int:
    """Serve until a signal ends it; 78 for settings that cannot be used."""
    try:
        settings = load_settings(os.environ)
    except InvalidSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTINGS
    configure_logging(settings, service="synergy-api", version=VERSION)
    Server(
        "synergy_api.asgi:app",
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        workers=settings.web_workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=128,
        respawn_failed_workers=True,
        workers_lifetime=_WORKER_LIFETIME_SECONDS,
        workers_kill_timeout=_WORKER_KILL_SECONDS,
        log_access=False,
        log_dictconfig=log_config(settings, service="synergy-api", version=VERSION),
    ).serve()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["openapi"]:
        write_description(Path(sys.argv[2]))
    else:
        raise SystemExit(serve())
