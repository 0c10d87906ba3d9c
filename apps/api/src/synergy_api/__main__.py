"""`python -m synergy_api`: the API on Granian."""

from __future__ import annotations

import os
import sys

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server
from synergy_platform.logs import configure_logging, log_config
from synergy_platform.runtime import VERSION
from synergy_platform.settings import EXIT_BAD_SETTINGS, InvalidSettings, load_settings

_WORKER_LIFETIME_SECONDS = 6 * 3600
_WORKER_KILL_SECONDS = 25


def main() -> int:
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
    raise SystemExit(main())
