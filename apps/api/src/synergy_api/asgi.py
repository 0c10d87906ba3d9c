"""What Granian's worker processes import."""

from __future__ import annotations

import os

from granian.utils.proxies import wrap_asgi_with_proxy_headers
from synergy_platform.logs import configure_logging
from synergy_platform.runtime import VERSION, Runtime
from synergy_platform.settings import load_settings

from synergy_api.app import create_app

_settings = load_settings(os.environ)
configure_logging(_settings, service="synergy-api", version=VERSION)
app = wrap_asgi_with_proxy_headers(
    create_app(Runtime(_settings, application="synergy-api")), trusted_hosts=list(_settings.trusted_proxies)
)
