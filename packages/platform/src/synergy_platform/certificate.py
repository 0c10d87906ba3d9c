"""How long the certificate at the public address is still good for, as Prometheus is told.

It is looked at from where this runs, by a handshake and no request. NaN where that cannot be known: the address is not
https, or cannot be reached from here, as `localhost` from a container.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509
from prometheus_client import Gauge

from synergy_platform.runtime import Runtime

INTERVAL_SECONDS = 30.0
ANSWER_SECONDS = 5.0

_REMAINING = Gauge(
    "synergy_certificate_remaining_seconds", "How long the certificate at the public address is good for"
)
_REMAINING.set(math.nan)


async def _certificate_end(host: str, port: int) -> datetime:
    """When the certificate ends that is shown there, whoever has signed it; raises OSError and TimeoutError."""
    context = ssl.create_default_context()
    # one that browsers refuse ends too
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(ANSWER_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        try:
            shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.close()
    return x509.load_der_x509_certificate(shown).not_valid_after_utc


async def look_at_certificate(public_url: str) -> None:
    """Set the gauge to what is true now."""
    url = urlsplit(public_url)
    try:
        end = await _certificate_end(url.hostname or "", url.port or 443)
    except (OSError, ValueError):  # TimeoutError and ssl.SSLError are of the first kind
        _REMAINING.set(math.nan)
    else:
        _REMAINING.set((end - datetime.now(UTC)).total_seconds())


async def keep_looking_at_certificate(runtime: Runtime, *, interval: float = INTERVAL_SECONDS) -> None:
    """Look until cancelled; without metrics, or without https, there is nothing to do."""
    settings = runtime.settings
    if not settings.metrics_port or urlsplit(settings.public_url).scheme != "https":
        return
    while True:
        await look_at_certificate(settings.public_url)
        await asyncio.sleep(interval)
