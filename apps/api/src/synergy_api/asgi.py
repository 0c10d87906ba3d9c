"""What Granian's worker processes import."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

from granian.utils.proxies import (
    wrap_asgi_with_proxy_headers,  # pyright: ignore[reportUnknownVariableType]  # Granian does not type its parameter
)
from litestar.types import ASGIApp

from synergy_api.app import create_app
from synergy_platform.logs import configure_logging
from synergy_platform.reporting import start_reporting
from synergy_platform.runtime import Runtime
from synergy_platform.settings import load_settings
from synergy_platform.version import VERSION

_settings = load_settings(os.environ)
configure_logging(_settings, service="synergy-api", version=VERSION)
start_reporting(_settings, service="synergy-api")
app = cast("Callable[..., ASGIApp]", wrap_asgi_with_proxy_headers)(
    create_app(Runtime(_settings, application="synergy-api")), trusted_hosts=list(_settings.trusted_proxies)
)
